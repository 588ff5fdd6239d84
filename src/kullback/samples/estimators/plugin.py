"""D of the observed shares: the maximum likelihood estimate, biased by about (values − 1)(1/n + 1/m)/2."""

from __future__ import annotations

import numpy as np

from kullback.samples.discrete import RARE_SHARE
from kullback.samples.intervals import one_sided, two_sided
from kullback.samples.levels import delta_variance, levels_of, refusal, unseen
from kullback.samples.miller import first_order_bias, plug_in
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "plug-in"
AUTO = False


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return refusal(problem) or unseen(levels_of(problem).counts)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats as Σ p̂ log p̂/q̂; its first-order bias counts as error."""
    counts = levels_of(problem).counts
    value, bias = plug_in(counts), first_order_bias(counts)
    error = float(np.hypot(np.sqrt(delta_variance(counts)), bias))
    caveat = f"the plug-in estimate is too high by about {bias:.2g} nats, which its error includes"
    if counts.rare_share > RARE_SHARE:
        return Estimate(value, error, (one_sided(value, error, confidence), np.inf), caveats=(caveat,))
    return Estimate(value, error, two_sided(value, error, confidence), caveats=(caveat,))
