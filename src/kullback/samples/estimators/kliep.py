"""p/q as a sum of Gaussian bumps on rows of x: KLIEP (Sugiyama et al. 2008, "Direct importance estimation")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from kullback.samples.crossfit import cross_fitted, too_few
from kullback.samples.free import FreeLearner
from kullback.samples.logistic import LARGEST
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

Floats = NDArray[np.float64]

NAME = "KLIEP"
AUTO = False
_CENTRES = 100
_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the median distance of centres
_HELD_BACK = 5  # one row of so many judges the width
_STEPS = 200
_ENOUGH = 1e-5  # nats that a step of all weights adds below which they are fitted


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return too_few(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats by log p/q of kernels, whose width is judged by the likelihood of rows held back."""
    return cross_fitted(problem, _Learner(problem), rng, confidence)


class _Learner(FreeLearner):
    def judgements(self, x: Floats, y: Floats, new_x: Floats, new_y: Floats) -> tuple[Floats, Floats]:
        """Weigh bumps on rows of x, of the width that does best on rows held back."""
        centres = x[:: max(1, len(x) // _CENTRES)][:_CENTRES]
        far = float(np.median(cdist(centres, centres))) or 1.0
        kept = np.arange(len(x)) % _HELD_BACK > 0
        squares_x, squares_y = (cdist(z, centres, "sqeuclidean") for z in (x, y))
        best, width = -np.inf, far
        for share in _WIDTHS:
            bumps_x, bumps_y = (np.exp(-s / (2 * (share * far) ** 2)) for s in (squares_x, squares_y))
            weights = _fitted(bumps_x[kept], bumps_y.mean(axis=0))
            likelihood = float(_log(bumps_x[~kept], weights).mean())
            if likelihood > best:
                best, width = likelihood, share * far
        weights = _fitted(np.exp(-squares_x / (2 * width**2)), np.exp(-squares_y / (2 * width**2)).mean(axis=0))
        on_x, on_y = (_log(np.exp(-cdist(z, centres, "sqeuclidean") / (2 * width**2)), weights) for z in (new_x, new_y))
        return on_x, on_y


def _fitted(bumps: Floats, of_y: Floats) -> Floats:
    """Weights a ≥ 0 with Σ a·of_y = 1 that maximise the mean of log Σ a·bumps: a mixture's shares, found by EM."""
    heights = bumps / np.maximum(of_y, np.finfo(float).tiny ** 0.5)
    shares = np.full(len(of_y), 1 / len(of_y))
    before = -np.inf
    for _ in range(_STEPS):
        mixed = np.maximum(heights @ shares, np.finfo(float).tiny)
        now = float(np.log(mixed).mean())
        if now - before < _ENOUGH:
            break
        before = now
        shares = shares * (heights.T @ (1 / mixed)) / len(heights)
    return np.asarray(shares / np.maximum(of_y, np.finfo(float).tiny ** 0.5))


def _log(bumps: Floats, weights: Floats) -> Floats:
    return np.maximum(np.log(np.maximum(bumps @ weights, np.finfo(float).tiny)), -LARGEST)
