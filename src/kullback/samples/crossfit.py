"""From a learner of log p/q to D(P‖Q): cross-fitting, calibration, extrapolation in the sample size, standard error.

Every row is judged by fits that did not see it. The judgements are calibrated by a logistic fit of two parameters
(Platt 1999), which makes their mean over P insensitive, to first order, to how much the learner over- or under-fits;
unlike the Donsker-Varadhan bound it never averages p/q itself, which has no variance where P is the wider. What is
still lost because a fit saw only part of the rows falls with the training size, and is extrapolated from two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from .features import Basis
from .intervals import at_least, beyond, one_sided, separable, two_sided
from .logistic import fit_logistic
from .problem import Numbers, Problem
from .result import Estimate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Formula = Literal["fixed", "learnt", "none"]

FOLDS = 5
LEAST = 10  # rows on either side
_HALVES = 3  # two-fold repetitions from which a cheap learner extrapolates
_MOST_EXTRAPOLATED = 0.1  # of the value
_LONG_TAIL = 1.5
_RIDGE = 1.0
_EXTRAPOLATED_REACH = 0.1  # share of P's rows beyond Q's above which the caller is told
_UNPROMISED_REACH = 0.5  # and above which only a lower bound is promised


NO_FORMULA = (
    "log p/q was learnt without a formula, in several dimensions: what it misses is not known to be small, so only a "
    "lower bound is promised"
)


class Learner(Protocol):
    """Learns log p/q from some rows and judges the others.

    Attributes
    ----------
    repetitions : int
        Two-fold splits from which its loss is extrapolated.
    formula : {"fixed", "learnt", "none"}
        Of log p/q; where there is none, what it missed is not known to be small.
    """

    repetitions: int
    formula: Formula

    def judge(self, train_x: Mask, train_y: Mask) -> tuple[Floats, Floats]:
        """Fit on the marked rows; return log p/q at the others, of x and of y."""

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """Standard error of the mean of log p/q over x, given its held-out values."""


def too_few(problem: Problem) -> str | None:
    """Why a classifier cannot be cross-fitted, if it cannot."""
    for side, rows in (("x", problem.n), ("y", problem.m)):
        if rows < LEAST:
            return f"{side} has {rows} rows: a cross-fitted classifier needs at least {LEAST} on either side"
    return None if problem.d else "no column varies"


class LinearLearner:
    """Logistic regression in features that do not depend on which sample a row is from."""

    repetitions = _HALVES

    def __init__(
        self,
        numbers: Numbers,
        make: Callable[[Floats, Floats, int], Basis],
        *,
        formula: Formula = "fixed",
        smooth: bool = False,
    ) -> None:
        self.formula: Formula = formula
        self._smooth = smooth
        basis = make(numbers.x, numbers.y, numbers.scales)
        self._x, self._y = basis(numbers.x), basis(numbers.y)
        self._whole = fit_logistic(self._x, self._y, _RIDGE)

    def judge(self, train_x: Mask, train_y: Mask) -> tuple[Floats, Floats]:
        """Fit on the marked rows, starting from the fit to all."""
        fit = fit_logistic(self._x[train_x], self._y[train_y], _RIDGE, start=self._whole)
        return fit(self._x[~train_x]), fit(self._y[~train_y])

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """Sandwich: the mean over x moves with the rows of x and with the weights, whose scores are held out."""
        n, m = len(on_x), len(on_y)
        offset = np.log(n / m)
        pull = linalg.solve(self._whole.hessian, self._x.mean(axis=0), assume_a="pos")
        of_x = special.expit(-on_x - offset) * (self._x @ pull) + on_x / n
        of_y = -special.expit(on_y + offset) * (self._y @ pull)
        sandwich = float(np.sqrt(n * of_x.var() + m * of_y.var()))
        # Curves take nearly any form, so no model lowers the error, but a long tail of p/q makes it unknowable.
        return max(sandwich, min(free_spread(on_x, on_y), _LONG_TAIL * sandwich)) if self._smooth else sandwich


class TurningLearner:
    """Logistic regression in features that are themselves learnt from both samples."""

    repetitions = 1
    formula: Formula = "learnt"

    def __init__(self, numbers: Numbers, make: Callable[[Floats, Floats, int], Basis]) -> None:
        self._numbers, self._make = numbers, make

    def judge(self, train_x: Mask, train_y: Mask) -> tuple[Floats, Floats]:
        """Learn the features and the weights on the marked rows."""
        x, y = self._numbers.x, self._numbers.y
        basis = self._make(x[train_x], y[train_y], self._numbers.scales)
        fit = fit_logistic(basis(x[train_x]), basis(y[train_y]), _RIDGE)
        return fit(basis(x[~train_x])), fit(basis(y[~train_y]))

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """The spread of no model in particular."""
        return free_spread(on_x, on_y)


def free_spread(on_x: Floats, on_y: Floats) -> float:
    """Standard error from the influence function of D without a model: log p/q − D on x, 1 − p/q on y."""
    return float(np.sqrt(on_x.var() / len(on_x) + np.exp(on_y).var() / len(on_y)))


def held_out(problem: Problem, learner: Learner, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Log p/q at every row, calibrated, from fits that did not see it."""
    fold_x, fold_y = problem.folds(count, rng)
    on_x, on_y = np.empty(problem.n), np.empty(problem.m)
    for k in range(count):
        on_x[fold_x == k], on_y[fold_y == k] = learner.judge(fold_x != k, fold_y != k)
    return calibrated(on_x, on_y)


def calibrated(on_x: Floats, on_y: Floats) -> tuple[Floats, Floats]:
    """Scale and shift log p/q so that it predicts the sample of a row as well as it can."""

    def features(f: Floats) -> Floats:
        return np.stack([np.ones_like(f), f], axis=1)

    fit = fit_logistic(features(on_x), features(on_y), 1e-3)
    if fit.weights[1] <= 0:  # worse than a guess: nothing was learnt
        return np.zeros_like(on_x), np.zeros_like(on_y)
    return fit(features(on_x)), fit(features(on_y))


def cross_fitted(problem: Problem, learner: Learner, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) as the mean over x of the calibrated held-out log p/q.

    Parameters
    ----------
    problem : Problem
        At least `LEAST` rows on either side.
    learner : Learner
        Of log p/q.
    """
    count = min(FOLDS, problem.n // 2, problem.m // 2)
    on_x, on_y = held_out(problem, learner, count, rng)
    value = float(on_x.mean())
    if separable(on_x, on_y):
        low = at_least(on_x, on_y, confidence)
        caveat = (
            "a classifier tells the samples apart without fail: the value is the most that samples of this size can "
            "promise, and D may be infinite"
        )
        return Estimate(low, low, (low, float("inf")), on_x, on_y, learner.formula, caveats=(caveat,))
    halves = [held_out(problem, learner, 2, rng)[0].mean() for _ in range(learner.repetitions)]
    # The loss falls as 1/size: from 1/2 and 1 − 1/K of the rows to all of them.
    seen = 1 - 1 / count
    gain = (value - float(np.mean(halves))) * (1 / seen) / (2 - 1 / seen)
    gain = float(np.clip(gain, -_MOST_EXTRAPOLATED * value, _MOST_EXTRAPOLATED * value))
    error = float(np.hypot(learner.spread(on_x, on_y), gain / 2))
    value = max(value + gain, 0.0)
    outside = beyond(on_x, on_y)
    caveats = []
    interval = two_sided(value, error, confidence)
    if learner.formula == "none":
        # E_P f − E_Q e^f + 1 is at most D for every f (Nguyen, Wainwright & Jordan 2010), whatever f misses.
        value = max(float(on_x.mean() - np.exp(on_y).mean() + 1), 0.0)
        error = free_spread(on_x, on_y)
    if outside > _UNPROMISED_REACH:
        caveats.append(
            f"{outside:.0%} of P's rows lie where almost no row of Q was seen: the upper end is not promised, "
            "and D may be infinite"
        )
        interval = (min(at_least(on_x, on_y, confidence), value), float("inf"))
    elif learner.formula == "none":
        caveats.append(NO_FORMULA)
        interval = (one_sided(value, error, confidence), float("inf"))
    if _EXTRAPOLATED_REACH < outside <= _UNPROMISED_REACH:
        caveats.append(
            f"{outside:.0%} of P's rows lie where almost no row of Q was seen: log p/q is extrapolated there"
        )
    return Estimate(value, error, interval, on_x, on_y, learner.formula, caveats=tuple(caveats))
