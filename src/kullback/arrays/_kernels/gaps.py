"""What closed forms are made of, elementwise and compiled, for NumPy arrays and CPU tensors in float64."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from kullback.arrays._backend import is_torch

from . import _has_gradient, _native, _strided

# In the order of the enumeration GapKind of job.hpp. `_by` is told the exact difference of the two.
_KINDS = (
    "log_ratio", "log_ratio_by", "ratio", "square_ratio", "exponential", "logarithm", "entropy", "entropy_by", "trial",
    "products", "stirling", "stirling_by", "stirling_rest", "stirling_slope", "beyond_first", "slope_beyond_first",
    "trigamma", "digamma_difference", "tilt", "tilt_log", "tilt_shift", "tilt_variance", "tilt_entropy",
)  # fmt: skip

Formula = Callable[..., Any]


def fused(kind: str) -> Callable[[Formula], Formula]:
    """Let a kernel compute a formula of a namespace and up to four arrays, wherever it can.

    Of two arrays it may also be told the exact difference, if there is such a kernel; None tells it nothing.
    """
    alone = _KINDS.index(kind)
    told = _KINDS.index(f"{kind}_by") if f"{kind}_by" in _KINDS else alone

    def wrap(formula: Formula) -> Formula:
        @functools.wraps(formula)
        def either(xp: Any, *values: Any, **difference: Any) -> Any:
            values += tuple(difference.values())
            if values[-1] is None:
                values = values[:-1]
            value = _gap(told if len(values) == 3 else alone, values)
            return formula(xp, *values) if value is None else value

        return either

    return wrap


def _gap(number: int, values: tuple[Any, ...]) -> Any:
    """Return the gaps, or None if the formula has to make them: other libraries and dtypes, gradients."""
    if not all(lends_memory(v) for v in values):
        return None
    tensors = any(is_torch(v) for v in values)
    if tensors:
        values = tuple(v.detach().numpy() if is_torch(v) else v for v in values)
    shape = values[0].shape
    if any(v.shape != shape for v in values):
        shape = np.broadcast_shapes(*(v.shape for v in values))
    out = np.empty(shape)
    _native.gap(number, [_flat(v, shape) for v in values], out.reshape(-1))
    return sys.modules["torch"].from_numpy(out) if tensors else out[()]


def lends_memory(v: Any) -> bool:
    """Whether an array is of float64 in this process's memory, and no derivative of it is asked for."""
    if not is_torch(v):
        return type(v) in (np.ndarray, np.float64) and v.dtype == np.float64
    torch: Any = sys.modules["torch"]
    if torch.compiler.is_compiling() or type(v) not in (torch.Tensor, torch.nn.Parameter) or v.dtype != torch.float64:
        return False
    if v.device.type != "cpu" or not _strided(torch, v) or v.is_neg():
        return False
    return not (_has_gradient(torch, v) and torch.is_grad_enabled())


def _flat(v: Any, shape: tuple[int, ...]) -> Any:
    """Return one number for all, or a contiguous number for each element."""
    if v.size == 1:
        return np.asarray(v).reshape(1)
    if v.shape == shape and v.flags.c_contiguous:
        return v.reshape(-1)
    return np.ascontiguousarray(np.broadcast_to(v, shape)).reshape(-1)
