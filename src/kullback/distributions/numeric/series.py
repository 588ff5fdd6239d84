"""D(P‖Q) of two distributions of integers, by summation with a bound on its error."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from kullback._core.divergence import Divergence

from . import DoesNotApply, _tails
from ._blocks import SHORT, blocks
from ._mesh import Ladder, graded
from ._panels import NOTHING, Sums, integrate
from ._result import concluded, off
from ._side import Floats, Side
from ._terms import GAP, PLAIN, Terms

NAME = "series"
_RELATIVE = 1e-12
_RUNGS = np.log(2.0) * np.arange(53)
_ALL = 4096


def series(p: Side, q: Side, tolerance: float | None = None, confidence: float = 0.95) -> Divergence:
    r"""Return D(P‖Q) of two distributions of integers, with a bound on its error.

    Sums Σ q·φ(p/q), φ(x) = x·log x − x + 1, from where the mass is outwards, in blocks that double. Blocks of up to 32
    integers are summed; longer ones by a rule that is exact for the sums of polynomials, cut until it agrees with a
    coarser one. The sum ends where terms and all beyond them are below e^−60 of the mass, or, for tails that are still
    heavier at 2^52, with the power laws that they follow there.

    Parameters
    ----------
    p, q : Side
        The distributions; P's support lies in Q's.
    tolerance : float, optional
        The error wanted; by default 1e-12 of D.

    confidence : float
        What the interval is said to hold at; a bound holds at any.

    Raises
    ------
    DoesNotApply
        If they are not distributions of integers.
    """
    if not (p.of_integers and q.of_integers):
        raise DoesNotApply("a series is for distributions of integers")
    best = _summed(p, q, tolerance, few=True)
    if off(best) > 1e-6:
        # A mode that few draws did not show.
        best = min(best, _summed(p, q, tolerance, few=False), key=off)
    return concluded(NAME, confidence, best, tolerance)


def _summed(p: Side, q: Side, tolerance: float | None, *, few: bool) -> tuple[Terms, Sums, _tails.Rest]:
    terms, rest = Terms(p, q), _tails.Rest()
    low, high = q.low, q.high
    if high - low < _ALL:
        cuts = [(low, high + 1)]
    else:
        ends = [e for s in (p, q) for e in (s.low, s.high) if math.isfinite(e)]
        # Ends may hold atoms that draws do not show.
        ends += [min(e + SHORT, high) for e in ends if e < high]
        drawn = np.concatenate([s.landmarks() if few else s.landmarks(1 << 14) for s in (p, q)])
        stops = sorted({*np.floor(drawn).tolist(), *ends})
        cuts = [*_between(stops), (stops[-1], stops[-1] + 1)]
        open_ends = [(stops[0], -1, low), (stops[-1], 1, high)]
        ladders = [Ladder(edge, sign, _RUNGS, whole=True) for edge, sign, end in open_ends if math.isinf(end)]
        for ladder, log_p, log_q in _tails.on_ladders(ladders, terms):
            cuts += _outwards(ladder, _tails.reach(ladder, log_p, log_q, rest))

    if rest.diverges:
        return terms, NOTHING, rest

    def goal(total: Floats) -> float:
        return tolerance / 4 if tolerance is not None else _RELATIVE * min(abs(total[GAP]), 1 + abs(total[PLAIN]))

    return terms, integrate(blocks(cuts), terms, goal), rest


def _between(stops: list[float]) -> list[tuple[float, float]]:
    """Return the integers from the first stop to before the last, in graded intervals."""
    gaps = np.diff(stops).tolist()
    cuts = [stops[0]]
    for k, (a, b) in enumerate(pairwise(stops)):
        before, after = gaps[max(k - 1, 0)], gaps[min(k + 1, len(gaps) - 1)]
        cuts += [math.floor(c) for c in graded(a, b, max(before, SHORT), max(after, SHORT))[1:]]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _outwards(ladder: Ladder, last: int) -> list[tuple[float, float]]:
    """Return the integers beyond the ladder's anchor, as far as its last rung, in blocks that double."""
    distances = [1.0, *np.exp2(np.arange(5, max(last, 5) + 1))]
    pairs = pairwise(distances)
    if ladder.sign > 0:
        return [(ladder.anchor + near, ladder.anchor + far) for near, far in pairs]
    return [(ladder.anchor - far + 1, ladder.anchor - near + 1) for near, far in pairs]
