r"""Functions of a shape parameter alone that closed forms need without cancellation.

*Negentropy* is how far a law is from the normal one of its mean and variance, ½·log(2πe·Var) − H: 0 for shapes at which
a family becomes normal, and as small as they come near.
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace
from kullback.arrays._kernels.gaps import fused
from kullback.arrays._numeric import polynomial, successors

from ._curvature import by_curvature
from ._numeric import STIRLING, log_gap, stirling_rest, stirling_slope

_SHIFT = 10
# Of log Γ(z+½) − log Γ(z) − ½·log z in z^(1−2k), from those of log Γ(z + a) (DLMF 5.11.8).
_HALF_STEP = [
    -1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432, 691 / 180224, -5461 / 425984, 929569 / 15728640,
    -3202291 / 8912896,
]  # fmt: skip
# 2k−1 times the coefficients of Stirling's remainder: those of its slope.
SLOPE = [(2 * k + 1) * c for k, c in enumerate(STIRLING)]

ENTROPY_OF_NORMAL = 0.5 * math.log(2 * math.pi * math.e)


def _shifted(xp: Namespace, z: Array) -> tuple[Array, Array, Array]:
    """Where z is large, z brought there by the recurrence, and 1/z of that."""
    large = z >= _SHIFT
    high = xp.where(large, z, z + _SHIFT)
    return large, high, 1 / high


def half_step(xp: Namespace, z: Array) -> Array:
    """Log Γ(z+½) − log Γ(z) − ½·log z."""
    large, _, y = _shifted(xp, z)
    low = xp.where(large, xp.ones_like(z), z)
    middle = successors(xp, low + 0.5, _SHIFT)
    steps = 0.5 * xp.sum(xp.log1p(-0.25 / (middle * middle)), axis=0)
    return y * polynomial(y * y, _HALF_STEP) + xp.where(large, xp.zeros_like(z), steps)


def half_step_slope(xp: Namespace, z: Array) -> Array:
    """ψ(z+½) − ψ(z) − 1/(2z)."""
    large, _, y = _shifted(xp, z)
    low = xp.where(large, xp.ones_like(z), z)
    start = successors(xp, low, _SHIFT)
    steps = 0.25 * xp.sum(1 / (start * (start + 1) * (start + 0.5)), axis=0)
    series = -y * y * polynomial(y * y, [(2 * k + 1) * c for k, c in enumerate(_HALF_STEP)])
    return series + xp.where(large, xp.zeros_like(z), steps)


def half_step_gap(xp: Namespace, z: Array, other: Array) -> Array:
    """Gap from z of log Γ(z) − log Γ(z + ½), which is convex."""
    d = other - z
    near = xp.abs(d) <= 0.125 * z
    close = by_curvature(lambda x: _trigamma_half_step(xp, x), z + 0 * d, xp.where(near, d, xp.zeros_like(d)))
    slope = half_step_slope(xp, z) + 0.5 / z
    apart = half_step(xp, z) - half_step(xp, other) - 0.5 * xp.log(other / z) + d * slope
    return xp.where(near, close, apart)


def _trigamma_half_step(xp: Namespace, z: Array) -> Array:
    """ψ′(z) − ψ′(z + ½)."""
    start = successors(xp, z, _SHIFT)
    steps = xp.sum((start + 0.25) / (start * (start + 0.5)) ** 2, axis=0)
    x, y = 1 / (z + _SHIFT), 1 / (z + _SHIFT + 0.5)
    # Of 1/x + 1/(2x²) + Σ c_n·x^(−n): powers of 1/x by divided differences.
    quotient, power, total = xp.ones_like(x), xp.ones_like(x), xp.ones_like(x)
    for n in range(2, 2 * len(SLOPE) + 2):
        power = power * x
        quotient = y * quotient + power
        if n == 2:
            total = total + 0.5 * quotient
        elif n % 2:
            total = total + (n - 1) * SLOPE[(n - 3) // 2] * quotient
    return steps + 0.5 * x * y * total


def negentropy_of_student(xp: Namespace, df: Array) -> Array:
    """Of Student's t with more than 2 degrees of freedom: about 3/(4ν²) for many."""
    z = df / 2
    large, high, y = _shifted(xp, z)
    # The first term of the series leaves −y²/16 of 1/(4z) + G − (z + ½)·G′.
    rest = [0.0, *_HALF_STEP[1:]]
    g = y * polynomial(y * y, rest)
    slope = -y * y * polynomial(y * y, [(2 * k + 1) * c for k, c in enumerate(rest)])
    series = -y * y / 16 + g - (high + 0.5) * slope
    direct = 0.25 / z + half_step(xp, z) - (z + 0.5) * half_step_slope(xp, z)
    return 0.5 * log_gap(xp, -1 / z) + xp.where(large, series, direct)


def negentropy_of_gamma(xp: Namespace, a: Array) -> Array:
    """Of the gamma distribution of shape a: about 1/(3a) for large ones."""
    return 1 / (3 * a) + beyond_first(xp, a)


def negentropy_of_beta(xp: Namespace, a: Array, b: Array) -> Array:
    """Of the beta distribution; of the order of 1/a² for large a = b, where the terms in 1/a cancel exactly."""
    s = a + b
    skew = (a - b) / a * ((a - b) / b) / (3 * s)
    whole = 0.5 * log_gap(xp, 1 / s) + slope_beyond_first(xp, s) - beyond_first(xp, s)
    return skew + beyond_first(xp, a) + beyond_first(xp, b) + whole


def negentropy_of_inverse_gamma(xp: Namespace, a: Array) -> Array:
    """Of the inverse gamma distribution of shape a above 2: about 4/(3a) for large ones."""
    logs = -xp.log1p(-1 / a) - 0.5 * xp.log1p(-2 / a)
    return negentropy_of_gamma(xp, a) + 2 * stirling_slope(xp, a) + logs


@fused("slope_beyond_first")
def slope_beyond_first(xp: Namespace, x: Array) -> Array:
    """ψ(x) − log x + 1/(2x)."""
    large = x >= _SHIFT
    y = 1 / xp.where(large, x, xp.full_like(x, float(_SHIFT)))
    series = -y * y * polynomial(y * y, SLOPE)
    return xp.where(large, series, stirling_slope(xp, x) + 0.5 / x)


@fused("beyond_first")
def beyond_first(xp: Namespace, x: Array) -> Array:
    """½ − r(x) + (x − 1)·s(x) − 1/(3x), where r is the remainder of Stirling's formula and s(x) = ψ(x) − log x."""
    large = x >= _SHIFT
    y = 1 / xp.where(large, x, xp.full_like(x, float(_SHIFT)))
    square = y * y
    # s = −y/2 − y²·S and r = y·R: the constants and the terms in y cancel, and leave of ½ − r + (x − 1)·s − y/3
    odd = polynomial(square, [-c - s for c, s in zip(STIRLING[1:], SLOPE[1:], strict=True)])
    series = square * (polynomial(square, SLOPE) + y * odd)
    low = xp.where(large, xp.ones_like(x), x)
    direct = 0.5 - stirling_rest(xp, low) + (low - 1) * stirling_slope(xp, low) - 1 / (3 * low)
    return xp.where(large, series, direct)


@fused("digamma_difference")
def digamma_difference(xp: Namespace, a: Array, d: Array) -> Array:
    """ψ(a + d) − ψ(a) of positive a and a + d, with all its digits also for a small d."""
    start, end = (successors(xp, x + 0 * d, _SHIFT) for x in (a, a + d))
    steps = xp.sum(d / (start * end), axis=0)
    x, y = 1 / (a + _SHIFT), 1 / (a + d + _SHIFT)
    # Of log x − 1/(2x) − Σ c_n·x^(−n): powers of 1/x by divided differences, (y^n − x^n)/(y − x).
    quotient, power, total = xp.ones_like(x * y), xp.ones_like(x * y), 0.5 * xp.ones_like(x * y)
    for n in range(2, 2 * len(SLOPE) + 1):
        power = power * x
        quotient = y * quotient + power
        if n % 2 == 0:
            total = total + SLOPE[n // 2 - 1] * quotient
    return steps + xp.log1p(d * x) + d * x * y * total
