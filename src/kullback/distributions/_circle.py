r"""The log-normaliser of the von Mises distribution, log I₀(κ) up to log 2π, without cancellation.

.. math:: A(κ) = \frac{I_1(κ)}{I_0(κ)}, \quad A'(κ) = 1 - \frac{A(κ)}{κ} - A(κ)^2
"""

from __future__ import annotations

import math
from fractions import Fraction

from kullback.arrays._backend import Array, Namespace
from kullback.arrays._numeric import polynomial

from ._curvature import by_curvature
from ._numeric import log_gap
from ._special import special

# I₀(κ) − 1 − x = x²·Σ x^j/(j + 2)!², x = κ²/4.
_BEYOND = [1 / math.factorial(j + 2) ** 2 for j in range(12)]
_SMALL, _LARGE = 4.0, 20.0
# I₀² + I₀I₂ − 2I₁² = Σ (2m)!/(m!²(m+1)!²)·(κ/2)^2m: all terms are above 0 (DLMF 10.31.3, for each product).
_VARIANCE = [
    math.factorial(2 * m) / (math.factorial(m) ** 2 * math.factorial(m + 1) ** 2) for m in range(24)
]  # fmt: skip


def _log_series(terms: int) -> list[float]:
    """Coefficients s_n of log(√(2πκ)·e^(−κ)·I₀(κ)) ~ Σ s_n·κ^(−n), from those of the function (DLMF 10.40.1)."""
    e, s = [Fraction(1)], [Fraction(0)]
    for n in range(1, terms + 1):
        e.append(e[-1] * (2 * n - 1) ** 2 / (8 * n))
        s.append(e[n] - sum((k * s[k] * e[n - k] for k in range(1, n)), Fraction(0)) / n)
    return [float(v) for v in s[1:]]


_REST = _log_series(28)


def short_of_one(xp: Namespace, kappa: Array) -> Array:
    """1 − A(κ), about 1/(2κ) for large κ."""
    f = special(xp)
    large, y, low = _split(xp, kappa)
    series = 0.5 * y + y * y * polynomial(y, [(n + 1) * s for n, s in enumerate(_REST)])
    scaled = f.i0e(low)
    return xp.where(large, series, (scaled - f.i1e(low)) / scaled)


def mean_length(xp: Namespace, kappa: Array) -> Array:
    """A(κ), the length of the mean of the unit vector."""
    f = special(xp)
    return f.i1e(kappa) / f.i0e(kappa)


def length_slope(xp: Namespace, kappa: Array) -> Array:
    """A′(κ), the variance of the cosine of the angle from the mean."""
    f = special(xp)
    large, y, low = _split(xp, kappa)
    series = y * y * (0.5 + y * polynomial(y, [(n + 1) * (n + 2) * s for n, s in enumerate(_REST)]))
    small = low <= _SMALL
    inner = xp.where(small, low, xp.ones_like(low))
    middle = xp.where(small, xp.full_like(low, _SMALL), low)
    scaled = xp.exp(-inner) / f.i0e(inner)
    near = 0.5 * scaled * scaled * polynomial(inner * inner / 4, _VARIANCE)
    ratio = mean_length(xp, middle)
    return xp.where(large, series, xp.where(small, near, 1 - ratio / middle - ratio * ratio))


def concentration_gap(xp: Namespace, a: Array, b: Array) -> Array:
    """Log I₀(b) − log I₀(a) − A(a)·(b − a)."""
    d = b - a
    least = xp.where(b > a, a + 0 * b, b + 0 * a)
    near = xp.abs(d) <= xp.where(least > 2, least / 2, xp.ones_like(d))
    close = by_curvature(lambda k: length_slope(xp, k), a, xp.where(near, d, xp.zeros_like(d)))
    f = special(xp)
    apart = xp.log(f.i0e(b)) - xp.log(f.i0e(a)) + short_of_one(xp, a) * d
    return xp.where(near, close, apart)


def log_normaliser_rest(xp: Namespace, kappa: Array, more: Array) -> Array:
    """Log I₀(κ) − κ²/4 + `more`, for κ up to 2: about −κ⁴/64 of its own."""
    x = kappa * kappa / 4
    beyond = x * x * polynomial(x, _BEYOND)
    return (more + beyond) - log_gap(xp, x + beyond)


def _split(xp: Namespace, kappa: Array) -> tuple[Array, Array, Array]:
    """Where κ is large, 1/κ there, and κ elsewhere."""
    large = kappa > _LARGE
    return large, 1 / xp.where(large, kappa, xp.full_like(kappa, _LARGE)), xp.where(large, xp.ones_like(kappa), kappa)
