"""From a learner of log p/q to D(P‖Q): cross-fitting, calibration, extrapolation in the sample size, standard error.

Every row is judged by fits that did not see it, and `auto` compares learners by these judgements. Unlike the
Donsker-Varadhan bound, the estimate never averages p/q itself, which has no variance where P is the wider. Of a formula
given beforehand it is the mean of log p/q over x by the fit to all rows, whose bias, of order 1/n, the jackknife over
the folds takes away without adding noise (Quenouille 1956, "Notes on bias in estimation", Biometrika 43). Features that
are learnt lose where they saw fewer rows and gain where they saw the same: the middle is taken. Of trees the held-out
judgements are averaged, calibrated by a logistic fit of two parameters (Platt 1999), and what is lost because a fit saw
only part of the rows is extrapolated from two training sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from .bounds import nguyen_wainwright_jordan, vouched_for
from .features import Basis
from .intervals import at_least, beyond, one_sided, separable, two_sided
from .logistic import fit_logistic
from .problem import Numbers, Problem
from .result import Estimate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Formula = Literal["fixed", "learnt", "none"]

LEAST = 10  # rows on either side
_MOST_EXTRAPOLATED = 0.1  # of the value
_LONG_TAIL = 1.5
_RIDGE = 1.0
_EXTRAPOLATED_REACH = 0.1  # share of P's rows beyond Q's above which the caller is told
_UNPROMISED_REACH = 0.5  # and above which only a lower bound is promised


NO_FORMULA = (
    "log p/q was learnt without a formula, in several dimensions: what it misses is not known to be small, so only a "
    "lower bound is promised"
)


@dataclass(frozen=True)
class Judgement:
    """Log p/q by one fit: at the rows of x and of y that it did not see, and its mean over those of x that it saw."""

    on_x: Floats
    on_y: Floats
    seen: float = float("nan")


class Learner(Protocol):
    """Learns log p/q from some rows and judges the others.

    Attributes
    ----------
    formula : {"fixed", "learnt", "none"}
        Of log p/q; where there is none, what it missed is not known to be small.
    folds : int
        Into which the rows are dealt.
    noise : float or None
        Standard error that is left where P = Q, if it is known.
    """

    formula: Formula
    folds: int
    noise: float | None

    def judge(self, train_x: Mask, train_y: Mask) -> Judgement:
        """Fit on the marked rows and judge the others."""

    def value(self, problem: Problem, judged: Judgement, count: int, rng: np.random.Generator) -> tuple[float, float]:
        """The estimate, given the judgement of `count` folds, and what is doubtful about its bias."""

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """Standard error of the mean of log p/q over x, given its held-out values."""


def too_few(problem: Problem) -> str | None:
    """Why a classifier cannot be cross-fitted, if it cannot."""
    for side, rows in (("x", problem.n), ("y", problem.m)):
        if rows < LEAST:
            return f"{side} has {rows} rows: a cross-fitted classifier needs at least {LEAST} on either side"
    if not problem.d:
        return "no column varies"
    return None if problem.numbers.x.shape[1] else "no value is common enough to learn from"


class LinearLearner:
    """Logistic regression in features that do not depend on which sample a row is from."""

    folds = 10

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
        self._inverse = linalg.inv(self._whole.hessian)
        self._mean = self._x.mean(axis=0)
        self.noise: float | None = self._second_order()

    def judge(self, train_x: Mask, train_y: Mask) -> Judgement:
        """Fit on the marked rows, starting from the fit to all."""
        fit = fit_logistic(self._x[train_x], self._y[train_y], _RIDGE, start=self._whole)
        on_x = fit(self._x)
        return Judgement(on_x[~train_x], fit(self._y[~train_y]), float(on_x[train_x].mean()))

    def value(self, problem: Problem, judged: Judgement, count: int, rng: np.random.Generator) -> tuple[float, float]:
        """The mean over x of the fit to all rows, less its bias by the jackknife."""
        return count * float(self._whole(self._x).mean()) - (count - 1) * judged.seen, 0.0

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """The larger of two estimates of one error, with and without the model.

        The mean over x moves with the rows of x and with the weights. The sandwich takes their scores as they are. Were
        the model true, the weights would have the variance H⁻¹, less 1/n + 1/m for the constant's (Prentice & Pyke
        1979, Biometrika 66), and the two movements would be uncorrelated: this knows Q's tail from all rows, where few
        of Q's own lie there.
        """
        n, m = len(on_x), len(on_y)
        offset = np.log(n / m)
        pull = self._inverse @ self._mean
        of_x = special.expit(-on_x - offset) * (self._x @ pull) + on_x / n
        of_y = -special.expit(on_y + offset) * (self._y @ pull)
        sandwich = float(np.sqrt(n * of_x.var() + m * of_y.var()))
        model = float(np.sqrt(max(on_x.var() / n + self._mean @ pull - 1 / n - 1 / m, 0.0)))
        # Curves take nearly any form, so no model lowers the error, but a long tail of p/q makes it unknowable.
        long = min(free_spread(on_x, on_y), _LONG_TAIL * sandwich) if self._smooth else 0.0
        return max(sandwich, model, long)

    def _second_order(self) -> float:
        """What the weights' own noise adds, and all that there is where P = Q: there D's law is ½(1/n + 1/m)χ²."""
        n, m = len(self._x), len(self._y)
        shrunk = _RIDGE * float(np.trace(self._inverse[1:, 1:]))
        degrees = max(len(self._mean) - 1 - shrunk, 0.0)
        centred = self._x - self._mean
        products = float(((centred @ self._inverse) * centred).sum()) / n**2
        return float(np.sqrt(max((1 / n + 1 / m) ** 2 * degrees / 2, products)))


class TurningLearner:
    """Logistic regression in features that are themselves learnt from both samples."""

    formula: Formula = "learnt"
    folds = 5
    noise: float | None = None

    def __init__(self, numbers: Numbers, make: Callable[[Floats, Floats, int], Basis]) -> None:
        self._numbers, self._make = numbers, make

    def judge(self, train_x: Mask, train_y: Mask) -> Judgement:
        """Learn the features and the weights on the marked rows."""
        x, y = self._numbers.x, self._numbers.y
        basis = self._make(x[train_x], y[train_y], self._numbers.scales)
        fit = fit_logistic(basis(x[train_x]), basis(y[train_y]), _RIDGE)
        return Judgement(fit(basis(x[~train_x])), fit(basis(y[~train_y])))

    def value(self, problem: Problem, judged: Judgement, count: int, rng: np.random.Generator) -> tuple[float, float]:
        """The middle between what is lost by features from fewer rows and what is gained by features from the same."""
        high, _ = self._settled.value(problem, held_out(problem, self._settled, count, rng), count, rng)
        low = float(judged.on_x.mean())
        return (low + high) / 2, abs(high - low) / 4

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """The larger of the spread of no model in particular and that of the features as they are."""
        return max(free_spread(on_x, on_y), self._settled.spread(on_x, on_y))

    @cached_property
    def _settled(self) -> LinearLearner:
        """The features learnt from all rows, taken as given."""
        basis = self._make(self._numbers.x, self._numbers.y, self._numbers.scales)
        return LinearLearner(self._numbers, lambda *_: basis)


def free_spread(on_x: Floats, on_y: Floats) -> float:
    """Standard error from the influence function of D without a model: log p/q − D on x, 1 − p/q on y."""
    ratio = np.exp(np.minimum(on_y, np.log(len(on_y))))  # one row of m is a share of 1/m
    return float(np.sqrt(on_x.var() / len(on_x) + ratio.var() / len(on_y)))


def lower_bound(on_x: Floats, on_y: Floats) -> tuple[float, float]:
    """E_P f − E_Q e^f + 1, at most D for every f (Nguyen, Wainwright & Jordan 2010), and its standard error."""
    found = nguyen_wainwright_jordan(*(vouched_for(f, len(on_y)) for f in (on_x, on_y)))
    return max(found.value, 0.0), found.error


def held_out(problem: Problem, learner: Learner, count: int, rng: np.random.Generator) -> Judgement:
    """Log p/q at every row, calibrated, from fits that did not see it; and the mean of what they gave to rows seen."""
    fold_x, fold_y = problem.folds(count, rng)
    on_x, on_y, seen = np.empty(problem.n), np.empty(problem.m), np.empty(count)
    for k in range(count):
        fit = learner.judge(fold_x != k, fold_y != k)
        on_x[fold_x == k], on_y[fold_y == k], seen[k] = fit.on_x, fit.on_y, fit.seen
    return Judgement(*calibrated(on_x, on_y), float(seen.mean()))


def calibrated(on_x: Floats, on_y: Floats) -> tuple[Floats, Floats]:
    """Scale and shift log p/q so that it predicts the sample of a row as well as it can."""

    def features(f: Floats) -> Floats:
        return np.stack([np.ones_like(f), f], axis=1)

    fit = fit_logistic(features(on_x), features(on_y), 1e-3)
    if fit.weights[1] <= 0:  # worse than a guess: nothing was learnt
        return np.zeros_like(on_x), np.zeros_like(on_y)
    return fit(features(on_x)), fit(features(on_y))


def cross_fitted(problem: Problem, learner: Learner, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) as the mean over x of log p/q, without the bias of its fit.

    Parameters
    ----------
    problem : Problem
        At least `LEAST` rows on either side.
    learner : Learner
        Of log p/q.
    """
    count = min(learner.folds, problem.n // 2, problem.m // 2)
    judged = held_out(problem, learner, count, rng)
    on_x, on_y = judged.on_x, judged.on_y
    if separable(on_x, on_y):
        low = at_least(on_x, on_y, confidence)
        caveat = (
            "a classifier tells the samples apart without fail: the value is the most that samples of this size can "
            "promise, and D may be infinite"
        )
        return Estimate(low, low, (low, float("inf")), on_x, on_y, learner.formula, caveats=(caveat,))
    value, doubt = learner.value(problem, judged, count, rng)
    noise = learner.noise
    error = float(np.hypot(learner.spread(on_x, on_y), doubt if noise is None else noise))
    outside = beyond(on_x, on_y)
    caveats = []
    interval = two_sided(value, error, confidence, noise)
    if learner.formula == "none":
        value, error = lower_bound(on_x, on_y)  # whatever it misses
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
    return Estimate(value, error, interval, on_x, on_y, learner.formula, noise, caveats=tuple(caveats))


def extrapolated(
    problem: Problem, learner: Learner, judged: Judgement, count: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The mean over x had the fits seen all rows, from 1 − 1/K and from ½ of them: the loss falls as 1/size."""
    value = float(judged.on_x.mean())
    halves = float(held_out(problem, learner, 2, rng).on_x.mean())
    seen = 1 - 1 / count
    gain = (value - halves) * (1 / seen) / (2 - 1 / seen)
    gain = float(np.clip(gain, -_MOST_EXTRAPOLATED * value, _MOST_EXTRAPOLATED * value))
    return value + gain, abs(gain) / 2
