"""Compiled kernels: the formulas, fused into one pass, for NumPy arrays and CPU tensors in float32 and float64.

`reduce` answers a call if it can, and None if the formula has to: other libraries, log forms, gradients, and every
input that looks wrong, so that one place alone decides what is refused and says why.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _native

# Machine epsilon of the dtypes that are computed in place.
_EPS = {np.dtype(np.float32): 2.0**-23, np.dtype(np.float64): 2.0**-52}
_MOST_DIMENSIONS = 16
# What gives a distribution more than one value.
_NOT_ONE = ("contributions", "decompose")


def reduce(
    kernel: str,
    values: Sequence[Any],
    axis: Any,
    normalize: bool,
    weight: float,
    unit: float,
    slack: Any,
) -> Any:
    """Apply a kernel to one array or two, or return None.

    Parameters
    ----------
    kernel : str
        Name of a measure of `_native`, or "contributions"; "decompose" gives three results along a new first axis.
    values : sequence of array
        p, or p and q: probabilities.
    axis : int
        The axis of the outcomes.
    normalize : bool
        Divide each row by its sum.
    weight : float
        Weight of p in the mixture, for the measures that mix.
    unit : float
        What to divide the result by.
    slack : callable
        From machine epsilon and the number of outcomes, how far from 1 a row may sum; negative if any sum will do.
    """
    p, q = values[0], values[-1]
    if type(p) is not np.ndarray or type(q) is not np.ndarray:
        return _reduce_tensors(kernel, values, axis, normalize, weight, unit, slack)
    eps = _EPS.get(p.dtype)
    if eps is None or q.dtype != p.dtype or type(axis) is not int or p.size == 0 or q.size == 0:
        return None
    if not (_in_place(p) and _in_place(q)):
        return None
    if p.ndim == q.ndim == 1 and p.shape == q.shape and axis in (0, -1) and kernel not in _NOT_ONE:
        value, suspicion = _native.one(kernel, p, q, normalize, weight, slack(eps, p.shape[0]), unit)
        return None if suspicion else p.dtype.type(value)
    return _reduce_batch(kernel, p, q, axis, normalize, weight, unit, slack, eps)


def _in_place(x: np.ndarray[Any, Any]) -> bool:
    """Whether entries lie where the processor can read them: not in a field of packed records."""
    return x.flags.aligned and not any(stride % x.itemsize for stride in x.strides)


def _reduce_batch(
    kernel: str,
    p: np.ndarray[Any, Any],
    q: np.ndarray[Any, Any],
    axis: int,
    normalize: bool,
    weight: float,
    unit: float,
    slack: Any,
    eps: float,
) -> Any:
    ndim = max(p.ndim, q.ndim)
    if not -ndim <= axis < ndim or ndim > _MOST_DIMENSIONS:
        return None
    if p.shape != q.shape:
        # The outcomes are never broadcast, and shapes that do not fit are refused in words elsewhere.
        from_end = axis % ndim - ndim
        if -from_end > min(p.ndim, q.ndim) or p.shape[from_end] != q.shape[from_end]:
            return None
        try:
            p, q = np.broadcast_arrays(p, q)
        except ValueError:
            return None
    shape = p.shape
    if axis not in (-1, ndim - 1):
        p, q = np.moveaxis(p, axis, -1), np.moveaxis(q, axis, -1)
    allowed = slack(eps, p.shape[-1])
    if kernel == "contributions":
        terms = np.empty(shape, p.dtype)
        suspicion = _native.write(p, q, normalize, allowed, unit, np.moveaxis(terms, axis, -1))
        return None if suspicion else terms
    reduced = np.empty(p.shape[:-1] if kernel != "decompose" else (3, *p.shape[:-1]))
    suspicion = _native.many(kernel, p, q, normalize, weight, allowed, unit, reduced)
    if suspicion:
        return None
    result = reduced.astype(p.dtype, copy=False)
    return result[()] if result.ndim == 0 else result


def _reduce_tensors(
    kernel: str, values: Sequence[Any], axis: Any, normalize: bool, weight: float, unit: float, slack: Any
) -> Any:
    """Lend the memory of CPU tensors that need no gradient to NumPy."""
    torch = sys.modules.get("torch")
    if torch is None or not all(type(v) is torch.Tensor for v in values) or torch.compiler.is_compiling():
        return None
    if any(v.device.type != "cpu" or v.is_neg() or not _strided(torch, v) or _has_gradient(torch, v) for v in values):
        return None
    arrays = [v.numpy() if v.dtype in (torch.float32, torch.float64) else None for v in values]
    if any(a is None for a in arrays):
        return None
    value = reduce(kernel, arrays, axis, normalize, weight, unit, slack)
    return None if value is None else torch.from_numpy(np.asarray(value))


def _has_gradient(torch: Any, tensor: Any) -> bool:
    """Whether a derivative is asked for, backwards or forwards."""
    return tensor.requires_grad or torch.autograd.forward_ad.unpack_dual(tensor).tangent is not None


def _strided(torch: Any, tensor: Any) -> bool:
    """Whether a tensor has memory of its own: not sparse, not inside a transform of torch.func."""
    return tensor.layout == torch.strided and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
