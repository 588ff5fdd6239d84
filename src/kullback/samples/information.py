"""Mutual information from samples: the divergence of pairs from pairs dealt anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError
from kullback._core.progress import Progress, reporter

from .choose import Choice, choose
from .estimation import MOST_ROWS, explained, subsampled, worded
from .intervals import one_sided, two_sided
from .problem import Floats, Ints, Missing, Problem, columns_of
from .result import Estimate

DEALS = 4  # times that every row is paired anew
BLOCKS = 10  # within which pairs are dealt anew, and which no fold cuts
UNPROMISED = "I(A;C), which is taken away, is only bounded from below: I(A;B|C) may be less than is said"


def estimate_mutual_information(
    a: Any,
    b: Any,
    *,
    given: Any = None,
    confidence: float = 0.95,
    rng: np.random.Generator | int | None = None,
    missing: Missing = "raise",
    most_rows: int | None = MOST_ROWS,
    progress: bool | Progress | None = None,
) -> Divergence:
    """Estimate I(A;B) = D(P_AB‖P_A P_B), or I(A;B|C) = I(A;BC) − I(A;C), from paired draws.

    The product is sampled by pairing every a with the b of another row of its fold, so that no fit has seen either half
    of a pair that it judges.

    Parameters
    ----------
    a, b : array, tensor, data frame, series or nested list
        Row i of both is one draw.
    given : likewise, optional
        C, with the same rows.
    confidence, rng, missing, most_rows, progress
        As of `kullback.estimate`.

    Returns
    -------
    Divergence
        In nats, at least 0. What I(A;C) might lack would be added to I(A;B|C): where it is only bounded from below,
        nothing but 0 is promised.

    Raises
    ------
    InputError
        If the rows do not pair, or are too few.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence}")
    random = np.random.default_rng(0 if rng is None else rng)
    left, right = _one(a, missing), _one(b, missing)
    with reporter(progress, "estimators") as report:
        if given is None:
            choice, problem = _dealt(left, right, random, confidence, most_rows, report)
            return worded(problem, choice.estimate, confidence, explained(choice))
        seed = int(random.integers(2**63))
        condition = _one(given, missing)
        of_both, of_given = (
            _dealt(left, other, np.random.default_rng(seed), confidence, most_rows, report)
            for other in (_beside(right, condition), condition)
        )
    method = f"I(A;BC) by {explained(of_both[0])} − I(A;C) by {explained(of_given[0])}"
    return worded(of_both[1], _difference(of_both[0].estimate, of_given[0].estimate, confidence), confidence, method)


def _difference(of_both: Estimate, of_given: Estimate, confidence: float) -> Estimate:
    """I(A;BC) − I(A;C), from the same rows."""
    value = of_both.value - of_given.value
    error = float(np.hypot(of_both.error, of_given.error))
    if of_both.on_x is not None and of_given.on_x is not None:  # what the same rows of x share cancels
        shared = _share_of_rows(of_both.on_x - of_given.on_x)
        dealt = error**2 - _share_of_rows(of_both.on_x) - _share_of_rows(of_given.on_x)
        error = float(np.sqrt(min(error**2, shared + max(dealt, 0.0))))
    caveats = dict.fromkeys((*of_both.caveats, *of_given.caveats))
    if np.isinf(of_given.interval[1]):
        caveats[UNPROMISED] = None
        interval = 0.0, float("inf")
    elif np.isinf(of_both.interval[1]):
        interval = one_sided(value, error, confidence), float("inf")
    else:
        interval = two_sided(value, error, confidence)
    return replace(of_both, value=value, error=error, interval=interval, parts={}, caveats=tuple(caveats))


def _share_of_rows(on_x: Floats) -> float:
    """Variance of the mean over the rows of x."""
    return float(on_x.var() / len(on_x))


def _one(sample: Any, missing: Missing) -> Problem:
    return columns_of(sample, sample, missing)


def _beside(left: Problem, right: Problem) -> Problem:
    """The columns of both, row by row."""
    if left.n != right.n:
        raise InputError(f"the samples pair row by row, but have {left.n} and {right.n} rows")
    return Problem(
        np.hstack([left.x, right.x]),
        np.hstack([left.y, right.y]),
        (*left.columns, *right.columns),
        (*left.caveats, *right.caveats),
    )


def _dealt(
    left: Problem,
    right: Problem,
    rng: np.random.Generator,
    confidence: float,
    most: int | None,
    report: Progress | None,
) -> tuple[Choice, Problem]:
    """Estimate how far the pairs are from pairs dealt anew within blocks."""
    pairs = _beside(left, right)
    if pairs.n < 2 * BLOCKS:
        raise InputError(f"{pairs.n} rows: mutual information needs at least {2 * BLOCKS}")
    if not left.d or not right.d:
        raise InputError("one of the samples takes one value only: it tells nothing")
    pairs = subsampled(pairs, most, rng)
    block: Ints = rng.permutation(np.arange(pairs.n) % BLOCKS)
    deals = max(1, min(DEALS, MOST_ROWS // pairs.n, pairs.n // BLOCKS - 1))
    anew = np.tile(np.arange(pairs.n), (deals, 1))
    for k in range(BLOCKS):
        rows = rng.permutation(np.flatnonzero(block == k))
        for deal in range(deals):
            anew[deal, rows] = np.roll(rows, deal + 1)
    x = pairs.x
    y = np.vstack([np.hstack([x[:, : left.d], x[other][:, left.d :]]) for other in anew])
    problem = Problem(x, y, pairs.columns, pairs.caveats, blocks=(block, np.tile(block, deals)))
    return choose(problem, rng, confidence, report), problem
