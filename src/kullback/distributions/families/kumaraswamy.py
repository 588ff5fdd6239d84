"""Kumaraswamy's distribution: a power of a beta variable of first shape 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import ratio_gap
from kullback.distributions._recognise import recognise_alike
from kullback.distributions._registry import closed_form
from kullback.distributions._shape import digamma_difference
from kullback.distributions._special import special
from kullback.distributions.families.beta import Beta, PowerFunction


@family
class Kumaraswamy(Family):
    r"""Kumaraswamy's distribution.

    .. math:: p(x) = αβ\,x^{α-1} (1-x^α)^{β-1}, \quad 0 < x < 1

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

    def power(self) -> Beta:
        """Return the distribution of X^α."""
        return self.like(Beta, concentration1=1.0, concentration0=self.concentration0)

    def log_density(self, x: Array) -> Array:
        xp, f, a, b = self.xp, special(self.xp), self.concentration1, self.concentration0
        rest = f.xlogy(b - 1, -xp.expm1(a * xp.log(x)))
        return xp.log(a) + xp.log(b) + f.xlogy(a - 1, x) + rest

    def entropy(self) -> Array:
        return -from_uniform(self, self.concentration1)

    def mean(self) -> Array:
        return self.xp.exp(self.log_mean() + self.power_gap(1.0))

    def deviation(self) -> Array:
        """Return the standard deviation."""
        return self.mean() * self.xp.sqrt(self.xp.expm1(self.power_gap(2.0) - 2 * self.power_gap(1.0)))

    def variance(self) -> Array:
        deviation = self.deviation()
        return deviation * deviation

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        share = rng.random((count, *self.batch_shape))
        inner = -np.expm1(np.log1p(-share) / np.asarray(self.concentration0))
        result: np.ndarray[Any, Any] = inner ** (1 / np.asarray(self.concentration1))
        return result

    def log_mean(self) -> Array:
        """E log X."""
        return self.power().log_mean() / self.concentration1

    def log_variance(self) -> Array:
        """Variance of log X."""
        return self.power().log_variance() / self.concentration1 / self.concentration1

    def power_gap(self, power: Any) -> Array:
        """Log E X^power − power·E log X; inf where the moment is."""
        return self.power().power_gap(power / self.concentration1)

    def normality(self) -> Array:
        """D from log X to the normal of its moments."""
        return self.power().normality() + 0 * self.concentration1


def from_uniform(law: Kumaraswamy, a: Array) -> Array:
    """D from the uniform distribution on [0, 1] of Kumaraswamy's with shapes a and β."""
    xp, b = law.xp, law.concentration0
    one = xp.ones_like(a + b)
    # The mean of log x is −(ψ(β + 1) − ψ(1))/a; of each shape alone the gap of −log is left.
    both = (1 - 1 / a) * digamma_difference(xp, 2 * one, b - one)
    return ratio_gap(xp, one, a * one) + ratio_gap(xp, one, b * one) - both


@closed_form(
    Kumaraswamy,
    PowerFunction,
    formula=r"\log\frac{α_Pβ}{α_Q} - \left(1 - \frac{α_Q}{α_P}\right)\left(ψ(β+1) - ψ(1)\right) - 1 + \frac1β",
    source="Jones (2009), Kumaraswamy's distribution: a beta-type distribution with some tractability advantages",
)
def _kl(p: Kumaraswamy, q: PowerFunction) -> Array:
    return from_uniform(p, p.concentration1 / q.concentration)


recognise_alike(Kumaraswamy)
