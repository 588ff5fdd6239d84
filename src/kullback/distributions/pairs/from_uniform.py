r"""From the uniform distribution, into families whose log-density has a closed integral.

What a bounded interval of positive numbers needs is in the family: the logarithm of a uniform variable is one on an
interval tilted by an exponential.
"""

from __future__ import annotations

import math
from functools import cache

from kullback.arrays._backend import Array, Namespace, nowhere
from kullback.distributions._numeric import exp_gap, log_ratio, ratio_gap
from kullback.distributions._registry import closed_form
from kullback.distributions._special import log_beta
from kullback.distributions._tilt import log_sinhc, tilt_shift
from kullback.distributions.families.beta import Beta, BetaPrime
from kullback.distributions.families.cauchy import Cauchy
from kullback.distributions.families.continuous_bernoulli import ContinuousBernoulli
from kullback.distributions.families.gamma import Exponential
from kullback.distributions.families.half_cauchy import HalfCauchy
from kullback.distributions.families.pareto import Lomax, Pareto
from kullback.distributions.families.student_t import StudentT
from kullback.distributions.families.uniform import Uniform
from kullback.distributions.families.weibull import Gumbel

_SOURCE = "from the integral of Q's log-density"


def _in_unit(p: Uniform) -> tuple[Uniform, Uniform]:
    """Return the interval and its image under 1 − x; where it leaves [0, 1], and D is infinite, another one."""
    xp = p.xp
    inside = (p.low >= 0) & (p.high <= 1)
    if nowhere(xp, ~inside):
        return p, p.like(Uniform, low=1 - p.high, high=1 - p.low)
    low = xp.where(inside, p.low + 0 * p.high, xp.full_like(p.low + p.high, 0.25))
    high = xp.where(inside, p.high + 0 * p.low, xp.full_like(p.low + p.high, 0.75))
    return p.like(Uniform, low=low, high=high), p.like(Uniform, low=1 - high, high=1 - low)


def _log_width(law: Uniform, other: Uniform) -> Array:
    """Logarithm of the width, of an interval and its image under 1 − x."""
    outside = law.low + other.low
    near = outside < 0.5
    shrunk = law.xp.log1p(-law.xp.where(near, outside, 0 * outside))
    return law.xp.where(near, shrunk, law.xp.log(law.width))


@closed_form(
    Uniform,
    Beta,
    formula=r"\log\frac{B(α,β)}{h-l} - (α-1)\,E\log X - (β-1)\,E\log(1-X), "
    r"\quad E\log X = \frac{h\log h - l\log l}{h-l} - 1",
    source="torch.distributions.kl; " + _SOURCE,
)
def _beta(p: Uniform, q: Beta) -> Array:
    law, other = _in_unit(p)
    a, b = q.concentration1, q.concentration0
    logs = (a - 1) * law.log_mean() + (b - 1) * other.log_mean()
    return log_beta(p.xp, a, b) - logs - _log_width(law, other)


@closed_form(
    Uniform,
    ContinuousBernoulli,
    formula=r"-\log(h-l) - \log C(λ) - \frac{l+h}{2}\log λ - \left(1 - \frac{l+h}{2}\right)\log(1-λ)",
    source="torch.distributions.kl; " + _SOURCE,
)
def _continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Array:
    law, other = _in_unit(p)
    tilted = q.tilt * (law.low - other.low) / 2
    return log_sinhc(p.xp, q.tilt) - tilted - _log_width(law, other)


@closed_form(
    Uniform,
    Exponential,
    formula=r"λ\,\frac{l+h}{2} - \log(λ(h-l))",
    source="torch.distributions.kl; " + _SOURCE,
)
def _exponential(p: Uniform, q: Exponential) -> Array:
    law = _above(p)
    mean = law.mean()
    return ratio_gap(p.xp, q.rate * mean, p.xp.ones_like(mean)) + (1 + log_ratio(p.xp, mean, law.width))


@closed_form(
    Uniform,
    Gumbel,
    formula=r"\log\frac{β}{h-l} + \frac{l+h-2μ}{2β} + β\,\frac{e^{-(l-μ)/β} - e^{-(h-μ)/β}}{h-l}",
    source="torch.distributions.kl; " + _SOURCE,
)
def _gumbel(p: Uniform, q: Gumbel) -> Array:
    xp, width = p.xp, p.width / q.scale
    spread = log_sinhc(xp, width)
    log_mean = spread - (p.mean() - q.loc) / q.scale
    return exp_gap(xp, log_mean) + (spread - xp.log(width) + 1)


@closed_form(
    Uniform,
    Pareto,
    formula=r"(α+1)\left(\frac{h\log h - l\log l}{h-l} - 1\right) - \log\left(α\,m^α(h-l)\right)",
    source="torch.distributions.kl; " + _SOURCE,
)
def _pareto(p: Uniform, q: Pareto) -> Array:
    xp = p.xp
    above, law = p.low + 0 * p.high >= q.scale, p
    if not nowhere(xp, ~above):
        least = xp.where(above, p.low + 0 * p.high, q.scale)
        law = p.like(Uniform, low=least, high=xp.where(above, p.high + 0 * least, 2 * least))
    logs = law.log_mean()
    beyond = logs - xp.log(q.scale)
    return ratio_gap(xp, q.alpha * beyond, xp.ones_like(beyond)) + 1 + xp.log(beyond) + logs - xp.log(law.width)


def _above(p: Uniform) -> Uniform:
    """Return the interval; where it is not above 0, and D is infinite, another one."""
    xp = p.xp
    if nowhere(xp, p.low < 0):
        return p
    above = p.low + 0 * p.high >= 0
    one = xp.ones_like(p.low + p.high)
    return p.like(Uniform, low=xp.where(above, p.low + 0 * one, one), high=xp.where(above, p.high + 0 * one, 2 * one))


def _mean_log1p(law: Uniform, scale: Array) -> Array:
    """E log(1 + X/s)."""
    xp = law.xp
    tilt = xp.log1p(law.width / (law.low + scale))
    return xp.log1p(law.high / scale) - tilt * (0.5 - tilt_shift(xp, tilt))


@closed_form(
    Uniform,
    Lomax,
    formula=r"(α+1)\,E\log\left(1 + \frac{X}{s}\right) - \log\frac{α(h-l)}{s}",
    source=_SOURCE,
)
def _lomax(p: Uniform, q: Lomax) -> Array:
    xp, law = p.xp, _above(p)
    return (
        (q.alpha + 1) * _mean_log1p(law, q.scale) - xp.log(q.alpha) + log_ratio(xp, q.scale + 0 * law.width, law.width)
    )


@closed_form(
    Uniform,
    BetaPrime,
    formula=r"\log\frac{B(α,β)}{h-l} - (α-1)\,E\log X + (α+β)\,E\log(1+X)",
    source=_SOURCE,
)
def _beta_prime(p: Uniform, q: BetaPrime) -> Array:
    law = _above(p)
    a, b = q.concentration1, q.concentration0
    logs = (a + b) * _mean_log1p(law, p.xp.ones_like(a + b)) - (a - 1) * law.log_mean()
    return log_beta(p.xp, a, b) + logs - p.xp.log(law.width)


@cache
def _legendre() -> list[tuple[float, float]]:
    from scipy.special import roots_legendre

    nodes, weights = roots_legendre(18)
    return [(float(x), float(w) / 2) for x, w in zip(nodes, weights, strict=True)]


def _mean_log_square(xp: Namespace, low: Array, width: Array, high: Array) -> Array:
    """Mean of log(1 + y²) for y uniform: the difference of y·log(1 + y²) − 2y + 2·arctan y, where that keeps digits.

    Elsewhere, nodes of Gauss and Legendre give the integral to the last bit: ±i, where the logarithm is singular, are
    twice as far from the middle as the ends are.
    """
    half, middle = width / 2, low + width / 2
    narrow = half <= 0.5 * (0.5 + xp.abs(middle) / 2)
    inner = xp.where(narrow, half, xp.zeros_like(half))
    close = sum(w * _log_square(xp, middle + x * inner) for x, w in _legendre())

    def integral(y: Array) -> Array:
        return y * (_log_square(xp, y) - 2) + 2 * xp.atan(y)

    one = xp.ones_like(half)
    apart = (integral(xp.where(narrow, one, high)) - integral(xp.where(narrow, -one, low))) / xp.where(
        narrow, one, width
    )
    return xp.where(narrow, close, apart)


def _log_square(xp: Namespace, y: Array) -> Array:
    """log(1 + y²), also where y² overflows."""
    size = xp.abs(y)
    large = size > 1e100
    inner = xp.where(large, xp.ones_like(size), size)
    return xp.where(large, 2 * xp.log(xp.where(large, size, xp.ones_like(size))), xp.log1p(inner * inner))


def _mean_tail(p: Uniform, loc: Array, scale: Array) -> Array:
    return _mean_log_square(p.xp, (p.low - loc) / scale, p.width / scale, (p.high - loc) / scale)


@closed_form(
    Uniform,
    StudentT,
    formula=r"\log\frac{σ\sqrt{πν}\,Γ(ν/2)}{(h-l)\,Γ((ν+1)/2)} "
    r"+ \frac{ν+1}{2}\,E\log\left(1 + \frac{(X-μ)^2}{νσ^2}\right)",
    source=_SOURCE,
)
def _student(p: Uniform, q: StudentT) -> Array:
    xp = p.xp
    tail = _mean_tail(p, q.loc, q.scale * xp.sqrt(q.df))
    return (q.df + 1) / 2 * tail - q.log_peak + xp.log(q.scale) - xp.log(p.width)


@closed_form(
    Uniform,
    Cauchy,
    formula=r"\log\frac{πγ}{h-l} + E\log\left(1 + \frac{(X-x_0)^2}{γ^2}\right)",
    source=_SOURCE,
)
def _cauchy(p: Uniform, q: Cauchy) -> Array:
    tail = _mean_tail(p, q.loc, q.scale)
    return tail + math.log(math.pi) + p.xp.log(q.scale) - p.xp.log(p.width)


@closed_form(
    Uniform,
    HalfCauchy,
    formula=r"\log\frac{πγ}{2(h-l)} + E\log\left(1 + \frac{X^2}{γ^2}\right)",
    source=_SOURCE,
)
def _half_cauchy(p: Uniform, q: HalfCauchy) -> Array:
    tail = _mean_tail(p, p.xp.zeros_like(q.scale), q.scale)
    return tail + math.log(math.pi / 2) + p.xp.log(q.scale) - p.xp.log(p.width)
