"""D(P‖Q) of the laws of single rows, from rows in time order that depend on those before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError

from .choose import choose
from .dependence import inflation
from .estimation import explained, worded
from .intervals import one_sided, two_sided
from .problem import Problem, problem_of

Floats = NDArray[np.float64]

LEAST_BLOCKS = 10  # on either side, so that folds of whole blocks can be dealt
_REACH = 2.0  # a block, in times over which rows depend


def estimate_series(
    x: Any,
    y: Any,
    *,
    block: int | None = None,
    confidence: float = 0.95,
    rng: np.random.Generator | int | None = None,
) -> Divergence:
    """Estimate D(P‖Q) of the stationary laws of one row, from two independent series.

    Folds are dealt in blocks of neighbouring rows, so that no row is judged by a fit that saw its neighbours, and the
    error is as much larger as the judgements of successive rows depend on each other. What the past tells of the next
    row is not part of this D: of symbols, `estimate_rate` gives the rate.

    Parameters
    ----------
    x, y : array, tensor, data frame or nested list
        Rows in the order of time, (n, d) or (n,), and (m, d) or (m,).
    block : int, optional
        Rows in a block; by default twice the time over which the most persistent column depends on its past.
    confidence : float
        Of the interval.
    rng : Generator or int, optional
        Deals blocks into folds; 0 by default.

    Raises
    ------
    InputError
        If a series is shorter than ten blocks.
    """
    problem = problem_of(x, y)
    if not problem.d:
        raise InputError("every column takes one value only: there is nothing to compare")
    length = _length(problem) if block is None else block
    if length < 1:
        raise InputError(f"block must be at least 1 row, got {block}")
    for side, rows in (("x", problem.n), ("y", problem.m)):
        if rows < LEAST_BLOCKS * length:
            raise InputError(
                f"{side} has {rows} rows, in which rows depend on those up to {length} before: at least "
                f"{LEAST_BLOCKS * length} are needed"
            )
    blocks_x = np.arange(problem.n) // length
    blocks_y = blocks_x[-1] + 1 + np.arange(problem.m) // length
    caveats = tuple(text for text in problem.caveats if "independent draws" not in text)
    problem = Problem(problem.x, problem.y, problem.columns, caveats, blocks=(blocks_x, blocks_y))
    random = np.random.default_rng(0 if rng is None else rng)
    choice = choose(problem, random, confidence)
    found = choice.estimate
    if found.on_x is None or found.on_y is None:
        raise InputError(f"{explained(choice)} does not judge rows one by one: no error can be given for a series")
    # The mean over x and the fit, which moves with both samples: each as if it alone made the error.
    slower = max(inflation(found.on_x), inflation(found.on_y), *(_persistence(z) for z in (problem.x, problem.y)))
    error = found.error * float(np.sqrt(slower))
    noise = None if found.noise is None else found.noise * slower
    open_ended = np.isinf(found.interval[1])
    ends = (one_sided(found.value, error, confidence), np.inf)
    interval = ends if open_ended else two_sided(found.value, error, confidence, noise)
    answer = replace(found, error=error, interval=interval, noise=noise)
    method = f"series in blocks of {length}, errors {np.sqrt(slower):.2g} times those of draws; {explained(choice)}"
    return worded(problem, answer, confidence, method)


def _persistence(rows: Floats) -> float:
    """Inflation of the slowest column's mean."""
    return max(inflation(np.nan_to_num(column)) for column in rows.T)


def _length(problem: Problem) -> int:
    """A block that outlasts the dependence of the slowest column."""
    return int(np.ceil(_REACH * max(_persistence(problem.x), _persistence(problem.y))))
