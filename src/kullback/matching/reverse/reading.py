"""Reading a log-density: whether it is of torch or of JAX, whether it has the right shape, and a derivative."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError
from kullback._core.text import cut

from .batches import Batches
from .density import Density, Function, shown

_TRIAL = 3  # rows in the first call
_SMALL = 1e-2  # of the slope: by which derivative and difference may differ


def read(to: Any, trial: Tensor) -> tuple[Function, str]:
    """Return the log-density as a torch function (n, dim) → (n,) of float64, and a note on its precision.

    Parameters
    ----------
    to : callable
        Of torch or of JAX; it is called to see which.
    trial : Tensor of shape (dim,)
        A point of its support.

    Raises
    ------
    InputTypeError
        If it is not callable, or returns what is neither a tensor nor an array of JAX.
    InputError
        If it raises, returns another shape than one value a row, mixes rows, or has no derivative.
    """
    if not callable(to):
        raise InputTypeError(f"the target must be a log-density in torch or JAX, a function, got {type(to).__name__}")
    rows = trial.repeat(_TRIAL, 1)
    complaints: list[Exception] = []
    for dtype in (torch.float64, torch.float32):
        try:
            value = to(rows.to(dtype))
        except Exception as error:  # what a caller's function raises is reported, not known
            complaints.append(error)
            continue
        if isinstance(value, Tensor):
            _check_shape(tuple(value.shape), rows)
            return _widened(to, dtype), "" if value.dtype == torch.float64 else _narrow("float32")
        if _is_jax(value):
            break
        raise InputTypeError(
            f"the log-density returned {type(value).__name__}: it must return a torch tensor or a JAX array, through "
            "which derivatives pass; write it in torch or jax.numpy"
        )
    if isinstance(to, Batches) and (not complaints or isinstance(complaints[0], TypeError)):
        raise InputError("minibatches need a torch function: JAX would compile the first minibatch in")
    if "jax" in sys.modules:
        from .jax_density import in_torch

        try:
            function, shape, kind = in_torch(to, rows)
        except Exception as error:  # as above
            # A function of torch refuses what JAX traces with, and its own complaint is the better one.
            if not ("Tracer" in str(error) and complaints):
                complaints.insert(0, error)
        else:
            _check_shape(shape, rows)
            return function, "" if kind == "float64" else _narrow(kind)
    raise InputError(
        f"the log-density raised {type(complaints[0]).__name__} on points of shape {tuple(rows.shape)}: "
        f"{cut(str(complaints[0]), 200)}; it must take (..., dim) in torch or JAX and return one value a point"
    ) from complaints[0]


def _widened(to: Callable[[Any], Any], dtype: torch.dtype) -> Function:
    if dtype == torch.float64:
        return lambda x: to(x).to(torch.float64)
    return lambda x: to(x.to(dtype)).to(torch.float64)


def _narrow(kind: str) -> str:
    return f"The log-density was computed in {kind}: give its data in float64 where tolerances are small."


def _is_jax(value: Any) -> bool:
    return type(value).__module__.startswith(("jax", "jaxlib"))


def _check_shape(shape: tuple[int, ...], rows: Tensor) -> None:
    if shape != (len(rows),):
        raise InputError(
            f"the log-density of points of shape {tuple(rows.shape)} has shape {shape}, and ({len(rows)},) was "
            "expected: sum over the last axis only, one value a point"
        )


def check_slope(density: Density, at: Tensor) -> None:
    """Raise where the derivative is missing, not finite, or not that of the function, at points where it is finite.

    Parameters
    ----------
    density : Density
        The target.
    at : Tensor of shape (n, free)
        Points.
    """
    at = at.detach().requires_grad_()
    value = density(at)
    if not value.requires_grad:
        raise _not_smooth("no derivative passes through it (detach, no_grad, .item() or NumPy inside?)")
    density.refuse_nan(at.detach(), value.detach(), "starting points")
    gradient = torch.autograd.grad(value.sum(), at)[0]
    value, finite = value.detach(), torch.isfinite(value.detach())
    at = at.detach()
    wrong = finite & ~torch.isfinite(gradient).all(-1)
    if wrong.any():
        raise _not_smooth(f"its derivative is not finite at x = {shown(density.place(at[wrong][:1])[0])}")
    alone = density(at[:1]).detach()
    if finite[0] and not abs(float(alone[0] - value[0])) <= 1e-6 * (1 + abs(float(value[0]))):
        raise InputError("the log-density of a point depends on the points beside it: sum over the last axis only")
    if len(at) > 1 and not gradient[finite].any() and len(set(value[finite].tolist())) > 1:
        raise _not_smooth(f"its derivative is 0 at all {len(at)} starting points, though its values differ (steps?)")
    rng = np.random.default_rng(0)
    along = torch.from_numpy(rng.standard_normal(at.shape))
    slope, size = (gradient * along).sum(-1), (gradient * along).abs().sum(-1)
    gaps = []
    for width in (1e-2, 1e-3, 1e-4, 1e-5):
        above, below = density(at + width * along).detach(), density(at - width * along).detach()
        noise = (1e-6 if density.note else 1e-12) * (1 + value.abs()) / width
        gap = ((above - below) / (2 * width) - slope).abs() / (_SMALL * size + noise)
        # Only where both sides are finite is there a difference to compare.
        gaps.append(torch.where(torch.isfinite(above) & torch.isfinite(below), gap, 0.0))
    wrong = finite & (torch.stack(gaps).amin(0) > 1)
    if wrong.any():
        raise _not_smooth(
            f"its derivative at x = {shown(density.place(at[wrong][:1])[0])} is not the slope that its values have "
            "(a step, rounding, or a part that is detached?)"
        )


def _not_smooth(why: str) -> InputError:
    return InputError(f"the log-density is not differentiable: {why}; write it in smooth operations of torch or JAX")
