"""log p/q a sum of smooth surfaces, one a pair of columns: dependence of any shape between a few variables."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import LinearLearner, cross_fitted, too_few
from kullback.samples.features import surfaces
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "surface classifier"
AUTO = True
_MOST = 4


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    if problem.d < 2 or not 2 <= problem.numbers.scales <= _MOST:
        return f"surfaces are fitted to 2 to {_MOST} ordered columns, here {problem.numbers.scales}"
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, LinearLearner(problem.numbers, surfaces, formula="none"), rng, confidence)
