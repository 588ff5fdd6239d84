"""The zeta distribution, also called Zipf's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import above
from kullback.distributions._domain import integers
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._numeric import exp_gap
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form
from kullback.distributions._zeta import zeta_parts


@family
class Zeta(ExponentialFamily):
    r"""Zeta distribution.

    .. math:: P(k) = \frac{k^{-s}}{ζ(s)}, \quad k \ge 1

    Parameters
    ----------
    power : array
        Exponent s, above 1.
    """

    domain = integers(1)
    power: Any = parameter(above(1))

    def log_density(self, x: Array) -> Array:
        xp, s = self.xp, self.power
        inside = x >= 1
        k = xp.where(inside, x, xp.ones_like(x))
        value = -s * xp.log(k) - xp.log(zeta_parts(xp, s, s)[0])
        return xp.where(inside, value, xp.full_like(value, -math.inf))

    def entropy(self) -> Array:
        value, slope, _, _ = zeta_parts(self.xp, self.power, self.power)
        return self.xp.log(value) + self.power * slope / value

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.zipf(np.asarray(self.power), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (-self.power,)

    def from_natural(self, natural: tuple[Array, ...]) -> Zeta:
        return self.like(Zeta, power=-natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < -1


@closed_form(
    Zeta,
    Zeta,
    formula=r"\log\frac{ζ(s_Q)}{ζ(s_P)} - (s_Q - s_P)\frac{ζ'(s_P)}{ζ(s_P)}",
    source="Nawa and Nadarajah (2024), Entropy 26:959",
)
def _kl(p: Zeta, q: Zeta) -> Array:
    xp = p.xp
    d = q.power - p.power
    value, slope, change, gap = zeta_parts(xp, p.power + 0 * d, q.power + 0 * d)
    # The divergence of k^−s itself, less that of the totals; far apart, where nothing cancels, by the formula.
    growth, linear = xp.log1p(change / value), d * (slope / value)
    apart = growth + linear
    far = (change > value) | (apart > 0.3 * (xp.abs(growth) + xp.abs(linear)))
    zero = xp.zeros_like(growth)
    near = xp.where(far, zero, gap) / value - exp_gap(xp, xp.where(far, zero, growth))
    return xp.where(far, apart, near)


@recognise("scipy", "zipf")
def _of_scipy(a: Any) -> Zeta:
    return Zeta(power=a)
