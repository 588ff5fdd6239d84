"""L-BFGS whose line search steps back from −∞: SciPy's ends at the first value that is not finite."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

Objective = Callable[[Tensor], tuple[float, Tensor]]

_MEMORY = 20
_DECREASE, _CURVATURE = 1e-4, 0.9
_MOST_TRIALS = 40


@dataclass(frozen=True)
class Step:
    """A point reached: where, the objective there, and its gradient."""

    at: Tensor
    value: float
    gradient: Tensor


def descend(objective: Objective, start: Tensor) -> Iterator[Step]:
    """Yield the start and each step down from it, until no step goes down; the caller says when it is enough.

    Nocedal and Wright (2006), Numerical Optimization, algorithm 7.4, with the weak Wolfe line search by bisection of
    Lewis and Overton (2013). Coordinates should be scaled so that the curvature is near 1: the first step is the
    gradient itself.

    Parameters
    ----------
    objective : callable
        From a point to the value (inf or NaN where it has none) and the gradient.
    start : Tensor of shape (p,)
        A point where the objective is finite.
    """
    value, gradient = objective(start)
    here = Step(start, value, gradient)
    memory: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=_MEMORY)
    yield here
    while True:
        direction = -_quasi_newton(memory, here.gradient)
        found = _search(objective, here, direction)
        if found is None and memory:
            memory.clear()
            found = _search(objective, here, -here.gradient)
        if found is None:
            return
        moved, turned = found.at - here.at, found.gradient - here.gradient
        curvature = float(moved @ turned)
        if curvature > 1e-12 * float(turned @ turned):
            memory.append((moved, turned, 1 / curvature))
        here = found
        yield here


def _quasi_newton(memory: deque[tuple[Tensor, Tensor, float]], gradient: Tensor) -> Tensor:
    """Apply the inverse Hessian that the last steps tell of (algorithm 7.4)."""
    q = gradient.clone()
    shares = []
    for moved, turned, inverse in reversed(memory):
        share = inverse * float(moved @ q)
        q -= share * turned
        shares.append(share)
    if memory:
        _, turned, inverse = memory[-1]
        q /= inverse * float(turned @ turned)
    for (moved, turned, inverse), share in zip(memory, reversed(shares), strict=True):
        q += (share - inverse * float(turned @ q)) * moved
    return q


def _search(objective: Objective, here: Step, direction: Tensor) -> Step | None:
    slope = float(here.gradient @ direction)
    if not slope < 0:
        return None
    low, high, length = 0.0, math.inf, 1.0
    best = None
    for _ in range(_MOST_TRIALS):
        at = here.at + length * direction
        value, gradient = objective(at)
        if not (math.isfinite(value) and value <= here.value + _DECREASE * length * slope):
            high = length
        elif float(gradient @ direction) < _CURVATURE * slope:
            low, best = length, Step(at, value, gradient)
        else:
            return Step(at, value, gradient)
        length = (low + high) / 2 if math.isfinite(high) else 2 * low
    return best
