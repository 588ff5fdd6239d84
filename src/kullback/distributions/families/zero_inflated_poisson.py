"""The Poisson distribution with more zeros than it has."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, Namespace
from kullback.distributions._chance import Chance, relative_entropy_of_trials
from kullback.distributions._constraints import NONNEGATIVE, PROBABILITY
from kullback.distributions._counting import log_poisson
from kullback.distributions._domain import integers
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import exp_gap, log_ratio, relative_entropy
from kullback.distributions._power_series import small_power_series_divergence
from kullback.distributions._recognise import recognise, recognise_alike, values_of
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions.families.poisson import Poisson

_SMALL_P, _SMALL_Q = 0.25, 1.5
_SERIES = [1 / math.factorial(j + 1) for j in range(24)]


@family
class ZeroInflatedPoisson(Family):
    r"""Zero-inflated Poisson distribution: 0 with probability π, otherwise a Poisson count.

    .. math:: P(0) = π + (1-π)e^{-λ}, \quad P(k) = (1-π)\frac{λ^k e^{-λ}}{k!}, \quad k \ge 1

    Parameters
    ----------
    gate : array
        Probability π of the extra zeros.
    rate : array
        Mean λ of the Poisson count, at least 0.
    """

    domain = integers(0)
    gate: Any = parameter(PROBABILITY)
    rate: Any = parameter(NONNEGATIVE)

    @property
    def zero(self) -> Chance:
        """Chance of a 0."""
        xp, some = self.xp, -self.xp.expm1(-self.rate)
        zero = self.gate + (1 - self.gate) * xp.exp(-self.rate)
        log_zero = xp.where(zero == 0, -self.rate, xp.log(xp.where(zero == 0, xp.ones_like(zero), zero)))
        return Chance.of_numbers(xp, zero, (1 - self.gate) * some, log_yes=log_zero, flat=(True, False))

    def support(self) -> tuple[Any, Any]:
        chance = self.zero
        return 0.0, self.xp.where(chance.always, 0 * chance.no, self.xp.full_like(chance.no, math.inf))

    def log_density(self, x: Array) -> Array:
        xp = self.xp
        some = self.gate < 1
        log_rest = xp.log1p(-xp.where(some, self.gate, xp.zeros_like(self.gate)))
        positive = log_rest + log_poisson(xp, x, self.rate)
        positive = xp.where(some, positive, xp.full_like(positive, -math.inf))
        return xp.where(x == 0, self.zero.log_yes, positive)

    def mean(self) -> Array:
        return (1 - self.gate) * self.rate

    def variance(self) -> Array:
        return (1 - self.gate) * self.rate * (1 + self.gate * self.rate)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        shape = (count, *self.batch_shape)
        return rng.poisson(np.asarray(self.rate), shape) * (rng.random(shape) >= np.asarray(self.gate))


@closed_form(
    ZeroInflatedPoisson,
    ZeroInflatedPoisson,
    formula=r"P(0)\log\frac{P(0)}{Q(0)} + (1-π_P)\left[(1-e^{-λ_P})\left(\log\frac{1-π_P}{1-π_Q} - λ_P + λ_Q\right) "
    r"+ λ_P\log\frac{λ_P}{λ_Q}\right]",
    source="Nawa and Nadarajah (2024), Entropy 26:959",
)
def _kl(p: ZeroInflatedPoisson, q: ZeroInflatedPoisson) -> Array:
    xp = p.xp
    some_q = -xp.expm1(-q.rate)
    to_some = -xp.exp(-p.rate) * xp.expm1(-xp.where(q.rate > p.rate, q.rate - p.rate, 0 * q.rate))
    to_some = to_some + xp.exp(-q.rate) * xp.expm1(-xp.where(q.rate < p.rate, p.rate - q.rate, 0 * q.rate))
    step = (q.gate - p.gate) * some_q - (1 - p.gate) * to_some
    # Whether it is 0 first, then which other count it is.
    return relative_entropy_of_trials(p.zero, q.zero, step) + (1 - p.gate) * _positive(xp, p.rate, q.rate)


def _positive(xp: Namespace, a: Array, b: Array) -> Array:
    """D of Poisson counts given that they are not 0, times the probability of that."""
    some = (a > 0) & (b > 0)
    a, b = a + 0 * b, b + 0 * a
    few, few_of_q = some & (a < _SMALL_P), b < _SMALL_Q

    def within(where: Array, x: Array, other: float) -> Array:
        return xp.where(where, x, xp.full_like(x, other))

    x, y = within(few & few_of_q, a, 0.2), within(few & few_of_q, b, 0.2)
    series = -xp.expm1(-x) * small_power_series_divergence(xp, x, y, _SERIES)
    x, y = within(few & ~few_of_q, a, 0.2), within(few & ~few_of_q, b, 2.0)
    grown = y + xp.log(-xp.expm1(-y)) - xp.log(y) - xp.log(xp.expm1(x) / x)
    apart = -xp.expm1(-x) * grown - exp_gap(xp, -x) * log_ratio(xp, y, x)
    many = some & ~few
    x, y = within(many, a, 2.0), within(many, b, 2.0)

    def of_zero(rate: Array) -> Chance:
        return Chance.of_numbers(xp, xp.exp(-rate), -xp.expm1(-rate), log_yes=-rate, flat=(True, True))

    smaller, sign = xp.where(x < y, x, y), xp.where(x < y, xp.ones_like(x), -xp.ones_like(x))
    step = sign * xp.exp(-smaller) * xp.expm1(-xp.abs(x - y))
    plain = relative_entropy(xp, x, y) - relative_entropy_of_trials(of_zero(x), of_zero(y), step)
    value = xp.where(few, xp.where(few_of_q, series, apart), plain)
    return xp.where(some, value, xp.zeros_like(value))


@seen_as(Poisson, ZeroInflatedPoisson)
def _poisson(law: Poisson) -> ZeroInflatedPoisson:
    return law.like(ZeroInflatedPoisson, gate=law.xp.zeros_like(law.rate), rate=law.rate)


recognise_alike(ZeroInflatedPoisson, libraries=("numpyro",))


@recognise("numpyro", "ZeroInflatedProbs", "ZeroInflatedLogits")
def _inflated(law: Any) -> ZeroInflatedPoisson | None:
    from kullback.distributions.adapters import adapt

    base = adapt(law.base_dist)
    if not isinstance(base, Poisson):
        return None
    return ZeroInflatedPoisson(**values_of(SimpleNamespace(gate=law.gate, rate=base.rate), "gate", "rate"))
