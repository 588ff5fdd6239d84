"""Families whose best member has a formula: Gaussians of vectors by their moments, Laplace's by the median."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.distributions._family import knows
from kullback.distributions.families.gaussian_mixture import GaussianMixture
from kullback.matching.features import Floats

from .target import Target

_MOST = 1e7  # levels
_ROUNDING = 1e-14  # of the mean: less spread is none
Values = dict[str, Any]


def by_formula(name: str, target: Target, fixed: dict[str, float]) -> tuple[Values, float, list[str]] | None:
    """Parameters of the best member, the largest error of a moment that they leave, and notes; or None."""
    formula = _FORMULAS.get(name)
    if formula is None or fixed:
        return None
    return formula(target)


def _moments(target: Target) -> tuple[Floats, Floats, list[str]]:
    """Mean and covariance of P: exact where P tells them, else of its rows."""
    law = target.law
    if isinstance(law, GaussianMixture):
        return *mixture_moments(law.weights, law.means, np.einsum("kij,klj->kil", law.factors, law.factors)), []
    covariance = getattr(law, "covariance_matrix", None)
    if law is not None and knows(law, "mean") and covariance is not None:
        return np.asarray(law.mean()), np.asarray(covariance), []
    rows, w = target.rows, target.weights
    mean = w @ rows
    moved = rows - mean
    notes = [] if law is None else [f"The moments of P are those of {len(rows)} draws of it."]
    return np.asarray(mean), np.asarray((moved * w[:, None]).T @ moved), notes


def mixture_moments(weights: Floats, means: Floats, covariances: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of a mixture: those within its components, and that of their means."""
    mean = weights @ means
    moved = means - mean
    return mean, np.einsum("k,kij->ij", weights, covariances) + (moved * weights[:, None]).T @ moved


def _full(target: Target) -> tuple[Values, float, list[str]]:
    mean, covariance, notes = _moments(target)
    _refuse_flat(mean, covariance)
    factor = np.linalg.cholesky(covariance)
    off = float(np.abs(factor @ factor.T - covariance).max() / np.abs(covariance).max())
    return {"loc": mean, "covariance_matrix": covariance}, off, notes


def _diagonal(target: Target) -> tuple[Values, float, list[str]]:
    mean, covariance, notes = _moments(target)
    variance = np.diag(covariance)
    _refuse_flat(mean, np.diag(variance))
    scale = np.sqrt(variance)
    return {"loc": mean, "scale": scale}, float(np.abs(scale**2 / variance - 1).max()), notes


def _refuse_flat(mean: Floats, covariance: Floats) -> None:
    scale = np.sqrt(np.diag(covariance))
    if (scale <= _ROUNDING * np.abs(mean)).any():
        raise InputError(f"column {int(np.argmin(scale))} of the target is constant: a Gaussian of it has no density")
    if np.linalg.matrix_rank(covariance / np.outer(scale, scale)) < len(covariance):
        raise InputError("some columns of the target are determined by the others: a Gaussian of them has no density")


def _laplace(target: Target) -> tuple[Values, float, list[str]] | None:
    if target.law is not None:
        return None  # its D is smooth
    order = np.argsort(target.rows)
    below = np.cumsum(target.weights[order])
    loc = float(target.rows[order][int(np.searchsorted(below, 0.5))])
    left, right = (float(target.weights[side].sum()) for side in (target.rows < loc, target.rows > loc))
    scale = float(target.weights @ np.abs(target.rows - loc))
    if scale == 0:
        raise InputError("all rows of the target are equal: no Laplace distribution fits best")
    return {"loc": loc, "scale": scale}, max(left - 0.5, right - 0.5, 0.0), []


def _categorical(target: Target) -> tuple[Values, float, list[str]] | None:
    if target.law is not None:
        return None
    rows = target.rows
    if rows.ndim != 1 or not target.whole or rows.min() < 0:
        raise InputError(
            "a categorical distribution is fitted to whole numbers of at least 0, one a row: number the levels"
        )
    if rows.max() > _MOST:
        raise InputError(
            f"a level of {rows.max():g} would make a table of as many probabilities: number the levels from 0"
        )
    shares = np.bincount(rows.astype(int), target.weights)
    return {"probs": shares}, float(abs(shares.sum() - 1)), []


def _multinomial(target: Target) -> tuple[Values, float, list[str]] | None:
    rows = target.rows
    if target.law is not None or rows.ndim != 2 or not target.whole or rows.min() < 0:
        raise InputError("a multinomial is fitted to rows of counts")
    totals = rows.sum(axis=1)
    if np.ptp(totals):
        row = int(np.flatnonzero(totals != totals[0])[0])
        raise InputError(f"row 0 counts {totals[0]:g}, row {row} counts {totals[row]:g}: a multinomial has one total")
    shares = target.weights @ rows / totals[0]
    return {"total_count": float(totals[0]), "probs": shares}, float(abs(shares.sum() - 1)), []


_FORMULAS: dict[str, Callable[[Target], tuple[Values, float, list[str]] | None]] = {
    "MultivariateNormal": _full,
    "DiagonalNormal": _diagonal,
    "Laplace": _laplace,
    "Categorical": _categorical,
    "Multinomial": _multinomial,
}
