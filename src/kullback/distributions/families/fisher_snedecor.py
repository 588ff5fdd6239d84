"""The F distribution of Fisher and Snedecor, and its kin: ratios of gamma variables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._beta_prime import ScaledBetaPrime
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import seen_as
from kullback.distributions._special import log_beta, special
from kullback.distributions.families.beta import BetaPrime


@family
class FisherSnedecor(Family):
    r"""F distribution, that of the ratio of two χ² variables over their degrees of freedom.

    .. math:: p(x) = \frac{(ν_1/ν_2)^{ν_1/2}\,x^{ν_1/2-1}}{B(ν_1/2, ν_2/2)}
              \left(1 + \frac{ν_1}{ν_2}x\right)^{-(ν_1+ν_2)/2}, \quad x > 0

    Parameters
    ----------
    df1, df2 : array
        Degrees of freedom ν₁ and ν₂ above and below, above 0.
    """

    domain = reals(0)
    df1: Any = parameter(POSITIVE)
    df2: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        f, a, b = special(self.xp), self.df1 / 2, self.df2 / 2
        z = self.df1 / self.df2 * x
        logs = f.xlogy(a - 1, z) - (a + b) * self.xp.log1p(z) - log_beta(self.xp, a, b)
        return logs + self.xp.log(self.df1 / self.df2)

    def entropy(self) -> Array:
        odds = self.like(BetaPrime, concentration1=self.df1 / 2, concentration0=self.df2 / 2)
        return odds.entropy() + self.xp.log(self.df2 / self.df1)

    def mean(self) -> Array:
        finite = self.df2 + 0 * self.df1 > 2
        below = self.xp.where(finite, self.df2, self.xp.full_like(self.df2 + self.df1, 4.0))
        value = below / (below - 2)
        return self.xp.where(finite, value, self.xp.full_like(value, math.inf))

    def variance(self) -> Array:
        finite = self.df2 + 0 * self.df1 > 4
        below = self.xp.where(finite, self.df2, self.xp.full_like(self.df2 + self.df1, 6.0))
        mean = below / (below - 2)
        value = 2 * mean * mean * ((self.df1 + below - 2) / self.df1) / (below - 4)
        return self.xp.where(finite, value, self.xp.full_like(value, math.inf))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.f(np.asarray(self.df1), np.asarray(self.df2), (count, *self.batch_shape))


@seen_as(FisherSnedecor, ScaledBetaPrime)
def _of_chi_squares(law: FisherSnedecor) -> ScaledBetaPrime:
    return law.like(
        ScaledBetaPrime, concentration1=law.df1 / 2, concentration0=law.df2 / 2, scale=law.df2, rate=law.df1
    )


@seen_as(BetaPrime, ScaledBetaPrime)
def _of_odds(law: BetaPrime) -> ScaledBetaPrime:
    return law.like(
        ScaledBetaPrime, concentration1=law.concentration1, concentration0=law.concentration0, scale=1.0, rate=1.0
    )


recognise_alike(FisherSnedecor, libraries=("torch",))


@recognise("scipy", "f")
def _of_scipy(dfn: Any, dfd: Any) -> FisherSnedecor:
    return FisherSnedecor(df1=dfn, df2=dfd)
