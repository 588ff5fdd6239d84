r"""From families on bounded intervals, into those of positive numbers and of all numbers.

Into the generalized gamma distributions and all that they hold, with y = rate·(x/scale)^power, which Q holds to be
gamma distributed of shape k, and g = log E_P[y] − E_P[log y]:

.. math:: D(P‖Q) = k\,(e^x - 1 - x) + \tfrac12\,(2gk - 1 - \log 2gk) + \mathrm{rest}(k)
          + N + \tfrac12 \log\frac{2g}{power^2\,Var_P(\log X)}, \quad x = \log\frac{E_P[y]}{k}

where N is how far log X is from normal, and rest is Stirling's.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from kullback.arrays._backend import Array, Namespace, nowhere
from kullback.distributions._family import Family
from kullback.distributions._gamma import lgamma_gap_by
from kullback.distributions._numeric import (
    STIRLING,
    exp_gap,
    log_gap,
    log_ratio,
    products,
    ratio_gap,
    stirling_gap,
    stirling_rest,
    stirling_slope,
)
from kullback.distributions._power_of_gamma import PowerOfGamma, entropy_rest, shape_gap
from kullback.distributions._registry import closed_form
from kullback.distributions._shape import ENTROPY_OF_NORMAL, digamma_difference
from kullback.distributions._special import LOG_2PI, special
from kullback.distributions._tilt import log_sinhc, tilt_gap
from kullback.distributions.families.beta import Beta, between_betas
from kullback.distributions.families.continuous_bernoulli import ContinuousBernoulli
from kullback.distributions.families.gamma import Exponential
from kullback.distributions.families.inverse_gaussian import InverseGaussian
from kullback.distributions.families.kumaraswamy import Kumaraswamy, from_uniform
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.uniform import Triangular, Uniform
from kullback.distributions.families.weibull import Gumbel
from kullback.distributions.pairs.to_inverse_gaussian import FORMULA as INVERSE_FORMULA
from kullback.distributions.pairs.to_inverse_gaussian import into_inverse_gaussian
from kullback.distributions.pairs.to_log_normal import into_log_normal
from kullback.distributions.pairs.to_power_of_gamma import FORMULA as POWER_FORMULA
from kullback.distributions.pairs.to_power_of_gamma import apart_from_shape

LOG_FORMULA = r"\log(σ\sqrt{2π}) + E_P[\log x] + \frac{E_P[(\log x - μ)^2]}{2σ^2} - H(P)"
# Of h(z) − ½·log z = −1/(3z) − Σ c_n·z^(−n), from n = 2 on.
_BEYOND_FIRST = [
    c for j, (first, second) in enumerate(pairwise(STIRLING)) for c in ((2 * j + 1) * first, -(2 * j + 4) * second)
]
_SOURCE = "from the moments of P and Stacy (1962), A generalization of the gamma distribution"


def _power_of_gamma(p: Any, q: PowerOfGamma) -> Array:
    xp = p.xp
    gap = p.power_gap(q.power)
    finite = gap < math.inf
    gap = xp.where(finite, gap, xp.ones_like(gap))
    of_shape = p.normality() + 0.5 * xp.log(2 * gap / (q.power * q.power * p.log_variance()))
    value = apart_from_shape(p, q, gap) + of_shape
    return xp.where(finite, value, xp.full_like(value, math.inf))


def _log_normal(p: Any, q: LogNormal) -> Array:
    xp, variance = p.xp, p.log_variance()
    value = into_log_normal(p, q)
    # All but a point: rounding leaves nothing of the variance, and D is large.
    shift = (p.log_mean() - q.loc) / q.scale
    of_point = 0.5 * (shift * shift + LOG_2PI - 1) + xp.log(q.scale) - (p.entropy() - p.log_mean()) + 0.5
    return xp.where(variance > 0, value, of_point)


_FAMILIES: tuple[type[Family], ...] = (Uniform, Beta, Kumaraswamy)
for _family in _FAMILIES:
    closed_form(_family, LogNormal, formula=LOG_FORMULA, source="from the moments of log X under P")(_log_normal)
    closed_form(_family, InverseGaussian, formula=INVERSE_FORMULA, source="from the moments of P")(
        into_inverse_gaussian
    )
closed_form(Uniform, PowerOfGamma, formula=POWER_FORMULA, source=_SOURCE)(_power_of_gamma)


@closed_form(Beta, PowerOfGamma, formula=POWER_FORMULA, source=_SOURCE)
def _beta(p: Beta, q: PowerOfGamma) -> Array:
    xp = p.xp
    # Of rate/(scale·b), from the exact product.
    product = q.scale * p.concentration0
    formed = (product > 1e-30) & (product < 1e30) & (q.scale < 1e30) & (p.concentration0 < 1e30)
    one = xp.ones_like(product)
    rate, scale, size = (xp.where(formed, x, one) for x in (q.rate, q.scale, p.concentration0))
    relative = log_ratio(xp, rate, scale * size, products(xp, rate, one, scale, size))
    apart = log_ratio(xp, q.rate, p.concentration0) - xp.log(q.scale)
    return _into_power(p, p, q, xp.ones_like(product), xp.log(q.scale), xp.where(formed, relative, apart))


@closed_form(Kumaraswamy, PowerOfGamma, formula=POWER_FORMULA, source=_SOURCE)
def _kumaraswamy(p: Kumaraswamy, q: PowerOfGamma) -> Array:
    xp, a = p.xp, p.concentration1
    log_scale = a * xp.log(q.scale)
    # With X^α in place of X; α = 1 leaves a beta distribution, as it is.
    apart = log_ratio(xp, q.rate, p.concentration0) - log_scale
    return xp.where(a == 1, _beta(p.power(), q), _into_power(p, p.power(), q, a, log_scale, apart))


def _into_power(p: Any, beta: Beta, q: PowerOfGamma, unit: Array, log_scale: Array, log_rate: Array) -> Array:
    r"""D(P‖Q), X^unit being a beta variable, near the gamma one of shape a and rate s = a + b if b is large.

    With p = power_Q/unit, R of the gamma distribution (`shape_gap`), G(s, s + p) the gap of log Γ, and h the entropy of
    the logarithm of the gamma variable less that of the beta one,

    .. math:: D = k\,(e^x - 1 - x) + R - k\,G(s, s + p) + h

    The logarithms of scale^unit and of rate/(scale^unit·b) are given.
    """
    xp, k = p.xp, q.concentration + 0 * log_rate
    a, b = beta.concentration1 + 0 * k, beta.concentration0 + 0 * k
    s = a + b
    excess = (q.power - unit) / unit
    finite = a + q.power / unit > 0
    excess = xp.where(finite, excess, xp.zeros_like(excess + k))
    power = 1 + excess
    log_size = log_ratio(xp, xp.where(finite, xp.abs(q.power + 0 * excess), unit + 0 * excess), unit + 0 * excess)
    gap = lgamma_gap_by(xp, a + 1, excess)
    lost, rest, size = _beyond_gamma(xp, a, b, k, excess)
    log_mean_ratio = (log_rate - log_ratio(xp, s, b, a) - log_ratio(xp, k, a)) + gap
    log_mean_ratio = log_mean_ratio + excess * (special(xp).digamma(a + 1) - xp.log(s) - log_scale)
    log_mean_ratio = log_mean_ratio - (power * stirling_slope(xp, s) + lost)
    means, shapes = k * exp_gap(xp, log_mean_ratio), shape_gap(xp, a, k, excess, log_size, gap)
    value, size = means + (shapes + rest), means + shapes + size

    # Where log X is nearly normal it is nearer to that.
    own, variance = p.power_gap(q.power), p.log_variance() + 0 * k
    formed = (own > 0) & (own < math.inf) & (variance > 0)
    own, variance = (xp.where(formed, x, xp.ones_like(k)) for x in (own, variance))
    ratio, normality = own / variance, p.normality()
    parts = [0.5 * exp_gap(xp, xp.log(2 * own * k)), stirling_rest(xp, k), normality]
    parts.append(0.5 * xp.log(2 * ratio / (q.power * q.power)))
    normal = means + sum(parts)
    entropy = ENTROPY_OF_NORMAL + 0.5 * xp.log(variance) + p.log_mean() - normality
    size_of_normal = means + sum(xp.abs(x) for x in parts) + xp.abs(entropy) + 3
    # The one of the smaller terms has lost less.
    value = xp.where(formed & (size_of_normal < size), normal, value)
    return xp.where(finite, value, xp.full_like(value, math.inf))


def _beyond_gamma(xp: Namespace, a: Array, b: Array, k: Array, excess: Array) -> tuple[Array, Array, Array]:
    """G of s = a + b and the power 1 + ε, h − k·G, and how large the terms of that are."""
    power = 1 + excess
    large = b >= 10
    low_a, low_b = xp.where(large, xp.ones_like(a), a), xp.where(large, xp.ones_like(b), b)
    s = low_a + low_b
    entropies = low_b * log_ratio(xp, s, low_b, low_a) - stirling_gap(xp, s, low_b, -low_a)
    entropies = entropies - (low_b - 1) * digamma_difference(xp, low_b, low_a)
    lost = lgamma_gap_by(xp, a + b, power)
    if nowhere(xp, large):
        return lost, entropies - k * lost, xp.abs(entropies) + k * lost
    of_small = entropies - k * xp.where(large, xp.zeros_like(lost), lost)

    # Beyond the first order in 1/s, h and G have these.
    high_a, high_b = xp.where(large, a, xp.ones_like(a)), xp.where(large, b, xp.full_like(b, 10.0))
    s = high_a + high_b
    move = xp.where(large, power, xp.ones_like(power))
    u = move / s
    third = s * entropy_rest(xp, u) + stirling_gap(xp, s, s + move, move)
    t = (k - high_a) / high_a
    step = xp.where(large, excess, xp.zeros_like(excess))
    first = -0.5 * (high_a / s) * (t + (2 * step + step * step) * (1 + t))
    x, y = 1 / high_b, 1 / s
    # (x^n − y^n)/(x − y), of the powers of 1/z in −h(z) + ½·log z.
    quotient, power_of = xp.ones_like(x), xp.ones_like(x)
    total = quotient / 3
    for c in _BEYOND_FIRST:
        power_of = power_of * x
        quotient = y * quotient + power_of
        total = total + c * quotient
    second = 0.5 * log_gap(xp, -high_a / s) + (high_a * x) * y * total
    of_large = (second - k * third) + first
    size = xp.where(large, second + k * xp.abs(third) + xp.abs(first), xp.abs(entropies) + k * lost)
    return lost, xp.where(large, of_large, of_small), size


@closed_form(
    ContinuousBernoulli,
    Exponential,
    formula=r"λ\,E_P X - \log λ - H(P)",
    source="torch.distributions.kl; the exponential distribution cut to [0, 1] is a continuous Bernoulli one",
)
def _continuous_bernoulli_exponential(p: ContinuousBernoulli, q: Exponential) -> Array:
    xp, eta = p.xp, p.tilt
    return tilt_gap(xp, eta, -q.rate, -q.rate - eta) - xp.log(-xp.expm1(-q.rate))


@closed_form(
    ContinuousBernoulli,
    Gumbel,
    formula=r"\log β + \frac{E_P X - μ}{β} + e^{μ/β} E_P[e^{-X/β}] - H(P)",
    source="from the moment generating function of P",
)
def _continuous_bernoulli_gumbel(p: ContinuousBernoulli, q: Gumbel) -> Array:
    xp, eta, step = p.xp, p.tilt, -1 / q.scale
    gap = tilt_gap(xp, eta, eta + step, step + 0 * eta)
    log_mean = (q.loc - p.mean()) / q.scale + gap
    return exp_gap(xp, log_mean) + gap + (1 + xp.log(q.scale) - p.entropy())


@closed_form(
    Triangular,
    Exponential,
    formula=r"λ\,E_P X - \log λ - H(P)",
    source="Cover and Thomas (2006), Elements of information theory, chapter 12: of a given mean, the exponential "
    "distribution maximises entropy",
)
def _triangular_exponential(p: Triangular, q: Exponential) -> Array:
    xp, mean = p.xp, p.mean()
    mean = xp.where(mean > 0, mean, xp.ones_like(mean))
    return 1 + xp.log(mean) - p.entropy() + ratio_gap(xp, mean, 1 / q.rate + 0 * mean)


_LINEAR = r"-\log C(λ) - E_P X\log λ - (1 - E_P X)\log(1-λ) - H(P)"


@closed_form(Beta, ContinuousBernoulli, formula=_LINEAR, source="torch.distributions.kl; from the mean of P")
def _beta_continuous_bernoulli(p: Beta, q: ContinuousBernoulli) -> Array:
    even = p.like(Beta, concentration1=1.0, concentration0=1.0)
    lean = (p.concentration1 - p.concentration0) / (2 * p.total)
    return between_betas(p, even) + (log_sinhc(p.xp, q.tilt) - q.tilt * lean)


@closed_form(Kumaraswamy, ContinuousBernoulli, formula=_LINEAR, source="from the mean of P")
def _kumaraswamy_continuous_bernoulli(p: Kumaraswamy, q: ContinuousBernoulli) -> Array:
    return from_uniform(p, p.concentration1) + (log_sinhc(p.xp, q.tilt) - q.tilt * (p.mean() - 0.5))
