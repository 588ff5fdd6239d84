"""The best of several families of numbers, by the bits that rows held out cost under each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback._core.units import bits
from kullback.matching.features import Floats
from kullback.matching.match import Match

from . import families
from .options import Options
from .target import Target, log_density

_FOLDS = 5
_REALS = ["normal", "student_t", "laplace", "logistic", "gumbel", "cauchy"]
_POSITIVE = ["gamma", "log_normal", "weibull", "inverse_gamma", "inverse_gaussian", "exponential", "generalized_gamma"]
_UNIT = ["beta", "kumaraswamy", "logit_normal"]
_COUNTS = ["poisson", "geometric", "negative_binomial"]


def names() -> list[str]:
    """What can be fitted here."""
    return ["best of"]


def fits(family: Any) -> bool:
    """Whether this is a choice among families."""
    return family == "best of" or isinstance(family, list | tuple)


def fit(family: Any, target: Target, options: Options) -> Match:
    """Fit each to folds, keep the one under which the other rows cost the fewest bits, and fit it to all rows."""
    if target.rows.ndim != 1:
        raise InputError(f"the best of families of numbers needs numbers; the rows have shape {target.rows.shape[1:]}")
    if len(target.rows) < 2 * _FOLDS:
        raise InputError(f"{len(target.rows)} rows are too few to hold some out: at least {2 * _FOLDS}")
    names = _candidates(target.rows, target.whole) if family == "best of" else list(family)
    odd = [name for name in names if not isinstance(name, str | type) or not families.fits(name)]
    if odd or not names:
        raise InputError(f"no family of numbers is called {odd[0]!r}" if odd else "the list of families is empty")
    fold = options.rng.permutation(len(target.rows)) % _FOLDS
    costs: dict[Any, float] = {}
    unsettled = set()
    quiet = replace(options, progress=None)
    for i, name in enumerate(names):
        options.tell(i, len(names) + 1)
        costs[name], settled = _held_out(name, target, fold, quiet)
        if not settled:
            unsettled.add(name)
    best = min(costs, key=lambda name: costs[name])
    if not np.isfinite(costs[best]):
        raise InputError(f"none of {', '.join(map(str, names))} gives every row held out a density above 0")
    found = families.fit(best, target, quiet)
    ranked = sorted(costs, key=lambda name: costs[name])
    listed = ", ".join(f"{name} {costs[name]:.4f}{' (not converged)' * (name in unsettled)}" for name in ranked)
    return replace(found, caveats=(*found.caveats, f"Bits a row held out costs: {listed}."))


def _candidates(rows: Floats, whole: bool) -> list[str]:
    if whole and rows.min() >= 0:
        return _COUNTS
    if rows.min() > 0:
        return [*_REALS, *_POSITIVE, *(_UNIT if rows.max() < 1 else [])]
    return _REALS


def _held_out(name: Any, target: Target, fold: Any, options: Options) -> tuple[float, bool]:
    total, settled = 0.0, True
    for k in range(_FOLDS):
        try:
            found = families.fit(name, target.part(np.flatnonzero(fold != k)), options)
        except InputError:
            return np.inf, True
        settled &= found.converged
        rest = fold == k
        total -= float(target.weights[rest] @ log_density(found.result, target.rows[rest]))
    return bits(total), settled
