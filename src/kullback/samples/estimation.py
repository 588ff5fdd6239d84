"""D(P‖Q) from samples: the entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError
from kullback._core.progress import Progress

from .choose import Choice, choose, named
from .crossfit import LEAST
from .permutation import p_value
from .problem import Missing, Problem, problem_of
from .result import Estimate

MOST_ROWS = 20_000  # of each sample: the classifiers learn no more from more rows than their interval shows


def estimate_samples(
    x: Any,
    y: Any,
    *,
    method: str = "auto",
    confidence: float = 0.95,
    rng: np.random.Generator | int | None = None,
    missing: Missing = "raise",
    most_rows: int | None = MOST_ROWS,
    test: bool = False,
    report: Progress | None = None,
) -> Divergence:
    """Estimate D(P‖Q) = E_P[log p/q] from draws of P and of Q; the options are those of `kullback.estimate`.

    Parameters
    ----------
    x, y : array, tensor, data frame, series or nested list
        Draws from P, (n, d) or (n,), and from Q, (m, d) or (m,); one row a draw. Data frames are matched by column
        name, text columns are categories.
    method : str
        "auto" weighs every estimator that can answer by held-out likelihood; or the file name of one estimator.
    rng : Generator or int, optional
        Deals rows into folds; 0 by default, so that the same samples give the same answer.
    report : callable, optional
        Called with how many estimators have answered, and how many there are.

    Raises
    ------
    InputError
        If the samples cannot be compared, or are too small for the method.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence}")
    if most_rows is not None and most_rows < LEAST:
        raise InputError(f"most_rows must be at least {LEAST}, or None for all, got {most_rows}")
    problem = problem_of(x, y, missing=missing)
    random = np.random.default_rng(0 if rng is None else rng)
    if not problem.d:
        caveat = "every column takes one value only, the same in both samples: nothing differs in what was seen"
        return Divergence(0.0, 0.0, (0.0, float("inf")), confidence, "constant columns", caveats=(caveat,))
    problem = subsampled(problem, most_rows, random)
    tested = p_value(problem, random.spawn(1)[0]) if test else None
    if method != "auto":
        chosen = named(method, problem)
        return worded(problem, chosen.estimate(problem, random, confidence), confidence, chosen.NAME, tested)
    choice = choose(problem, random, confidence, report)
    return worded(problem, choice.estimate, confidence, explained(choice), tested)


def subsampled(problem: Problem, most: int | None, rng: np.random.Generator) -> Problem:
    """At most so many rows of each sample, and the caveat that says so."""
    if most is None or max(problem.n, problem.m) <= most:
        return problem
    kept_x, kept_y = (
        np.arange(rows) if rows <= most else np.sort(rng.choice(rows, most, replace=False))
        for rows in (problem.n, problem.m)
    )
    caveat = f"{len(kept_x)} of {problem.n} rows of x and {len(kept_y)} of {problem.m} of y were used"
    return Problem(problem.x[kept_x], problem.y[kept_y], problem.columns, (*problem.caveats, caveat), kept_x=kept_x)


def explained(choice: Choice) -> str:
    """Which estimator answered, and how the next one did, in held-out loss."""
    (best, share), *others = choice.weights.items()
    if not choice.losses:
        return f"auto: {best}"
    text = f"auto: {best} (weight {share:.2f}, held-out loss {choice.losses[best]:.4f})"
    if others:
        text += f", then {others[0][0]} ({others[0][1]:.2f}, {choice.losses[others[0][0]]:.4f})"
    return text


def worded(
    problem: Problem, estimate: Estimate, confidence: float, method: str, p_value: float | None = None
) -> Divergence:
    """Put an estimate into the noun: never negative, with what the samples themselves call for saying."""
    value = max(estimate.value, 0.0)
    low, high = (max(end, 0.0) for end in estimate.interval)
    parts = estimate.parts if estimate.value >= 0 else {}
    caveats = dict.fromkeys((*problem.caveats, *estimate.caveats))
    return Divergence(value, estimate.error, (low, high), confidence, method, parts, tuple(caveats), p_value)
