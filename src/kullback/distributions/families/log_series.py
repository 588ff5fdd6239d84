"""The logarithmic series distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import INSIDE_UNIT
from kullback.distributions._domain import integers
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._numeric import exp_gap, log_ratio
from kullback.distributions._power_series import small_power_series_divergence
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form

# Below these the law of P is all but certain of 1, and its series is short.
_SMALL_P, _SMALL_Q = 0.05, 0.2
_SERIES = [1 / (j + 1) for j in range(28)]


@family
class LogSeries(ExponentialFamily):
    r"""Logarithmic series distribution.

    .. math:: P(k) = \frac{p^k}{-k \log(1-p)}, \quad k \ge 1

    Parameters
    ----------
    probs : array
        Shape p, between 0 and 1.
    """

    domain = integers(1)
    probs: Any = parameter(INSIDE_UNIT)

    def log_density(self, x: Array) -> Array:
        xp, p = self.xp, self.probs
        inside = x >= 1
        k = xp.where(inside, x, xp.ones_like(x))
        value = k * xp.log(p) - xp.log(k) - xp.log(-xp.log1p(-p))
        return xp.where(inside, value, xp.full_like(value, -math.inf))

    def mean(self) -> Array:
        return -self.probs / ((1 - self.probs) * self.xp.log1p(-self.probs))

    def variance(self) -> Array:
        return self.mean() * (1 / (1 - self.probs) - self.mean())

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.logseries(np.asarray(self.probs), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (self.xp.log(self.probs),)

    def from_natural(self, natural: tuple[Array, ...]) -> LogSeries:
        return self.like(LogSeries, probs=self.xp.exp(natural[0]))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < 0


@closed_form(
    LogSeries,
    LogSeries,
    formula=r"\frac{-p_P}{(1-p_P)\log(1-p_P)}\log\frac{p_P}{p_Q} + \log\frac{\log(1-p_Q)}{\log(1-p_P)}",
    source="Nawa and Nadarajah (2024), Entropy 26:959",
)
def _kl(p: LogSeries, q: LogSeries) -> Array:
    xp, a, b = p.xp, p.probs + 0 * q.probs, q.probs + 0 * p.probs
    few, few_of_q = a < _SMALL_P, b < _SMALL_Q

    def within(where: Array, x: Array, other: float) -> Array:
        return xp.where(where, x, xp.full_like(x, other))

    series = small_power_series_divergence(
        xp, within(few & few_of_q, a, 0.04), within(few & few_of_q, b, 0.04), _SERIES
    )
    # From few to many the two terms differ enough to be subtracted as they are.
    x, y = within(few & ~few_of_q, a, 0.04), within(few & ~few_of_q, b, 0.5)
    total = -xp.log1p(-x) / x
    more = 1 / ((1 - x) * total) - 1
    apart = xp.log(-xp.log1p(-y) / y) - xp.log(total) - more * log_ratio(xp, y, x)
    # Elsewhere three gaps, whose slopes in q cancel where q = p.
    x, y = within(~few, a, 0.5), within(~few, b, 0.5)
    lengths = -xp.log1p(-x)
    growth = log_ratio(xp, 1 - x, 1 - y, y - x)
    gaps = (
        x / ((1 - x) * lengths) * exp_gap(xp, log_ratio(xp, y, x))
        + exp_gap(xp, -growth) / lengths
        - exp_gap(xp, log_ratio(xp, -xp.log1p(-y), lengths, growth))
    )
    return xp.where(few, xp.where(few_of_q, series, apart), gaps)


@recognise("scipy", "logser")
def _of_scipy(p: Any) -> LogSeries:
    return LogSeries(probs=p)
