"""Pareto smoothing of importance weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kullback._core.extras import require

Floats = NDArray[np.float64]

_FLAT = 1e-9  # nats: weights that differ by less are one
_NEAR = 1e-2  # nats: a tail within it holds nothing


def smooth(log_ratios: Floats) -> tuple[Floats, float, float]:
    """Return log-weights that sum to 1 with the tail smoothed, its shape k̂, and the log of the mean weight.

    Vehtari, Simpson, Gelman, Yao and Gabry (2024), Pareto smoothed importance sampling, by arviz-stats. Weights of 0
    are kept; weights that are all one have no tail and k̂ = −inf.
    """
    array_stats = require("arviz_stats.base", extra="matching", purpose="judge a fit by Pareto k̂").array_stats
    smoothed = np.full(log_ratios.shape, -np.inf)
    positive = np.isfinite(log_ratios)
    kept = log_ratios[positive]
    if kept.size < 100:
        return smoothed, math.inf, -math.inf
    n, top = len(log_ratios), float(kept.max())
    count = int(min(0.2 * n, 3 * math.sqrt(n)))
    ordered = np.sort(kept)
    excess = ordered[-count:] - ordered[max(kept.size - count - 1, 0)]
    # A tail whose lower quarter is one value has no shape: it is harmless where all of it is near that value.
    if excess[len(excess) // 4] < _FLAT:
        log_sum = top + math.log(float(np.exp(kept - top).sum()))
        smoothed[positive] = kept - log_sum
        return smoothed, -math.inf if excess[-1] < _NEAR else math.inf, log_sum - math.log(n)
    found, khat = array_stats.psislw(-(kept - top))
    smoothed[positive] = found
    least = int(np.argmin(kept))  # below the tail, so only normalised: it tells by what
    log_sum = float(kept[least] - found[least])
    return smoothed, float(khat), log_sum - math.log(n)
