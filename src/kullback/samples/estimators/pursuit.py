"""log p/q with curves along the few directions in which the samples differ in shape (projection pursuit)."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import TurningLearner, cross_fitted, too_few
from kullback.samples.features import pursued
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "projection pursuit classifier"
AUTO = True


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, TurningLearner(problem.numbers, pursued), rng, confidence)
