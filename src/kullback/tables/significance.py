"""Whether a column changed at all: a test that holds its level on sparse levels, and the correction over columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kullback.samples.discrete import Counts

POOLED_BELOW = 10.0  # expected sightings in the smaller table below which a level is pooled before the test


def no_change_p_value(counts: Counts) -> float:
    """Test P = Q by the likelihood ratio (G) on levels frequent enough for its chi-square law.

    Levels expected fewer than ten times in the smaller table are pooled by their total count, which says nothing of
    the side they came from, so that pooling does not bias the test. Returns 1 where fewer than two levels remain.
    """
    rare = np.minimum(*counts.expected()) < POOLED_BELOW
    weight = counts.levels * rare
    x = np.append(np.repeat(counts.x[~rare], counts.levels[~rare].astype(int)), weight @ counts.x)
    y = np.append(np.repeat(counts.y[~rare], counts.levels[~rare].astype(int)), weight @ counts.y)
    kept = x + y > 0
    x, y = x[kept], y[kept]
    if len(x) < 2:
        return 1.0
    share = (x + y) / (counts.n + counts.m)
    g = 2 * (special.xlogy(x, x / (counts.n * share)) + special.xlogy(y, y / (counts.m * share))).sum()
    return float(special.chdtrc(len(x) - 1, g))


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values so that those below α hold the false discovery rate at α (Benjamini & Hochberg 1995)."""
    order = np.argsort(p_values)
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
