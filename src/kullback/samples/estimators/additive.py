"""log p/q with squares of the columns: Gaussians of different widths along the columns."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import LinearLearner, cross_fitted, too_few
from kullback.samples.features import additive_quadratic
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "additive quadratic classifier"
AUTO = True


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, LinearLearner(problem.numbers, additive_quadratic), rng, confidence)
