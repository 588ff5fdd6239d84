"""log p/q with curves along the few directions in which the samples differ in shape (projection pursuit)."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import TurningLearner, cross_fitted, too_few
from kullback.samples.features import pursued
from kullback.samples.problem import Problem
from kullback.samples.pursuit import differ_in_shape
from kullback.samples.result import Estimate

NAME = "projection pursuit classifier"
AUTO = True


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    if problem.d < 2 or problem.numbers.scales < 2:
        return "one ordered column has one direction: the additive spline classifier does the same"
    reason = too_few(problem)
    if reason is None:
        numbers, k = problem.numbers, problem.numbers.scales
        if not differ_in_shape(numbers.x[:, :k], numbers.y[:, :k]):
            return "no direction was found in which the samples differ in shape"
    return reason


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, TurningLearner(problem.numbers, pursued), rng, confidence)
