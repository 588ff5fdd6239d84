"""log p/q linear in the columns: a shift, of Gaussians or of any exponential family with these statistics."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import LinearLearner, cross_fitted, too_few
from kullback.samples.features import linear
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "linear classifier"
AUTO = True


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, LinearLearner(problem.numbers, linear), rng, confidence)
