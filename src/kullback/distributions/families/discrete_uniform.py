"""The uniform distribution on consecutive integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, in_numpy, inspectable
from kullback.distributions._constraints import WHOLE
from kullback.distributions._domain import integers
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form


@family
class DiscreteUniform(Family):
    r"""Uniform distribution on the integers from a to b.

    .. math:: P(k) = \frac{1}{b - a + 1}, \quad a \le k \le b

    Parameters
    ----------
    low : array
        Least value a.
    high : array
        Greatest value b, at least a.
    """

    domain = integers("low", "high")
    low: Any = parameter(WHOLE)
    high: Any = parameter(WHOLE)

    def check(self) -> None:
        if not (inspectable(self.low) and inspectable(self.high)):
            return
        if np.any(in_numpy(self.high) < in_numpy(self.low)):
            raise InputError(f"DiscreteUniform: high must be at least low, got low {self.low} and high {self.high}")

    @property
    def size(self) -> Array:
        """Number of values."""
        return self.high - self.low + 1

    def log_density(self, x: Array) -> Array:
        value = -self.xp.log(self.size) + self.xp.zeros_like(x)
        return self.xp.where((x >= self.low) & (x <= self.high), value, self.xp.full_like(value, -math.inf))

    def entropy(self) -> Array:
        return self.xp.log(self.size)

    def mean(self) -> Array:
        return self.low + 0.5 * (self.high - self.low)

    def variance(self) -> Array:
        return (self.size - 1) * (self.size + 1) / 12

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        low, high = (np.asarray(end).astype(np.int64) for end in (self.low, self.high))
        return rng.integers(low, high, (count, *self.batch_shape), endpoint=True)


@closed_form(
    DiscreteUniform,
    DiscreteUniform,
    formula=r"\log\frac{b_Q - a_Q + 1}{b_P - a_P + 1}",
    source="by definition",
)
def _kl(p: DiscreteUniform, q: DiscreteUniform) -> Array:
    xp = p.xp
    # Where Q's support holds P's it is no smaller; elsewhere the divergence is infinite, whatever is said here.
    return xp.log1p((q.size - xp.where(q.size < p.size, q.size, p.size)) / p.size)


recognise_alike(DiscreteUniform, libraries=("numpyro",))


@recognise("scipy", "randint")
def _of_scipy(low: Any, high: Any) -> DiscreteUniform:
    return DiscreteUniform(low=low, high=np.asarray(high) - 1)
