r"""Into the inverse Gaussian distributions, from positive families that know the means of X, 1/X and log X.

With μ* = E[X] and E[X]·E[1/X] = 1 + w, the nearest one to P has mean μ* and shape μ*/w, and

.. math:: D(P‖Q) = D(Q^*‖Q) + \tfrac12\left[\log(2πe·w) - \log E[X] + E[\log X]\right] - H(\log X)
"""

from __future__ import annotations

import math
from typing import Any

from kullback.arrays._backend import Array, Namespace
from kullback.arrays._numeric import polynomial
from kullback.distributions._family import Family
from kullback.distributions._numeric import exp_gap
from kullback.distributions._power_of_gamma import PowerOfGamma
from kullback.distributions._registry import closed_form
from kullback.distributions._special import LOG_2PI
from kullback.distributions.families.inverse_gaussian import InverseGaussian
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.pareto import Pareto

# Of (sinh(h)/h − 1)/h², in h².
_SINH = [1 / math.factorial(2 * j + 3) for j in range(9)]


def _between_means(log_mean: Array, q: InverseGaussian) -> Array:
    """½λ/m·(m/μ − 1)², that between the means, also where e^log m overflows."""
    xp = q.xp
    half = 0.5 * (log_mean - xp.log(q.loc))
    root = xp.sqrt(q.concentration) / xp.sqrt(q.loc) * (xp.expm1(half) - xp.expm1(-half))
    return 0.5 * root * root


def _nearest(p: Any, q: InverseGaussian, up: Array, down: Array, log_share: Array) -> Array:
    """D(Q*‖Q), from what the logarithms of E X and E 1/X have beyond those of means of log X.

    `log_share` is log(1 − e^−(up + down)) = log w − up − down.
    """
    xp = p.xp
    log_shape_ratio = xp.log(q.concentration) - p.log_mean() + (down + log_share)
    return _between_means(p.log_mean() + up, q) + 0.5 * exp_gap(xp, log_shape_ratio)


def into_inverse_gaussian(p: Any, q: InverseGaussian) -> Array:
    """D(P‖Q) of a positive distribution that knows its moments."""
    xp = p.xp
    up, down = p.power_gap(1.0), p.power_gap(-1.0)
    finite = up + down < math.inf
    up, down = (xp.where(finite, x, xp.ones_like(x)) for x in (up, down))
    # All but a point: rounding leaves nothing of the spread, and D is large.
    point = ~((up + down > 0) & (p.log_variance() > 0))
    one = xp.ones_like(up + down + p.log_variance())
    share = xp.where(point, one, -xp.expm1(-(up + down)))
    variance = xp.where(point, one, p.log_variance())
    log_ratio = up + down + xp.log(share / variance)
    value = _nearest(p, q, up, down, xp.log(share)) + p.normality() + 0.5 * (log_ratio - up)
    of_point = _between_means(p.log_mean() + up, q) - (p.entropy() - p.log_mean())
    of_point = of_point + 0.5 * (LOG_2PI - xp.log(q.concentration) + p.log_mean())
    return xp.where(finite, xp.where(point, of_point, value), xp.full_like(value, math.inf))


FORMULA = (
    r"\frac12\log\frac{2π}{λ} + \frac32 E_P[\log x] + "
    r"\frac{λ}{2μ^2}\left(E_P[x] - 2μ + μ^2E_P[1/x]\right) - H(P)"
)
_SOURCE = "from the moments of P"

_FAMILIES: tuple[type[Family], ...] = (PowerOfGamma, Pareto)
for _family in _FAMILIES:
    closed_form(_family, InverseGaussian, formula=FORMULA, source=_SOURCE)(into_inverse_gaussian)


def _log_sinhc(xp: Namespace, h: Array) -> Array:
    """log(sinh(h)/h) for positive h."""
    near = h < 1
    low, high = xp.where(near, h, xp.zeros_like(h)), xp.where(near, xp.ones_like(h), h)
    close = xp.log1p(low * low * polynomial(low * low, _SINH))
    return xp.where(near, close, high + xp.log(-xp.expm1(-2 * high) / (2 * high)))


@closed_form(LogNormal, InverseGaussian, formula=FORMULA, source=_SOURCE)
def _log_normal(p: LogNormal, q: InverseGaussian) -> Array:
    xp, squared = p.xp, p.scale * p.scale
    finite = squared < math.inf
    gap = xp.where(finite, 0.5 * squared, xp.ones_like(squared))
    small = squared < 1e-9
    log_share = xp.where(
        small, 2 * xp.log(p.scale) - gap, xp.log(-xp.expm1(-xp.where(small, xp.ones_like(gap), 2 * gap)))
    )
    value = _nearest(p, q, gap, gap, log_share) + 0.5 * _log_sinhc(xp, gap)
    return xp.where(finite, value, xp.full_like(value, math.inf))
