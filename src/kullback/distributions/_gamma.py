r"""What the logarithm of a gamma variable of shape k, and of its powers, asks for, without cancellation for any k.

Log Γ(k) = (k − ½)·log k − k + ½·log 2π + rest(k), where the rest has Stirling's series
(NIST Digital Library of Mathematical Functions, 5.11.1); trigamma has the derivative of it (5.15.8).
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace
from kullback.arrays._kernels.gaps import fused
from kullback.arrays._numeric import polynomial, successors

from ._numeric import STIRLING, relative_entropy, stirling_gap
from ._special import EULER, LOG_2PI, special

# B_2k; past _SHIFT the first term left out is below 1e-17.
_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510]
_SHIFT = 10
_FRACTIONS = 80


def lgamma_gap_by(xp: Namespace, a: Array, d: Array) -> Array:
    """Log Γ(a + d) − log Γ(a) − ψ(a)·d of positive a and a + d, from the exact d."""
    b = a + d
    return relative_entropy(xp, b, a, d) + stirling_gap(xp, a, b, d)


@fused("trigamma")
def trigamma(xp: Namespace, k: Array) -> Array:
    """ψ′(k) for positive k; torch's own has 9 digits."""
    large = k >= _SHIFT
    low = xp.where(large, xp.ones_like(k), k)
    steps = xp.sum(1 / successors(xp, low, _SHIFT) ** 2, axis=0)
    high = xp.where(large, k, low + _SHIFT)
    series = (1 + scaled_trigamma_excess(high)) / high
    return xp.where(large, series, series + steps)


def scaled_trigamma_excess(k: Array) -> Array:
    """k·ψ′(k) − 1 for k of at least 10."""
    y = 1 / k
    return y * (0.5 + y * polynomial(y * y, _BERNOULLI))


def log_gamma_normality(xp: Namespace, k: Array) -> Array:
    r"""D from the logarithm of a gamma variable to the normal of its moments, about 1/(12k).

    .. math:: \tfrac12 \log(2πe\,ψ'(k)) - \log Γ(k) + k\,ψ(k) - k
    """
    large = k >= _SHIFT
    high = xp.where(large, k, xp.full_like(k, float(_SHIFT)))
    y = 1 / high
    # The parts in 1/k of ½·log(kψ′), of k(ψ − log k) + ½ and of the rest.
    terms = [-(2 * j + 2) * c for j, c in enumerate(STIRLING)]
    series = 0.5 * xp.log1p(scaled_trigamma_excess(high)) + y * polynomial(y * y, terms)
    low = xp.where(large, xp.ones_like(k), k)
    f = special(xp)
    # Below, by ½·log(k²ψ′) and log Γ(k + 1), which stay finite as k goes to 0; kψ(k) = kψ(k + 1) − 1.
    squared = xp.log(low * low * trigamma(xp, low + 1) + 1)
    direct = 0.5 * (1 + LOG_2PI + squared) - f.lgamma(low + 1) + low * f.digamma(low + 1) - 1 - low
    return xp.where(large, series, direct)


def expint_scaled(xp: Namespace, x: Array) -> Array:
    """e^x·E₁(x) for positive x (NIST DLMF 6.6.2 and the continued fraction 6.9.1)."""
    small = x < 2
    low = xp.where(small, x, xp.ones_like(x))
    # −Σ(−x)^j/(j·j!): 2^30/(30·30!) is below 1e-24.
    series = -low * polynomial(low, [(-1) ** j / ((j + 1) * math.factorial(j + 1)) for j in range(30)])
    direct = xp.exp(low) * (-EULER - xp.log(low) - series)
    high = xp.where(small, xp.full_like(x, 2.0), x)
    # 1/(x + 1 − 1/(x + 3 − 4/(x + 5 − 9/…))), from the far end.
    fraction = high + 2 * _FRACTIONS + 1
    for j in range(_FRACTIONS, 0, -1):
        fraction = high + (2 * j - 1) - j * j / fraction
    return xp.where(small, direct, 1 / fraction)
