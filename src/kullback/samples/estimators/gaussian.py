"""D between Gaussians fitted to both samples: exact and precise where they are Gaussian, and only there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from kullback.samples.problem import Problem
from kullback.samples.result import Estimate
from kullback.samples.score import Score

Floats = NDArray[np.float64]

NAME = "Gaussian plug-in"
AUTO = False
_SURPRISING = 1e-3  # p-value of Mardia's tests below which the rows are called not Gaussian


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    if not problem.d:
        return "no column varies"
    if not problem.continuous:
        return "a Gaussian has a density: every column must be continuous and complete"
    least = problem.d + 5  # the variance of the estimate is finite from here
    for side, rows in (("x", problem.n), ("y", problem.m)):
        if rows < least:
            return f"{side} has {rows} rows: the covariance of {problem.d} columns asks for at least {least}"
    both = np.concatenate([problem.x, problem.y])
    for side, z in (("x", problem.x), ("y", problem.y)):
        spread = np.linalg.matrix_rank((z - z.mean(axis=0)) / both.std(axis=0))
        if spread < problem.d:
            return f"the {problem.d} columns of {side} vary in {spread} directions only: drop what others determine"
    return None


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) = ½[tr S − d − log|S| + δᵀδ] in nats, S and δ being P's covariance and mean in Q's frame.

    The logarithm and the inverse are corrected by their exact expectations under Wishart laws, so that the estimate is
    unbiased; its variance is that of its first derivatives, with that of P = Q added, and the interval is a score
    interval.
    """
    x, y, d = problem.x, problem.y, problem.d
    n, m = problem.n, problem.m
    root = linalg.cholesky(np.cov(y, rowvar=False).reshape(d, d), lower=True)
    delta = linalg.solve_triangular(root, x.mean(axis=0) - y.mean(axis=0), lower=True)
    seen = linalg.solve_triangular(root, (x - x.mean(axis=0)).T, lower=True)
    s = np.atleast_2d(seen @ seen.T) / (n - 1)
    shrink = (m - d - 2) / (m - 1)  # E[S_y⁻¹] = Σ_y⁻¹ / shrink
    log_det = float(np.linalg.slogdet(s)[1]) - _log_det_bias(n, d) + _log_det_bias(m, d)
    trace, square = shrink * float(np.trace(s)), shrink * float(delta @ delta)
    value = (trace - d - log_det + square - trace / n - d / m) / 2
    scale = 1 / n + 1 / m
    null = d * (d + 3) / 4 * scale**2
    slope = max(_variance(s, delta, n, m) / value, scale) if value > 2 * np.sqrt(null) else 2 * scale
    score = Score(value, null, slope, scale)
    caveats = [
        f"the rows of {side} are not Gaussian (Mardia's tests, p = {p:.1g}): this is the divergence of the Gaussians "
        "with their means and covariances"
        for side, z in (("x", x), ("y", y))
        if (p := _mardia(z)) < _SURPRISING
    ]
    return Estimate(value, score.error, score.interval(confidence), caveats=tuple(caveats))


def _log_det_bias(rows: int, d: int) -> float:
    """E[log|S|] − log|Σ| for the sample covariance S."""
    degrees = rows - 1
    return float(special.digamma((degrees - np.arange(d)) / 2).sum() + d * np.log(2 / degrees))


def _variance(s: Floats, delta: Floats, n: int, m: int) -> float:
    """Variance to first order: of the linear and quadratic forms in the rows that are D's derivatives."""
    of_x = s - np.eye(len(s))
    of_y = s + np.outer(delta, delta) - np.eye(len(s))
    first = 0.5 * float(np.trace(of_x @ of_x)) + float(delta @ s @ delta)
    second = 0.5 * float(np.trace(of_y @ of_y)) + float(delta @ delta)
    return first / n + second / m


def _mardia(z: Floats) -> float:
    """The smaller p-value, doubled, of skewness and kurtosis (Mardia 1970, Biometrika 57)."""
    n, d = z.shape
    centred = z - z.mean(axis=0)
    left, _, _ = linalg.svd(centred, full_matrices=False)
    some = left[: min(n, 2000)] * np.sqrt(n)  # skewness takes pairs of rows; so many tell
    gram = some @ some.T
    skewness = float((gram**3).mean()) * len(some) / 6
    kurtosis = float((((left * np.sqrt(n)) ** 2).sum(axis=1) ** 2).mean())
    by_skewness = float(special.chdtrc(d * (d + 1) * (d + 2) / 6, skewness))
    by_kurtosis = float(2 * special.ndtr(-abs(kurtosis - d * (d + 2)) / np.sqrt(8 * d * (d + 2) / n)))
    return min(1.0, 2 * min(by_skewness, by_kurtosis))
