"""The distributions of Pareto: of the first kind, from a least value on, and of the second (Lomax), from 0 on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._beta_prime import ScaledBetaPrime
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._gamma import trigamma
from kullback.distributions._numeric import log_gap, log_ratio, ratio_gap
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._special import EULER, LOG_2PI, special


@family
class Pareto(Family):
    r"""Pareto distribution.

    .. math:: p(x) = \frac{α\,m^α}{x^{α+1}}, \quad x > m

    Parameters
    ----------
    scale : array
        Least value m, above 0.
    alpha : array
        Tail index α, above 0.
    """

    domain = reals("scale")
    scale: Any = parameter(POSITIVE)
    alpha: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        inside = x >= self.scale
        ratio = self.xp.where(inside, x / self.scale, self.xp.ones_like(x / self.scale))
        value = self.xp.log(self.alpha / self.scale) - (self.alpha + 1) * self.xp.log(ratio)
        return self.xp.where(inside, value, self.xp.full_like(value, -math.inf))

    def entropy(self) -> Array:
        return self.xp.log(self.scale / self.alpha) + 1 + 1 / self.alpha

    def mean(self) -> Array:
        finite = self.alpha > 1
        excess = self.xp.where(finite, self.alpha - 1, self.xp.ones_like(self.alpha))
        value = self.alpha * self.scale / excess
        return self.xp.where(finite, value, self.xp.full_like(value, math.inf))

    def variance(self) -> Array:
        finite = self.alpha > 2
        alpha = self.xp.where(finite, self.alpha, 3 * self.xp.ones_like(self.alpha))
        value = self.scale * self.scale * alpha / ((alpha - 1) ** 2 * (alpha - 2))
        return self.xp.where(finite, value, self.xp.full_like(value, math.inf))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = rng.pareto(np.asarray(self.alpha), (count, *self.batch_shape))
        return np.asarray((1 + draws) * np.asarray(self.scale))

    def log_mean(self) -> Array:
        """E log X."""
        return self.xp.log(self.scale) + 1 / self.alpha

    def log_variance(self) -> Array:
        """Variance of log X."""
        return 1 / (self.alpha * self.alpha)

    def power_gap(self, power: Array) -> Array:
        """Log E X^power − power·E log X; inf where the moment is."""
        xp = self.xp
        share = power / self.alpha
        finite = share < 1
        gap = log_gap(xp, xp.where(finite, -share, xp.ones_like(share)))
        return xp.where(finite, gap, xp.full_like(gap, math.inf))

    def normality(self) -> Array:
        """D from log X, an exponential variable, to the normal of its moments."""
        return 0.5 * (LOG_2PI - 1) + 0 * self.alpha * self.scale


@closed_form(
    Pareto,
    Pareto,
    formula=r"\log\frac{α_P}{α_Q} + \frac{α_Q}{α_P} - 1 + α_Q\log\frac{m_P}{m_Q} \text{ for } m_P ≥ m_Q",
    source="Gil, Alajaji and Linder (2013), Rényi divergence measures, table 2",
)
def _pareto(p: Pareto, q: Pareto) -> Array:
    return ratio_gap(p.xp, q.alpha, p.alpha) + q.alpha * log_ratio(p.xp, p.scale, q.scale)


@family
class Lomax(Family):
    r"""Lomax distribution, Pareto's of the second kind.

    .. math:: p(x) = \frac{α}{s} \left(1 + \frac{x}{s}\right)^{-α-1}, \quad x > 0

    Parameters
    ----------
    scale : array
        Scale s, above 0.
    alpha : array
        Tail index α, above 0.
    """

    domain = reals(0)
    scale: Any = parameter(POSITIVE)
    alpha: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        return self.xp.log(self.alpha / self.scale) - (self.alpha + 1) * self.xp.log1p(x / self.scale)

    def entropy(self) -> Array:
        return self.xp.log(self.scale / self.alpha) + 1 + 1 / self.alpha

    def mean(self) -> Array:
        finite = self.alpha > 1
        excess = self.xp.where(finite, self.alpha - 1, self.xp.ones_like(self.alpha))
        value = self.scale / excess
        return self.xp.where(finite, value, self.xp.full_like(value, math.inf))

    def variance(self) -> Array:
        # A shift of Pareto's.
        return Pareto.trusted(scale=self.scale, alpha=self.alpha).variance()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = rng.pareto(np.asarray(self.alpha), (count, *self.batch_shape))
        return np.asarray(draws * np.asarray(self.scale))

    def log_mean(self) -> Array:
        """E log X."""
        return self.xp.log(self.scale) - EULER - special(self.xp).digamma(self.alpha)

    def log_variance(self) -> Array:
        """Variance of log X."""
        return math.pi**2 / 6 + trigamma(self.xp, self.alpha)

    def heavier(self) -> Array:
        """H(log X) beyond that of an exponential variable's logarithm, 1 + γ: 0 for large α."""
        return special(self.xp).digamma(self.alpha + 1) - self.xp.log(self.alpha)

    def normality(self) -> Array:
        """D from log X to the normal of its moments."""
        logs = 0.5 * (LOG_2PI + 1 + self.xp.log(self.log_variance()))
        return logs - (1 + EULER) - self.heavier() + 0 * self.scale


@seen_as(Lomax, ScaledBetaPrime)
def _as_ratio(law: Lomax) -> ScaledBetaPrime:
    return law.like(ScaledBetaPrime, concentration1=1.0, concentration0=law.alpha, scale=law.scale, rate=1.0)


recognise_alike(Pareto)


@recognise("scipy", "pareto")
def _of_scipy(b: Any, scale: Any) -> Pareto:
    return Pareto(scale=scale, alpha=b)


@recognise("scipy", "lomax")
def _lomax_of_scipy(c: Any, scale: Any) -> Lomax:
    return Lomax(scale=scale, alpha=c)
