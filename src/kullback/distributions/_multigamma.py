r"""The multivariate gamma function: log Γ_n(x) = ¼n(n−1)·log π + Σ log Γ(x − i/2), i = 0 … n−1, and its gaps."""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace, device

from ._numeric import exp_gap, log_ratio, relative_entropy, stirling_gap
from ._special import special


def halves(xp: Namespace, like: Array, n: int) -> Array:
    """Return 0, ½, …, (n−1)/2."""
    return 0.5 * xp.astype(xp.arange(n, device=device(like)), like.dtype)


def multi_lgamma(xp: Namespace, x: Array, n: int) -> Array:
    """Logarithm of the multivariate gamma function."""
    terms = special(xp).lgamma(x[..., None] - halves(xp, x, n))
    return 0.25 * n * (n - 1) * math.log(math.pi) + xp.sum(terms, axis=-1)


def multi_digamma(xp: Namespace, x: Array, n: int) -> Array:
    """Derivative of `multi_lgamma`."""
    return xp.sum(special(xp).digamma(x[..., None] - halves(xp, x, n)), axis=-1)


def multi_stirling_gap(xp: Namespace, a: Array, b: Array, n: int) -> Array:
    """Return what the gap of log Γ_n from a to b has beyond that of n·(x·log x − x).

    It is D of Wishart distributions of one mean, with 2a and 2b degrees of freedom.
    """
    d = (b - a)[..., None]
    steps = halves(xp, a, n)
    a, b = a[..., None] + 0 * d, b[..., None] + 0 * d
    return xp.sum(_lowered_gap(xp, a, b, d, steps) + stirling_gap(xp, a - steps, b - steps, d + 0 * steps), axis=-1)


def _lowered_gap(xp: Namespace, a: Array, b: Array, d: Array, s: Array) -> Array:
    r"""Gap of (x − s)·log(x − s) less that of x·log x, from a to b = a + d.

    With z = d/(a − s) and y = sz/b it is b·log(1 + y) − s·log(1 + z); as by = sz, also s·gap(z) − b·gap(y) with
    gap(t) = t − log(1 + t), where nothing cancels but for a factor of 1 − s/b.
    """
    low_a, low_b = a - s, b - s
    logs = log_ratio(xp, low_b, low_a, d)
    y = s * d / (low_a * b)
    # Where 1 + y is small it has lost its digits, and its logarithm is a difference without.
    small = y < -0.5
    log_y = xp.where(small, logs - log_ratio(xp, b, a, d), xp.log1p(xp.where(small, xp.zeros_like(y), y)))
    far = logs > math.log(2)
    zero = xp.zeros_like(logs)
    wide = b * log_y - s * logs
    close = s * exp_gap(xp, xp.where(far, zero, logs)) - b * exp_gap(xp, xp.where(far, zero, log_y))
    raised = xp.where(far, wide, close)
    # Of a and b both near s, the gap of x − s is by far the larger one.
    both_near = (a < 2 * s) & (b < 2 * s)
    apart = relative_entropy(xp, low_b, low_a) - relative_entropy(xp, b, a)
    return xp.where(both_near, apart, raised)
