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
from kullback.distributions.families.inverse_gaussian import InverseGaussian, between_means
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.pareto import Pareto

# Of (sinh(h)/h − 1)/h², in h².
_SINH = [1 / math.factorial(2 * j + 3) for j in range(9)]


def _nearest(p: Any, q: InverseGaussian, up: Array, down: Array) -> Array:
    """D(Q*‖Q), from what the logarithms of E X and E 1/X have beyond those of means of log X."""
    xp = p.xp
    log_mean = p.log_mean() + up
    spread = up + down
    # log w = log(e^spread − 1), also where e^spread overflows.
    log_spread = spread + xp.log(-xp.expm1(-spread))
    log_shape_ratio = xp.log(q.concentration) - log_mean + log_spread
    return between_means(xp.exp(log_mean), q) + 0.5 * exp_gap(xp, log_shape_ratio)


def _kl(p: Any, q: InverseGaussian) -> Array:
    xp = p.xp
    up, down = p.power_gap(1.0), p.power_gap(-1.0)
    finite = up + down < math.inf
    up, down = (xp.where(finite, x, xp.ones_like(x)) for x in (up, down))
    spread = up + down
    log_ratio = spread + xp.log(-xp.expm1(-spread) / p.log_variance())
    value = _nearest(p, q, up, down) + p.normality() + 0.5 * (log_ratio - up)
    return xp.where(finite, value, xp.full_like(value, math.inf))


FORMULA = (
    r"\frac12\log\frac{2π}{λ} + \frac32 E_P[\log x] + "
    r"\frac{λ}{2μ^2}\left(E_P[x] - 2μ + μ^2E_P[1/x]\right) - H(P)"
)
_SOURCE = "from the moments of P"

_FAMILIES: tuple[type[Family], ...] = (PowerOfGamma, Pareto)
for _family in _FAMILIES:
    closed_form(_family, InverseGaussian, formula=FORMULA, source=_SOURCE)(_kl)


def _log_sinhc(xp: Namespace, h: Array) -> Array:
    """log(sinh(h)/h) for positive h."""
    near = h < 1
    low, high = xp.where(near, h, xp.zeros_like(h)), xp.where(near, xp.ones_like(h), h)
    close = xp.log1p(low * low * polynomial(low * low, _SINH))
    return xp.where(near, close, high + xp.log(-xp.expm1(-2 * high) / (2 * high)))


@closed_form(LogNormal, InverseGaussian, formula=FORMULA, source=_SOURCE)
def _log_normal(p: LogNormal, q: InverseGaussian) -> Array:
    gap = p.power_gap(1)
    return _nearest(p, q, gap, gap) + 0.5 * _log_sinhc(p.xp, gap)
