"""p/q from how many rows of either sample lie near: no form at all, at its best in one dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.samples.bounds import nguyen_wainwright_jordan
from kullback.samples.crossfit import calibrated, free_spread
from kullback.samples.intervals import one_sided, two_sided
from kullback.samples.neighbours import log_ratios, whitened
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

Floats = NDArray[np.float64]

NAME = "nearest neighbours"
AUTO = False
K = 3
LEAST = 20  # rows on either side, half of which a sub-sample holds
_REPETITIONS = 25
_SHARE = 2.0  # times n^(−1/3): of the rows, in a sub-sample
_MEASURED = 1  # dimensions up to which both ends of the interval were found to hold
_DRIFT = 1.5  # standard errors between the estimate and the mean of smaller ones beyond which its bias is not known


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    if not problem.d:
        return "no column varies"
    for column in problem.columns:
        if column.kind == "categorical":
            return f"column {column.name!r} holds categories, between which there is no distance"
        if column.missing:
            return f"column {column.name!r} has missing values, which are at no distance from anything"
    for side, rows in (("x", problem.n), ("y", problem.m)):
        if rows < LEAST:
            return f"{side} has {rows} rows: nearest neighbours with a sub-sampled interval need at least {LEAST}"
    return None


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats as the mean of log p/q from `K` neighbours of whitened rows.

    The standard error is that of m-out-of-n sub-sampling (Politis & Romano 1994, "Large sample confidence regions based
    on subsamples under minimal assumptions", Annals of Statistics 22). How far the sub-samples lie off on average shows
    how the bias still moves with n, and counts as error in full.
    """
    x, y = whitened(problem.x, problem.y)
    ties = not problem.continuous or problem.repeats > 0
    on_x = log_ratios(x, y, K, ties=ties)
    value = float(on_x.mean())
    share = min(_SHARE * min(problem.n, problem.m) ** (-1 / 3), 0.5)
    smaller = np.array([_of_some(x, y, share, ties, rng) for _ in range(_REPETITIONS)])
    spread = float(smaller.std(ddof=1) * np.sqrt(share / (1 - share)))
    drift = value - float(smaller.mean())
    error = float(np.hypot(spread, drift))
    caveats = []
    if ties:
        caveats.append(
            "equal rows: counts of rows that coincide take the place of distances where they do (Gao et al. 2017)"
        )
    if x.shape[1] > _MEASURED:
        on_y = -log_ratios(y, x, K, ties=ties)
        on_x, on_y = calibrated(on_x, on_y)
        bound = nguyen_wainwright_jordan(on_x, on_y).value
        low = min(one_sided(bound, free_spread(on_x, on_y), confidence), max(value, 0.0))
        caveats.append(
            f"in {x.shape[1]} dimensions nearest neighbours err by more than their spread shows, upwards or downwards: "
            "only a lower bound is promised"
        )
        return Estimate(value, error, (low, np.inf), on_x, on_y, "none", caveats=tuple(caveats))
    if abs(drift) > _DRIFT * spread:
        caveats.append(
            f"the estimate still moves by {abs(drift):.2g} nats as rows are added: only a lower bound is promised"
        )
        return Estimate(value, error, (one_sided(value, error, confidence), np.inf), caveats=tuple(caveats))
    low, high = two_sided(value, error, confidence)
    # What still rises will rise more: where Q is thin, neighbours are far and D comes out too low.
    return Estimate(value, error, (low, high + max(drift, 0.0)), caveats=tuple(caveats))


def _of_some(x: Floats, y: Floats, share: float, ties: bool, rng: np.random.Generator) -> float:
    """The estimate from that share of the rows."""
    some_x, some_y = (z[rng.choice(len(z), int(share * len(z)), replace=False)] for z in (x, y))
    return float(log_ratios(some_x, some_y, K, ties=ties).mean())
