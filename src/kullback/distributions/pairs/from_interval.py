r"""From families on bounded intervals, into those of positive numbers and of all numbers.

Into the generalized gamma distributions and all that they hold, with y = rate·(x/scale)^power, which Q holds to be
gamma distributed of shape k, and g = log E_P[y] − E_P[log y]:

.. math:: D(P‖Q) = k\,(e^x - 1 - x) + \tfrac12\,(2gk - 1 - \log 2gk) + \mathrm{rest}(k)
          + N + \tfrac12 \log\frac{2g}{power^2\,Var_P(\log X)}, \quad x = \log\frac{E_P[y]}{k}

where N is how far log X is from normal, and rest is Stirling's.
"""

from __future__ import annotations

import math
from typing import Any

from kullback.arrays._backend import Array
from kullback.distributions._family import Family
from kullback.distributions._numeric import exp_gap, ratio_gap
from kullback.distributions._power_of_gamma import PowerOfGamma
from kullback.distributions._registry import closed_form
from kullback.distributions._tilt import log_sinhc, tilt_gap
from kullback.distributions.families.beta import Beta
from kullback.distributions.families.beta import _kl as between_betas
from kullback.distributions.families.continuous_bernoulli import ContinuousBernoulli
from kullback.distributions.families.gamma import Exponential
from kullback.distributions.families.inverse_gaussian import InverseGaussian
from kullback.distributions.families.kumaraswamy import Kumaraswamy, from_uniform
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.uniform import Triangular, Uniform
from kullback.distributions.families.weibull import Gumbel
from kullback.distributions.pairs.to_inverse_gaussian import FORMULA as INVERSE_FORMULA
from kullback.distributions.pairs.to_inverse_gaussian import _kl as into_inverse_gaussian
from kullback.distributions.pairs.to_log_normal import _kl as into_log_normal
from kullback.distributions.pairs.to_power_of_gamma import FORMULA as POWER_FORMULA
from kullback.distributions.pairs.to_power_of_gamma import apart_from_shape

LOG_FORMULA = r"\log(σ\sqrt{2π}) + E_P[\log x] + \frac{E_P[(\log x - μ)^2]}{2σ^2} - H(P)"
_SOURCE = "from the moments of P and Stacy (1962), A generalization of the gamma distribution"


def _power_of_gamma(p: Any, q: PowerOfGamma) -> Array:
    xp = p.xp
    gap = p.power_gap(q.power)
    finite = gap < math.inf
    gap = xp.where(finite, gap, xp.ones_like(gap))
    of_shape = p.normality() + 0.5 * xp.log(2 * gap / (q.power * q.power * p.log_variance()))
    value = apart_from_shape(p, q, gap) + of_shape
    return xp.where(finite, value, xp.full_like(value, math.inf))


_FAMILIES: tuple[type[Family], ...] = (Uniform, Beta, Kumaraswamy)
for _family in _FAMILIES:
    closed_form(_family, PowerOfGamma, formula=POWER_FORMULA, source=_SOURCE)(_power_of_gamma)
    closed_form(_family, LogNormal, formula=LOG_FORMULA, source="from the moments of log X under P")(into_log_normal)
    closed_form(_family, InverseGaussian, formula=INVERSE_FORMULA, source="from the moments of P")(
        into_inverse_gaussian
    )


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
