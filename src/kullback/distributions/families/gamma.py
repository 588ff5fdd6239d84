"""The gamma distribution, and the exponential and chi-squared ones, which are gamma distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array, within
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import exp_gap, log_ratio, products, ratio_gap, stirling_gap
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._special import special


@family
class Gamma(ExponentialFamily):
    r"""Gamma distribution.

    .. math:: p(x) = \frac{β^α}{Γ(α)} x^{α-1} e^{-βx}, \quad x > 0

    Parameters
    ----------
    concentration : array
        Shape α, above 0.
    rate : array
        Rate β, above 0.
    """

    domain = reals(0)
    concentration: Any = parameter(POSITIVE)
    rate: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        f, a = special(self.xp), self.concentration
        return f.xlogy(a, self.rate) + f.xlogy(a - 1, x) - self.rate * x - f.lgamma(a)

    def entropy(self) -> Array:
        f, a = special(self.xp), self.concentration
        return a - self.xp.log(self.rate) + f.lgamma(a) + (1 - a) * f.digamma(a)

    def mean(self) -> Array:
        return self.concentration / self.rate

    def variance(self) -> Array:
        return self.concentration / (self.rate * self.rate)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.gamma(np.asarray(self.concentration), 1 / np.asarray(self.rate), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return self.concentration, -self.rate

    def from_natural(self, natural: tuple[Array, ...]) -> Gamma:
        return self.like(Gamma, concentration=natural[0], rate=-natural[1])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return (natural[0] > 0) & (natural[1] < 0)


@closed_form(
    Gamma,
    Gamma,
    formula=r"\log\frac{Γ(α_Q)}{Γ(α_P)} - (α_Q-α_P)ψ(α_P) "
    r"+ α_Q\log\frac{β_P}{β_Q} + α_P\left(\frac{β_Q}{β_P} - 1\right)",
    source="Penny (2001), Kullback-Liebler divergences of normal, gamma, Dirichlet and Wishart densities",
)
def _kl(p: Gamma, q: Gamma) -> Array:
    # Between the means first, then between the shapes: both parts are at least 0.
    between_means = q.concentration * exp_gap(p.xp, _log_mean_ratio(p, q))
    return between_means + stirling_gap(p.xp, p.concentration, q.concentration)


def _log_mean_ratio(p: Gamma, q: Gamma) -> Array:
    """Log of the ratio of the means; where they agree to rounding, from the exact difference of cross products."""
    xp = p.xp
    a, b, c, d = p.concentration, q.concentration, p.rate, q.rate
    if within(xp, 1e-9, 1e9, a, b, c, d):
        return log_ratio(xp, a * d, b * c, products(xp, a, d, b, c))
    # Where no product overflows, nor its rounding error underflows.
    largest = float(xp.finfo(c.dtype).max) ** 0.8
    first, second, one = a * d, b * c, xp.ones_like(a * d)
    formed = (a + b + c + d < largest) & (first * largest > 1) & (second * largest > 1)
    formed = formed & (first < largest) & (second < largest)
    apart = log_ratio(xp, a, b) - log_ratio(xp, c, d)
    a, b, c, d = (xp.where(formed, x, one) for x in (a, b, c, d))
    return xp.where(formed, log_ratio(xp, a * d, b * c, products(xp, a, d, b, c)), apart)


@family
class Exponential(Family):
    r"""Exponential distribution.

    .. math:: p(x) = λ e^{-λx}, \quad x > 0

    Parameters
    ----------
    rate : array
        Rate λ, above 0.
    """

    domain = reals(0)
    rate: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        return self.xp.log(self.rate) - self.rate * x

    def entropy(self) -> Array:
        return 1 - self.xp.log(self.rate)

    def mean(self) -> Array:
        return 1 / self.rate

    def variance(self) -> Array:
        return 1 / (self.rate * self.rate)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.exponential(1 / np.asarray(self.rate), (count, *self.batch_shape))


@closed_form(
    Exponential,
    Exponential,
    formula=r"\frac{λ_Q}{λ_P} - 1 - \log\frac{λ_Q}{λ_P}",
    source="Kullback (1959), chapter 2",
)
def _exponential_kl(p: Exponential, q: Exponential) -> Array:
    return ratio_gap(p.xp, q.rate, p.rate)


@seen_as(Exponential, Gamma)
def _exponential_as_gamma(law: Exponential) -> Gamma:
    return law.like(Gamma, concentration=1.0, rate=law.rate)


@family
class Chi2(ExponentialFamily):
    r"""Chi-squared distribution.

    .. math:: p(x) = \frac{x^{ν/2-1} e^{-x/2}}{2^{ν/2}\,Γ(ν/2)}, \quad x > 0

    Parameters
    ----------
    df : array
        Degrees of freedom ν, above 0; need not be whole.
    """

    domain = reals(0)
    df: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        return _chi2_as_gamma(self).log_density(x)

    def entropy(self) -> Array:
        return _chi2_as_gamma(self).entropy()

    def mean(self) -> Array:
        return self.df

    def variance(self) -> Array:
        return 2 * self.df

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.chisquare(np.asarray(self.df), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (self.df,)

    def from_natural(self, natural: tuple[Array, ...]) -> Chi2:
        return self.like(Chi2, df=natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] > 0


def _chi2_as_gamma(law: Chi2) -> Gamma:
    return law.like(Gamma, concentration=0.5 * law.df, rate=0.5)


seen_as(Chi2, Gamma)(_chi2_as_gamma)


recognise_alike(Gamma)
recognise_alike(Exponential)
recognise_alike(Chi2)


@recognise("scipy", "gamma", "erlang")
def _gamma_of_scipy(a: Any, scale: Any) -> Gamma:
    return Gamma(concentration=a, rate=1 / scale)


@recognise("scipy", "expon")
def _exponential_of_scipy(scale: Any) -> Exponential:
    return Exponential(rate=1 / scale)


@recognise("scipy", "chi2")
def _chi2_of_scipy(df: Any, scale: Any) -> Family:
    if np.all(np.asarray(scale) == 1):
        return Chi2(df=df)
    return Gamma(concentration=0.5 * df, rate=0.5 / scale)
