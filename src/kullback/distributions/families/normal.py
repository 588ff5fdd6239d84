"""The normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._numeric import square_ratio_gap
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form


@family
class Normal(ExponentialFamily):
    r"""Normal distribution.

    .. math:: p(x) = \frac{1}{σ\sqrt{2π}} \exp\left(-\frac{(x - μ)^2}{2σ^2}\right)

    Parameters
    ----------
    loc : array
        Mean μ.
    scale : array
        Standard deviation σ, above 0.
    """

    domain = reals()
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        z = (x - self.loc) / self.scale
        return -0.5 * z * z - self.xp.log(self.scale) - 0.5 * math.log(2 * math.pi)

    def entropy(self) -> Array:
        return self.xp.log(self.scale) + 0.5 * math.log(2 * math.pi * math.e) + 0 * self.loc

    def mean(self) -> Array:
        return self.loc + 0 * self.scale

    def variance(self) -> Array:
        return self.scale * self.scale + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.normal(np.asarray(self.loc), np.asarray(self.scale), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        precision = 1 / (self.scale * self.scale)
        return self.loc * precision, -0.5 * precision

    def from_natural(self, natural: tuple[Array, ...]) -> Normal:
        first, second = natural
        return self.like(Normal, loc=-0.5 * first / second, scale=self.xp.sqrt(-0.5 / second))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[1] < 0


@closed_form(
    Normal,
    Normal,
    formula=r"\frac12\left[\frac{(μ_P-μ_Q)^2}{σ_Q^2} + \frac{σ_P^2}{σ_Q^2} - 1 - \log\frac{σ_P^2}{σ_Q^2}\right]",
    source="Kullback (1959), chapter 9",
)
def _kl(p: Normal, q: Normal) -> Array:
    shift = (p.loc - q.loc) / q.scale
    return 0.5 * (shift * shift + square_ratio_gap(p.xp, p.scale, q.scale))


recognise_alike(Normal)


@recognise("scipy", "norm")
def _of_scipy(loc: Any, scale: Any) -> Normal:
    return Normal(loc=loc, scale=scale)


@recognise("scipy", "StandardNormal")
def _standard_of_scipy() -> Normal:
    return Normal(loc=0.0, scale=1.0)


@recognise("scipy", "Normal")
def _of_new_scipy(mu: Any, sigma: Any) -> Normal:
    return Normal(loc=mu, scale=sigma)
