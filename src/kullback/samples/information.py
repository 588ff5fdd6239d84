"""Mutual information from samples: the divergence of pairs from pairs dealt anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError

from .choose import Choice, choose
from .estimation import MOST_ROWS, explained, subsampled, worded
from .intervals import one_sided, two_sided
from .problem import Ints, Missing, Problem, problem_of

BLOCKS = 10  # within which pairs are dealt anew, and which no fold cuts


def mutual_information_samples(
    a: Any,
    b: Any,
    *,
    given: Any = None,
    confidence: float = 0.95,
    rng: np.random.Generator | int | None = None,
    missing: Missing = "raise",
    most_rows: int | None = MOST_ROWS,
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
    confidence, rng, missing, most_rows
        As of `estimate_samples`.

    Raises
    ------
    InputError
        If the rows do not pair, or are too few.
    """
    random = np.random.default_rng(0 if rng is None else rng)
    left, right = _one(a, missing), _one(b, missing)
    if given is None:
        choice, problem = _dealt(left, right, random, confidence, most_rows)
        return worded(problem, choice.estimate, confidence, explained(choice))
    seed = int(random.integers(2**63))
    condition = _one(given, missing)
    both = _beside(right, condition)
    of_both, problem = _dealt(left, both, np.random.default_rng(seed), confidence, most_rows)
    of_given, _ = _dealt(left, condition, np.random.default_rng(seed), confidence, most_rows)
    first, second = of_both.estimate, of_given.estimate
    value = first.value - second.value
    error = float(np.hypot(first.error, second.error))
    if first.on_x is not None and second.on_x is not None:  # the same rows: what they share cancels
        shared = float(np.std(first.on_x - second.on_x) / np.sqrt(problem.n))
        error = min(error, float(np.hypot(shared, abs(first.value - first.on_x.mean()))))
    open_ended = np.isinf(first.interval[1]) or np.isinf(second.interval[1])
    interval = (one_sided(value, error, confidence), np.inf) if open_ended else two_sided(value, error, confidence)
    estimate = replace(first, value=value, error=error, interval=interval, parts={})
    return worded(problem, estimate, confidence, f"I(A;BC) by {explained(of_both)} − I(A;C) by {explained(of_given)}")


def _one(sample: Any, missing: Missing) -> Problem:
    return problem_of(sample, sample, missing=missing)


def _beside(left: Problem, right: Problem) -> Problem:
    """The columns of both, row by row."""
    if left.n != right.n:
        raise InputError(f"the samples pair row by row, but have {left.n} and {right.n} rows")
    return Problem(
        np.hstack([left.x, right.x]), np.hstack([left.y, right.y]), (*left.columns, *right.columns), left.caveats
    )


def _dealt(
    left: Problem, right: Problem, rng: np.random.Generator, confidence: float, most: int | None
) -> tuple[Choice, Problem]:
    """Estimate how far the pairs are from pairs dealt anew within blocks."""
    pairs = _beside(left, right)
    if pairs.n < 2 * BLOCKS:
        raise InputError(f"{pairs.n} rows: mutual information needs at least {2 * BLOCKS}")
    if not left.d or not right.d:
        raise InputError("one of the samples takes one value only: it tells nothing")
    pairs = subsampled(pairs, most, rng)
    block: Ints = rng.permutation(np.arange(pairs.n) % BLOCKS)
    anew = np.arange(pairs.n)
    for k in range(BLOCKS):
        rows = rng.permutation(np.flatnonzero(block == k))
        anew[rows] = np.roll(rows, 1)
    x = pairs.x
    y = np.hstack([x[:, : left.d], x[anew][:, left.d :]])
    problem = Problem(x, y, pairs.columns, pairs.caveats, blocks=(block, block))
    return choose(problem, rng, confidence), problem
