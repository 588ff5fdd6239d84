"""Whether a column changed at all: a test that holds its level on sparse levels, and the correction over columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kullback.samples.discrete import Counts

Bools = NDArray[np.bool_]

POOLED_BELOW = 10.0  # expected sightings in the smaller table below which a value is rare


def no_change_p_value(counts: Counts) -> float:
    """Test P = Q, whether values are frequent or rare.

    Values expected at least ten times in the smaller table are compared by the likelihood ratio (G), the rarer ones
    pooled into one by their total count, which says nothing of the side they came from. The rarer ones are also
    compared among themselves, by how seldom two rows of one value come from different sides; the smaller of the two
    p-values is doubled (Bonferroni).
    """
    rare = np.minimum(*counts.expected()) < POOLED_BELOW
    p_values = [p for p in (_frequent(counts, rare), _rare(counts, rare)) if p is not None]
    return min(1.0, len(p_values) * min(p_values)) if p_values else 1.0


def _frequent(counts: Counts, rare: Bools) -> float | None:
    """Test by the likelihood ratio, the rare values as one; None where fewer than two cells are left."""
    kept = counts.pooled(rare)
    cells = int(kept.levels.sum())
    if cells < 2:
        return None
    both = (kept.x + kept.y) / (counts.n + counts.m)
    terms = special.xlogy(kept.x, kept.x / (counts.n * both)) + special.xlogy(kept.y, kept.y / (counts.m * both))
    # Rounding may leave the statistic of equal shares just below 0.
    return float(special.chdtrc(cells - 1, max(2 * float(kept.levels @ terms), 0.0)))


def _rare(counts: Counts, rare: Bools) -> float | None:
    """Test the rare values among themselves, given how often each was seen in all; None where none was seen twice.

    For a value seen T times, h = Σ over ordered pairs of its rows of φφ', φ being 1/π for a row of P and −1/(1−π) for
    one of Q, has mean 0 when nothing changed, whatever T (Hoeffding's degenerate U-statistic); h/T is Pearson's term
    with its mean taken out. The sum is referred to a gamma law with its first three moments.
    """
    seen = counts.x + counts.y
    use = rare & (seen >= 2)
    x, y, t, levels = counts.x[use], counts.y[use], seen[use], counts.levels[use]
    if not len(t):
        return None
    share = counts.n / (counts.n + counts.m)
    h = (x / share - y / (1 - share)) ** 2 - x / share**2 - y / (1 - share) ** 2
    second, third = 1 / (share * (1 - share)), 1 / share**2 - 1 / (1 - share) ** 2  # moments of φ
    pairs = t * (t - 1)
    variance = float(levels @ (2 * pairs * second**2 / t**2))
    cube = float(levels @ ((4 * pairs * third**2 + 8 * pairs * (t - 2) * second**3) / t**3))
    z, skewness = float(levels @ (h / t)) / np.sqrt(variance), cube / variance**1.5
    shape = 4 / max(skewness, 1e-6) ** 2
    return float(special.gammaincc(shape, max(shape + z * np.sqrt(shape), 0.0)))


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values so that those below α hold the false discovery rate at α (Benjamini & Hochberg 1995)."""
    order = np.argsort(p_values)
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
