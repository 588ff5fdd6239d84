r"""The normal distribution cut to an interval.

D between two of them is a closed form in the normal distribution function and density, whose terms cancel in far tails,
on narrow intervals and near equality. The integrals that it stands for are entire functions on an interval of at most
nine standard deviations on each side of the mode, so that Gauss-Legendre nodes give each of them to the last bit.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from kullback.arrays._backend import Array, Namespace, device
from kullback.distributions._constraints import BOUND, POSITIVE, REAL, Rule
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import exp_gap, log_ratio
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions.families.chi import HalfNormal
from kullback.distributions.families.normal import Normal
from kullback.distributions.families.uniform import Uniform, log_widths

# Past where the density has fallen by e^−40, nothing is left that float64 would see.
_FALL = 40.0
_NODES = 48
# From here on squares swamp what is added to them, and may overflow.
_FAR = 1e10
ABOVE_LOW = Rule("above 0", lambda xp, x: x > 0)


@family
class TruncatedNormal(Family):
    r"""Normal distribution cut to an interval.

    .. math::

        p(x) = \frac{e^{-(x-μ)^2/2σ^2}}{σ\sqrt{2π}\,[Φ(b) - Φ(a)]}, \quad l < x < h, \quad
        a = \frac{l - μ}{σ},\ b = \frac{h - μ}{σ}

    Parameters
    ----------
    loc : array
        Mean μ before the cut.
    scale : array
        Standard deviation σ before the cut, above 0.
    low, high : array
        Ends l and h of the interval; infinite for no cut.
    """

    domain = reals("low", "high")
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)
    low: Any = parameter(BOUND)
    high: Any = parameter(BOUND)

    def check(self) -> None:
        ABOVE_LOW.check(self.xp, "TruncatedNormal", "high - low", self.high - self.low)

    def log_density(self, x: Array) -> Array:
        xp, grid = self.xp, _grid(self, self.low, self.high)
        rise = (x - grid.mode) / self.scale
        value = -rise * (grid.start + rise / 2) - grid.log_mass - xp.log(self.scale)
        return xp.where((x >= self.low) & (x <= self.high), value, xp.full_like(value, -math.inf))

    def entropy(self) -> Array:
        grid = _grid(self, self.low, self.high)
        return grid.log_mass + grid.mean(grid.cost) + self.xp.log(self.scale)

    def mean(self) -> Array:
        grid = _grid(self, self.low, self.high)
        return grid.mode + self.scale * grid.mean(grid.steps)

    def variance(self) -> Array:
        grid = _grid(self, self.low, self.high)
        apart = grid.steps - grid.mean(grid.steps)[..., None]
        return self.scale * self.scale * grid.mean(apart * apart)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        from scipy.stats import truncnorm

        loc, scale, low, high = (np.asarray(v) for v in self.given.values())
        a, b = (low - loc) / scale, (high - loc) / scale
        draws = truncnorm(a, b, loc, scale).rvs((count, *self.batch_shape), random_state=rng)
        return np.asarray(draws)


class _Grid(NamedTuple):
    """Nodes along the last axis: steps from the mode in standard deviations, and the weight of the density there."""

    xp: Namespace
    mode: Array
    start: Array
    steps: Array
    cost: Array
    weights: Array
    log_mass: Array

    def mean(self, values: Array) -> Array:
        """Mean under the density."""
        mean: Array = self.xp.sum(self.weights * values, axis=-1)
        return mean


@cache
def _legendre() -> tuple[list[float], list[float]]:
    from scipy.special import roots_legendre

    nodes, weights = roots_legendre(_NODES)
    return [(1 + float(x)) / 2 for x in nodes], [float(w) / 2 for w in weights]


def _grid(law: TruncatedNormal, low: Array, high: Array) -> _Grid:
    """Return the nodes of the normal density on an interval; its mass is that relative to the mode, over σ."""
    xp = law.xp
    zero = xp.zeros_like(law.loc + law.scale + low + high)
    # Infinite ends are never the mode, and must not be multiplied by 0.
    mode = xp.where(law.loc < low, low, xp.where(law.loc > high, high, law.loc + zero))
    start = (mode - law.loc) / law.scale
    size = xp.abs(start)
    far = size > _FAR
    inner = xp.where(far, zero, size)
    reach = 2 * _FALL / (size + xp.where(far, size, xp.sqrt(inner * inner + 2 * _FALL)))

    def up_to(end: Array) -> Array:
        finite = xp.isfinite(end)
        away = xp.abs(xp.where(finite, end, mode) - mode) / law.scale
        return xp.where(finite & (away < reach), away, reach)

    left, right = up_to(low), up_to(high)
    nodes, weights = (xp.asarray(v, dtype=zero.dtype, device=device(zero)) for v in _legendre())
    steps = -left[..., None] + (left + right)[..., None] * nodes
    cost = steps * (start[..., None] + steps / 2)
    density = weights * xp.exp(-cost)
    total = xp.sum(density, axis=-1)
    return _Grid(xp, mode, start, steps, cost, density / total[..., None], xp.log(total) + xp.log(left + right))


def _tilted(grid: _Grid, slope: Array, bend: Array) -> tuple[Array, Array]:
    """Log E e^h − E h for h = slope·y + bend·y² at steps y from the mode, and where h is small enough for that."""
    xp = grid.xp
    h = grid.steps * (slope[..., None] + bend[..., None] * grid.steps)
    apart = h - grid.mean(h)[..., None]
    near = xp.all(xp.abs(apart) <= 2, axis=-1)
    return xp.log1p(grid.mean(exp_gap(xp, xp.where(near[..., None], apart, xp.zeros_like(apart))))), near


def _log_outside(q: TruncatedNormal, low: Array, high: Array) -> Array:
    """Minus the logarithm of the probability of an interval inside the support of Q."""
    xp, inner = q.xp, _grid(q, low, high)

    def beyond(start: Array, end: Array) -> Array:
        some = end > start
        one = xp.ones_like(start + end)
        finite_end = xp.where(xp.isfinite(start), start, end) + one
        grid = _grid(q, xp.where(some, start, finite_end - one), xp.where(some, end, finite_end))
        # How much lower the density is at its highest there than at its highest inside.
        drop = (grid.mode - inner.mode) / q.scale * (grid.start + inner.start) / 2
        ratio = grid.log_mass - drop - inner.log_mass
        return xp.where(some, ratio, xp.full_like(ratio, -math.inf))

    below, above = beyond(q.low + 0 * inner.start, low), beyond(high, q.high + 0 * inner.start)
    most = xp.where(below > above, below, above)
    beyond_all = most == math.inf
    most = xp.where((most > 0) & ~beyond_all, most, xp.zeros_like(most))
    large = most > 1
    below, above = (xp.where(beyond_all, most, x) for x in (below, above))
    spread = xp.exp(below - most) + xp.exp(above - most)
    far = most + xp.log(xp.exp(-most) + xp.where(large, spread, xp.ones_like(spread)))
    near = xp.log1p(xp.where(large, xp.zeros_like(spread), xp.exp(most) * spread))
    far, large = xp.where(beyond_all, xp.full_like(far, math.inf), far), large | beyond_all
    return xp.where(large, far, near)


@closed_form(
    TruncatedNormal,
    TruncatedNormal,
    formula=r"\log\frac{σ_Q[Φ(b_Q)-Φ(a_Q)]}{σ_P[Φ(b_P)-Φ(a_P)]} "
    r"+ E_P\left[\frac{(X-μ_Q)^2}{2σ_Q^2} - \frac{(X-μ_P)^2}{2σ_P^2}\right]",
    source="Nielsen (2022), Statistical divergences between densities of truncated exponential families with nested "
    "supports",
)
def _kl(p: TruncatedNormal, q: TruncatedNormal) -> Array:
    # First between both on the support of P, then what Q has outside.
    xp = p.xp
    nested = (q.low <= p.low) & (p.high <= q.high)
    law = q.like(
        TruncatedNormal,
        loc=q.loc,
        scale=q.scale,
        low=xp.where(nested, q.low, p.low),
        high=xp.where(nested, q.high, p.high),
    )
    grid = _grid(p, p.low, p.high)
    ratio, shift = p.scale / q.scale, (q.loc - p.loc) / q.scale
    bend = (q.scale - p.scale) / q.scale * (1 + ratio) / 2
    inside, near = _tilted(grid, 2 * bend * grid.start + ratio * shift, bend + 0 * grid.start)
    other = _grid(q, p.low + 0 * q.loc, p.high + 0 * q.loc)
    # Costs of P's nodes to Q, from where Q has its mode in P's interval.
    steps = (grid.mode - other.mode)[..., None] / q.scale[..., None] + ratio[..., None] * grid.steps
    costs = steps * (other.start[..., None] + steps / 2)
    masses = other.log_mass - grid.log_mass - log_ratio(xp, p.scale, q.scale)
    apart = grid.mean(costs) - grid.mean(grid.cost) + masses
    return xp.where(near, inside, apart) + _log_outside(law, p.low + 0 * q.loc, p.high + 0 * q.loc)


@closed_form(
    TruncatedNormal,
    Uniform,
    formula=r"\log\frac{h_Q-l_Q}{σ\sqrt{2π}\,[Φ(b)-Φ(a)]} - E_P\frac{(X-μ)^2}{2σ^2}",
    source="Nielsen (2022), Statistical divergences between densities of truncated exponential families with nested "
    "supports",
)
def _kl_uniform(p: TruncatedNormal, q: Uniform) -> Array:
    xp = p.xp
    bounded = xp.isfinite(p.low) & xp.isfinite(p.high)
    one = xp.ones_like(p.low + p.high)
    low, high = xp.where(bounded, p.low, -one), xp.where(bounded, p.high, one)
    grid = _grid(p, low, high)
    inside, near = _tilted(grid, grid.start, xp.full_like(grid.start, 0.5))
    apart = xp.log((high - low) / p.scale) - grid.log_mass - grid.mean(grid.cost)
    return xp.where(near, inside, apart) + log_widths(q, low, high)


@seen_as(Normal, TruncatedNormal)
def _uncut(law: Normal) -> TruncatedNormal:
    return law.like(TruncatedNormal, loc=law.loc, scale=law.scale, low=-math.inf, high=math.inf)


@seen_as(HalfNormal, TruncatedNormal)
def _half(law: HalfNormal) -> TruncatedNormal:
    return law.like(TruncatedNormal, loc=0.0, scale=law.scale, low=0.0, high=math.inf)


@recognise("scipy", "truncnorm")
def _of_scipy(a: Any, b: Any, loc: Any, scale: Any) -> TruncatedNormal:
    return TruncatedNormal(loc=loc, scale=scale, low=loc + a * scale, high=loc + b * scale)


@recognise("numpyro", "TwoSidedTruncatedDistribution", "LeftTruncatedDistribution", "RightTruncatedDistribution")
def _of_numpyro(law: Any) -> TruncatedNormal | None:
    base = law.base_dist
    if type(base).__name__ != "Normal":
        return None
    low, high = getattr(law, "low", -math.inf), getattr(law, "high", math.inf)
    return TruncatedNormal(loc=base.loc, scale=base.scale, low=low, high=high)
