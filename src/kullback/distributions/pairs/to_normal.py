r"""Into the normal distribution, from every family with a mean, a variance and an entropy.

.. math:: D(P‖Q) = \left[\tfrac12\log(2πe\,Var_P) - H(P)\right] + D(N(E_P, Var_P)‖Q)

The bracket, at least 0, depends on the shape of P alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from kullback.arrays._backend import Array
from kullback.distributions._family import Family
from kullback.distributions._numeric import exp_gap, log_ratio, square_ratio_gap
from kullback.distributions._power_of_gamma import PowerOfGamma
from kullback.distributions._registry import always_infinite, closed_form
from kullback.distributions._shape import (
    ENTROPY_OF_NORMAL,
    negentropy_of_beta,
    negentropy_of_gamma,
    negentropy_of_inverse_gamma,
    negentropy_of_student,
)
from kullback.distributions._special import EULER
from kullback.distributions._tilt import log_sinhc, tilt_negentropy
from kullback.distributions.families.beta import Beta, BetaPrime
from kullback.distributions.families.cauchy import Cauchy
from kullback.distributions.families.continuous_bernoulli import ContinuousBernoulli
from kullback.distributions.families.gamma import Gamma
from kullback.distributions.families.half_cauchy import HalfCauchy
from kullback.distributions.families.inverse_gamma import InverseGamma
from kullback.distributions.families.inverse_gaussian import InverseGaussian
from kullback.distributions.families.kumaraswamy import Kumaraswamy
from kullback.distributions.families.laplace import AsymmetricLaplace, Laplace
from kullback.distributions.families.logistic import Logistic
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.normal import Normal
from kullback.distributions.families.pareto import Lomax, Pareto
from kullback.distributions.families.student_t import StudentT
from kullback.distributions.families.uniform import Triangular, Uniform
from kullback.distributions.families.weibull import Gumbel, GumbelMin

# Mean, standard deviation, how far from the normal distribution of both, and the logarithm of the deviation where it
# may be below the floats.
Moments = tuple[Array, Array, Array] | tuple[Array, Array, Array, Array]
_M = TypeVar("_M", bound=Callable[[Any], Moments])

_FORMULA = r"\log(σ\sqrt{2π}) + \frac{Var_P + (E_P - μ)^2}{2σ^2} - H(P)"
_SOURCE = "Cover and Thomas (2006), Elements of information theory, theorem 8.6.5: the normal maximises entropy"


def _into_normal(family: type[Family], infinite: Callable[[Any], Array] | None = None) -> Callable[[_M], _M]:
    """Register a family by its moments; `infinite` says where it has no variance."""

    def register(moments: _M) -> _M:
        @closed_form(family, Normal, formula=_FORMULA, source=_SOURCE)
        def compute(p: Any, q: Normal) -> Array:
            xp = p.xp
            mean, deviation, apart, *log_deviation = moments(p)
            # Moments beyond the range of floats, of which nothing is left to form.
            over = (xp.abs(mean) == math.inf) | (deviation == math.inf)
            shift = (xp.where(over, q.loc, mean) - q.loc) / q.scale
            deviation = xp.where(over, xp.ones_like(deviation), deviation)
            below = deviation < (float(xp.finfo(deviation.dtype).smallest_normal) if log_deviation else 0.0)
            variances = square_ratio_gap(xp, xp.where(below, xp.ones_like(deviation), deviation), q.scale)
            if log_deviation:
                variances = xp.where(below, exp_gap(xp, 2 * (log_deviation[0] - xp.log(q.scale))), variances)
            value = apart + 0.5 * (shift * shift + variances)
            over = over if infinite is None else over | infinite(p)
            return xp.where(over, xp.full_like(value, math.inf), value)

        return moments

    return register


@_into_normal(Laplace)
def _laplace(p: Laplace) -> Moments:
    return p.loc, math.sqrt(2) * p.scale, ENTROPY_OF_NORMAL - 1 - 0.5 * math.log(2) + 0 * p.scale


@_into_normal(AsymmetricLaplace)
def _asymmetric_laplace(p: AsymmetricLaplace) -> Moments:
    xp, whole = p.xp, p.left + p.right
    share = p.left / whole * (p.left / whole) + p.right / whole * (p.right / whole)
    return p.mean(), whole * xp.sqrt(share), ENTROPY_OF_NORMAL - 1 + 0.5 * xp.log(share)


@_into_normal(Logistic)
def _logistic(p: Logistic) -> Moments:
    apart = ENTROPY_OF_NORMAL + 0.5 * math.log(math.pi**2 / 3) - 2
    return p.loc, math.pi / math.sqrt(3) * p.scale, apart + 0 * p.scale


@closed_form(StudentT, Normal, formula=_FORMULA, source=_SOURCE)
def _student(p: StudentT, q: Normal) -> Array:
    # As the others, but the deviation is as near the scale as many degrees of freedom bring it.
    xp = p.xp
    infinite = p.df <= 2
    df = xp.where(infinite, xp.full_like(p.df, 4.0), p.df)
    shift = (p.loc - q.loc) / q.scale
    variances = exp_gap(xp, 2 * log_ratio(xp, p.scale, q.scale) - xp.log1p(-2 / df))
    value = negentropy_of_student(xp, df) + 0.5 * (shift * shift + variances)
    return xp.where(infinite, xp.full_like(value, math.inf), value)


@_into_normal(Uniform)
def _uniform(p: Uniform) -> Moments:
    return p.mean(), p.width / math.sqrt(12), ENTROPY_OF_NORMAL - 0.5 * math.log(12) + 0 * p.width


@_into_normal(Triangular)
def _triangular(p: Triangular) -> Moments:
    xp, width = p.xp, p.high - p.low
    share = (p.mode - p.low) / width
    variance = (1 - share * (1 - share)) / 18
    return p.mean(), width * xp.sqrt(variance), ENTROPY_OF_NORMAL + 0.5 * xp.log(variance) - 0.5 + math.log(2)


def _gumbel_moments(p: Gumbel | GumbelMin) -> Moments:
    apart = ENTROPY_OF_NORMAL + 0.5 * math.log(math.pi**2 / 6) - 1 - EULER
    return p.mean(), math.pi / math.sqrt(6) * p.scale, apart + 0 * p.scale


_into_normal(Gumbel)(_gumbel_moments)
_into_normal(GumbelMin)(_gumbel_moments)


@_into_normal(Gamma)
def _gamma(p: Gamma) -> Moments:
    return p.mean(), p.xp.sqrt(p.concentration) / p.rate, negentropy_of_gamma(p.xp, p.concentration)


@_into_normal(InverseGamma, infinite=lambda p: p.concentration <= 2)
def _inverse_gamma(p: InverseGamma) -> Moments:
    xp = p.xp
    a = xp.where(p.concentration <= 2, xp.full_like(p.concentration, 3.0), p.concentration)
    mean = p.rate / (a - 1)
    return mean, mean / xp.sqrt(a - 2), negentropy_of_inverse_gamma(xp, a)


@_into_normal(PowerOfGamma, infinite=lambda p: p.concentration + 2 / p.power <= 0)
def _power_of_gamma(p: PowerOfGamma) -> Moments:
    xp = p.xp
    after = p.concentration + 2 / p.power
    gap, second = (xp.where(after <= 0, xp.full_like(after, k * k / 2), p.power_gap(k)) for k in (1.0, 2.0))
    squares = xp.expm1(second - 2 * gap)
    mean = xp.exp(p.log_mean() + gap)
    return mean, mean * xp.sqrt(squares), p.normality() + gap + 0.5 * xp.log(squares / p.log_variance())


@_into_normal(LogNormal)
def _log_normal(p: LogNormal) -> Moments:
    xp, v = p.xp, p.scale * p.scale
    excess = log_sinhc(xp, v)
    mean, beyond = xp.exp(p.loc + 0.5 * v), 0.25 * v + 0.5 * excess
    log_deviation = p.loc + 0.5 * v + xp.log(p.scale) + beyond
    return mean, mean * p.scale * xp.exp(beyond), 0.75 * v + 0.5 * excess, log_deviation


def _pareto_moments(p: Pareto | Lomax) -> Moments:
    xp = p.xp
    a = xp.where(p.alpha <= 2, xp.full_like(p.alpha, 3.0), p.alpha)
    deviation = p.scale / (a - 1) * xp.sqrt(a / (a - 2))
    logs = 1.5 * xp.log(a / (a - 1)) - 0.5 * xp.log((a - 2) / (a - 1))
    mean = p.scale / (a - 1) * (a if isinstance(p, Pareto) else 1)
    return mean, deviation, ENTROPY_OF_NORMAL - 1 - 1 / a + logs


_FINITE_ABOVE_2: tuple[type[Family], ...] = (Pareto, Lomax)
for _kind in _FINITE_ABOVE_2:
    _into_normal(_kind, infinite=lambda p: p.alpha <= 2)(_pareto_moments)


@_into_normal(InverseGaussian)
def _inverse_gaussian(p: InverseGaussian) -> Moments:
    xp = p.xp
    # H is that of the normal distribution, less 3/2 of log E X − E log X.
    return p.loc, p.loc * xp.sqrt(p.loc / p.concentration), 1.5 * p.power_gap(1) + 0 * p.loc


@_into_normal(Beta)
def _beta(p: Beta) -> Moments:
    return p.mean(), p.xp.sqrt(p.variance()), negentropy_of_beta(p.xp, p.concentration1, p.concentration0)


@_into_normal(BetaPrime, infinite=lambda p: p.concentration0 <= 2)
def _beta_prime(p: BetaPrime) -> Moments:
    xp = p.xp
    tail = xp.where(p.concentration0 <= 2, xp.full_like(p.concentration0, 3.0), p.concentration0)
    law = p.like(BetaPrime, concentration1=p.concentration1, concentration0=tail)
    deviation = xp.sqrt(law.variance())
    return law.mean(), deviation, ENTROPY_OF_NORMAL + xp.log(deviation) - law.entropy()


@_into_normal(Kumaraswamy)
def _kumaraswamy(p: Kumaraswamy) -> Moments:
    deviation = p.deviation()
    return p.mean(), deviation, ENTROPY_OF_NORMAL + p.xp.log(deviation) - p.entropy()


@_into_normal(ContinuousBernoulli)
def _continuous_bernoulli(p: ContinuousBernoulli) -> Moments:
    return p.mean(), p.xp.sqrt(p.variance()), tilt_negentropy(p.xp, p.tilt)


_WITHOUT_VARIANCE: tuple[type[Family], ...] = (Cauchy, HalfCauchy)
for _kind in _WITHOUT_VARIANCE:
    always_infinite(_kind, Normal, source="P has no variance, and −log q grows as x²")
