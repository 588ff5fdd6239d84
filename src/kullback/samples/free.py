"""What learners of log p/q without a formula have in common: how they are cross-fitted, and their error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .crossfit import Formula, Judgement, Mask, extrapolated, free_spread
from .problem import Problem

Floats = NDArray[np.float64]


class FreeLearner:
    """A learner that says only how rows are judged, by `judgements`."""

    folds = 5
    noise: float | None = None
    formula: Formula = "none"

    def __init__(self, problem: Problem) -> None:
        self._x, self._y = problem.numbers.x, problem.numbers.y

    def judgements(self, x: Floats, y: Floats, new_x: Floats, new_y: Floats) -> tuple[Floats, Floats]:
        """Learn from x and y; return log p/q at the new rows of either sample."""
        raise NotImplementedError

    def judge(self, train_x: Mask, train_y: Mask) -> Judgement:
        """Fit on the marked rows and judge the others."""
        x, y = self._x, self._y
        return Judgement(*self.judgements(x[train_x], y[train_y], x[~train_x], y[~train_y]))

    def value(self, problem: Problem, judged: Judgement, count: int, rng: np.random.Generator) -> tuple[float, float]:
        """The held-out mean, extrapolated to fits that saw all rows."""
        return extrapolated(problem, self, judged, count, rng)

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """The spread of no model in particular."""
        return free_spread(on_x, on_y)
