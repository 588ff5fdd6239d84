"""Lower bounds on D from a critic f that did not see the rows it is averaged over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .choose import choose
from .intervals import one_sided
from .problem import Problem
from .result import Estimate

Floats = NDArray[np.float64]

_CAVEAT = "a lower bound, whatever P and Q are: by how much D exceeds it is not known"


@dataclass(frozen=True)
class Bound:
    """A bound on D and its standard error."""

    value: float
    error: float


def donsker_varadhan(on_x: Floats, on_y: Floats) -> Bound:
    """E_P f − log E_Q e^f ≤ D (Donsker & Varadhan 1983, Communications on Pure and Applied Mathematics 36)."""
    ratio = np.exp(on_y - on_y.max())
    noise = float(ratio.var() / ratio.mean() ** 2 / len(on_y))
    # The logarithm of a mean is low by half its relative variance, which would raise the bound.
    value = float(on_x.mean() - np.log(ratio.mean()) - on_y.max()) - noise / 2
    return Bound(value, float(np.sqrt(on_x.var() / len(on_x) + noise)))


def nguyen_wainwright_jordan(on_x: Floats, on_y: Floats) -> Bound:
    """E_P f − E_Q e^f + 1 ≤ D (Nguyen, Wainwright & Jordan 2010, IEEE Transactions on Information Theory 56)."""
    ratio = np.exp(on_y)
    value = float(on_x.mean() - ratio.mean() + 1)
    return Bound(value, float(np.sqrt(on_x.var() / len(on_x) + ratio.var() / len(on_y))))


def bounded(
    problem: Problem, rng: np.random.Generator, confidence: float, bound: Callable[[Floats, Floats], Bound]
) -> Estimate:
    """The bound by the critic that `auto` settles on, cross-fitted; "at least" its lower confidence limit."""
    critic = choose(problem, rng, confidence).estimate
    assert critic.on_x is not None
    assert critic.on_y is not None
    # Any f bounds D; one that never exceeds log √m has an E_Q e^f that m rows can tell.
    most = np.log(problem.m) / 2
    on_x, on_y = (np.minimum(f, most) for f in (critic.on_x, critic.on_y))
    found = bound(on_x, on_y)
    low = one_sided(found.value, found.error, confidence)
    return Estimate(found.value, found.error, (low, np.inf), on_x, on_y, "none", caveats=(_CAVEAT,))
