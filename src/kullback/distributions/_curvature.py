"""Gaps of a convex function, from its second derivative alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from kullback.arrays._backend import Array

_NODES = 10


@cache
def _rule() -> list[tuple[float, float]]:
    """Nodes and weights of ∫(1 − t)·f(t) dt on [0, 1] (Gauss and Jacobi)."""
    from scipy.special import roots_jacobi

    nodes, weights = roots_jacobi(_NODES, 1.0, 0.0)
    return [(float(1 + x) / 2, float(w) / 4) for x, w in zip(nodes, weights, strict=True)]


def by_curvature(curvature: Callable[[Array], Array], a: Array, d: Array) -> Array:
    """F(a + d) − F(a) − F′(a)·d from F″, at least 0 and with all its digits however small d is.

    By Taylor's remainder, d²∫(1 − t)·F″(a + t·d) dt. Ten nodes give it to the last bit where F″ is analytic in an
    ellipse round the interval with axes that sum to six times its length or more.
    """
    total = sum(weight * curvature(a + node * d) for node, weight in _rule())
    return d * d * total
