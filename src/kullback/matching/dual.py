"""The I-projection by Newton's method on its convex dual.

Of all weights w with Σ w f = t, those nearest the base b, min Σ w log w/b, are b·exp(λ·f) up to a factor (Csiszár 1975,
Annals of Probability 3; Deming & Stephan 1940 found them by raking), and λ minimises log Σ b exp(λ·f) − λ·t. Weights
kept within bounds of the base are cut where they leave them (Deville & Särndal 1992, JASA 87); slack on a constraint is
a penalty |λ| in the dual (Dudík, Phillips & Schapire 2007, JMLR 8), a ridge one of λ²/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from .features import Features, Floats

_STEPS = 200
_NULL = 1e-11  # of the largest eigenvalue of scaled features: a direction in which no row differs
_CRAWL, _CRAWLED = 0.2, 4  # Newton's method gains more a step; so many lesser gains in a row are a sign
_ARMIJO = 1e-4
_NOISE = 1e-13  # of the objective
_IDLE = 20  # steps without a smaller error: no more will come
_HALVINGS = 40
_LOOKS = 8  # steps between looks for a certificate that the target is out of reach
_ROUNDING = 1e-13  # sums of shares have no more digits
_SEPARATION = 1e-9  # of the size of the scores: a gap above rounding

Step = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Projection:
    """A projection to be found: base weights that sum to 1, features of their rows, and what is asked of them.

    Parameters
    ----------
    base : array of shape (n,)
        Positive, summing to 1.
    features : Features
        k of each of n rows.
    target : array of shape (k,)
        What the weighted features are to sum to.
    slack, ridge : array of shape (k,)
        How far each sum may stay from its target, and the weight of λ²/2.
    low, high : float
        Bounds of w/b.
    """

    base: Floats
    features: Features
    target: Floats
    slack: Floats
    ridge: Floats
    low: float = 0.0
    high: float = math.inf

    @property
    def bounded(self) -> bool:
        """Whether ratios are kept within bounds."""
        return self.low > 0 or self.high < math.inf

    def at_most(self, direction: Floats) -> float:
        """The largest sum that any allowed weights give the features in this direction."""
        scores = self.features.scores(direction)
        if not self.bounded:
            return float(scores.max())
        order = np.argsort(-scores)
        room = (min(self.high, 1 / self.base.min()) - self.low) * self.base[order]
        given = np.minimum(np.cumsum(room), 1 - self.low)
        given = np.diff(given, prepend=0.0)
        return float(scores @ (self.low * self.base) + scores[order] @ given)

    def separates(self, direction: Floats) -> bool:
        """Whether every allowed weighting stays below the target in this direction: a proof that none meets it."""
        if (self.ridge > 0).any():
            return False  # a soft constraint is always within reach
        reach = self.at_most(direction) + float(self.slack @ np.abs(direction))
        wanted = float(direction @ self.target)
        return bool(wanted - reach > _SEPARATION * (np.abs(direction).max() + abs(reach)))

    def projected(self, coefficients: Floats) -> tuple[Floats, NDArray[np.bool_] | None, float]:
        """The weights of these coefficients, which of them are free to move, and the dual objective."""
        scores = self.features.scores(coefficients)
        top = scores.max()
        free = None
        if self.bounded:
            shift = _shift(scores - top, self.base, self.low, self.high)
            ratio = np.exp(scores - top + shift)
            free = (ratio > self.low) & (ratio < self.high)
            ratio = np.clip(ratio, self.low, self.high)
            weights = self.base * ratio
            weights /= weights.sum()
            informed = weights > 0
            spent = float(weights[informed] @ np.log(ratio[informed]))
            objective = float(scores @ weights) - spent
        else:
            scores -= top
            np.exp(scores, out=scores)
            weights = self.base * scores
            total = weights.sum()
            weights /= total
            objective = float(np.log(total) + top)
        penalty = self.slack @ np.abs(coefficients) + self.ridge @ coefficients**2 / 2
        return weights, free, objective - float(coefficients @ self.target) + float(penalty)


@dataclass(frozen=True)
class Solution:
    """Where Newton's method stopped.

    `gap` is the largest error of a constraint beyond its slack (of the gradient where there is a ridge); `separating`
    a direction in which no weights reach the target; `remaining` what Newton's model says the objective can still fall;
    `crawled` that the error fell by a constant factor a step, as it does when coefficients must grow without end.
    """

    coefficients: Floats
    weights: Floats
    gap: float
    iterations: int
    history: list[float] = field(default_factory=list)
    remaining: float = 0.0
    crawled: bool = False
    separating: Floats | None = None
    interrupted: bool = False


def solve(problem: Projection, tolerance: float, step: Step | None = None) -> Solution:
    """Minimise the dual; stop when the constraints hold and rounding lets them get no better.

    Parameters
    ----------
    tolerance : float
        Of the constraints; steps go on below it while they halve the error.
    step : callable, optional
        Told the iteration, the objective and the error.
    """
    at, weights, free, value = _begin(problem)
    best = Solution(at, weights, np.inf, 0)
    history = [value]
    count = slow = 0
    try:
        for count in range(_STEPS + 1):
            slope, fixed = _slope(problem, at, problem.features.mean(weights) - problem.target)
            gap = float(np.abs(slope[~fixed]).max(initial=0.0))
            if step is not None:
                step(count, value, gap)
            settled = best.gap <= tolerance and gap > best.gap / 2
            slow = slow + 1 if _CRAWL < gap / best.gap < 1 else 0
            if gap <= _ROUNDING:
                best = Solution(at, weights, gap, count, history)
                break
            direction, level = _direction(problem, weights, free, slope, fixed)
            if gap < best.gap:
                best = Solution(at, weights, gap, count, history, max(-float(slope @ direction) / 2, 0.0))
            if settled or count == _STEPS or count - best.iterations > _IDLE:
                break
            if level is not None and problem.separates(level):
                return Solution(at, weights, gap, count, history, separating=level)
            if count % _LOOKS == _LOOKS - 1:
                for look in (at, direction):
                    if problem.separates(look):
                        return Solution(at, weights, gap, count, history, separating=look)
            moved = _search(problem, at, direction, slope, value)
            if moved is None:
                break
            at, weights, free, value = moved
            history.append(value)
    except KeyboardInterrupt:
        return replace(best, iterations=count, interrupted=True)
    return replace(best, iterations=count, crawled=slow >= _CRAWLED)


def _begin(problem: Projection) -> tuple[Floats, Floats, NDArray[np.bool_] | None, float]:
    """Zero, or what would be right if columns of levels did not depend on each other, if it is the better start."""
    zero = np.zeros(problem.features.size)
    weights, free, value = problem.projected(zero)
    guess = problem.features.independent(weights, problem.target)
    if problem.slack.any() or not guess.any():
        return zero, weights, free, value
    there = problem.projected(guess)
    return (guess, *there) if there[2] < value else (zero, weights, free, value)


def _slope(problem: Projection, at: Floats, residual: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The dual's gradient, and the coefficients that stay at zero because their slack covers the residual."""
    smooth = residual + problem.ridge * at
    sign = np.where(at != 0, np.sign(at), -np.sign(smooth))
    fixed = (at == 0) & (np.abs(smooth) <= problem.slack) & (problem.slack > 0)
    return np.where(fixed, 0.0, smooth + problem.slack * sign), fixed


def _direction(
    problem: Projection, weights: Floats, free: NDArray[np.bool_] | None, slope: Floats, fixed: NDArray[np.bool_]
) -> tuple[Floats, Floats | None]:
    """Newton's step, and the part of the slope in which no row differs, if it is more than rounding."""
    inner = weights if free is None else weights * free
    mass = inner.sum()
    mean, curvature = problem.features.moments(inner)
    if mass > 0:
        curvature -= np.outer(mean, mean) / mass
    curvature[np.diag_indices_from(curvature)] += problem.ridge
    moving = np.flatnonzero(~fixed)
    curvature = curvature[np.ix_(moving, moving)]
    scale = np.sqrt(np.maximum(np.diag(curvature), 0.0))
    known = scale > 0
    scale = np.where(known, scale, 1.0)
    values, vectors = linalg.eigh(curvature / np.outer(scale, scale), check_finite=False)
    along = vectors.T @ (slope[moving] / scale)
    seen = values > _NULL * max(float(values[-1]), 0.0)
    step = np.zeros_like(slope)
    step[moving] = -(vectors[:, seen] @ (along[seen] / values[seen])) / scale
    flat = None
    if not seen.all():
        rest = (vectors[:, ~seen] @ along[~seen]) / scale
        if np.abs(along[~seen]).max() > 1e-9:
            flat = np.zeros_like(slope)
            flat[moving] = -rest
            if problem.bounded:  # flat for the rows that are free now, not for all
                step = step + flat
    return step, flat


def _search(
    problem: Projection, at: Floats, direction: Floats, slope: Floats, value: float
) -> tuple[Floats, Floats, NDArray[np.bool_] | None, float] | None:
    """Go along the direction as far as the objective falls enough; a coefficient with slack stops at zero."""
    size = 1.0
    leans = np.where(at != 0, np.sign(at), -np.sign(slope))
    for _ in range(_HALVINGS):
        there = at + size * direction
        there = np.where((problem.slack > 0) & (there * leans < 0), 0.0, there)
        with np.errstate(over="ignore", invalid="ignore"):
            weights, free, found = problem.projected(there)
        if np.isfinite(found):
            fall = float(slope @ (there - at))
            # At the end the objective has no digits left to fall by: steps are then judged by the constraints.
            if found <= value + _ARMIJO * fall + _NOISE * (1 + abs(value)):
                return there, weights, free, found
        size /= 2
    return None


def _shift(scores: Floats, base: Floats, low: float, high: float) -> float:
    """The factor, as a logarithm, at which weights cut to their bounds sum to 1."""

    def excess(shift: float) -> float:
        return float(base @ np.clip(np.exp(np.minimum(scores + shift, 700.0)), low, high)) - 1

    lower, upper = -1.0, 1.0
    while excess(lower) > 0:
        lower *= 2
    while excess(upper) < 0:
        upper *= 2
    root: Any = optimize.brentq(excess, lower, upper, xtol=1e-15, rtol=8.9e-16, maxiter=200)
    return float(root)
