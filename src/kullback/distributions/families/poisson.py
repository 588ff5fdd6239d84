"""The Poisson distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import NONNEGATIVE
from kullback.distributions._counting import log_poisson
from kullback.distributions._domain import integers
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._numeric import relative_entropy
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form


@family
class Poisson(ExponentialFamily):
    r"""Poisson distribution.

    .. math:: P(k) = \frac{λ^k e^{-λ}}{k!}, \quad k \ge 0

    Parameters
    ----------
    rate : array
        Mean λ, at least 0.
    """

    domain = integers(0)
    rate: Any = parameter(NONNEGATIVE)

    def support(self) -> tuple[Any, Any]:
        return 0.0, self.xp.where(self.rate == 0, 0 * self.rate, self.xp.full_like(self.rate, np.inf))

    def log_density(self, x: Array) -> Array:
        return log_poisson(self.xp, x, self.rate)

    def mean(self) -> Array:
        return self.rate

    def variance(self) -> Array:
        return self.rate

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.poisson(np.asarray(self.rate), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (self.xp.log(self.rate),)

    def from_natural(self, natural: tuple[Array, ...]) -> Poisson:
        return self.like(Poisson, rate=self.xp.exp(natural[0]))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < np.inf


@closed_form(
    Poisson,
    Poisson,
    formula=r"λ_P\log\frac{λ_P}{λ_Q} - λ_P + λ_Q",
    source="Kullback (1959), chapter 6",
)
def _kl(p: Poisson, q: Poisson) -> Array:
    return relative_entropy(p.xp, p.rate, q.rate)


recognise_alike(Poisson)


@recognise("scipy", "poisson")
def _of_scipy(mu: Any) -> Poisson:
    return Poisson(rate=mu)
