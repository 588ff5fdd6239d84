"""The target: a log-density as a function of unconstrained coordinates, and what is wrong with its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kullback._core.errors import InputError

Function = Callable[[Tensor], Tensor]


class Density:
    """log p(u) + constant over unconstrained coordinates, in nats and float64, differentiable twice.

    Parameters
    ----------
    function : callable
        From a tensor (n, dim) of float64 to (n,).
    bijector : torch.distributions.Transform, optional
        From unconstrained coordinates to those of `function`.
    dim : int
        Numbers in a point of `function`.
    note : str
        What the caller should know of its precision.
    """

    def __init__(self, function: Function, bijector: Any, dim: int, note: str = "") -> None:
        self.function, self.bijector, self.dim, self.note = function, bijector, dim, note

    @property
    def free(self) -> int:
        """Unconstrained coordinates."""
        return self.dim if self.bijector is None else int(self.bijector.inverse_shape((self.dim,))[0])

    def place(self, u: Tensor) -> Tensor:
        """Return the points in the coordinates of the caller."""
        return u if self.bijector is None else self.bijector(u)

    def __call__(self, u: Tensor) -> Tensor:
        """Return log p(u), (n,), of points (n, free)."""
        if self.bijector is None:
            return self.function(u)
        x = self.bijector(u)
        stretch = self.bijector.log_abs_det_jacobian(u, x)
        return self.function(x) + (stretch.sum(-1) if stretch.ndim > 1 else stretch)

    def slopes(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values (n,) and gradients (n, free)."""
        u = u.detach().requires_grad_()
        value = self(u)
        return value.detach(), torch.autograd.grad(value.sum(), u)[0]

    def curvature(self, at: Tensor) -> Tensor:
        """Return the Hessian at a point (free,): one point copied, so that row j of one gradient is row j of it."""
        copies = at.detach().expand(len(at), -1).clone().requires_grad_()
        slopes = torch.autograd.grad(self(copies).sum(), copies, create_graph=True)[0]
        if not slopes.requires_grad:  # a density of constant slope
            return torch.zeros(len(at), len(at), dtype=at.dtype)
        hessian = torch.autograd.grad(slopes.diagonal().sum(), copies, allow_unused=True)[0]
        return torch.zeros_like(copies) if hessian is None else (hessian + hessian.T) / 2

    def refuse_nan(self, u: Tensor, value: Tensor, where: str) -> None:
        """Raise where a value is NaN or +∞, saying how many there are and the first."""
        for name, wrong in (("NaN", value.isnan()), ("+inf", value == torch.inf)):
            if wrong.any():
                first = self.place(u[wrong][:1])[0]
                raise InputError(
                    f"the log-density is {name} at {int(wrong.sum())} of {len(value)} {where}, first at x = "
                    f"{shown(first)}: return -inf outside the support or pass support=, and look for log of negative "
                    "numbers, 0/0 and inf - inf"
                )

    def refuse_outside(self, u: Tensor, value: Tensor, where: str) -> None:
        """Raise where a value is −∞: every member of a family has mass everywhere, so its ELBO would be −∞."""
        self.refuse_nan(u, value, where)
        outside = value == -torch.inf
        if outside.any():
            raise InputError(
                f"the log-density is -inf at {int(outside.sum())} of {len(value)} {where}, first at x = "
                f"{shown(self.place(u[outside][:1])[0])}, where every member of the family has mass: pass support= "
                "(such as 'positive' or a list, one a coordinate), or start= further inside"
            )


def shown(point: Tensor) -> str:
    """Write a point for a message."""
    numbers = [f"{number:.4g}" for number in point[:6].tolist()]
    return f"[{', '.join(numbers)}{', …' if len(point) > 6 else ''}]"
