"""The measures by their definitions, in 50 digits, of the very numbers that the arrays hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath as mp
import numpy as np

mp.mp.dps = 50


def exactly(values: Iterable[float]) -> list[Any]:
    return [mp.mpf(float(v)) for v in np.asarray(values, dtype=np.float64).ravel()]


def normalised(values: Iterable[float]) -> list[Any]:
    numbers = exactly(values)
    total = mp.fsum(numbers)
    return [v / total for v in numbers]


def softmax(values: Iterable[float]) -> list[Any]:
    weights = [mp.exp(mp.mpf(float(v))) if v != -np.inf else mp.mpf(0) for v in values]
    total = mp.fsum(weights)
    return [w / total for w in weights]


def xlogy(x: Any, y: Any) -> Any:
    return mp.mpf(0) if x == 0 else mp.inf if y == 0 else x * mp.log(y)


def kl(p: list[Any], q: list[Any]) -> Any:
    """Sum of q·φ(p/q): of measures as they are, normalised or not."""
    if any(a != 0 and b == 0 for a, b in zip(p, q, strict=True)):
        return mp.inf
    return mp.fsum(a * mp.log(a / b) - a + b if a else b for a, b in zip(p, q, strict=True))


def entropy(p: list[Any]) -> Any:
    return -mp.fsum(xlogy(a, a) for a in p)


def cross_entropy(p: list[Any], q: list[Any]) -> Any:
    if any(a != 0 and b == 0 for a, b in zip(p, q, strict=True)):
        return mp.inf
    return -mp.fsum(xlogy(a, b) for a, b in zip(p, q, strict=True) if a)


def js(distributions: list[list[Any]], weights: list[Any]) -> Any:
    mixture = [
        mp.fsum(w * x for w, x in zip(weights, column, strict=True)) for column in zip(*distributions, strict=True)
    ]
    return mp.fsum(w * kl(d, mixture) for w, d in zip(weights, distributions, strict=True))


def mutual_information(joint: list[Any], columns: int) -> Any:
    """Of a joint distribution of two variables, row after row."""
    rows = [joint[i : i + columns] for i in range(0, len(joint), columns)]
    first, second = [mp.fsum(row) for row in rows], [mp.fsum(column) for column in zip(*rows, strict=True)]
    return kl(joint, [a * b for a in first for b in second])


def power_sum(p: list[Any], q: list[Any], order: float) -> Any:
    """Sum of p^α·q^(1−α)."""
    order = mp.mpf(order)
    return mp.fsum(a**order * b ** (1 - order) for a, b in zip(p, q, strict=True) if a and b)


def relative_error(value: Any, truth: Any) -> float:
    if truth == mp.inf:
        return 0.0 if float(value) == np.inf else np.inf
    return float(abs(mp.mpf(float(value)) - truth) / abs(truth)) if truth else float(abs(value))
