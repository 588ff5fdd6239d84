"""Small functions on arrays that keep the last bits."""

from __future__ import annotations

import math

from ._backend import Array, Namespace

_BLOCK = 256


def blocked_sum(xp: Namespace, x: Array) -> Array:
    """Sum along the last axis in blocks, so that rounding errors grow with the logarithm of the length."""
    while x.shape[-1] > 2 * _BLOCK:
        batch, n = x.shape[:-1], x.shape[-1]
        if n % _BLOCK:
            x = xp.concat([x, xp.zeros_like(x[..., : -n % _BLOCK])], axis=-1)
        x = xp.sum(xp.reshape(x, (*batch, -1, _BLOCK)), axis=-1)
    return xp.sum(x, axis=-1)


def two_product(xp: Namespace, a: Array, b: Array) -> tuple[Array, Array]:
    """Return the product and its rounding error (Dekker, 1971, with Veltkamp's splitting)."""
    factor = 2.0 ** math.ceil(-math.log2(xp.finfo(a.dtype).eps) / 2) + 1

    def split(x: Array) -> tuple[Array, Array]:
        shifted = factor * x
        high = shifted - (shifted - x)
        return high, x - high

    product = a * b
    (a_high, a_low), (b_high, b_low) = split(a), split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def polynomial(x: Array, coefficients: list[float]) -> Array:
    """Horner's rule; the constant term comes first."""
    value = 0 * x + coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + coefficient
    return value


def log_sum_exp(xp: Namespace, x: Array) -> Array:
    """Logarithm of the sum of exponentials along the last axis, kept as a column; -inf entries add nothing."""
    top = xp.max(x, axis=-1, keepdims=True)
    # A row of -inf alone has no finite top to shift by.
    top = xp.where(top == -math.inf, xp.zeros_like(top), top)
    present = x != -math.inf
    shifted = xp.where(present, x - top, xp.zeros_like(x))
    total = blocked_sum(xp, xp.where(present, xp.exp(shifted), xp.zeros_like(x)))[..., None]
    some = total != 0
    return xp.where(some, top + xp.log(xp.where(some, total, xp.ones_like(total))), xp.full_like(top, -math.inf))


def root(xp: Namespace, x: Array) -> Array:
    """Square root whose gradient at 0 is 0: there a distance has a corner, not a slope."""
    some = x != 0
    return xp.where(some, xp.sqrt(xp.where(some, x, xp.ones_like(x))), xp.zeros_like(x))


def xlogx(xp: Namespace, x: Array) -> Array:
    """x·log x, 0 at 0."""
    some = x != 0
    return xp.where(some, x * xp.log(xp.where(some, x, xp.ones_like(x))), xp.zeros_like(x))
