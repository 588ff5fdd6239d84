"""log p/q a sum of small trees: interactions, jumps and everything that no smooth formula holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.errors import MissingExtra
from kullback._core.extras import require
from kullback.samples.crossfit import (
    Floats,
    Formula,
    Judgement,
    Mask,
    calibrated,
    cross_fitted,
    extrapolated,
    free_spread,
    too_few,
)
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "gradient boosting"
AUTO = True


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    try:
        _sklearn()
    except MissingExtra as missing:
        return str(missing)
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats, by trees as of Friedman 2001 (Annals of Statistics 29) on binned columns."""
    return cross_fitted(problem, _Learner(problem), rng, confidence)


def glimpse(problem: Problem, train_x: Mask, train_y: Mask) -> tuple[Floats, Floats]:
    """Judge the rows that are not marked by one fit to those that are."""
    judged = _Learner(problem).judge(train_x, train_y)
    return calibrated(judged.on_x, judged.on_y)


def _sklearn() -> Any:
    return require("sklearn.ensemble", extra="samples", purpose="boost trees")


class _Learner:
    folds = 5
    noise: float | None = None

    def __init__(self, problem: Problem) -> None:
        self._numbers = problem.numbers
        self.formula: Formula = "none" if problem.d > 1 else "fixed"  # trees in one dimension are a histogram

    def judge(self, train_x: Mask, train_y: Mask) -> Judgement:
        """Fit on the marked rows; return log p/q at the others."""
        x, y = self._numbers.x, self._numbers.y
        n, m = int(train_x.sum()), int(train_y.sum())
        trees = _sklearn().HistGradientBoostingClassifier(
            max_iter=60 if n + m < 5000 else 150,
            learning_rate=0.1,
            max_leaf_nodes=8,
            min_samples_leaf=min(20, max(2, (n + m) // 20)),
            early_stopping=False,
        )
        # Threads lose more by waiting for each other than they gain on so few rows.
        with require("threadpoolctl", extra="samples", purpose="boost trees").threadpool_limits(1, user_api="openmp"):
            trees.fit(np.concatenate([x[train_x], y[train_y]]), np.arange(n + m) < n)
        offset = np.log(n / m)

        def judged(rows: Floats) -> NDArray[np.float64]:
            return np.asarray(trees.decision_function(rows) - offset) if len(rows) else np.empty(0)

        return Judgement(judged(x[~train_x]), judged(y[~train_y]))

    def value(self, problem: Problem, judged: Judgement, count: int, rng: np.random.Generator) -> tuple[float, float]:
        """The held-out mean, extrapolated to fits that saw all rows."""
        return extrapolated(problem, self, judged, count, rng)

    def spread(self, on_x: Floats, on_y: Floats) -> float:
        """The spread of no model in particular."""
        return free_spread(on_x, on_y)
