r"""The uniform distribution on [0, 1] tilted by :math:`e^{ηx}`: its log-normaliser but for η/2, and its moments.

.. math:: K(η) = \log\frac{\sinh(η/2)}{η/2}, \quad E\,X = \tfrac12 + K'(η), \quad Var\,X = K''(η)
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace
from kullback.arrays._kernels.gaps import fused
from kullback.arrays._numeric import polynomial

from ._curvature import by_curvature
from ._numeric import exp_gap, log_ratio
from ._shape import ENTROPY_OF_NORMAL

# Below this the series are used: their radius of convergence is 2π.
_SMALL = 1.5


def _series() -> list[float]:
    from scipy.special import zeta

    return [(-1) ** (k + 1) * float(zeta(2 * k)) / k / (2 * math.pi) ** (2 * k) for k in range(1, 16)]


# K(η) = Σ 2·(−1)^(k+1)·ζ(2k)/(2k)·(η/2π)^2k, of the product for sinh.
_SERIES = _series()


@fused("tilt_log")
def log_sinhc(xp: Namespace, eta: Array) -> Array:
    """K(η)."""
    small, inner, x = _split(xp, eta)
    far = x / 2 - xp.log(x) + xp.log1p(-xp.exp(-x))
    return xp.where(small, inner * inner * polynomial(inner * inner, _SERIES), far)


@fused("tilt_shift")
def tilt_shift(xp: Namespace, eta: Array) -> Array:
    """K′(η), how far the mean is from ½."""
    small, inner, x = _split(xp, eta)
    series = inner * polynomial(inner * inner, [2 * (k + 1) * c for k, c in enumerate(_SERIES)])
    far = 0.5 - 1 / x + 1 / xp.expm1(x)
    return xp.where(small, series, xp.where(eta < 0, -far, far))


@fused("tilt_variance")
def tilt_variance(xp: Namespace, eta: Array) -> Array:
    """K″(η)."""
    small, inner, x = _split(xp, eta)
    series = polynomial(inner * inner, [2 * (k + 1) * (2 * k + 1) * c for k, c in enumerate(_SERIES)])
    fall = xp.exp(-x)
    far = 1 / (x * x) - fall / ((1 - fall) * (1 - fall))
    return xp.where(small, series, far)


@fused("tilt_entropy")
def tilt_entropy(xp: Namespace, eta: Array) -> Array:
    """K(η) − η·K′(η), at most 0."""
    small, inner, x = _split(xp, eta)
    near = log_sinhc(xp, inner) - inner * tilt_shift(xp, inner)
    return xp.where(small, near, 1 - xp.log(x) + xp.log1p(-xp.exp(-x)) - x / xp.expm1(x))


def tilt_negentropy(xp: Namespace, eta: Array) -> Array:
    """½·log(2πe·Var) − H."""
    return ENTROPY_OF_NORMAL + 0.5 * xp.log(tilt_variance(xp, eta)) - tilt_entropy(xp, eta)


@fused("tilt")
def tilt_gap(xp: Namespace, eta: Array, other: Array, difference: Array) -> Array:
    """K(θ) − K(η) − K′(η)(θ − η), D of the tilt by η from that by θ; the difference θ − η is given to its last bit."""
    near = xp.abs(difference) <= 2
    close = by_curvature(
        lambda z: tilt_variance(xp, z), eta + 0 * difference, xp.where(near, difference, xp.zeros_like(difference))
    )
    x, y = xp.abs(eta) + 0 * difference, xp.abs(other) + 0 * difference
    together = (eta < 0) == (other < 0)
    tails = ~near & together & (x >= 1) & (y >= 1)
    one = xp.ones_like(x)
    x_tail, y_tail = xp.where(tails, x, one), xp.where(tails, y, one)
    edges = xp.log1p(-xp.exp(-y_tail)) - xp.log1p(-xp.exp(-x_tail)) - (y_tail - x_tail) / xp.expm1(x_tail)
    outward = exp_gap(xp, log_ratio(xp, y_tail, x_tail)) + edges
    # Beyond |η|/2, which only a change of sides leaves in.
    falls = _log_beyond_half(xp, y) - _log_beyond_half(xp, x)
    slope = xp.where(eta < 0, -one, one) * _shift_beyond_half(xp, x)
    apart = xp.where(together, xp.zeros_like(x), y) + falls - slope * difference
    return xp.where(near, close, xp.where(tails, outward, apart))


def _log_beyond_half(xp: Namespace, x: Array) -> Array:
    """K(η) − η/2 for η of at least 0: it falls like −log η, which K alone has lost for large ones."""
    small, inner, far = _split(xp, x)
    series = inner * inner * polynomial(inner * inner, _SERIES) - inner / 2
    return xp.where(small, series, xp.log1p(-xp.exp(-far)) - xp.log(far))


def _shift_beyond_half(xp: Namespace, x: Array) -> Array:
    """K′(η) − ½ for η of at least 0, with all its digits as it goes to 0."""
    small = x <= _SMALL
    far = xp.where(small, xp.full_like(x, 2.0), x)
    return xp.where(small, tilt_shift(xp, x) - 0.5, 1 / xp.expm1(far) - 1 / far)


def _split(xp: Namespace, eta: Array) -> tuple[Array, Array, Array]:
    """Where η is small, η there, and its absolute value elsewhere."""
    small = xp.abs(eta) <= _SMALL
    return small, xp.where(small, eta, xp.zeros_like(eta)), xp.where(small, xp.full_like(eta, 2.0), xp.abs(eta))
