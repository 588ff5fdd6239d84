"""Minimise D(Q‖P) on fixed draws, twice as many each time, until fresh draws say that nothing is left to gain."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from kullback._core.progress import Progress

from .approximation import Approximation
from .density import Density
from .draws import even, matched
from .judgement import Judgement, agree, descent, judge
from .lbfgs import descend

_FINER = 0.02  # of the tolerance: how far a stage goes down on its own draws
_PATIENCE = 10  # steps over which a stage must gain that much
_MOST_STEPS = 1000  # in a stage
_FRESH = 2  # draws to judge by, for each draw fitted to
_LEAP = 8  # most by which draws are multiplied at once


@dataclass
class Progressed:
    """How a fit went: the best member so far, and what is known of it."""

    best: Approximation
    judged: Judgement = field(default_factory=lambda: Judgement(-math.inf, math.inf, math.inf))
    converged: bool = False
    reason: str = ""
    steps: int = 0
    history: list[float] = field(default_factory=list)


def minimise(
    start: Approximation,
    density: Density,
    *,
    tolerance: float,
    most_draws: int,
    rng: np.random.Generator,
    report: Progress | None,
) -> Progressed:
    """Return the member that minimises D(Q‖P), and whether fresh draws confirm it.

    Parameters
    ----------
    tolerance : float
        In nats: what the gradient on fresh draws may promise at most.
    most_draws : int
        Draws fitted to, at most.
    """
    found = Progressed(start)
    count = min(start.least_draws, most_draws)
    try:
        while True:
            if report is not None:
                report(count, most_draws)
            trained = _stage(found, density, count, tolerance, rng)
            found.converged = _confirmed(found, density, trained, count, tolerance, rng)
            if found.converged:
                found.reason = f"Fresh draws confirm what {count} draws were fitted to."
                return found
            if count >= most_draws:
                found.reason = (
                    f"{count} draws were not enough: fresh draws promise up to {found.judged.remaining:.2g} nats more; "
                    "allow more draws, a larger tolerance, or a family nearer the density's shape."
                )
                return found
            # The error of a fit falls as 1/draws.
            short = min(max(found.judged.remaining / tolerance, 2), _LEAP)
            count = min(most_draws, count << math.ceil(math.log2(short)))
    except KeyboardInterrupt:
        found.reason = f"Interrupted after {found.steps} steps: this is the best so far."
        return found


def _stage(found: Progressed, density: Density, count: int, tolerance: float, rng: np.random.Generator) -> float:
    """Go down on `count` draws; every step is kept, so that an interruption loses none. Returns the ELBO there."""
    here = found.best
    noise = matched(even(count, here.noise, rng))
    with torch.no_grad():
        u = here.reach(here.theta, noise)[0].flatten(0, 1)
        density.refuse_outside(u, density(u), "draws of the fit")
    enough = _FINER * tolerance
    values: list[float] = []
    for step in descend(lambda theta: descent(here, density, theta, noise), here.theta):
        found.best = here.moved(step.at)
        values.append(step.value)
        slow = len(values) > _PATIENCE and values[-1 - _PATIENCE] - step.value < enough
        if slow or float(step.gradient @ step.gradient) / 2 < enough or len(values) > _MOST_STEPS:
            break
    found.steps += len(values) - 1
    found.history.extend(values)
    return -values[-1]


def _confirmed(found: Progressed, density: Density, trained: float, count: int, tolerance: float, rng: Any) -> bool:
    """Judge twice, on draws of their own, and keep the worse: one lucky look does not pass."""
    for look in range(2):
        judged = judge(found.best, density, _FRESH * count, rng)
        if not look or judged.remaining > found.judged.remaining:
            found.judged = judged
        if not (judged.remaining <= tolerance and agree(trained, judged, tolerance)):
            return False
    return True
