"""Gaps of convex functions, elementwise and compiled, for NumPy arrays and CPU tensors in float64."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _has_gradient, _native, _strided

# In the order of the enumeration GapKind of job.hpp.
_KINDS = ("log_ratio", "ratio", "square_ratio", "exponential", "logarithm", "entropy", "stirling")

Formula = Callable[..., Any]


def fused(kind: str) -> Callable[[Formula], Formula]:
    """Let a kernel compute a formula of a namespace and one array or two, wherever it can.

    A formula that is also told the exact difference of the two is left to itself; None tells it nothing.
    """
    number = _KINDS.index(kind)

    def wrap(formula: Formula) -> Formula:
        @functools.wraps(formula)
        def either(xp: Any, *values: Any, **difference: Any) -> Any:
            values += tuple(difference.values())
            if values[-1] is None:
                values = values[:-1]
            value = _gap(number, values) if len(values) < 3 else None
            return formula(xp, *values) if value is None else value

        return either

    return wrap


def _gap(number: int, values: tuple[Any, ...]) -> Any:
    """Return the gaps, or None if the formula has to make them: other libraries and dtypes, gradients."""
    torch: Any = sys.modules.get("torch")
    tensors = torch is not None and any(isinstance(v, torch.Tensor) for v in values)
    if tensors:
        if torch.compiler.is_compiling() or not all(_plain(torch, v) for v in values):
            return None
        values = tuple(v.detach().numpy() for v in values)
    if not all(type(v) in (np.ndarray, np.float64) and v.dtype == np.float64 for v in values):
        return None
    shape = values[0].shape
    if any(v.shape != shape for v in values):
        shape = np.broadcast_shapes(*(v.shape for v in values))
    out = np.empty(shape)
    flat = [_flat(v, shape) for v in values]
    _native.gap(number, flat[0], flat[-1], out.reshape(-1))
    return torch.from_numpy(out) if tensors else out[()]


def _plain(torch: Any, v: Any) -> bool:
    """Whether a tensor's memory can be lent, and no derivative is asked for."""
    if type(v) is not torch.Tensor or v.dtype != torch.float64 or v.device.type != "cpu" or not _strided(torch, v):
        return False
    return not v.is_neg() and not (_has_gradient(torch, v) and torch.is_grad_enabled())


def _flat(v: Any, shape: tuple[int, ...]) -> Any:
    """Return one number for all, or a contiguous number for each element."""
    if v.size == 1:
        return np.asarray(v).reshape(1)
    return np.ascontiguousarray(np.broadcast_to(v, shape)).reshape(-1)
