"""The uniform distribution, and the triangular one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, nowhere
from kullback.distributions._constraints import NONNEGATIVE, POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import log_ratio
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form
from kullback.distributions._tilt import tilt_gap, tilt_negentropy, tilt_shift, tilt_variance


@family
class Uniform(Family):
    r"""Uniform distribution on an interval.

    .. math:: p(x) = \frac{1}{h - l}, \quad l < x < h

    Parameters
    ----------
    low, high : array
        Ends l and h.
    """

    domain = reals("low", "high")
    low: Any = parameter(REAL)
    high: Any = parameter(REAL)

    def check(self) -> None:
        POSITIVE.check(self.xp, "Uniform", "high - low", self.width)

    @property
    def width(self) -> Array:
        """Length of the interval."""
        return self.high - self.low

    def log_density(self, x: Array) -> Array:
        value = -self.xp.log(self.width) + 0 * x
        return self.xp.where((x >= self.low) & (x <= self.high), value, self.xp.full_like(value, -math.inf))

    def entropy(self) -> Array:
        return self.xp.log(self.width)

    def mean(self) -> Array:
        return self.low + 0.5 * self.width

    def variance(self) -> Array:
        return self.width * self.width / 12

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.uniform(np.asarray(self.low), np.asarray(self.high), (count, *self.batch_shape))

    # Of an interval above 0: log X is a tilted uniform variable on its logarithms.

    def _tilt(self) -> Array:
        """Length of the interval of log X; finite also where the interval is not above 0."""
        xp = self.xp
        if nowhere(xp, self.low <= 0):
            return log_ratio(xp, self.high, self.low)
        least = xp.full_like(self.low + self.high, float(xp.finfo(self.low.dtype).smallest_normal))
        high = xp.where(self.high > 0, self.high, 2 * least)
        return log_ratio(xp, high, xp.where(self.low > 0, self.low, least))

    def log_mean(self) -> Array:
        """E log X."""
        xp, tilt, high = self.xp, self._tilt(), self.high
        if not nowhere(xp, high <= 0):
            high = xp.where(high > 0, high, xp.ones_like(high))
        return xp.log(high) - tilt * (0.5 - tilt_shift(xp, tilt))

    def log_variance(self) -> Array:
        """Variance of log X."""
        tilt = self._tilt()
        return tilt * tilt * tilt_variance(self.xp, tilt)

    def power_gap(self, power: Any) -> Array:
        """Log E X^power − power·E log X; inf where the moment is."""
        xp, tilt = self.xp, self._tilt()
        step = power * tilt
        gap = tilt_gap(xp, tilt, tilt + step, step)
        return xp.where((self.low <= 0) & (step <= -tilt), xp.full_like(gap, math.inf), gap)

    def normality(self) -> Array:
        """D from log X to the normal of its moments."""
        return tilt_negentropy(self.xp, self._tilt())


def log_widths(q: Uniform, low: Array, high: Array) -> Array:
    """Logarithm of how much wider a uniform distribution is than an interval in it; what it is elsewhere is finite."""
    xp = q.xp
    width = high - low
    # Ends are compared before widths are formed: each end is at most where it should be, so nothing cancels.
    return log_ratio(xp, q.width, width, (q.high - high) + (low - q.low))


@closed_form(Uniform, Uniform, formula=r"\log\frac{h_Q-l_Q}{h_P-l_P}", source="Kullback (1959), chapter 2")
def _kl(p: Uniform, q: Uniform) -> Array:
    return log_widths(q, p.low, p.high)


@family
class Triangular(Family):
    r"""Triangular distribution: a density that rises from l to the mode c and falls from there to h.

    .. math::

        p(x) = \frac{2}{h - l}
        \begin{cases} (x - l)/(c - l) & l < x ≤ c \\ (h - x)/(h - c) & c < x < h \end{cases}

    Parameters
    ----------
    low, mode, high : array
        Ends l and h, and the mode c from l to h.
    """

    domain = reals("low", "high")
    low: Any = parameter(REAL)
    mode: Any = parameter(REAL)
    high: Any = parameter(REAL)

    def check(self) -> None:
        POSITIVE.check(self.xp, "Triangular", "high - low", self.high - self.low)
        NONNEGATIVE.check(self.xp, "Triangular", "mode - low", self.mode - self.low)
        NONNEGATIVE.check(self.xp, "Triangular", "high - mode", self.high - self.mode)

    def log_density(self, x: Array) -> Array:
        xp, rise, fall = self.xp, self.mode - self.low, self.high - self.mode
        up = (x - self.low) / xp.where(rise > 0, rise, xp.ones_like(rise))
        down = (self.high - x) / xp.where(fall > 0, fall, xp.ones_like(fall))
        height = xp.where((x < self.mode) | (fall == 0) & (x == self.mode), up, down)
        some = height > 0
        logs = xp.log(xp.where(some, height, xp.ones_like(height))) + math.log(2) - xp.log(self.high - self.low)
        return xp.where(some, logs, xp.full_like(logs, -math.inf))

    def entropy(self) -> Array:
        return 0.5 - math.log(2) + self.xp.log(self.high - self.low) + 0 * self.mode

    def mean(self) -> Array:
        return self.mode + ((self.low - self.mode) + (self.high - self.mode)) / 3

    def variance(self) -> Array:
        rise, fall = self.mode - self.low, self.high - self.mode
        return (rise * rise + rise * fall + fall * fall) / 18

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        low, mode, high = (np.asarray(v) for v in (self.low, self.mode, self.high))
        return np.asarray(rng.triangular(low, mode, high, (count, *self.batch_shape)))


recognise_alike(Uniform)


@recognise("scipy", "uniform")
def _of_scipy(loc: Any, scale: Any) -> Uniform:
    return Uniform(low=loc, high=loc + scale)


@recognise("scipy", "Uniform")
def _of_new_scipy(a: Any, b: Any) -> Uniform:
    return Uniform(low=a, high=b)


@recognise("scipy", "triang")
def _triangular_of_scipy(c: Any, loc: Any, scale: Any) -> Triangular:
    return Triangular(low=loc, mode=loc + c * scale, high=loc + scale)


@recognise("numpyro", "Triangular")
def _triangular_of_numpyro(law: Any) -> Triangular:
    return Triangular(low=law.low, mode=law.peak, high=law.high)
