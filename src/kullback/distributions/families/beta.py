"""The beta distribution, that of its odds (beta prime), and the power function distribution, a beta distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._gamma import lgamma_gap_by, trigamma
from kullback.distributions._numeric import exp_gap, log_ratio, products, stirling_gap
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._shape import ENTROPY_OF_NORMAL, digamma_difference, negentropy_of_beta
from kullback.distributions._special import log_beta, special


@family
class Beta(ExponentialFamily):
    r"""Beta distribution.

    .. math:: p(x) = \frac{x^{α-1} (1-x)^{β-1}}{B(α, β)}, \quad 0 < x < 1

    Parameters
    ----------
    concentration1 : array
        α, above 0.
    concentration0 : array
        β, above 0.
    """

    domain = reals(0, 1)
    concentration1: Any = parameter(POSITIVE)
    concentration0: Any = parameter(POSITIVE)

    @property
    def total(self) -> Array:
        """α + β."""
        return self.concentration1 + self.concentration0

    def log_density(self, x: Array) -> Array:
        f, a, b = special(self.xp), self.concentration1, self.concentration0
        return f.xlogy(a - 1, x) + f.xlog1py(b - 1, -x) - log_beta(self.xp, a, b)

    def entropy(self) -> Array:
        # From that of the normal distribution of the same variance: for large α and β the terms would cancel.
        xp, a, b = self.xp, self.concentration1, self.concentration0
        spread = xp.log(a / self.total) + xp.log(b / self.total) - xp.log1p(self.total)
        return ENTROPY_OF_NORMAL + 0.5 * spread - negentropy_of_beta(xp, a, b)

    def mean(self) -> Array:
        return self.concentration1 / self.total

    def variance(self) -> Array:
        return self.concentration1 / self.total * (self.concentration0 / self.total) / (self.total + 1)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.beta(np.asarray(self.concentration1), np.asarray(self.concentration0), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return self.concentration1, self.concentration0

    def from_natural(self, natural: tuple[Array, ...]) -> Beta:
        return self.like(Beta, concentration1=natural[0], concentration0=natural[1])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return (natural[0] > 0) & (natural[1] > 0)

    def log_mean(self) -> Array:
        """E log X."""
        return -digamma_difference(self.xp, self.concentration1, self.concentration0)

    def log_variance(self) -> Array:
        """Variance of log X."""
        return trigamma(self.xp, self.concentration1) - trigamma(self.xp, self.total)

    def power_gap(self, power: Any) -> Array:
        """Log E X^power − power·E log X; inf where the moment is."""
        xp, a = self.xp, self.concentration1 + 0 * self.concentration0
        finite = a + power > 0
        step = xp.where(finite, power + 0 * a, xp.zeros_like(a + 0 * power))
        gap = lgamma_gap_by(xp, a + 0 * step, step) - lgamma_gap_by(xp, self.total + 0 * step, step)
        return xp.where(finite, gap, xp.full_like(gap, math.inf))

    def normality(self) -> Array:
        """D from log X to the normal of its moments."""
        of_log = self.entropy() - self.log_mean()
        return ENTROPY_OF_NORMAL + 0.5 * self.xp.log(self.log_variance()) - of_log


@closed_form(
    Beta,
    Beta,
    formula=r"\log\frac{B(α_Q,β_Q)}{B(α_P,β_P)} + (α_P-α_Q)ψ(α_P) + (β_P-β_Q)ψ(β_P) "
    r"+ (α_Q-α_P+β_Q-β_P)ψ(α_P+β_P)",
    source="Gil, Alajaji and Linder (2013), Rényi divergence measures for commonly used univariate distributions",
)
def between_betas(p: Beta, q: Beta) -> Array:
    """D(P‖Q) of two beta distributions."""
    xp = p.xp
    a, b, other_a, other_b = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    # Between the means, as of Bernoulli distributions weighed by α_Q + β_Q: their difference from exact products.
    cross = products(xp, a, other_b, other_a, b)
    above = log_ratio(xp, a * q.total, other_a * p.total, cross)
    below = log_ratio(xp, b * q.total, other_b * p.total, -cross)
    means = other_a * exp_gap(xp, above) + other_b * exp_gap(xp, below)
    # Between the shapes: what Stirling's formula leaves out, at least 0 together.
    change = (other_a - a) + (other_b - b)
    whole = stirling_gap(xp, p.total, q.total, change)
    return means + (stirling_gap(xp, a, other_a) + stirling_gap(xp, b, other_b) - whole)


@family
class BetaPrime(Family):
    r"""Beta prime distribution: the odds x/(1 − x) of a beta distribution.

    .. math:: p(x) = \frac{x^{α-1} (1+x)^{-α-β}}{B(α, β)}, \quad x > 0

    Parameters
    ----------
    concentration1 : array
        α, above 0.
    concentration0 : array
        β, above 0.
    """

    domain = reals(0)
    concentration1: Any = parameter(POSITIVE)
    concentration0: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        f, a, b = special(self.xp), self.concentration1, self.concentration0
        return f.xlogy(a - 1, x) - (a + b) * self.xp.log1p(x) - log_beta(self.xp, a, b)

    def entropy(self) -> Array:
        f, a, b = special(self.xp), self.concentration1, self.concentration0
        return _odds_as_beta(self).entropy() + 2 * (f.digamma(a + b) - f.digamma(b))

    def mean(self) -> Array:
        xp, a, b = self.xp, self.concentration1, self.concentration0
        finite = (b > 1) & (a > 0)
        return xp.where(finite, a / xp.where(b > 1, b - 1, xp.ones_like(b)), xp.full_like(a + b, math.inf))

    def variance(self) -> Array:
        xp, a, b = self.xp, self.concentration1, self.concentration0
        finite = b + 0 * a > 2
        safe = xp.where(finite, b, xp.full_like(a + b, 3.0))
        value = a / (safe - 1) * ((a + safe - 1) / (safe - 1)) / (safe - 2)
        return xp.where(finite, value, xp.full_like(value, math.inf))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        shape = (count, *self.batch_shape)
        above = rng.gamma(np.asarray(self.concentration1), size=shape)
        result: np.ndarray[Any, Any] = above / rng.gamma(np.asarray(self.concentration0), size=shape)
        return result


@seen_as(BetaPrime, Beta, bijection="odds")
def _odds_as_beta(law: BetaPrime) -> Beta:
    return law.like(Beta, concentration1=law.concentration1, concentration0=law.concentration0)


@family
class PowerFunction(Family):
    r"""Power function distribution.

    .. math:: p(x) = α x^{α-1}, \quad 0 < x < 1

    Parameters
    ----------
    concentration : array
        α, above 0.
    """

    domain = reals(0, 1)
    concentration: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        return self.xp.log(self.concentration) + special(self.xp).xlogy(self.concentration - 1, x)

    def entropy(self) -> Array:
        return 1 - 1 / self.concentration - self.xp.log(self.concentration)

    def mean(self) -> Array:
        return self.concentration / (self.concentration + 1)

    def variance(self) -> Array:
        a = self.concentration
        return a / (a + 1) / (a + 1) / (a + 2)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.power(np.asarray(self.concentration), (count, *self.batch_shape))


@seen_as(PowerFunction, Beta)
def _power_as_beta(law: PowerFunction) -> Beta:
    return law.like(Beta, concentration1=law.concentration, concentration0=1.0)


recognise_alike(Beta)


@recognise("scipy", "beta")
def _of_scipy(a: Any, b: Any) -> Beta:
    return Beta(concentration1=a, concentration0=b)


@recognise("scipy", "arcsine")
def _arcsine_of_scipy() -> Beta:
    return Beta(concentration1=0.5, concentration0=0.5)


@recognise("scipy", "betaprime")
def _odds_of_scipy(a: Any, b: Any) -> BetaPrime:
    return BetaPrime(concentration1=a, concentration0=b)


@recognise("scipy", "powerlaw")
def _power_of_scipy(a: Any) -> PowerFunction:
    return PowerFunction(concentration=a)
