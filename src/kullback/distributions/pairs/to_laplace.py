r"""Into the Laplace distribution, from families that know their mean distance from a point.

.. math:: D(P‖Q) = \left[\log(2e\,m) - H(P)\right] + \frac{m}{b} - 1 - \log\frac{m}{b}, \quad m = E_P|X - μ|

The Laplace distribution has the largest entropy of those with this mean distance, so both parts are at least 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from kullback.arrays._backend import Array
from kullback.distributions._family import Family
from kullback.distributions._numeric import ratio_gap
from kullback.distributions._registry import always_infinite, closed_form
from kullback.distributions._special import special
from kullback.distributions.families.beta import PowerFunction
from kullback.distributions.families.cauchy import Cauchy
from kullback.distributions.families.gamma import Exponential
from kullback.distributions.families.half_cauchy import HalfCauchy
from kullback.distributions.families.laplace import Laplace
from kullback.distributions.families.logistic import Logistic
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.normal import Normal
from kullback.distributions.families.pareto import Pareto
from kullback.distributions.families.uniform import Uniform

# From P and the point, the mean distance.
_D = TypeVar("_D", bound=Callable[[Any, Array], Array])


def _into_laplace(family: type[Family]) -> Callable[[_D], _D]:
    def register(distance: _D) -> _D:
        @closed_form(
            family,
            Laplace,
            formula=r"\log(2b) + \frac{E_P|X - μ|}{b} - H(P)",
            source="Kotz, Kozubowski and Podgórski (2001), The Laplace distribution and generalizations, section 2.4.5",
        )
        def compute(p: Any, q: Laplace) -> Array:
            xp = p.xp
            mean = distance(p, q.loc)
            over = mean == math.inf
            # Below the floats the mean distance is nothing beside the scale, and its logarithm cancels.
            below = mean < float(xp.finfo(mean.dtype).smallest_normal)
            mean = xp.where(over | below, xp.ones_like(mean), mean)
            entropy = p.entropy()
            value = 1 + math.log(2) + xp.log(mean) - entropy + ratio_gap(xp, mean, q.scale + 0 * mean)
            value = xp.where(below, math.log(2) + xp.log(q.scale) - entropy, value)
            return xp.where(over, xp.full_like(value, math.inf), value)

        return distance

    return register


@_into_laplace(Normal)
def _normal(p: Normal, point: Array) -> Array:
    xp, z = p.xp, (point - p.loc) / p.scale
    return p.scale * (math.sqrt(2 / math.pi) * xp.exp(-0.5 * z * z) + z * special(xp).erf(z / math.sqrt(2)))


@_into_laplace(Logistic)
def _logistic(p: Logistic, point: Array) -> Array:
    xp, z = p.xp, p.xp.abs(point - p.loc) / p.scale
    return p.scale * (z + 2 * xp.log1p(xp.exp(-z)))


@_into_laplace(Uniform)
def _uniform(p: Uniform, point: Array) -> Array:
    xp = p.xp
    below, above = point - p.low, p.high - point
    inside = (below > 0) & (above > 0)
    within = (below * (below / p.width) + above * (above / p.width)) / 2
    return xp.where(inside, within, xp.abs(p.mean() - point))


@_into_laplace(Exponential)
def _exponential(p: Exponential, point: Array) -> Array:
    xp, t = p.xp, point * p.rate
    positive = xp.where(t > 0, t, xp.zeros_like(t))
    return xp.where(t > 0, positive - 1 + 2 * xp.exp(-positive), 1 - t) / p.rate


@_into_laplace(Pareto)
def _pareto(p: Pareto, point: Array) -> Array:
    xp = p.xp
    a = xp.where(p.alpha <= 1, xp.full_like(p.alpha, 2.0), p.alpha)
    mean = a / (a - 1) * p.scale
    infinite = (p.alpha <= 1) | (mean == math.inf)
    mean = xp.where(infinite, p.scale, mean)
    inside = (point > p.scale) & ~infinite
    inner = xp.where(inside, point, p.scale)
    within = inner - mean + 2 * (inner * xp.exp(a * xp.log(p.scale / inner)) / (a - 1))
    value = xp.where(inside, within, mean - point)
    return xp.where(infinite, xp.full_like(value, math.inf), value)


@_into_laplace(LogNormal)
def _log_normal(p: LogNormal, point: Array) -> Array:
    xp, f, mean = p.xp, special(p.xp), p.mean()
    inside = point + 0 * mean > 0
    inner = xp.where(inside, point, xp.ones_like(mean))
    z = (xp.log(inner) - p.loc) / p.scale
    within = inner * f.erf(z / math.sqrt(2)) + mean * f.erf((p.scale - z) / math.sqrt(2))
    return xp.where(inside, within, mean - point)


@_into_laplace(PowerFunction)
def _power_function(p: PowerFunction, point: Array) -> Array:
    xp, a, mean = p.xp, p.concentration, p.mean()
    inside = (point + 0 * mean > 0) & (point < 1)
    inner = xp.where(inside, point, xp.full_like(mean + point, 0.5))
    within = mean - inner + 2 * inner * xp.exp(a * xp.log(inner)) / (a + 1)
    return xp.where(inside, within, xp.abs(mean - point))


_WITHOUT_MEAN: tuple[type[Family], ...] = (Cauchy, HalfCauchy)
for _kind in _WITHOUT_MEAN:
    always_infinite(_kind, Laplace, source="P has no mean, and −log q grows as |x|")
