"""The logit-normal distribution: the logistic function of a normal variable."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._registry import seen_as
from kullback.distributions.families.normal import Normal


@family
class LogitNormal(Family):
    r"""Logit-normal distribution.

    .. math::

        p(x) = \frac{1}{σ\sqrt{2π}\,x(1-x)} \exp\left(-\frac{(\log\frac{x}{1-x} - μ)^2}{2σ^2}\right), \quad 0 < x < 1

    Parameters
    ----------
    loc : array
        Mean μ of the logit.
    scale : array
        Standard deviation σ of the logit, above 0.
    """

    domain = reals(0, 1)
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        xp = self.xp
        log_x, log_rest = xp.log(x), xp.log1p(-x)
        z = (log_x - log_rest - self.loc) / self.scale
        return -0.5 * z * z - xp.log(self.scale) - 0.5 * math.log(2 * math.pi) - log_x - log_rest

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        logits = rng.normal(np.asarray(self.loc), np.asarray(self.scale), (count, *self.batch_shape))
        result: np.ndarray[Any, Any] = 1 / (1 + np.exp(-logits))
        return result


@seen_as(LogitNormal, Normal, bijection="expit")
def _as_normal(law: LogitNormal) -> Normal:
    return law.like(Normal, loc=law.loc, scale=law.scale)
