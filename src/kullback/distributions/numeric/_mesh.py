"""Where quadrature begins: panels between landmarks, graded, and ladders towards ends, poles and infinity."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ._panels import Panels
from ._side import Floats

_FURTHEST = math.log(1e150)
# Closer to an end e than this share of |e|, floats hold the distance with too few bits.
_NEAREST = 2.0**-36
_STEP = 2.0
_GROWTH = 4.0


@dataclass
class Ladder:
    """Rungs at anchor ± e^v, from the landmarks towards an end: v falls towards a finite one, rises to infinity.

    Those of a `whole` ladder are integers.
    """

    anchor: float
    sign: int
    v: Floats
    whole: bool = False

    @property
    def x(self) -> Floats:
        """The rungs."""
        distance = np.exp(self.v)
        return np.asarray(self.anchor + self.sign * (np.round(distance) if self.whole else distance))


@dataclass
class Mesh:
    """Panels, as rows (a, b, anchor, sign), and the ladders still to be cut to where something is."""

    rows: list[tuple[float, float, float, int]] = field(default_factory=list)
    ladders: list[Ladder] = field(default_factory=list)

    def panels(self) -> Panels:
        """Return the panels as arrays."""
        a, b, anchor, sign = (np.array(v, dtype=np.float64) for v in zip(*self.rows, strict=True))
        return Panels(a, b, anchor, sign)

    def straight(self, cuts: Iterable[float]) -> None:
        """Add panels between consecutive cuts."""
        cuts = list(cuts)
        self.rows += [(a, b, 0.0, 0) for a, b in pairwise(cuts) if b > a]

    def bent(self, v: Floats, anchor: float, sign: int) -> None:
        """Add panels between consecutive values of v."""
        v = np.sort(v)
        self.rows += [(float(a), float(b), anchor, sign) for a, b in pairwise(v)]


def mesh(points: Floats, low: float, high: float, poles: dict[float, tuple[bool, bool]], centre: float) -> Mesh:
    """Lay panels over [low, high].

    Parameters
    ----------
    points : array
        Landmarks inside, in order.
    low, high : float
        The region.
    poles : dict
        Points, finite ends among them, to be approached by a ladder from the left, from the right, or both.
    centre : float
        The distance from here says how long a panel may be, where the region has no finite end.
    """
    found = Mesh()
    kept = (x for x in points.tolist() if all(abs(x - e) > 4 * _NEAREST * abs(e) for e in poles))
    inside = sorted({*kept, *(s for s in poles if low < s < high)})
    if len(inside) < 2:
        inside = _spread(inside, low, high)
    stops = [*([low] if math.isfinite(low) else []), *inside, *([high] if math.isfinite(high) else [])]
    # Between two poles there has to be a point to start both ladders from.
    for a, b in pairwise(stops):
        if poles.get(a, (False, False))[1] and poles.get(b, (False, False))[0]:
            inside.append(a + 0.5 * (b - a))
    stops = sorted({*stops, *inside})
    gaps = np.diff(stops).tolist()
    anchors = [e for e in (low, high) if math.isfinite(e)] or [centre]
    for k, (a, b) in enumerate(pairwise(stops)):
        before, after = gaps[max(k - 1, 0)], gaps[min(k + 1, len(gaps) - 1)]
        if poles.get(a, (False, False))[1]:
            found.ladders.append(_towards(a, b, 1))
            _fill_rest(found, found.ladders[-1], b)
        elif poles.get(b, (False, False))[0]:
            found.ladders.append(_towards(b, a, -1))
            _fill_rest(found, found.ladders[-1], a)
        else:
            _fill(found, a, b, before, after, anchors)
    for sign, edge, gap, end in ((-1, stops[0], gaps[0], low), (1, stops[-1], gaps[-1], high)):
        if math.isinf(end):
            size = min(max(gap, 1e-300), 1e140)
            found.straight(sorted((edge, edge + sign * size)))
            found.ladders.append(Ladder(edge, sign, np.arange(math.log(size), _FURTHEST + _STEP, _STEP)))
    return found


def _spread(inside: list[float], low: float, high: float) -> list[float]:
    """Return two points inside, where there are fewer: draws that all lie on an end show none."""
    if math.isfinite(low) and math.isfinite(high):
        return sorted({*inside, low + 0.25 * (high - low), low + 0.75 * (high - low)})
    end = low if math.isfinite(low) else high if math.isfinite(high) else (inside or [0.0])[0]
    step = abs(inside[0] - end) if inside and inside[0] != end else 1.0
    return sorted({*inside, *((end - step, end - 2 * step) if math.isfinite(high) else (end + step, end + 2 * step))})


def _towards(end: float, start: float, sign: int) -> Ladder:
    top = math.log(abs(start - end))
    bottom = math.log(max(1e-300, _NEAREST * abs(end)))
    if top <= bottom:
        return Ladder(end, sign, np.array([top]))
    rungs = end + sign * np.exp(np.append(np.arange(top, bottom + 0.5 * _STEP, -_STEP), bottom))
    # The distances that the rounded rungs have.
    return Ladder(end, sign, np.log(np.abs(rungs - end)))


def _fill_rest(found: Mesh, ladder: Ladder, start: float) -> None:
    """Close the gap that rounding leaves between a landmark and the first rung of the ladder down from it."""
    if ladder.v.size == 1:
        found.straight(sorted((ladder.anchor, start)))


def _fill(found: Mesh, a: float, b: float, before: float, after: float, anchors: list[float]) -> None:
    for e in anchors:
        near, far = (a - e, b - e) if e <= a else (e - b, e - a)
        if near > 0 and far > 8 * near:
            sign = 1 if e <= a else -1
            # Next to panels that are short beside their distance from the anchor, panels grow from theirs.
            low, high = _grown(near, far, *((before, after) if sign > 0 else (after, before)))
            for steps, end in ((low, a if sign > 0 else b), (high, b if sign > 0 else a)):
                found.straight(sorted([end, *(e + sign * d for d in steps[1:])]))
            ends = math.log(low[-1]), math.log(high[-1])
            found.bent(np.linspace(*ends, math.ceil((ends[1] - ends[0]) / _STEP) + 1), e, sign)
            return
    found.straight(graded(a, b, before, after))


def _grown(near: float, far: float, before: float, after: float) -> tuple[list[float], list[float]]:
    """Return distances from `near` outwards and from `far` inwards, in steps that grow to that of the bent panels."""
    low, high = [near], [far]
    least = 8 * np.finfo(float).eps
    step = 3 * max(before, least * near)
    while step < low[-1] and low[-1] + 2 * step < far:
        low.append(low[-1] + step)
        step *= _GROWTH
    step = 3 * max(after, least * far)
    while step < 0.5 * high[-1] and high[-1] - 2 * step > low[-1]:
        high.append(high[-1] - step)
        step *= _GROWTH
    return low, high


def graded(a: float, b: float, before: float, after: float) -> list[float]:
    """Cut [a, b] so that a panel is at most about four times as long as its neighbour."""
    left, right = [a], [b]
    least = 8 * np.finfo(float).eps * max(abs(a), abs(b))
    before, after = max(before, least), max(after, least)
    while True:
        gap = right[-1] - left[-1]
        step = 3 * min(before, after)
        if gap <= 1.5 * step:
            return [*left, *right[::-1]]
        if before <= after:
            left.append(left[-1] + step)
            before = step
        else:
            right.append(right[-1] - step)
            after = step
