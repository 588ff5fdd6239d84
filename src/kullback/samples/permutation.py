"""Whether P = Q: an exact test by dealing the rows anew between the two samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.spatial import distance

from .estimators.quadratic import refuses as too_many_products
from .features import Basis, additive_quadratic, additive_splines, linear, quadratic
from .problem import Problem

Floats = NDArray[np.float64]

DEALS = 999
_MOST = 5000  # rows of each sample
_NEIGHBOURS = 5
_MOST_NEIGHBOURED = 2000  # rows of each sample whose neighbours are sought
_BATCH = 100  # deals at a time
_FLAT = 1e-7  # of the largest singular value: directions that the features do not span


def p_value(problem: Problem, rng: np.random.Generator) -> float:
    """P-value of P = Q, exact whatever P is: under it, which rows are of x is a matter of chance.

    The statistics are the score tests of the logistic families (linear, quadratic along the columns, curves, all
    products; Rao 1948) and the count of nearest neighbours from the same sample (Schilling 1986, "Multivariate
    two-sample tests based on nearest neighbors", JASA 81; Henze 1988). The rows are dealt anew 999 times; the least of
    the statistics' p-values is compared with the least in every other deal (Westfall & Young 1993), so that looking at
    several costs nothing in validity. Of rows that are copies, one of each is dealt.
    """
    x, y = (side[kept] for side, kept in zip(_sides(problem), _dealt_rows(problem, rng), strict=True))
    rows, of_x = len(x) + len(y), len(x)
    signs = np.full((rows, DEALS + 1), -1.0)
    signs[:of_x, 0] = 1.0
    for deal in range(1, DEALS + 1):
        signs[rng.permutation(rows)[:of_x], deal] = 1.0
    scales = problem.numbers.scales
    families = [linear, additive_quadratic, additive_splines]
    if too_many_products(problem) is None:
        families.append(quadratic)
    table = np.stack(
        [
            *(_scores(make(x, y, scales), np.concatenate([x, y]), signs) for make in families),
            _neighbours(x, y, signs, rng),
        ]
    )
    # Larger is stranger; a rank counts the deals that are at least as strange, itself among them.
    ranks = np.stack([DEALS + 1 - np.searchsorted(np.sort(row), row, side="left") for row in table])
    least = ranks.min(axis=0)
    return float((least <= least[0]).mean())


def _sides(problem: Problem) -> tuple[Floats, Floats]:
    return problem.numbers.x, problem.numbers.y


def _dealt_rows(problem: Problem, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """The rows of either sample that are dealt: one of each if they are copies, and no more than serve."""
    kept = []
    for place, rows in zip(problem.groups, (problem.n, problem.m), strict=True):
        own = np.unique(place, return_index=True)[1] if problem.copied else np.arange(rows)
        kept.append(own if len(own) <= _MOST else rng.choice(own, _MOST, replace=False))
    return kept


def _scores(basis: Basis, rows: Floats, signs: Floats) -> Floats:
    """The score statistic of a family of log p/q, of every deal: how far its features' means lie apart, whitened."""
    features = basis(rows)[:, 1:]
    features = features - features.mean(axis=0)
    features = features / np.maximum(np.sqrt((features * features).mean(axis=0)), np.finfo(float).tiny)
    left, sizes, _ = linalg.svd(features, full_matrices=False, check_finite=False)
    left = left[:, sizes > _FLAT * sizes[0]]
    batches = range(0, signs.shape[1], _BATCH)
    return np.concatenate([((left.T @ signs[:, at : at + _BATCH]) ** 2).sum(axis=0) for at in batches])


def _neighbours(x: Floats, y: Floats, signs: Floats, rng: np.random.Generator) -> Floats:
    """How many nearest neighbours are of the same sample, of every deal; an order that ties keep is chance's."""
    kept = [np.sort(rng.permutation(len(side))[:_MOST_NEIGHBOURED]) for side in (x, y)]
    rows = np.concatenate([kept[0], len(x) + kept[1]])
    among = rng.permutation(rows)
    points = np.concatenate([x, y])[among]
    points = points / np.maximum(points.std(axis=0), np.finfo(float).tiny)
    count = min(_NEIGHBOURS, len(points) - 1)
    nearest = np.empty((len(points), count), dtype=np.intp)
    for at in range(0, len(points), 500):
        gaps = distance.cdist(points[at : at + 500], points, "sqeuclidean")
        gaps[np.arange(len(gaps)), np.arange(at, at + len(gaps))] = np.inf
        nearest[at : at + 500] = np.argpartition(gaps, count - 1, axis=1)[:, :count]
    near = sparse.csr_array(
        (np.ones(nearest.size), nearest.ravel(), np.arange(0, nearest.size + 1, count)), shape=(len(points),) * 2
    )
    labels = signs[among]
    return np.asarray((labels * (near @ labels)).sum(axis=0))
