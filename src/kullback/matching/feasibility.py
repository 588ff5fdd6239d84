"""Can any weights meet the target? By linear programming: the nearest target within reach, and a proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, sparse

from .dual import Projection
from .features import Codes, Floats

_COLUMNS = 2_000  # rows that enter the programme at once
_REDUCED = 1e-9  # a row whose reduced cost is below this would not help
_ROUNDS = 200
_TOUCHED = 1e-9  # nearer is met
_INTERIOR = 200_000  # rows times features up to which the rows without weight are sought


@dataclass(frozen=True)
class Nearest:
    """The target nearest the one wanted, in the sum of the features' errors, and the certificate.

    `certificate` is the vector with entries of at most 1 whose product with the target exceeds that with any features
    within reach by the most (linear programming's dual); `separates` says that this was checked row by row.
    """

    target: Floats
    distance: float
    certificate: Floats
    separates: bool


def nearest_target(problem: Projection, weights: Floats) -> Nearest:
    """Find the weights whose features come nearest the target, Σ |error|, beyond the slack.

    Parameters
    ----------
    weights : array of shape (n,)
        Where Newton's method got to; the heaviest rows are tried first.
    """
    k, n = problem.features.size, problem.features.rows
    if problem.bounded:
        chosen: Codes = np.arange(n)  # every row has a least weight
    else:
        heavy = np.argsort(-weights)[:_COLUMNS]
        spread = np.linspace(0, n - 1, min(n, _COLUMNS)).astype(np.intp)
        chosen = np.unique(np.concatenate([heavy, spread]))
    cost = np.repeat([1.0, 0.0], 2 * k)
    allowed: list[tuple[float, float | None]] = [(0.0, None)] * (2 * k) + [
        (0.0, float(s)) for s in np.tile(problem.slack, 2)
    ]
    eye: Any = sparse.eye_array(k)
    errors: Any = sparse.vstack([sparse.hstack([eye, -eye, eye, -eye]), sparse.csr_array((1, 4 * k))])
    for _ in range(_ROUNDS):
        base = problem.base[chosen]
        rows: Any = sparse.csr_array(np.vstack([problem.features.dense(chosen).T, np.ones(len(chosen))]))
        high = min(problem.high, 1 / float(problem.base.min()))
        bounds: list[tuple[float, float | None]] = [
            (float(problem.low * b), float(min(high * b, 1.0)) if problem.bounded else None) for b in base
        ]
        found: Any = optimize.linprog(
            np.concatenate([np.zeros(len(chosen)), cost]),
            A_eq=sparse.hstack([rows, errors], format="csc"),
            b_eq=np.append(problem.target, 1.0),
            bounds=[*bounds, *allowed],
            method="highs",
        )
        if found.x is None:
            raise RuntimeError(f"HiGHS gave up on the nearest target: {found.message}")
        multipliers = np.asarray(found.eqlin.marginals)
        certificate = multipliers[:k]
        if len(chosen) == n:
            break
        reduced = -(problem.features.scores(certificate) + multipliers[k])
        reduced[chosen] = 0.0
        if reduced.min() >= -_REDUCED:
            break
        helpful = np.argsort(reduced)[:_COLUMNS]
        chosen = np.union1d(chosen, helpful[reduced[helpful] < -_REDUCED])
    below, above = found.x[-4 * k : -3 * k], found.x[-3 * k : -2 * k]
    distance = float((below + above).sum())
    return Nearest(problem.target - below + above, distance, certificate, problem.separates(certificate))


def conflicting(nearest: Nearest) -> Codes:
    """The features that carry the certificate."""
    carried = np.abs(nearest.certificate)
    return np.flatnonzero(carried > 1e-7 * carried.max(initial=0.0))


def giving_way(nearest: Nearest, wanted: Floats) -> Codes:
    """The features whose target must give way."""
    return np.flatnonzero(np.abs(nearest.target - wanted) > _TOUCHED)


def rows_in_reach(problem: Projection) -> Codes | None:
    """The rows that some weights meeting the target use; None where there are too many to ask.

    A target on the edge of what rows reach leaves the others without weight. Largest Σ u, 0 ≤ u ≤ 1, u ≤ v, where v is
    proportional to weights that meet the target: u is 1 at every row that can have weight, 0 elsewhere.
    """
    k, n = problem.features.size, problem.features.rows
    if n * k > _INTERIOR or problem.bounded or (problem.slack > 0).any():
        return None
    features = sparse.csr_array(np.vstack([problem.features.dense(np.arange(n)).T, np.ones(n)]))
    wanted = sparse.csr_array(np.append(problem.target, 1.0)[:, None])
    found: Any = optimize.linprog(
        np.concatenate([np.zeros(n), -np.ones(n), [0.0]]),
        A_eq=sparse.hstack([features, sparse.csr_array((k + 1, n)), -wanted], format="csc"),
        b_eq=np.zeros(k + 1),
        A_ub=sparse.hstack([-sparse.eye_array(n), sparse.eye_array(n), sparse.csr_array((n, 1))], format="csc"),
        b_ub=np.zeros(n),
        bounds=[(0, None)] * n + [(0, 1)] * n + [(1, None)],
        method="highs",
    )
    if found.x is None:
        return None
    return np.flatnonzero(found.x[n : 2 * n] > 0.5)
