"""Small functions on arrays that keep the last bits."""

from __future__ import annotations

import math

from ._backend import Array, Namespace, device

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
    """Return the product and its rounding error, by Veltkamp's splitting.

    T. J. Dekker, A floating-point technique for extending the available precision, Numer. Math. 18 (1971).
    """
    # Halves of at most 26 of 53 bits (12 of 24), so that their products are exact.
    factor = 2.0 ** math.ceil((1 - math.log2(xp.finfo(a.dtype).eps)) / 2) + 1

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


def successors(xp: Namespace, x: Array, count: int) -> Array:
    """X, x + 1, x + 2, … along a new first axis: one operation on all of them, where a loop would compile each."""
    k = xp.arange(count, dtype=x.dtype, device=device(x))
    return x + xp.reshape(k, (count, *(1,) * x.ndim))


def set_apart(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """Return the largest entry along the last axis, as a column, and a mask of where it is (once)."""
    largest = xp.argmax(x, axis=-1, keepdims=True)
    mask = xp.arange(x.shape[-1], device=device(x)) == largest
    # Chosen by the mask, so that the gradient goes to one entry also where several are equal.
    return xp.sum(xp.where(mask, x, xp.zeros_like(x)), axis=-1, keepdims=True), mask


def log_sum_exp(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """Logarithm of the sum of exponentials along the last axis, as columns: the largest entry, and what to add to it.

    Kept in two, they leave log-probabilities near 0 all their digits. Entries of -inf add nothing; a row of nothing
    else gives -inf and 0.
    """
    top, mask = set_apart(xp, x)
    shift = xp.where(top == -math.inf, xp.zeros_like(top), top)
    others = (x != -math.inf) & ~mask
    terms = xp.where(others, xp.exp(xp.where(others, x - shift, xp.zeros_like(x))), xp.zeros_like(x))
    return top, xp.log1p(blocked_sum(xp, terms)[..., None])


def safe_log(xp: Namespace, x: Array) -> Array:
    """Logarithm, -inf at 0 and flat there."""
    some = x != 0
    return xp.where(some, xp.log(xp.where(some, x, xp.ones_like(x))), xp.full_like(x, -math.inf))


def log_shares(xp: Namespace, x: Array) -> Array:
    """Logarithms of x divided by its sum along the last axis, with all their digits also near 0."""
    top, mask = set_apart(xp, x)
    ratio = x / top
    others = blocked_sum(xp, xp.where(mask, xp.zeros_like(x), ratio))[..., None]
    # Where the ratio is subnormal, its logarithm is large enough for a difference of logarithms.
    formed = (ratio >= float(xp.finfo(x.dtype).smallest_normal)) | (ratio != ratio)
    far = safe_log(xp, xp.where(formed, xp.ones_like(x), x)) - xp.log(top)
    return xp.where(formed, safe_log(xp, xp.where(formed, ratio, xp.ones_like(x))), far) - xp.log1p(others)


def root(xp: Namespace, x: Array) -> Array:
    """Square root whose gradient at 0 is 0: there a distance has a corner, not a slope."""
    some = x != 0
    return xp.where(some, xp.sqrt(xp.where(some, x, xp.ones_like(x))), xp.zeros_like(x))


def xlogx(xp: Namespace, x: Array) -> Array:
    """x·log x, 0 at 0."""
    some = x != 0
    return xp.where(some, x * xp.log(xp.where(some, x, xp.ones_like(x))), xp.zeros_like(x))
