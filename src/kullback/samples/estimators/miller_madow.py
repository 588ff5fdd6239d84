"""The plug-in estimate less its bias to first order: enough where every value came often."""

from __future__ import annotations

import numpy as np

from kullback.samples.discrete import RARE_SHARE
from kullback.samples.intervals import one_sided, two_sided
from kullback.samples.levels import delta_variance, levels_of, refusal, unseen
from kullback.samples.miller import first_order_bias, plug_in
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "Miller-Madow"
AUTO = False


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return refusal(problem) or unseen(levels_of(problem).counts)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats; half of the correction counts as error."""
    counts = levels_of(problem).counts
    bias = first_order_bias(counts)
    value = plug_in(counts) - bias
    error = float(np.hypot(np.sqrt(delta_variance(counts)), bias / 2))
    if counts.rare_share > RARE_SHARE:
        caveat = f"{counts.rare_share:.0%} of the rows hold values too rare for this correction"
        return Estimate(value, error, (one_sided(value, error, confidence), np.inf), caveats=(caveat,))
    return Estimate(value, error, two_sided(value, error, confidence))
