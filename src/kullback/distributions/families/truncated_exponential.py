"""Exponentials and powers on an interval: the truncated exponential, the truncated Pareto and what they hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, Namespace, inspectable, without_gradient
from kullback.distributions._constraints import BOUND, POSITIVE, REAL, Rule
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import log_ratio, ratio_gap
from kullback.distributions._recognise import recognise, values_of
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._tilt import log_sinhc, tilt_gap, tilt_shift, tilt_variance
from kullback.distributions.families.gamma import Exponential
from kullback.distributions.families.pareto import Pareto
from kullback.distributions.families.uniform import Uniform

_ABOVE_LOW = Rule("above 0", lambda xp, x: x > 0)
_NIELSEN = (
    "Nielsen (2022), Statistical divergences between densities of truncated exponential families with nested supports"
)


def _log_mass(xp: Namespace, rate: Array, width: Array) -> Array:
    """Log (1 − e^(−rw))/r for r of at least 0: that of w where r is 0, and of 1/r on a half-line; −inf of no width."""
    fall = rate * xp.where(xp.isfinite(width), width, xp.ones_like(width))
    near = xp.isfinite(width) & (fall < 1)
    some = width > 0
    inner = xp.where(near & some, fall, xp.zeros_like(fall))
    close = xp.log(xp.where(near & some, width, xp.ones_like(width))) + log_sinhc(xp, inner) - inner / 2
    outer = xp.where(near, xp.ones_like(fall), fall)
    far = -xp.log(xp.where(near, xp.ones_like(fall), rate + 0 * fall))
    far = far + xp.where(xp.isfinite(width), xp.log1p(-xp.exp(-outer)), xp.zeros_like(outer))
    return xp.where(some, xp.where(near, close, far), xp.full_like(fall, -math.inf))


class _Tilt:
    """A density that falls like e^(−rx), r ≥ 0, from the end of an interval of some width that it is highest at."""

    def __init__(self, xp: Namespace, rate: Array, width: Array) -> None:
        self.xp, self.width = xp, width + 0 * rate
        self.rate = xp.abs(rate) + xp.zeros_like(width)
        self.bounded = xp.isfinite(self.width)
        self.span = xp.where(self.bounded, self.width, xp.ones_like(self.width))

    def log_mass(self) -> Array:
        return _log_mass(self.xp, self.rate, self.width)

    def mean(self) -> Array:
        """Mean distance from that end."""
        xp = self.xp
        inside = self.span * (0.5 - tilt_shift(xp, self.rate * self.span))
        return xp.where(self.bounded, inside, 1 / xp.where(self.bounded, xp.ones_like(self.rate), self.rate))

    def variance(self) -> Array:
        xp = self.xp
        inside = self.span * self.span * tilt_variance(xp, self.rate * self.span)
        rate = xp.where(self.bounded, xp.ones_like(self.rate), self.rate)
        return xp.where(self.bounded, inside, 1 / (rate * rate))

    def entropy(self) -> Array:
        return self.rate * self.mean() + self.log_mass()


def _divergence(xp: Namespace, rate: Array, other: Array, width: Array, below: Array, above: Array) -> Array:
    """D of densities e^(−rx) on an interval and e^(−r′x) on one that reaches so far below and above it."""
    bounded = xp.isfinite(width)
    zero = xp.zeros_like(rate + other + width + below + above)
    rate, other, width = rate + zero, other + zero, xp.where(bounded, width + zero, zero + math.inf)
    # Between both on the interval of P …
    span = xp.where(bounded, width, zero + 1)
    tilted = tilt_gap(xp, -rate * span, -other * span, (rate - other) * span)
    one_sided = ratio_gap(xp, xp.where(bounded, zero + 1, other), xp.where(bounded, zero + 1, rate))
    # … and then what Q has outside, seen from the end where its density is highest.
    up = other < 0
    size = xp.abs(other)
    before, after = xp.where(up, above, below + zero), xp.where(up, below, above + zero)
    own = _log_mass(xp, size, width)
    before, after = (xp.where(x > 0, x, zero) for x in (before, after))
    logs = (
        size * before + _log_mass(xp, size, before) - own,
        -size * span + _log_mass(xp, size, xp.where(bounded, after, zero)) - own,
    )
    most = xp.where(logs[0] > logs[1], logs[0], logs[1])
    large = most > 1
    most = xp.where(large, most, zero)
    spread = sum(xp.exp(log - most) for log in logs)
    outside = xp.where(large, most + xp.log(spread + xp.exp(-most)), xp.log1p(xp.where(large, zero, spread)))
    return xp.where(bounded, tilted, one_sided) + outside


@family
class TruncatedExponential(Family):
    r"""Exponential distribution cut to an interval; of any rate, falling or rising, or 0.

    .. math:: p(x) = \frac{λ e^{-λx}}{e^{-λl} - e^{-λh}}, \quad l < x < h

    Parameters
    ----------
    rate : array
        Rate λ, above 0 where the interval has no upper end.
    low, high : array
        Ends l and h; high may be infinite.
    """

    domain = reals("low", "high")
    rate: Any = parameter(REAL)
    low: Any = parameter(REAL)
    high: Any = parameter(BOUND)

    def check(self) -> None:
        _ABOVE_LOW.check(self.xp, "TruncatedExponential", "high - low", self.high - self.low)
        _check_tail(self, "rate", self.rate, self.high)

    @property
    def _tilt(self) -> _Tilt:
        return _Tilt(self.xp, self.rate, self.high - self.low)

    def _from(self, distance: Array) -> Array:
        """Return where it is so far from the end that the density is highest at."""
        bounded = self.xp.isfinite(self.high)
        top = self.xp.where(bounded, self.high, self.xp.zeros_like(self.high))
        return self.xp.where(self.rate < 0, top - distance, self.low + distance)

    def log_density(self, x: Array) -> Array:
        xp, tilt = self.xp, self._tilt
        bounded = xp.isfinite(self.high)
        top = xp.where(bounded, self.high, xp.zeros_like(self.high))
        distance = xp.where(self.rate < 0, top - x, x - self.low)
        value = -tilt.rate * distance - tilt.log_mass()
        return xp.where((x >= self.low) & (x <= self.high), value, xp.full_like(value, -math.inf))

    def entropy(self) -> Array:
        return self._tilt.entropy()

    def mean(self) -> Array:
        return self._from(self._tilt.mean())

    def variance(self) -> Array:
        return self._tilt.variance()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return np.asarray(self._from(self.xp.asarray(_draws(self._tilt, rng, (count, *self.batch_shape)))))


@family
class TruncatedPareto(Family):
    r"""Pareto distribution cut to an interval; of any tail index, also below 0, and the log-uniform one for 0.

    .. math:: p(x) = \frac{α\,x^{-α-1}}{l^{-α} - h^{-α}}, \quad l < x < h

    Parameters
    ----------
    alpha : array
        Tail index α, above 0 where the interval has no upper end.
    low, high : array
        Ends l and h, above 0; high may be infinite.
    """

    domain = reals("low", "high")
    alpha: Any = parameter(REAL)
    low: Any = parameter(POSITIVE)
    high: Any = parameter(BOUND)

    def check(self) -> None:
        _ABOVE_LOW.check(self.xp, "TruncatedPareto", "high - low", self.high - self.low)
        _check_tail(self, "alpha", self.alpha, self.high)

    @property
    def _width(self) -> Array:
        return log_distance(self.xp, self.high, self.low)

    @property
    def _tilt(self) -> _Tilt:
        return _Tilt(self.xp, self.alpha, self._width)

    def _logs(self, distance: Array) -> Array:
        """Logarithm of what is so far, in logarithms, from the end that the density of log X is highest at."""
        xp = self.xp
        top = xp.where(xp.isfinite(self.high), self.high, xp.ones_like(self.high))
        return xp.where(self.alpha < 0, xp.log(top) - distance, xp.log(self.low) + distance)

    def log_density(self, x: Array) -> Array:
        xp, tilt = self.xp, self._tilt
        inside = (x >= self.low) & (x <= self.high)
        x = xp.where(inside, x, xp.ones_like(x))
        top = xp.where(xp.isfinite(self.high), self.high, xp.ones_like(self.high))
        distance = xp.where(self.alpha < 0, xp.log(top / x), xp.log(x / self.low))
        value = -tilt.rate * distance - tilt.log_mass() - xp.log(x)
        return xp.where(inside, value, xp.full_like(value, -math.inf))

    def entropy(self) -> Array:
        return self._tilt.entropy() + self._logs(self._tilt.mean())

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = self.xp.asarray(_draws(self._tilt, rng, (count, *self.batch_shape)))
        result: np.ndarray[Any, Any] = np.exp(np.asarray(self._logs(draws)))
        return result


def log_distance(xp: Namespace, high: Array, low: Array) -> Array:
    """Log (high/low), inf where high is."""
    bounded = xp.isfinite(high)
    value = log_ratio(xp, xp.where(bounded, high, low + 0 * high), low)
    return xp.where(bounded, value, xp.full_like(value, math.inf))


def _draws(tilt: _Tilt, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Draw distances from the end that the density is highest at."""
    u, rate, width = rng.random(shape), np.asarray(tilt.rate), np.asarray(tilt.width)
    steep = np.where(rate == 0, 1.0, rate)
    with np.errstate(invalid="ignore"):
        inside = -np.log1p(u * np.expm1(-steep * width)) / steep
        result: np.ndarray[Any, Any] = np.where(rate == 0, u * width, inside)
    return result


def _check_tail(law: Family, name: str, rate: Array, high: Array) -> None:
    if not (inspectable(rate) and inspectable(high)):
        return
    rate, high = without_gradient(rate), without_gradient(high)
    if bool(law.xp.any((high == math.inf) & (rate <= 0))):
        raise InputError(f"{type(law).__name__}: {name} must be above 0 where high is inf: the density has no integral")


@closed_form(
    TruncatedExponential,
    TruncatedExponential,
    formula=r"\log\frac{λ_P\,(e^{-λ_Ql_Q} - e^{-λ_Qh_Q})}{λ_Q\,(e^{-λ_Pl_P} - e^{-λ_Ph_P})} + (λ_Q - λ_P)\,E_P[X]",
    source=_NIELSEN,
)
def _exponentials(p: TruncatedExponential, q: TruncatedExponential) -> Array:
    xp = p.xp
    return _divergence(xp, p.rate, q.rate, p.high - p.low, p.low - q.low, _reach(xp, q.high, p.high))


@closed_form(
    TruncatedPareto,
    TruncatedPareto,
    formula=r"\log\frac{α_P\,(l_Q^{-α_Q} - h_Q^{-α_Q})}{α_Q\,(l_P^{-α_P} - h_P^{-α_P})} + (α_Q - α_P)\,E_P[\log X]",
    source=_NIELSEN,
)
def _paretos(p: TruncatedPareto, q: TruncatedPareto) -> Array:
    xp = p.xp
    bounded = xp.isfinite(p.high)
    above = log_distance(xp, q.high + 0 * p.low, xp.where(bounded, p.high, p.low + 0 * p.high))
    return _divergence(xp, p.alpha, q.alpha, p._width, log_ratio(xp, p.low, q.low), xp.where(bounded, above, 0 * p.low))


def _reach(xp: Namespace, a: Array, b: Array) -> Array:
    """How far a is above b; 0 where b is infinite."""
    bounded = xp.isfinite(b)
    return xp.where(bounded, a - xp.where(bounded, b, xp.zeros_like(b)), xp.zeros_like(a + xp.zeros_like(b)))


@seen_as(Exponential, TruncatedExponential)
def _uncut(law: Exponential) -> TruncatedExponential:
    return law.like(TruncatedExponential, rate=law.rate, low=0.0, high=math.inf)


@seen_as(Uniform, TruncatedExponential)
def _flat(law: Uniform) -> TruncatedExponential:
    return law.like(TruncatedExponential, rate=0.0, low=law.low, high=law.high)


@seen_as(Pareto, TruncatedPareto)
def _uncut_pareto(law: Pareto) -> TruncatedPareto:
    return law.like(TruncatedPareto, alpha=law.alpha, low=law.scale, high=math.inf)


@recognise("scipy", "truncexpon")
def _of_scipy(b: Any, loc: Any, scale: Any) -> TruncatedExponential:
    return TruncatedExponential(rate=1 / scale, low=loc, high=loc + b * scale)


@recognise("scipy", "truncpareto")
def _pareto_of_scipy(b: Any, c: Any, scale: Any) -> TruncatedPareto:
    return TruncatedPareto(alpha=b, low=scale, high=c * scale)


@recognise("scipy", "loguniform", "reciprocal", "LogUniform")
def _log_uniform_of_scipy(a: Any, b: Any, scale: Any = 1.0) -> TruncatedPareto:
    return TruncatedPareto(alpha=0.0, low=a * scale, high=b * scale)


@recognise("numpyro", "LogUniform")
def _log_uniform_of_numpyro(law: Any) -> TruncatedPareto:
    return TruncatedPareto(alpha=0.0, **values_of(law, "low", "high"))


@recognise("numpyro", "DoublyTruncatedPowerLaw")
def _power_law_of_numpyro(law: Any) -> TruncatedPareto:
    values = values_of(law, "alpha", "low", "high")
    return TruncatedPareto(alpha=-values["alpha"] - 1, low=values["low"], high=values["high"])
