"""Normalising flows of affine couplings (Dinh, Sohl-Dickstein and Bengio 2017), by zuko: flow, or flow(couplings)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback._core.extras import require
from kullback.matching.affine import Affine
from kullback.matching.reverse.approximation import Approximation
from kullback.matching.reverse.start import Place

from ._argument import wanted

FIRST = "gaussian"

_COUPLINGS = 4
_HIDDEN = (32,)
_DRAWS = 2048
_NEAR_IDENTITY = 0.1  # of the parameters that zuko draws


def begin(places: list[Place], argument: int | None, rng: np.random.Generator) -> Flow:
    """Start near the identity, about the Gaussian that was fitted first."""
    zuko = require("zuko", extra="matching", purpose="fit a normalising flow")
    couplings = _COUPLINGS if argument is None else wanted("flow", argument, "a number of couplings", 1)
    centre, factor = places[0].centre, places[0].factor
    if len(centre) == 1:
        raise InputError("'flow' couples coordinates and there is one: ask for 'mixture(k)'")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        # Smooth, as L-BFGS wants it; couplings run as fast from noise as towards it.
        flow = zuko.flows.MAF(
            len(centre), transforms=couplings, hidden_features=_HIDDEN, activation=torch.nn.Tanh, passes=2
        )
    runs = Couplings(flow.to(torch.float64))
    values = [value.detach().flatten() for value in runs.parameters()]
    return Flow(centre, factor, runs, _NEAR_IDENTITY * torch.cat(values))


class Couplings(torch.nn.Module):
    """Bijections of ℝ^d: zuko builds them while they run, so parameters must be in place until they have."""

    def __init__(self, flow: Any) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor, towards_noise: bool) -> tuple[Tensor, Tensor]:
        transform = self.flow().transform
        found: tuple[Tensor, Tensor] = (transform if towards_noise else transform.inv).call_and_ladj(x)
        return found


class Flow(Approximation):
    """m + L T(ε), T the couplings one after another.

    Parameters
    ----------
    centre, factor : Tensor of shape (free,) and (free, free)
        m and L.
    couplings : Couplings
        T⁻¹, of any parameters.
    theta : Tensor
        The parameters, one after another.
    """

    metric = "none"  # thousands of parameters

    def __init__(self, centre: Tensor, factor: Tensor, couplings: Couplings, theta: Tensor) -> None:
        self.centre, self.factor, self.couplings, self.theta = centre, factor, couplings, theta
        self.noise = len(centre)
        self.least_draws = max(_DRAWS, 1 << (4 * self.noise - 1).bit_length())

    def run(self, theta: Tensor, x: Tensor, *, towards_noise: bool) -> tuple[Tensor, Tensor]:
        """Return where the couplings of parameters θ take points (n, free), and the log of how they stretch there."""
        names, shapes = zip(*((name, value.shape) for name, value in self.couplings.named_parameters()), strict=True)
        parts = theta.split([shape.numel() for shape in shapes])
        values = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        found: tuple[Tensor, Tensor] = torch.func.functional_call(self.couplings, values, (x, towards_noise))
        return found

    def _height(self) -> Tensor:
        return self.factor.diagonal().log().sum() + self.noise / 2 * math.log(2 * math.pi)

    def reach(self, theta: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        white, stretch = self.run(theta, noise, towards_noise=False)
        log_q = -0.5 * (noise * noise).sum(-1) - stretch - self._height()
        return (self.centre + white @ self.factor.T)[None], log_q[None], torch.ones(1, dtype=noise.dtype)

    def log_density(self, theta: Tensor, u: Tensor) -> Tensor:
        shape = u.shape[:-1]
        white = Affine(self.centre, self.factor).inv(u).flatten(0, -2)
        noise, stretch = self.run(theta, white, towards_noise=True)
        return (-0.5 * (noise * noise).sum(-1) + stretch - self._height()).view(shape)

    def moved(self, theta: Tensor) -> Flow:
        return Flow(self.centre, self.factor, self.couplings, theta.detach())

    def distribution(self) -> Any:
        law = torch.distributions
        base = law.MultivariateNormal(torch.zeros_like(self.centre), torch.eye(self.noise, dtype=torch.float64))
        return law.TransformedDistribution(base, [Coupled(self), Affine(self.centre, self.factor)], validate_args=False)


class Coupled(torch.distributions.Transform):
    """T of a fitted flow."""

    domain = codomain = torch.distributions.constraints.real_vector
    bijective = True

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def _go(self, x: Tensor, towards_noise: bool) -> tuple[Tensor, Tensor]:
        rows = x.reshape(-1, x.shape[-1])
        found, stretch = self.flow.run(self.flow.theta, rows, towards_noise=towards_noise)
        return found.view(x.shape), stretch.view(x.shape[:-1])

    def _call(self, x: Tensor) -> Tensor:
        return self._go(x, False)[0]

    def _inverse(self, y: Tensor) -> Tensor:
        return self._go(y, True)[0]

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self._go(x, False)[1]
