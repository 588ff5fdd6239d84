"""D(P‖Q) from counts of discrete values: nearly unbiased, with an interval of measured coverage.

The two logarithms of D = E_p[log p − log q] are estimated by the series −log t = Σ_{v≥1} (1 − t)^v / v, whose terms
of order up to the sample size have unbiased estimators (Zhang & Grabchak 2014, "Nonparametric estimation of
Kullback-Leibler divergence", Neural Computation 26). Both series stop at the same order, so that what they miss cancels
where P = Q, whatever the two sample sizes; the rest of each is extrapolated geometrically, the rate from the values
seen once (as Chao, Wang & Jost 2013, "Entropy and the species accumulation curve", Methods in Ecology and Evolution 4,
do for the entropy).

Values enter only through their pair of counts, so a table of millions of levels is a few hundred pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .score import Score

Floats = NDArray[np.float64]

_NORMAL_NODES, _NORMAL_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_NORMAL_WEIGHTS = _NORMAL_WEIGHTS / _NORMAL_WEIGHTS.sum()
_LINE_NODES, _LINE_WEIGHTS = np.polynomial.legendre.leggauss(48)
_POISSON_LIMIT = 40.0  # above this mean a Poisson count is integrated as a normal one
_POISSON_NODES = np.arange(110.0)
_SLOWEST_RATE = 0.5  # a value never seen again counts as at least half a sighting when the series is extended
_NEGLIGIBLE = 45.0  # exp(-45) is below rounding
_EXTRAPOLATION_DOUBT = 0.5  # the share of an extrapolated correction that counts as error
_BLOCK = 4096  # pairs of counts whose variance is computed at a time
RARE = 3.0  # expected sightings in the smaller sample below which a value is rare
RARE_SHARE = 0.4  # beyond this share of rare rows the upper end is not promised
NEW = 10.0  # expected sightings, were nothing changed, of a value that was never seen


@dataclass(frozen=True)
class Counts:
    """Pairs of counts: `x` draws from P and `y` from Q fell on each of `levels` values.

    Counts may be fractional (weighted rows scaled to their effective number).
    """

    x: Floats
    y: Floats
    levels: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats, levels: Floats | None = None) -> Counts:
        """Group equal pairs, drop those never seen, and count the values that share each pair."""
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        levels = np.ones_like(x) if levels is None else np.asarray(levels, dtype=float)
        pairs, place = np.unique(np.stack([x, y]), axis=1, return_inverse=True)
        grouped = np.bincount(place.ravel(), weights=levels, minlength=pairs.shape[1])
        seen = pairs.sum(axis=0) > 0
        return cls(pairs[0][seen], pairs[1][seen], grouped[seen])

    def pooled(self, which: NDArray[np.bool_]) -> Counts:
        """Bring the marked values together as one."""
        rest, weight = ~which, self.levels * which
        x, y = np.append(self.x[rest], weight @ self.x), np.append(self.y[rest], weight @ self.y)
        return Counts.of(x, y, np.append(self.levels[rest], 1.0))

    @property
    def reverse(self) -> Counts:
        """The same counts with P and Q exchanged."""
        return Counts(self.y, self.x, self.levels)

    @cached_property
    def n(self) -> float:
        """Draws from P."""
        return float(self.levels @ self.x)

    @cached_property
    def m(self) -> float:
        """Draws from Q."""
        return float(self.levels @ self.y)

    @property
    def scale(self) -> float:
        """1/n + 1/m, the size of sampling noise."""
        return 1 / self.n + 1 / self.m

    @property
    def order(self) -> float:
        """Terms of the series that both samples can estimate without bias."""
        return min(self.n - 1, self.m)

    def expected(self) -> tuple[Floats, Floats]:
        """Sightings of each value on either side, were P and Q equal."""
        both = (self.x + self.y) / (self.n + self.m)
        return self.n * both, self.m * both

    @cached_property
    def rare_share(self) -> float:
        """Share of rows, on the side where it is larger, that hold values too rare for their ratio to be known."""
        rare = np.minimum(*self.expected()) < RARE
        weight = self.levels * rare
        return float(max(weight @ self.x / self.n, weight @ self.y / self.m))

    @property
    def new_share(self) -> float:
        """Share of P's rows on values that Q never showed though, were nothing changed, it would have."""
        new = (self.y == 0) & (self.expected()[1] >= NEW)
        return float((self.levels * new) @ self.x / self.n)

    @property
    def unseen_share(self) -> float:
        """Share of P's rows on values that Q never showed."""
        return float((self.levels * (self.y == 0)) @ self.x / self.n)


@dataclass(frozen=True)
class CountEstimate:
    """The estimate and its sampling error, from which intervals are read.

    Attributes
    ----------
    value : float
        The estimate in nats; it may be slightly negative where P and Q are close.
    terms : ndarray
        The part of one value, for every pair of counts; with `extrapolated` they sum to `value`.
    extrapolated : float
        What values too rare to be seen add.
    null_variance, variance_slope : float
        The variance of the estimate where the true divergence is D: null_variance + variance_slope · D.
    """

    counts: Counts
    value: float
    terms: Floats
    extrapolated: float
    null_variance: float
    variance_slope: float

    def terms_of(self, x: Floats, y: Floats) -> Floats:
        """Return the part of one value for each of the given pairs of counts, all among `counts`; 0 if never seen."""
        seen = x + y > 0
        terms = np.zeros(len(x))
        terms[seen] = self.terms[np.searchsorted(self.counts.x + 1j * self.counts.y, (x + 1j * y)[seen])]
        return terms

    @property
    def error(self) -> float:
        """Standard error at the estimate."""
        return self._score.error

    @property
    def at_least(self) -> bool:
        """Whether only a lower bound can be promised: too many rare values, or values that Q may not have at all."""
        return self.counts.rare_share > RARE_SHARE or self.counts.new_share > 0

    def interval(self, confidence: float) -> tuple[float, float]:
        """Divergences under which this estimate is not surprising (score interval, skewness corrected)."""
        low, high = self._score.interval(confidence)
        return low, float("inf") if self.at_least else high

    @property
    def _score(self) -> Score:
        return Score(self.value, self.null_variance, self.variance_slope, self.counts.scale)


def estimate_counts(counts: Counts) -> CountEstimate:
    """Estimate D(P‖Q) from counts of draws from P and Q.

    Parameters
    ----------
    counts : Counts
        At least two draws from P and one from Q.

    Returns
    -------
    CountEstimate
        The estimate in nats, its terms and its variance.
    """
    logs = _Logs(counts)
    x, y, n, m = counts.x, counts.y, counts.n, counts.m
    terms = x / n * (logs.series_q(y) - logs.series_p(x)) + (y / m - x / n)
    extrapolated = logs.tail_q.value - logs.tail_p.value
    value = float(counts.levels @ terms) + extrapolated
    doubt = (_EXTRAPOLATION_DOUBT * extrapolated) ** 2
    null_variance = _variance(counts, logs, *_fitted(counts, 0.0)) + doubt
    slope = 2 * counts.scale  # the local limit, that of a noncentral chi-square
    if value > 0.5 * np.sqrt(null_variance):
        fitted = _fitted(counts, _strength(counts, value))
        slope = max((_variance(counts, logs, *fitted) + doubt - null_variance) / value, counts.scale)
    return CountEstimate(counts, value, terms, extrapolated, null_variance, slope)


@dataclass(frozen=True)
class _Tail:
    """What a series misses beyond its order, and its derivatives by its two last terms."""

    value: float = 0.0
    by_last: float = 0.0
    by_previous: float = 0.0


class _Logs:
    """Estimators of −log q and −log p as functions of a value's count."""

    def __init__(self, counts: Counts) -> None:
        self._n, self._m, self._order = counts.n, counts.m, counts.order
        weight = counts.levels * counts.x / counts.n
        self.tail_q = self._tail(lambda v: float(weight @ _hypergeometric(counts.y, self._m, v)))
        self.tail_p = self._tail(lambda v: float(weight @ _hypergeometric(_others(counts.x), self._n - 1, v)))

    def series_q(self, y: Floats) -> Floats:
        """The series of −log q, up to the common order."""
        return _by_value(lambda u: _series(u, self._m, self._order), y)

    def series_p(self, x: Floats) -> Floats:
        """The series of −log p: a draw is judged by the n − 1 others."""
        return _by_value(lambda u: _series(_others(u), self._n - 1, self._order), x)

    def linear_q(self, y: Floats) -> Floats:
        """−log q with its tail, linearised in the counts: what the variance needs."""
        return self.series_q(y) + self._linear(self.tail_q, y, self._m)

    def linear_p(self, x: Floats) -> Floats:
        """−log p with its tail, linearised in the counts."""
        return self.series_p(x) + self._linear(self.tail_p, _others(x), self._n - 1)

    def _linear(self, tail: _Tail, u: Floats, size: float) -> Floats:
        def term(v: Floats) -> Floats:
            last = _hypergeometric(v, size, self._order)
            return tail.by_last * last + tail.by_previous * _hypergeometric(v, size, self._order - 1)

        return _by_value(term, u)

    def _tail(self, term: Callable[[float], float]) -> _Tail:
        """Extend a series geometrically from its last two terms."""
        last, previous = term(self._order), term(self._order - 1)
        if previous <= 0:
            return _Tail()

        def beyond(last: float, previous: float) -> float:
            rate = max(1 - last / previous, _SLOWEST_RATE / self._order) * (self._order + 0.5)
            # Σ_{v>M} (1−a)^(v−M)/v ≈ e^z E₁(z), z = a(M + ½); 1/z where the exponential overflows.
            return last * float(np.exp(rate) * special.exp1(rate) if rate < 300 else 1 / rate)

        step = 5e-5 * previous
        by_last = (beyond(last + step, previous) - beyond(max(last - step, 0.0), previous)) / (step + min(step, last))
        by_previous = (beyond(last, previous + step) - beyond(last, previous - step)) / (2 * step)
        return _Tail(beyond(last, previous), by_last, by_previous)


def _others(x: Floats) -> Floats:
    """The draws on a value besides the one that is judged."""
    return np.maximum(x - 1, 0.0)


def _hypergeometric(u: Floats, size: float, v: float) -> Floats:
    """C(size − u, v) / C(size, v): the unbiased estimator of (1 − t)^v from u sightings in `size` draws."""
    possible = u <= size - v + 1e-9
    u = np.minimum(u, size - v)
    g = special.gammaln
    return np.where(possible, np.exp(g(size - u + 1) - g(size - u - v + 1) - g(size + 1) + g(size - v + 1)), 0.0)


def _series(u: Floats, size: float, order: float) -> Floats:
    """Σ_{v ≤ order} C(size − u, v) / C(size, v) / v, the unbiased estimator of the series of −log t."""
    total: Floats = special.digamma(size + 1) - special.digamma(u + 1)
    if order >= size:
        return total
    # Past the order the terms are subtracted again, by Gauss-Legendre in log v, where they still count.
    count = (u * order / size < _NEGLIGIBLE) & (size - u > order)
    v = u[count][:, None]
    low = np.log(order + 0.5)
    high = np.minimum(np.log(size - v + 0.5), np.log(order + 0.5 + _NEGLIGIBLE * size / np.maximum(v, 0.5)))
    half = np.maximum(high - low, 0.0) / 2
    node = np.exp(low + half * (_LINE_NODES + 1))
    g = special.gammaln
    log_term = g(size - v + 1) - g(size - v - node + 1) - g(size + 1) + g(size - node + 1)
    total[count] -= (np.exp(log_term) * _LINE_WEIGHTS).sum(axis=1) * half[:, 0]
    return total


def _by_value(function: Callable[[Floats], Floats], u: Floats) -> Floats:
    """Evaluate a function once for every distinct value."""
    values, place = np.unique(u, return_inverse=True)
    return function(values)[place].reshape(u.shape)


def _fitted(counts: Counts, strength: float) -> tuple[Floats, Floats]:
    """Expected counts with the observed log ratios shrunk to `strength` times their size."""
    x0, y0 = counts.expected()
    n, m = counts.n, counts.m
    log_ratio = strength * np.log((counts.x + 0.5) / (counts.y + 0.5) * (m / n))
    x = x0 * np.exp(log_ratio * m / (n + m))
    y = y0 * np.exp(-log_ratio * n / (n + m))
    return x * (n / (counts.levels @ x)), y * (m / (counts.levels @ y))


def _strength(counts: Counts, target: float) -> float:
    """The strength at which the fitted divergence is `target`."""
    low, high = 0.0, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        x, y = _fitted(counts, middle)
        p, q = x / counts.n, y / counts.m
        fitted = float(counts.levels @ (p * np.log(p / q) - p + q))
        low, high = (middle, high) if fitted < target else (low, middle)
    return high


def _variance(counts: Counts, logs: _Logs, mean_x: Floats, mean_y: Floats) -> float:
    """Variance of the estimate under independent Poisson counts, given their totals."""
    sums = np.zeros(3)
    for start in range(0, len(mean_x), _BLOCK):
        part = slice(start, start + _BLOCK)
        sums += counts.levels[part] @ _moments(logs, mean_x[part], mean_y[part])
    square, with_x, with_y = sums
    total = square - with_x**2 / counts.n - with_y**2 / counts.m
    return max(float(total), np.finfo(float).tiny) / counts.n**2


def _moments(logs: _Logs, mean_x: Floats, mean_y: Floats) -> Floats:
    """Variance of each value's term x·(−log q + log p), and its covariance with both counts, as columns."""
    (xs, wx), (ys, wy) = _count_nodes(mean_x), _count_nodes(mean_y)
    a, b = logs.linear_q(ys), logs.linear_p(xs)
    centre = (wy * a).sum(axis=1, keepdims=True)  # both logs are shifted alike, so that nothing cancels
    a, b = a - centre, b - centre
    dx, dy = xs - mean_x[:, None], ys - mean_y[:, None]

    def over_x(f: Floats) -> Floats:
        total: Floats = np.einsum("ij,ij->i", wx, f)
        return total

    def over_y(f: Floats) -> Floats:
        total: Floats = np.einsum("ij,ij->i", wy, f)
        return total

    a1 = over_y(a)
    mean = mean_x * a1 - over_x(xs * b)
    square = over_x(xs * xs) * over_y(a * a) - 2 * over_x(xs * xs * b) * a1 + over_x((xs * b) ** 2)
    with_x = over_x(xs * dx) * a1 - over_x(xs * b * dx)
    with_y = mean_x * over_y(a * dy)
    return np.stack([square - mean**2, with_x, with_y], axis=1)


def _count_nodes(mean: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights that integrate over a Poisson count with each mean."""
    few = mean < _POISSON_LIMIT
    k = len(_NORMAL_NODES)
    width = len(_POISSON_NODES) if few.any() else k
    nodes = np.tile(_POISSON_NODES[:width], (len(mean), 1))
    weights = np.zeros_like(nodes)
    rate = np.maximum(mean[few], 1e-300)[:, None]
    weights[few] = np.exp(nodes[few] * np.log(rate) - rate - special.gammaln(nodes[few] + 1))
    many = mean[~few][:, None]
    nodes[~few] = many
    nodes[~few, :k] = many + np.sqrt(many) * _NORMAL_NODES + (_NORMAL_NODES**2 - 1) / 6
    weights[~few, :k] = _NORMAL_WEIGHTS
    return nodes, weights
