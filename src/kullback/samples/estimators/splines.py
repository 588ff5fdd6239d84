"""log p/q a sum of smooth curves, one a column: any pair of laws with independent columns."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import LinearLearner, cross_fitted, too_few
from kullback.samples.features import additive_splines
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "additive spline classifier"
AUTO = True


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, LinearLearner(problem.numbers, additive_splines, smooth=True), rng, confidence)
