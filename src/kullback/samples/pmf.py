"""D(P‖Q) of discrete draws against known probabilities: a mean of −log q, less the entropy of counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError

from .problem import Problem
from .score import Score

Floats = NDArray[np.float64]

_ROUNDING = 1e-6  # by which probabilities of distinct values may exceed 1 in sum
_DOUBT = 0.5  # share of an extrapolated correction that counts as error
_RARE = 0.4  # share of rows whose value came once, beyond which the upper end is not promised


def against_probabilities(problem: Problem, log_q: Floats, confidence: float, caveats: tuple[str, ...]) -> Divergence:
    """Estimate D(P‖Q) where `log_q` holds the log-probability of every row's value.

    Raises
    ------
    InputError
        If the probabilities of the values seen exceed 1 in sum: a density of rounded numbers is no probability.
    """
    _, first, place, seen = np.unique(problem.groups[0], return_index=True, return_inverse=True, return_counts=True)
    total = float(np.exp(special.logsumexp(log_q[first])))
    if total > 1 + _ROUNDING:
        raise InputError(
            f"x repeats its values, and log_density over the {len(first)} distinct ones sums to {total:.4g}, more than "
            "1: give log-probabilities of the values, or numbers that are not rounded"
        )
    n = problem.n
    entropy, beyond = entropy_of(seen)
    value = -float(log_q.mean()) - entropy
    term = np.log(seen[place] / n) - log_q
    null = (len(seen) - 1) / (2 * n * n) + (_DOUBT * beyond) ** 2
    slope = max(float(term.var()) / n / value, 2 / n) if value > 2 * np.sqrt(null) else 2 / n
    score = Score(value, null, slope, 1 / n)
    low, high = score.interval(confidence)
    alone = float((seen == 1).sum() / n)
    if alone > _RARE:
        caveats = (*caveats, f"{alone:.0%} of the rows hold values seen once: only a lower bound is promised")
        high = float("inf")
    method = "against probabilities, entropy of counts"
    return Divergence(max(value, 0.0), score.error, (low, high), confidence, method, caveats=caveats)


def entropy_of(seen: NDArray[np.intp]) -> tuple[float, float]:
    """Entropy in nats from the counts of the values seen, and how much of it is owed to values not seen.

    Chao, Wang & Jost 2013 ("Entropy and the species accumulation curve", Methods in Ecology and Evolution 4, eq. 7).
    """
    n = int(seen.sum())
    known = float((seen / n) @ (special.digamma(n) - special.digamma(seen)))
    once, twice = float((seen == 1).sum()), float((seen == 2).sum())
    if not once:
        return known, 0.0
    # The rate at which new values come; where none was seen twice, as they have it.
    rate = 2 * twice / ((n - 1) * once + 2 * twice) if twice else 2 / ((n - 1) * (once - 1) + 2)
    start = rate * (n - 0.5)
    # Σ_{v≥n} (1−A)^(v−n+1)/v ≈ e^z E₁(z), z = A(n − ½).
    beyond = once / n * float(np.exp(start) * special.exp1(start) if start < 300 else 1 / start)
    return known + beyond, beyond
