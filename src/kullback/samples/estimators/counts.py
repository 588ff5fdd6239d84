"""Counts of every value, where nothing is continuous: no form of log p/q is supposed."""

from __future__ import annotations

import numpy as np

from kullback.samples.discrete import CountEstimate, Counts, estimate_counts
from kullback.samples.problem import Floats, Ints, Problem
from kullback.samples.result import Estimate

NAME = "counts"
AUTO = False
RARE = (
    "many rows hold values too rare for their ratio to be known, or that the other sample never showed: only a lower "
    "bound is promised, and D may be infinite"
)


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return None if problem.discrete else "a column is continuous: its values cannot be counted"


def alone(problem: Problem) -> bool:
    """Whether all values are counted often enough, or are names, of which no order tells more."""
    if all(column.kind == "categorical" for column in problem.columns):
        return True
    return problem.discrete and not problem.copied and not _estimated(problem)[0].at_least


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats, after Zhang & Grabchak 2014 (`kullback.samples.discrete`)."""
    found, in_x, in_y = _estimated(problem)
    on_x, on_y = (_log_ratio(in_x, in_y, problem, place) for place in problem.groups)
    caveats = (RARE,) if found.at_least else ()
    return Estimate(found.value, found.error, found.interval(confidence), on_x, on_y, caveats=caveats)


def _estimated(problem: Problem) -> tuple[CountEstimate, Floats, Floats]:
    levels = 1 + max(int(place.max()) for place in problem.groups)
    in_x, in_y = (np.bincount(place, minlength=levels).astype(float) for place in problem.groups)
    return estimate_counts(Counts.of(in_x, in_y)), in_x, in_y


def _log_ratio(in_x: Floats, in_y: Floats, problem: Problem, place: Ints) -> Floats:
    """Log p/q of the rows' values, a half added to every count."""
    ratio = (in_x[place] + 0.5) / (problem.n + 0.5) * (problem.m + 0.5) / (in_y[place] + 0.5)
    return np.asarray(np.log(ratio))
