"""log p/q quadratic in all columns: any pair of Gaussians."""

from __future__ import annotations

import numpy as np

from kullback.samples.crossfit import LinearLearner, cross_fitted, too_few
from kullback.samples.features import quadratic
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "quadratic classifier"
AUTO = True
_ROWS_A_PRODUCT = 8


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    if problem.d and problem.numbers.x.shape[1] < 2:
        return "one ordered column has no products: the additive quadratic classifier does the same"
    size = problem.numbers.x.shape[1] if problem.d else 0
    if size * size / 2 > (problem.n + problem.m) / _ROWS_A_PRODUCT:
        return f"{size} columns have too many products for {problem.n + problem.m} rows"
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats."""
    return cross_fitted(problem, LinearLearner(problem.numbers, quadratic), rng, confidence)
