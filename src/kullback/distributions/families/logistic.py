"""The logistic distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._recognise import recognise, recognise_alike


@family
class Logistic(Family):
    r"""Logistic distribution.

    .. math:: p(x) = \frac{e^{-z}}{s(1 + e^{-z})^2}, \quad z = \frac{x - μ}{s}

    Parameters
    ----------
    loc : array
        Mean μ.
    scale : array
        Scale s, above 0.
    """

    domain = reals()
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        z = self.xp.abs(x - self.loc) / self.scale
        return -z - 2 * self.xp.log1p(self.xp.exp(-z)) - self.xp.log(self.scale)

    def entropy(self) -> Array:
        return 2 + self.xp.log(self.scale) + 0 * self.loc

    def mean(self) -> Array:
        return self.loc + 0 * self.scale

    def variance(self) -> Array:
        return math.pi**2 / 3 * self.scale * self.scale + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.logistic(np.asarray(self.loc), np.asarray(self.scale), (count, *self.batch_shape))


recognise_alike(Logistic, libraries=("numpyro",))


@recognise("scipy", "logistic")
def _of_scipy(loc: Any, scale: Any) -> Logistic:
    return Logistic(loc=loc, scale=scale)
