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

_HEAVY = 0.1  # share of Σ e^f that one row of y may hold
_CAVEAT = "a lower bound, whatever P and Q are: by how much D exceeds it is not known"


@dataclass(frozen=True)
class Bound:
    """A bound on D and its standard error."""

    value: float
    error: float


def donsker_varadhan(on_x: Floats, on_y: Floats) -> Bound:
    """E_P f − log E_Q e^f ≤ D (Donsker & Varadhan 1983, "Asymptotic evaluation of certain Markov process expectations")."""
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
    found = bound(critic.on_x, critic.on_y)
    caveats = [_CAVEAT]
    ratio = np.exp(critic.on_y - critic.on_y.max())
    heaviest = float(ratio.max() / ratio.sum())
    if heaviest > _HEAVY:
        caveats.append(f"one row of y holds {heaviest:.0%} of the mean of p/q: the bound's error is not known")
    low = one_sided(found.value, found.error, confidence)
    return Estimate(
        found.value, found.error, (low, np.inf), critic.on_x, critic.on_y, "none", caveats=tuple(caveats)
    )
