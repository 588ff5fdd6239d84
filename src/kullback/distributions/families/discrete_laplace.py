"""The discrete Laplace distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._chance import Chance, relative_entropy_of_trials
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import integers
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form


@family
class DiscreteLaplace(ExponentialFamily):
    r"""Discrete Laplace distribution.

    .. math:: P(k) = \tanh\left(\frac{a}{2}\right) e^{-a|k|}, \quad k \in \mathbb{Z}

    Parameters
    ----------
    rate : array
        Rate a, above 0.
    """

    domain = integers(-np.inf)
    rate: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        return self.xp.log(self.xp.tanh(0.5 * self.rate)) - self.rate * self.xp.abs(x)

    def entropy(self) -> Array:
        xp, a = self.xp, self.rate
        return a / xp.sinh(a) - xp.log(xp.tanh(0.5 * a))

    def mean(self) -> Array:
        return 0 * self.rate

    def variance(self) -> Array:
        half = self.xp.sinh(0.5 * self.rate)
        return 0.5 / (half * half)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        chance = -np.expm1(-np.asarray(self.rate))
        shape = (count, *self.batch_shape)
        return rng.geometric(chance, shape) - rng.geometric(chance, shape)

    def natural(self) -> tuple[Array, ...]:
        return (-self.rate,)

    def from_natural(self, natural: tuple[Array, ...]) -> DiscreteLaplace:
        return self.like(DiscreteLaplace, rate=-natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < 0


@closed_form(
    DiscreteLaplace,
    DiscreteLaplace,
    formula=r"\log\frac{\tanh(a_P/2)}{\tanh(a_Q/2)} + \frac{a_Q - a_P}{\sinh a_P}",
    source="Nawa and Nadarajah (2024), Entropy 26:959",
)
def _kl(p: DiscreteLaplace, q: DiscreteLaplace) -> Array:
    xp, d = p.xp, q.rate - p.rate

    # Whether it is 0 first, then how far it is from 0: |k| − 1 is geometric.
    def of_zero(a: Array) -> Chance:
        small = xp.exp(-a)
        log_no = math.log(2) - a - xp.log1p(small)
        return Chance.of_numbers(xp, xp.tanh(0.5 * a), 2 * small / (1 + small), log_no=log_no, flat=(True, True))

    def of_step(a: Array) -> Chance:
        return Chance.of_numbers(xp, -xp.expm1(-a), xp.exp(-a), log_no=-a, flat=(True, True))

    zero_p, zero_q, step_p, step_q = of_zero(p.rate), of_zero(q.rate), of_step(p.rate), of_step(q.rate)
    to_zero = xp.tanh(0.5 * d) * (zero_p.no + zero_q.no - zero_p.no * zero_q.no)
    whether = relative_entropy_of_trials(zero_p, zero_q, to_zero)
    to_step = xp.exp(-xp.where(d < 0, q.rate, p.rate)) * xp.where(d < 0, xp.expm1(-xp.abs(d)), -xp.expm1(-xp.abs(d)))
    return whether + zero_p.no * relative_entropy_of_trials(step_p, step_q, to_step) / step_p.yes


@recognise("scipy", "dlaplace")
def _of_scipy(a: Any) -> DiscreteLaplace:
    return DiscreteLaplace(rate=a)
