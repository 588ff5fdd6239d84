"""How heavy a tail is: the shape of the generalised Pareto distribution fitted to the largest values."""

from __future__ import annotations

import math

import numpy as np

from ._side import Floats


def shape_of_tail(values: Floats) -> float:
    r"""Return k̂ of the upper tail: moments of order 1/k and above are infinite.

    The largest min(n/5, 3√n) values less the one before them, fitted by the approximate posterior mean of Zhang and
    Stephens (2009), A new and efficient estimation method for the generalized Pareto distribution, and drawn towards
    ½ by ten values' worth, as Vehtari et al. (2024), Pareto smoothed importance sampling, do.

    Parameters
    ----------
    values : array
        A sample.

    Returns
    -------
    float
        The shape; −inf for samples without a tail.
    """
    count = int(min(0.2 * values.size, 3 * math.sqrt(values.size)))
    if count < 5:
        return math.nan
    top = np.sort(np.partition(values, -count - 1)[-count - 1 :])
    excess = top[1:] - top[0]
    if not excess[-1] > 1e-12 * abs(top[0]) or not math.isfinite(excess[-1]):
        return -math.inf if math.isfinite(float(excess[-1])) else math.inf
    n = int(excess.size)
    quartile = max(float(excess[int(n / 4 + 0.5) - 1]), 1e-12 * float(excess[-1]))
    # Candidates of −k/σ, and their profile likelihoods.
    grid = np.arange(1, 31 + int(math.sqrt(n)))
    theta = 1 / excess[-1] + (1 - np.sqrt(grid[-1] / (grid - 0.5))) / (3 * quartile)
    shapes = np.mean(np.log1p(-theta[:, None] * excess), axis=1)
    with np.errstate(all="ignore"):
        likelihood = n * (np.log(-theta / shapes) - shapes - 1)
    likelihood = np.where(np.isfinite(likelihood), likelihood, -np.inf)
    weights = np.exp(likelihood - np.max(likelihood))
    best = float(np.sum(weights * theta) / np.sum(weights))
    k = float(np.mean(np.log1p(-best * excess)))
    return float((n * k + 5) / (n + 10))
