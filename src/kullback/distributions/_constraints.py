"""What a parameter may be, and the sentence that refuses what it may not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, Namespace, in_numpy, inspectable, without_gradient

Test = Callable[[Namespace, Array], Array]


@dataclass(frozen=True)
class Rule:
    """A constraint on a parameter.

    Parameters
    ----------
    words : str
        What the parameter must be, to follow "must be".
    holds : callable
        From the namespace and the array, a boolean array: one verdict for each parameter value, or for each of its
        entries.
    event_ndim : int
        Trailing dimensions of one parameter value: 1 for vectors, 2 for matrices.
    lower, upper : float
        Bounds that the numbers keep.
    """

    words: str
    holds: Test
    event_ndim: int = 0
    lower: float = field(default=-math.inf)
    upper: float = field(default=math.inf)

    def allows(self, number: float) -> bool:
        """Whether a number keeps the rule."""
        import array_api_compat.numpy as xp

        return bool(self.holds(xp, np.asarray(number)))

    def check(self, xp: Namespace, family: str, name: str, value: Array) -> None:
        """Refuse a value that breaks the rule, naming where and what it is."""
        if not inspectable(value) or 0 in value.shape:
            return
        value = without_gradient(value)
        wrong = ~self.holds(xp, value)
        if not inspectable(wrong):
            # A constant inside jit, of which every operation is traced.
            return
        if not (bool(wrong) if wrong.ndim == 0 else bool(xp.any(wrong))):
            return
        flat = int(xp.argmax(xp.astype(xp.reshape(wrong, (-1,)), xp.int8)))
        where = tuple(int(i) for i in np.unravel_index(flat, wrong.shape))
        found = value[where] if where else value
        place = f" at index {where[0] if len(where) == 1 else where}" if where else ""
        shown = repr(float(found)) if found.ndim == 0 else str(found)
        raise InputError(f"{family}: {name} must be {self.words}, got {shown}{place}")


def _finite(xp: Namespace, x: Array) -> Array:
    return xp.isfinite(x)


def _between(lower: float, upper: float, *, closed: bool = False) -> Test:
    def holds(xp: Namespace, x: Array) -> Array:
        inside = (x >= lower) & (x <= upper) if closed else (x > lower) & (x < upper)
        return inside & xp.isfinite(x)

    return holds


def _whole(lower: float) -> Test:
    def holds(xp: Namespace, x: Array) -> Array:
        return (x >= lower) & xp.isfinite(x) & (xp.floor(x) == x)

    return holds


def _slack(terms: int) -> float:
    """What sums of so many numbers may miss 1 by, that were rounded in float32 and then widened.

    The dtype in which a parameter was first made is not known here: float32 is kept as float64.
    """
    return (4 + 2 * math.sqrt(terms)) * 2.0**-23


def _sum_to_one(xp: Namespace, x: Array) -> Array:
    # As in kullback.arrays: what was normalised in float32 and then widened is within this.
    slack = _slack(x.shape[-1])
    return xp.all(x >= 0, axis=-1) & (xp.abs(xp.sum(x, axis=-1) - 1) <= slack)


def _positive_definite(xp: Namespace, x: Array) -> Array:
    """By its Cholesky factor, which exists for no other matrix, and by symmetry."""
    matrices = np.asarray(in_numpy(x), dtype=np.float64)
    size = np.max(np.abs(matrices), axis=(-1, -2), keepdims=True)
    slack = _slack(matrices.shape[-1]) * size
    even = np.all(np.abs(matrices - np.swapaxes(matrices, -1, -2)) <= slack, axis=(-1, -2))
    if _has_cholesky(matrices):
        return xp.asarray(even)
    flat = matrices.reshape(-1, *matrices.shape[-2:])
    factored = np.array([_has_cholesky(m) for m in flat], dtype=bool).reshape(matrices.shape[:-2])
    return xp.asarray(even & factored)


def _has_cholesky(matrix: np.ndarray[Any, Any]) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _lower_triangular(xp: Namespace, x: Array) -> Array:
    diagonal = xp.linalg.diagonal(x)
    return xp.all(xp.all(xp.tril(x) == x, axis=-1), axis=-1) & xp.all(diagonal > 0, axis=-1)


def _unit_length(xp: Namespace, x: Array) -> Array:
    return xp.abs(xp.sum(x * x, axis=-1) - 1) <= 2 * _slack(x.shape[-1])


REAL = Rule("a finite number", _finite)
POSITIVE = Rule("a finite number above 0", _between(0, math.inf), lower=0.0)
NONNEGATIVE = Rule("a finite number of at least 0", _between(0, math.inf, closed=True), lower=0.0)
PROBABILITY = Rule("a number from 0 to 1", _between(0, 1, closed=True), lower=0.0, upper=1.0)
INSIDE_UNIT = Rule("a number above 0 and below 1", _between(0, 1), lower=0.0, upper=1.0)
BOUND = Rule("a number, or an infinity", lambda xp, x: x == x)
LOGIT = Rule("a number, or an infinity", lambda xp, x: x == x)
WHOLE = Rule("a whole number", _whole(-math.inf))
COUNT = Rule("a whole number of at least 0", _whole(0), lower=0.0)
COUNT_FROM_1 = Rule("a whole number of at least 1", _whole(1), lower=1.0)
VECTOR = Rule("a vector of finite numbers", _finite, event_ndim=1)
POSITIVE_VECTOR = Rule("a vector of finite numbers above 0", _between(0, math.inf), event_ndim=1, lower=0.0)
MATRIX = Rule("a matrix of finite numbers", _finite, event_ndim=2)
POSITIVE_DEFINITE = Rule("a symmetric positive definite matrix", _positive_definite, event_ndim=2)
LOWER_TRIANGULAR = Rule("a lower triangular matrix with a positive diagonal", _lower_triangular, event_ndim=2)
PROBABILITIES = Rule("probabilities that sum to 1", _sum_to_one, event_ndim=1, lower=0.0, upper=1.0)
LOGITS = Rule(
    "numbers below inf, not all of them -inf",
    lambda xp, x: xp.all(x < math.inf, axis=-1) & xp.any(x > -math.inf, axis=-1),
    event_ndim=1,
)
DIRECTION = Rule("a vector of length 1", _unit_length, event_ndim=1)


def above(limit: float) -> Rule:
    """Return the rule of numbers above a limit."""
    return Rule(f"a finite number above {limit:g}", _between(limit, math.inf), lower=limit)
