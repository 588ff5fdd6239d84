"""log p/q of the distance from the middle, beside squares: clouds of one shape whose tails differ, as Student's."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import LinearLearner, cross_fitted, too_few
from kullback.samples.features import radial
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "radial classifier"
AUTO = True


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    if problem.d < 2 or problem.numbers.scales < 2:
        return "one ordered column has no distance but its own: the additive spline classifier does the same"
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, LinearLearner(problem.numbers, radial), rng, confidence)
