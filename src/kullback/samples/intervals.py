"""Intervals: two-sided where the error is understood, "at least" from held-out rows where it is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

_CUTS = (-1.0, 0.0, 1.0, 2.0)
_FEW = 3  # rows of Q that make a region one where Q was seen


def two_sided(value: float, error: float, confidence: float, noise: float | None = None) -> tuple[float, float]:
    """An interval symmetric in √D, of which the standard error of estimates of D is nearly a multiple.

    Its lower end is 0 where the value is within reach of what it would be were P = Q, of standard error `noise`.
    """
    z = float(special.ndtri((1 + confidence) / 2))
    value, reach = max(value, 0.0), z * error
    low = 0.0 if value <= z * (error if noise is None else noise) else max(value - reach / 2, 0.0) ** 2 / value
    return low, value + reach + min(reach * reach / (4 * value) if value else np.inf, reach / 4)


def one_sided(value: float, error: float, confidence: float) -> float:
    """The lower end of a normal interval that is open above."""
    return max(value - float(special.ndtri(confidence)) * error, 0.0)


def beyond(on_x: Floats, on_y: Floats) -> float:
    """Share of P's rows where log p/q exceeds its value at all but a few rows of Q."""
    last = np.partition(on_y, -_FEW)[-_FEW]
    return float((on_x > last).mean())


def separable(on_x: Floats, on_y: Floats) -> bool:
    """Whether log p/q tells the samples apart but for a stray row or two."""
    middle = (np.partition(on_x, 1)[1] + np.partition(on_y, -2)[-2]) / 2
    return bool((on_x <= middle).sum() + (on_y >= middle).sum() <= 4)


def at_least(on_x: Floats, on_y: Floats, confidence: float) -> float:
    """Bound D(P‖Q) from below, whatever P and Q are, by how often each falls above a few cuts of held-out log p/q.

    D is at least that of the two events' probabilities (data processing), each replaced by the end of its exact
    binomial interval that makes D smaller (Clopper & Pearson 1934), shared among the cuts by Bonferroni.
    """
    risk = (1 - confidence) / 2 / (2 * len(_CUTS))
    n, m = len(on_x), len(on_y)
    best = 0.0
    for cut in _CUTS:
        a, b = int((on_x > cut).sum()), int((on_y > cut).sum())
        p = float(special.betaincinv(a, n - a + 1, risk)) if a else 0.0
        q = float(special.betaincinv(b + 1, m - b, 1 - risk)) if b < m else 1.0
        if p > q:
            best = max(best, float(special.rel_entr(p, q) + special.rel_entr(1 - p, 1 - q)))
    return best
