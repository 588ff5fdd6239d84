"""Array libraries: which namespace, which working precision, and how a result goes back to its own kind."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from kullback._core.errors import InputTypeError

Array = Any
Namespace = Any

_ACCEPTED = "NumPy, PyTorch, JAX, CuPy and any other library of the array API, or nested sequences of numbers"


def as_arrays(*values: Any) -> tuple[Namespace, list[Array]]:
    """Return the namespace that all `values` share, and the values as its arrays."""
    # Straight to the namespace: torch.compile cannot look through the general way.
    if all(is_torch(v) for v in values):
        import array_api_compat.torch as torch_namespace

        return torch_namespace, list(values)
    from array_api_compat import array_namespace, is_array_api_obj

    arrays = [v for v in values if is_array_api_obj(v)]
    if any(isinstance(a, np.ma.MaskedArray) for a in arrays):
        raise InputTypeError("masked arrays are not accepted: the mask would be ignored; give 0 to masked outcomes")
    if not arrays:
        return as_arrays(*(np.asarray(v) for v in values))
    try:
        xp = array_namespace(*arrays)
    except TypeError as error:
        kinds = ", ".join(sorted({type(a).__module__.split(".")[0] for a in arrays}))
        raise InputTypeError(f"arrays of one library are needed, got {kinds}; accepted are {_ACCEPTED}") from error
    like = arrays[0]
    rest = {} if _plain_numpy(like) else {"dtype": like.dtype, "device": device(like)}
    with at_once():
        return xp, [v if is_array_api_obj(v) else xp.asarray(v, **rest) for v in values]


def at_once() -> AbstractContextManager[Any]:
    """Keep jit from tracing what is done with known values, so that they stay known."""
    jax = sys.modules.get("jax")
    return nullcontext() if jax is None else jax.ensure_compile_time_eval()


def in_numpy(x: Array) -> np.ndarray[Any, Any]:
    """Return known values in NumPy, out of their graph and off their device."""
    return np.asarray(x.detach().cpu() if is_torch(x) else x)


def _plain_numpy(x: Array) -> bool:
    return isinstance(x, (np.ndarray, np.generic))


def is_torch(x: Any) -> bool:
    """Whether `x` is a torch tensor; torch is never imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def working_dtype(xp: Namespace, dtype: Any, on_cpu: bool) -> Any:
    """Return the precision to compute in: half types in float32 at least, and float64 on a CPU wherever it exists."""
    if xp.isdtype(dtype, "integral"):
        return xp.__array_namespace_info__().default_dtypes()["real floating"]
    # JAX computes in float32 unless its user asks for float64.
    if on_cpu and not xp.__name__.startswith("jax") and xp.finfo(dtype).bits < 64:
        return xp.float64
    return xp.float32 if xp.finfo(dtype).bits < 32 else dtype


def device(x: Array) -> Any:
    """Return where the values of `x` are; None if the library will not say, as inside jax.jit."""
    if is_torch(x):
        return x.device
    from array_api_compat import device as general

    return general(x)


def lives_on_cpu(x: Array) -> bool:
    """Whether the values of `x` are in the memory of the CPU."""
    where = device(x)
    return "cpu" in str(getattr(where, "type", where)).lower()


def inspectable(x: Array) -> bool:
    """Whether the values can be looked at: not inside jit, vmap, torch.compile or on a tensor without storage."""
    if is_torch(x):
        torch = sys.modules["torch"]
        if torch.compiler.is_compiling():
            return False
        known = type(x) in (torch.Tensor, torch.nn.Parameter)
        return known and x.device.type != "meta" and not torch._C._functorch.is_functorch_wrapped_tensor(x)
    jax = sys.modules.get("jax")
    return jax is None or not isinstance(x, jax.core.Tracer)


def nowhere(xp: Namespace, mask: Array) -> bool:
    """Whether a mask is known to be False everywhere: what is for it alone need not be computed."""
    return inspectable(mask) and not bool(xp.any(mask))


def within(xp: Namespace, least: float, most: float, *arrays: Array) -> bool:
    """Whether all numbers are known to lie between two bounds: what is for others alone need not be computed."""
    known = (without_gradient(x) for x in arrays if inspectable(x) and 0 not in x.shape)
    ends = [(float(xp.min(x)), float(xp.max(x))) for x in known]
    return len(ends) == len(arrays) and all(least < low and high < most for low, high in ends)


def without_gradient(x: Array) -> Array:
    """Return the values alone, to be looked at and not differentiated."""
    return x.detach() if is_torch(x) else x


def quiet(xp: Namespace) -> AbstractContextManager[None]:
    """Keep NumPy from warning of the infinities and NaNs that are the right answers."""
    return np.errstate(all="ignore") if xp.__name__.endswith(("numpy", "strict")) else nullcontext()


def finish(xp: Namespace, value: Array, dtype: Any) -> Array:
    """Return `value` in the dtype of the inputs; a 0-d NumPy array becomes a NumPy scalar, as everywhere in SciPy."""
    value = xp.astype(value, dtype, copy=False)
    return value[()] if isinstance(value, np.ndarray) else value
