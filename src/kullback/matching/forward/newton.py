"""Newton's method on a smooth function of a few parameters, all its derivatives from one batch of values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from kullback.matching.features import Floats

_STEP = 1e-3  # of a parameter: five-point rules are then exact to about 1e-12 of the function
_LIMIT = 100
_BEND = 1e-4  # nats: far above rounding, near enough for curvature to be that of the start
_HALVINGS = 30
_ARMIJO = 1e-4
_LONGEST = 4.0  # step of a parameter, most of which are logarithms

Batch = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Minimum:
    """Where it stopped, with the largest slope there."""

    at: Floats
    value: float
    slope: float
    iterations: int
    history: tuple[float, ...]
    interrupted: bool = False


def minimise(function: Batch, start: Floats, tolerance: float, step: Callable[[int], None]) -> Minimum:
    """Minimise; stop where the largest slope is within the tolerance, or no step leads down.

    Parameters
    ----------
    function : callable
        Of points of shape (b, k), b values; what is not finite is too high.
    tolerance : float
        Of the slope, per unit of a parameter in which the function bends by about 1 at the start.
    """
    unit = _units(function, start.astype(float))

    def scaled(points: Floats) -> Floats:
        return function(start + unit * points)

    found = _minimised(scaled, np.zeros(len(start)), tolerance, step)
    return replace(found, at=start + unit * found.at)


def _units(function: Batch, start: Floats) -> Floats:
    """How far each parameter goes until the function has bent by about 1: units then do not matter."""
    k = len(start)
    centre = function(start[None])[0]
    unit, left = np.ones(k), list(range(k))
    for length in 10.0 ** np.arange(-14.0, 15.0):
        out = length * np.eye(k)[left]
        ahead, behind = np.split(function(np.concatenate([start + out, start - out])), 2)
        with np.errstate(invalid="ignore"):
            bend = ahead + behind - 2 * centre
        for i, found in zip(left, bend, strict=True):
            if np.isfinite(found) and found > _BEND:
                unit[i] = length / np.sqrt(min(found, 1.0))
        left = [i for i, found in zip(left, bend, strict=True) if np.isfinite(found) and found <= _BEND]
        if not left:
            break
    return unit


def _minimised(function: Batch, at: Floats, tolerance: float, step: Callable[[int], None]) -> Minimum:
    history: list[float] = []
    best = Minimum(at, np.inf, np.inf, 0, ())
    try:
        for count in range(_LIMIT + 1):
            step(count)
            value, slope, curvature = derivatives(function, at)
            history.append(value)
            steepest = float(np.abs(slope).max(initial=0.0))
            if not np.isfinite(steepest):
                break
            if steepest <= best.slope or value < best.value:
                best = Minimum(at, value, steepest, count, tuple(history))
            if steepest <= tolerance / 100 or count == _LIMIT:
                break
            moved = _search(function, at, value, slope, curvature)
            if moved is None:
                break
            at = moved
    except KeyboardInterrupt:
        return Minimum(best.at, best.value, best.slope, best.iterations, tuple(history), interrupted=True)
    return Minimum(best.at, best.value, best.slope, best.iterations, tuple(history))


def derivatives(function: Batch, at: Floats) -> tuple[float, Floats, Floats]:
    """Value, slope and curvature by central five-point and cross differences."""
    k, h = len(at), _STEP
    unit = np.eye(k) * h
    points = [at]
    for i in range(k):
        points += [at + 2 * unit[i], at + unit[i], at - unit[i], at - 2 * unit[i]]
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    for i, j in pairs:
        points += [at + unit[i] + unit[j], at + unit[i] - unit[j], at - unit[i] + unit[j], at - unit[i] - unit[j]]
    values = function(np.stack(points))
    if not np.isfinite(values).all():
        return float(values[0]), np.full(k, np.inf), np.full((k, k), np.inf)
    centre, along = values[0], values[1 : 1 + 4 * k].reshape(k, 4)
    far, near, back, behind = along.T
    slope = (8 * (near - back) - (far - behind)) / (12 * h)
    curvature = np.diag((-far + 16 * near - 30 * centre + 16 * back - behind) / (12 * h * h))
    across = values[1 + 4 * k :].reshape(len(pairs), 4)
    for (i, j), (a, b, c, d) in zip(pairs, across, strict=True):
        curvature[i, j] = curvature[j, i] = (a - b - c + d) / (4 * h * h)
    return float(centre), slope, curvature


def _search(function: Batch, at: Floats, value: float, slope: Floats, curvature: Floats) -> Floats | None:
    """Newton's step with every direction of the wrong curvature turned round; all halvings in one batch."""
    if not np.isfinite(curvature).all():
        curvature = np.eye(len(at))
    values, vectors = np.linalg.eigh(curvature)
    floor = 1e-8 * max(float(np.abs(values).max(initial=0.0)), 1e-8)
    direction = -vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor))
    direction *= min(1.0, _LONGEST / float(np.abs(direction).max(initial=1e-300)))
    sizes = 0.5 ** np.arange(_HALVINGS)
    for some in np.split(sizes, [1, 4, 12]):
        found = function(at + some[:, None] * direction)
        enough = np.isfinite(found) & (found <= value + _ARMIJO * some * float(slope @ direction) + 1e-15 * abs(value))
        if enough.any():
            chosen: Floats = at + some[int(np.argmax(enough))] * direction
            return chosen
    return None
