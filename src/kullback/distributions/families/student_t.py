"""Student's t distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._shape import half_step, half_step_slope


@family
class StudentT(Family):
    r"""Student's t distribution, with a location and a scale.

    .. math::

        p(x) = \frac{Γ\left(\frac{ν+1}{2}\right)}{Γ\left(\frac{ν}{2}\right)\sqrt{πν}\,σ}
        \left(1 + \frac{(x - μ)^2}{νσ^2}\right)^{-(ν+1)/2}

    Parameters
    ----------
    df : array
        Degrees of freedom ν, above 0.
    loc : array
        Median μ.
    scale : array
        Scale σ, above 0.
    """

    domain = reals()
    df: Any = parameter(POSITIVE)
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    @property
    def log_peak(self) -> Array:
        """Logarithm of the density at the median, times σ."""
        return half_step(self.xp, self.df / 2) - 0.5 * math.log(2 * math.pi)

    def log_density(self, x: Array) -> Array:
        z = (x - self.loc) / self.scale
        return self.log_peak - self.xp.log(self.scale) - (self.df + 1) / 2 * self.xp.log1p(z * z / self.df)

    def entropy(self) -> Array:
        # ψ((ν+1)/2) − ψ(ν/2) is the slope of half_step, and that of ½·log(ν/2), which it leaves out.
        slope = half_step_slope(self.xp, self.df / 2) + 1 / self.df
        return (self.df + 1) / 2 * slope - self.log_peak + self.xp.log(self.scale) + 0 * self.loc

    def mean(self) -> Array:
        shape = self.loc + 0 * self.scale + 0 * self.df
        return self.xp.where(self.df + 0 * shape > 1, shape, self.xp.full_like(shape, math.nan))

    def variance(self) -> Array:
        xp, df = self.xp, self.df + 0 * self.loc + 0 * self.scale
        value = self.scale * self.scale * df / xp.where(df > 2, df - 2, xp.ones_like(df))
        value = xp.where(df > 2, value, xp.full_like(value, math.inf))
        return xp.where(df > 1, value, xp.full_like(value, math.nan))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = rng.standard_t(np.asarray(self.df), (count, *self.batch_shape))
        result: np.ndarray[Any, Any] = np.asarray(self.loc) + np.asarray(self.scale) * draws
        return result


recognise_alike(StudentT)


@recognise("scipy", "t")
def _of_scipy(df: Any, loc: Any, scale: Any) -> StudentT:
    return StudentT(df=df, loc=loc, scale=scale)
