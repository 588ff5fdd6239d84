"""The array libraries that every test of `kullback.arrays` runs on: one list, one row for each."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_strict
import jax
import numpy as np
import torch

jax.config.update("jax_enable_x64", True)


@dataclass(frozen=True)
class Backend:
    """How to make an array of a library, and how to read it."""

    name: str
    make: Callable[[Any, str], Any]
    read: Callable[[Any], np.ndarray]
    dtypes: tuple[str, ...] = ("float32", "float64")
    counts_subnormals: bool = True

    def __call__(self, values: Any, dtype: str = "float64") -> Any:
        return self.make(np.asarray(values, dtype=np.float64), dtype)

    def __str__(self) -> str:
        return self.name


def _torch(values: np.ndarray, dtype: str) -> torch.Tensor:
    return torch.tensor(values).to(getattr(torch, dtype))


BACKENDS = [
    Backend(
        "numpy",
        lambda v, dtype: v.astype(dtype),
        lambda x: np.asarray(x, np.float64),
        ("float16", "float32", "float64"),
    ),
    Backend(
        "torch",
        _torch,
        lambda x: x.detach().to(torch.float64).numpy(),
        ("bfloat16", "float16", "float32", "float64"),
    ),
    # A tensor with a gradient goes the way of the formula, one without the way of the kernel.
    Backend(
        "torch-grad",
        lambda v, dtype: _torch(v, dtype).requires_grad_(),
        lambda x: x.detach().to(torch.float64).numpy(),
        ("bfloat16", "float16", "float32", "float64"),
    ),
    # XLA treats subnormal numbers as 0 on the CPU, whatever is asked of it.
    Backend(
        "jax",
        lambda v, dtype: jax.numpy.asarray(v).astype(dtype),
        lambda x: np.asarray(x.astype("float64")),
        ("bfloat16", "float16", "float32", "float64"),
        counts_subnormals=False,
    ),
    Backend(
        "strict",
        lambda v, dtype: array_api_strict.asarray(v, dtype=getattr(array_api_strict, dtype)),
        lambda x: np.asarray(x).astype(np.float64),
    ),
]

if importlib.util.find_spec("cupy"):
    import cupy

    BACKENDS.append(
        Backend("cupy", lambda v, dtype: cupy.asarray(v).astype(dtype), cupy.asnumpy, ("float16", "float32", "float64"))
    )

EPS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
