"""A lower bound on D by the critic that `auto` settles on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .bounds import Bound, Floats, vouched_for
from .choose import choose
from .intervals import one_sided
from .problem import Problem
from .result import Estimate

_CAVEAT = "a lower bound, whatever P and Q are: by how much D exceeds it is not known"


def bounded(
    problem: Problem, rng: np.random.Generator, confidence: float, bound: Callable[[Floats, Floats], Bound]
) -> Estimate:
    """The bound by the critic that `auto` settles on, cross-fitted; "at least" its lower confidence limit."""
    critic = choose(problem, rng, confidence).estimate
    assert critic.on_x is not None
    assert critic.on_y is not None
    on_x, on_y = (vouched_for(f, problem.m) for f in (critic.on_x, critic.on_y))
    found = bound(on_x, on_y)
    low = one_sided(found.value, found.error, confidence)
    return Estimate(found.value, found.error, (low, np.inf), on_x, on_y, "none", caveats=(_CAVEAT,))
