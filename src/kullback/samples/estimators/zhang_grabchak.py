"""Both logarithms by series of unbiased terms, each as long as its sample allows (Zhang & Grabchak 2014)."""

from __future__ import annotations

import numpy as np
from scipy import special

from kullback.samples.discrete import estimate_counts
from kullback.samples.intervals import one_sided, two_sided
from kullback.samples.levels import levels_of, refusal
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "Zhang-Grabchak"
AUTO = False


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return refusal(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats as Σ p̂ₖ[ψ(m + 1) − ψ(Yₖ + 1) − ψ(n) + ψ(Xₖ)].

    What the series leave out is not corrected; how far `counts`, which extends them, lies off counts as error.
    """
    counts = levels_of(problem).counts
    n, m, seen = counts.n, counts.m, counts.x > 0
    psi = special.digamma
    terms = psi(m + 1) - psi(counts.y[seen] + 1) - psi(n) + psi(counts.x[seen])
    value = float((counts.levels[seen] * counts.x[seen] / n) @ terms)
    longer = estimate_counts(counts)
    error = float(np.hypot(longer.error, longer.value - value))
    if longer.at_least:
        caveat = "values too rare or unseen in y: only a lower bound is promised"
        return Estimate(value, error, (one_sided(value, error, confidence), np.inf), caveats=(caveat,))
    return Estimate(value, error, two_sided(value, error, confidence))
