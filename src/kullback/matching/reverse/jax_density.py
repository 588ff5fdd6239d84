"""A log-density of JAX as a function of torch: gradient and curvature by jax.grad and jax.jvp, compiled once a size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor

_LEAST, _MOST = 64, 8192  # rows: fewer are padded, more are cut, so that few sizes are compiled


def in_torch(to: Callable[[Any], Any], rows: Tensor) -> tuple[Callable[[Tensor], Tensor], tuple[int, ...], str]:
    """Return the function in torch, the shape that it gives for `rows`, and its dtype."""
    with _wide():
        dtype: Any = np.float64
        try:
            found = jax.eval_shape(to, jax.ShapeDtypeStruct(rows.shape, dtype))
        except TypeError:  # arrays of float32 inside, where a loop wants one dtype
            dtype = np.float32
            found = jax.eval_shape(to, jax.ShapeDtypeStruct(rows.shape, dtype))

    def total(x: Any) -> Any:
        value = to(x)
        return value.sum(), value

    def pull(x: Any) -> Any:
        return jax.grad(total, has_aux=True)(x)

    def bend(x: Any, along: Any) -> Any:
        return jax.jvp(lambda x: jax.grad(lambda x: to(x).sum())(x), (x,), (along,))[1]

    slopes, bent = _by_size(jax.jit(pull), dtype), _by_size(jax.jit(bend), dtype)

    class Gradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return slopes(x)[0]

        @staticmethod
        def backward(ctx: Any, along: Tensor) -> Tensor:
            # The curvature is symmetric and rows are apart: pulling back is pushing forward.
            return bent(ctx.saved_tensors[0], along)[0]

    class Value(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            gradient, value = slopes(x)
            ctx.save_for_backward(x, gradient)
            return value

        @staticmethod
        def backward(ctx: Any, along: Tensor) -> Tensor:
            x, gradient = ctx.saved_tensors
            if torch.is_grad_enabled() and x.requires_grad:
                gradient = Gradient.apply(x)
            return along[:, None] * gradient

    return Value.apply, tuple(found.shape), str(found.dtype)


def _by_size(function: Callable[..., Any], dtype: Any) -> Callable[..., tuple[Tensor, ...]]:
    """Call a compiled function on blocks of rows of few sizes."""

    def call(*arguments: Tensor) -> tuple[Tensor, ...]:
        found = []
        for block in zip(*(a.detach().split(_MOST) for a in arguments), strict=True):
            rows = len(block[0])
            size = max(_LEAST, 1 << (rows - 1).bit_length())
            padded = [np.pad(b.numpy().astype(dtype), ((0, size - rows), (0, 0)), mode="edge") for b in block]
            with _wide():
                answer = function(*padded)
            parts = answer if isinstance(answer, tuple) else (answer,)
            found.append([torch.from_numpy(np.array(part, dtype=np.float64)[:rows]) for part in parts])
        return tuple(torch.cat(parts) for parts in zip(*found, strict=True))

    return call


def _wide() -> Any:
    """Compute in float64 for as long as it takes, whatever the caller's setting."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()
