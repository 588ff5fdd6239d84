"""The log-normal distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import seen_as
from kullback.distributions.families.normal import Normal


@family
class LogNormal(ExponentialFamily):
    r"""Log-normal distribution, that of e^X for a normal variable X.

    .. math:: p(x) = \frac{1}{xσ\sqrt{2π}} \exp\left(-\frac{(\log x - μ)^2}{2σ^2}\right), \quad x > 0

    Parameters
    ----------
    loc : array
        Mean μ of the logarithm.
    scale : array
        Standard deviation σ of the logarithm, above 0.
    """

    domain = reals(0)
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        log_x = self.xp.log(x)
        return _logarithm(self).log_density(log_x) - log_x

    def entropy(self) -> Array:
        return _logarithm(self).entropy() + self.loc

    def mean(self) -> Array:
        return self.xp.exp(self.loc + 0.5 * self.scale * self.scale)

    def variance(self) -> Array:
        squared = self.scale * self.scale
        return self.xp.expm1(squared) * self.xp.exp(2 * self.loc + squared)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.lognormal(np.asarray(self.loc), np.asarray(self.scale), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return _logarithm(self).natural()

    def from_natural(self, natural: tuple[Array, ...]) -> LogNormal:
        normal = _logarithm(self).from_natural(natural)
        return self.like(LogNormal, loc=normal.loc, scale=normal.scale)

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[1] < 0

    def log_mean(self) -> Array:
        """E log X."""
        return self.loc

    def power_gap(self, power: Array) -> Array:
        """Log E X^power − power·E log X."""
        return 0.5 * (power * self.scale) ** 2


def _logarithm(law: LogNormal) -> Normal:
    return law.like(Normal, loc=law.loc, scale=law.scale)


seen_as(LogNormal, Normal, bijection="exp")(_logarithm)


recognise_alike(LogNormal)


@recognise("scipy", "lognorm")
def _of_scipy(s: Any, scale: Any) -> LogNormal:
    return LogNormal(loc=np.log(scale), scale=s)
