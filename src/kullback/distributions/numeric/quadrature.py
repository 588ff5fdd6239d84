"""D(P‖Q) of two densities on the line, by adaptive quadrature with a bound on its error."""

from __future__ import annotations

import math

import numpy as np

from kullback._core.divergence import Divergence

from . import DoesNotApply, _tails
from ._mesh import mesh
from ._panels import NOTHING, Sums, integrate
from ._result import concluded, off
from ._side import Floats, Side
from ._terms import GAP, PLAIN, Terms

NAME = "quadrature"
_RELATIVE = 1e-11


def quadrature(p: Side, q: Side, tolerance: float | None = None, confidence: float = 0.95) -> Divergence:
    r"""Return D(P‖Q) of two densities on the line, with a bound on its error.

    Both ∫ q·φ(p/q), φ(x) = x·log x − x + 1, whose integrand is at least 0, and ∫ p·log(p/q) are taken in one pass by
    Gauss-Kronrod rules over panels laid between both supports' ends, landmarks and kinks, refined where they differ
    from the Gauss rules within them; the answer is the one with the smaller error. The error is the sum of those
    differences, of the tails left out, of what rounding of the log-densities does, and of what both masses miss of 1.

    Parameters
    ----------
    p, q : Side
        The distributions; P's support lies in Q's.
    tolerance : float, optional
        The error wanted; by default 1e-11 of D.

    confidence : float
        What the interval is said to hold at; a bound holds at any.

    Raises
    ------
    DoesNotApply
        If they are not densities on the line.
    """
    if not (p.on_the_line and q.on_the_line):
        raise DoesNotApply("quadrature is for densities on the line")
    p.refuse_unresolved()
    best = _integrated(p, q, tolerance, few=True)
    if off(best) > 1e-6:
        # A mode that few draws did not show.
        best = min(best, _integrated(p, q, tolerance, few=False), key=off)
    return concluded(NAME, confidence, best, tolerance)


def _integrated(p: Side, q: Side, tolerance: float | None, *, few: bool) -> tuple[Terms, Sums, _tails.Rest]:
    terms = Terms(p, q)
    sides = [s.landmarks() if few else s.landmarks(1 << 14) for s in (p, q)]
    marks = sorted({*p.marks(), *q.marks()})
    points = np.unique(np.concatenate([*sides, marks]))
    low, high = q.low, q.high
    points = points[(points > low) & (points < high)]
    poles = _poles(terms, marks)
    centre = float(np.median(sides[0])) if sides[0].size else 0.0
    laid = mesh(points, low, high, poles, marks[0] if marks else centre)
    rest = _tails.cut(laid, terms)

    if rest.diverges:
        return terms, NOTHING, rest

    def goal(total: Floats) -> float:
        return tolerance / 4 if tolerance is not None else _RELATIVE * min(abs(total[GAP]), 1 + abs(total[PLAIN]))

    return terms, integrate(laid.panels(), terms, goal), rest


def _poles(terms: Terms, marks: list[float]) -> dict[float, tuple[bool, bool]]:
    """Return the points to go towards by ladders, and from which sides."""
    p, q = terms.p, terms.q
    poles = {e: (False, True) for e in (q.low, p.low) if math.isfinite(e)}
    for e in (q.high, p.high):
        if math.isfinite(e):
            poles[e] = (True, poles.get(e, (False, False))[1])
    if marks:
        at = np.array(marks)
        with np.errstate(all="ignore"):
            logs = np.stack([p.log_density(at), q.log_density(at)])
        for mark, singular in zip(marks, ~np.all(np.isfinite(logs), axis=0), strict=True):
            if singular and p.low < mark < p.high:
                poles[mark] = (True, True)
    return poles
