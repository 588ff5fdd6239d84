"""Donsker and Varadhan's lower bound on held-out rows: what can be promised of any P and Q."""

from __future__ import annotations

import numpy as np

from kullback.samples.bounds import donsker_varadhan
from kullback.samples.critic_bound import bounded
from kullback.samples.crossfit import too_few
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "Donsker-Varadhan bound"
AUTO = False


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Bound D(P‖Q) from below, in nats."""
    return bounded(problem, rng, confidence, donsker_varadhan)
