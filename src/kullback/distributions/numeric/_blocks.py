"""Blocks of integers: short ones are summed, long ones by a rule that is exact for the sums of polynomials.

A block of N = 2^m integers is mapped to t in (−1, 1). Its rule has nodes at the integers nearest those of Gauss and
Legendre, and the weights nearest theirs with which Σ over the nodes is Σ over all N integers for every polynomial of
low degree. (Exact sums, not integrals: nothing is to be corrected at the ends.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from ._panels import Floats

SHORT = 32
_FINE, _COARSE = 20, 12
_SUMMED = 1 << 12


@dataclass
class Blocks:
    """Blocks of integers: from `start`, `size` of them, a power of 2 where more than 32."""

    start: Floats
    size: Floats

    def nodes(self) -> tuple[Floats, Floats]:
        """Return the integers to be looked at, in rows of 32."""
        offsets = np.stack([_rule(int(n))[0] for n in self.size])
        x = self.start[:, None] + offsets
        return x, np.ones_like(x)

    def rules(self) -> tuple[Floats, Floats]:
        """Return the fine rule and the coarse one of each block."""
        rules = [_rule(int(n)) for n in self.size]
        return np.stack([r[1] for r in rules]), np.stack([r[2] for r in rules])

    def can_be_split(self) -> np.ndarray[Any, Any]:
        """Where there is a rule, not a sum."""
        return self.size > SHORT

    def split(self, which: np.ndarray[Any, Any]) -> Blocks:
        """Return each of the chosen blocks in quarters."""
        start, quarter = self.start[which], self.size[which] / 4
        return Blocks((start[:, None] + quarter[:, None] * np.arange(4)).ravel(), np.repeat(quarter, 4))


def blocks(cuts: list[tuple[float, float]]) -> Blocks:
    """Return the integers of intervals [a, b) in blocks."""
    rows: list[tuple[float, float]] = []
    for start, b in cuts:
        a = start
        while b - a > SHORT:
            size = 2.0 ** math.floor(math.log2(b - a))
            rows.append((a, size))
            a += size
        if b > a:
            rows.append((a, b - a))
    table = np.array(rows, dtype=np.float64)
    return Blocks(table[:, 0], table[:, 1])


@cache
def _rule(size: int) -> tuple[Floats, Floats, Floats]:
    """Return the offsets of the nodes, the fine weights and the coarse ones."""
    if size <= SHORT:
        ones = (np.arange(SHORT) < size).astype(np.float64)
        return np.minimum(np.arange(float(SHORT)), size - 1.0), ones, ones
    where, gauss = legendre.leggauss(SHORT)
    offsets = np.clip(np.round(0.5 * size * (1 + where) - 0.5), 0, size - 1)
    basis = legendre.legvander((2 * offsets + 1) / size - 1, _FINE - 1)
    sums = np.array([_sum_of_legendre(j, size) for j in range(_FINE)])

    def weights(degrees: int) -> Floats:
        v = basis[:, :degrees]
        found: Floats = gauss * (v @ np.linalg.solve(v.T @ (gauss[:, None] * v), sums[:degrees]))
        return found

    return offsets, weights(_FINE), weights(_COARSE)


def _sum_of_legendre(degree: int, size: int) -> float:
    """Σ of a Legendre polynomial over the midpoints of `size` equal pieces of (−1, 1)."""
    if degree % 2:
        return 0.0
    coefficients = np.zeros(degree + 1)
    coefficients[degree] = 1.0
    if size <= _SUMMED:
        return float(np.sum(legendre.legval((2 * np.arange(size) + 1) / size - 1, coefficients)))
    # Euler and Maclaurin, at midpoints: the third correction is below 1e-16 here.
    h, total = 2.0 / size, 2.0 if degree == 0 else 0.0
    for order, factor in ((1, -1 / 24), (3, 7 / 5760)):
        if degree >= order:
            total += factor * h ** (order + 1) * 2 * float(legendre.legval(1.0, legendre.legder(coefficients, order)))
    return total / h
