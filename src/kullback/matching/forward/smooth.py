"""Histograms and kernel densities, whose fineness is chosen by the bits that rows held out cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from kullback._core.errors import InputError
from kullback.distributions.families.gaussian_mixture import GaussianMixture
from kullback.matching.features import Codes, Floats
from kullback.matching.match import Match

from .families import drawn
from .options import Options
from .target import Target

_FOLDS = 5
_BINS = np.unique(np.round(np.geomspace(1, 2_000, 60)).astype(int))
_FACTORS = np.geomspace(0.05, 4.0, 30)  # of the width that is best for a Gaussian
_MOST = 2_000  # rows by which a width is chosen
_ROWS = 256
_HALF = 0.5  # added to the count of every bin (Krichevsky & Trofimov 1981): no bin is then impossible


def names() -> list[str]:
    """What can be fitted here."""
    return ["histogram", "kernel density"]


def fits(family: Any) -> bool:
    """Whether this is a density of no form."""
    return family in ("histogram", "kernel density", "kde")


def fit(family: Any, target: Target, options: Options) -> Match:
    """Fit "histogram" or "kernel density"."""
    if target.rows.ndim > 2:
        raise InputError(f"a {family} is of numbers or vectors; the rows have shape {target.rows.shape[1:]}")
    return _histogram(target, options) if family == "histogram" else _kernel(target, options)


def _match(target: Target, options: Options, first: Any, law: Any, slope: float, steps: int, note: str) -> Match:
    converged = slope <= options.tolerance
    before, after = target.divergences(first, law)
    return Match(
        result=law,
        before=before,
        after=after,
        converged=converged,
        reason="Neither neighbour on the grid is better on rows held out."
        if converged
        else "The best lies at the end of the grid: the rows have finer detail, or ties.",
        iterations=steps,
        max_error=slope,
        tolerance=options.tolerance,
        caveats=(note,),
        draw=lambda: drawn(target, first, law),
    )


def _histogram(target: Target, options: Options) -> Match:
    rows, w = target.rows, target.weights
    if rows.ndim != 1 or np.ptp(rows) == 0:
        raise InputError("a histogram is fitted to numbers that are not all equal")
    low, high = float(rows.min()), float(np.nextafter(rows.max(), np.inf))  # bins do not hold their upper end
    fold = options.rng.permutation(len(rows)) % _FOLDS
    candidates = _BINS[len(rows) / 2 >= _BINS]
    costs = np.array([_cost_of_bins(rows, w, target.count, fold, low, high, int(k)) for k in candidates])
    best = int(np.argmin(costs))
    law, flat = (_binned(rows, w, target.count, low, high, int(k)) for k in (candidates[best], 1))
    at_end = best == len(costs) - 1 and len(costs) > 1
    slope = float(costs[best - 1] - costs[best]) if at_end else 0.0
    note = f"{candidates[best]} bins from {low:g} to {high:g}, the density beyond is 0; half a row was added to each."
    return _match(target, options, flat, law, slope, len(costs), note)


def _shares(rows: Floats, w: Floats, count: float, low: float, high: float, bins: int) -> tuple[Floats, Floats]:
    edges = np.linspace(low, high, bins + 1)
    held = np.histogram(rows, edges, weights=w)[0] / w.sum() * count + _HALF
    return held / held.sum(), edges


def _cost_of_bins(rows: Floats, w: Floats, count: float, fold: Any, low: float, high: float, bins: int) -> float:
    total = 0.0
    for k in range(_FOLDS):
        seen = fold != k
        shares, edges = _shares(rows[seen], w[seen], count * float(w[seen].sum()), low, high, bins)
        places = np.clip(np.searchsorted(edges, rows[~seen], side="right") - 1, 0, bins - 1)
        total -= float(w[~seen] @ np.log(shares[places] / (edges[1] - edges[0])))
    return total


def _binned(rows: Floats, w: Floats, count: float, low: float, high: float, bins: int) -> Any:
    shares, edges = _shares(rows, w, count, low, high, bins)
    return stats.rv_histogram((shares, edges), density=False)()


def _kernel(target: Target, options: Options) -> Match:
    rows, w = target.rows.reshape(len(target.rows), -1), target.weights
    n, d = rows.shape
    covariance = np.atleast_2d(np.cov(rows.T, aweights=w, bias=True))
    if np.linalg.matrix_rank(covariance) < d:
        raise InputError("some columns of the target are constant or determined by the others: it has no density")
    chosen = options.rng.permutation(n)[:_MOST]
    z = np.linalg.solve(np.linalg.cholesky(covariance), rows[chosen].T).T
    plain = (4 / (d + 2)) ** (1 / (d + 4))  # Silverman (1986), equation 4.14, times n^(-1/(d+4))
    here = len(chosen) ** (-1 / (d + 4)) * plain
    costs = _left_out(z, w[chosen] / w[chosen].sum(), here * _FACTORS)
    best = int(np.argmin(costs))
    width = _FACTORS[best] * plain * target.count ** (-1 / (d + 4))
    at_end = best in (0, len(costs) - 1)
    slope = float(abs(costs[best] - costs[1 if best == 0 else best - 1])) if at_end else 0.0
    law, start = (_placed(target, rows, covariance * h * h) for h in (width, plain * target.count ** (-1 / (d + 4))))
    note = f"Kernels of {width:.4g} standard deviations, {_FACTORS[best]:.3g} times what would be best for a Gaussian."
    return _match(target, options, start, law, slope, len(costs), note)


def _left_out(z: Floats, w: Floats, widths: Floats) -> Floats:
    """Minus the mean log-density at every row of the kernels of all others."""
    n, d = z.shape
    costs = np.zeros(len(widths))
    size = (z * z).sum(axis=1)
    for start in range(0, n, _ROWS):
        some: Codes = np.arange(start, min(start + _ROWS, n))
        square = size[some, None] + size - 2 * z[some] @ z.T
        square[np.arange(len(some)), some] = np.inf
        nearest = np.maximum(square.min(axis=1), 0.0)
        square -= nearest[:, None]
        for i, h in enumerate(widths):
            others = np.exp(square * (-0.5 / (h * h))) @ w
            logs = np.log(others) - nearest / (2 * h * h) - np.log1p(-w[some])
            costs[i] -= float(w[some] @ (logs - d * np.log(h) - d / 2 * np.log(2 * np.pi)))
    return np.asarray(np.where(np.isfinite(costs), costs, np.inf))


def _placed(target: Target, rows: Floats, covariance: Floats) -> GaussianMixture:
    if target.rows.ndim == 1:
        return GaussianMixture(target.weights, rows[:, 0], np.full(len(rows), covariance[0, 0]))
    return GaussianMixture(target.weights, rows, np.broadcast_to(covariance, (len(rows), *covariance.shape)))
