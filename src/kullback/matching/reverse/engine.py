"""Minimise D(Q‖P) on fixed draws, twice as many each time, until fresh draws say that nothing is left to gain."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError
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


_ENDLESS = 1e30  # where draws of a fit to a density of finite integral do not go

_UNKNOWN = Judgement(-math.inf, math.inf, math.inf)


@dataclass
class Progressed:
    """How a fit went: the best member so far, and what is known of it."""

    best: Approximation
    judged: Judgement = _UNKNOWN
    converged: bool = False
    interrupted: bool = False
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
    try:
        _until_enough(found, density, tolerance, most_draws, rng, report)
    except KeyboardInterrupt:
        found.interrupted = True
        found.reason = f"Interrupted after {found.steps} steps: this is the best so far."
        if found.judged is _UNKNOWN:
            found.judged = judge(found.best, density, start.least_draws, rng)
    return found


def _until_enough(
    found: Progressed,
    density: Density,
    tolerance: float,
    most_draws: int,
    rng: np.random.Generator,
    report: Progress | None,
) -> None:
    count = found.best.least_draws
    while True:
        if report is not None:
            report(count, most_draws)
        before, found.judged = found.judged, _UNKNOWN
        trained = _stage(found, density, count, tolerance, rng)
        found.converged = _confirmed(found, density, trained, count, tolerance, rng)
        if found.converged:
            found.reason = f"Fresh draws confirm what {count} draws were fitted to."
            return
        promise = f"fresh draws promise up to {found.judged.remaining:.2g} nats more"
        if found.best.metric == "none" and found.judged.elbo < before.elbo + max(tolerance, 2 * found.judged.error):
            found.reason = f"More draws no longer help: {count} gained no more than the error of fresh ones; {promise}."
            return
        if count >= most_draws:
            found.reason = (
                f"{count} draws were not enough: {promise}; allow more draws, a larger tolerance, or a family nearer "
                "the density's shape."
            )
            return
        # The error of a fit falls as 1/draws.
        short = min(max(found.judged.remaining / tolerance, 2), _LEAP)
        count = min(most_draws, count << math.ceil(math.log2(short)))


def _stage(found: Progressed, density: Density, count: int, tolerance: float, rng: np.random.Generator) -> float:
    """Go down on `count` draws; every step is kept, so that an interruption loses none. Returns the ELBO there."""
    here = found.best
    noise = matched(even(count, here.noise, rng))
    with torch.no_grad():
        u = here.reach(here.theta, noise)[0].flatten(0, 1)
        density.refuse_outside(u, density(u), "draws of the fit")
    enough = _FINER * tolerance
    # Without a metric the way down is long and flat, and its end is not what is judged.
    gain = tolerance if here.metric == "none" else enough
    values: list[float] = []
    for step in descend(lambda theta: descent(here, density, theta, noise), here.theta):
        found.best = here.moved(step.at)
        found.steps += bool(values)
        found.history.append(step.value)
        values.append(step.value)
        slow = len(values) > _PATIENCE and values[-1 - _PATIENCE] - step.value < gain
        if not float(step.at.abs().amax()) < _ENDLESS:
            break
        if slow or float(step.gradient @ step.gradient) / 2 < enough or len(values) > _MOST_STEPS:
            break
    far = _reach(found.best, noise)
    if not far < _ENDLESS:
        raise InputError(
            f"the ELBO rises without end as the fit spreads (to {far:.1g} after {found.steps} steps): the density has "
            "no finite integral over its support; look for a missing prior, a wrong sign, or pass a smaller support="
        )
    return -values[-1]


def _reach(member: Approximation, noise: Tensor) -> float:
    with torch.no_grad():
        return float(member.reach(member.theta, noise)[0].abs().amax())


def _confirmed(
    found: Progressed, density: Density, trained: float, count: int, tolerance: float, rng: np.random.Generator
) -> bool:
    """Judge twice, on draws of their own, and keep the worse: one lucky look does not pass."""
    for _ in range(2):
        judged = judge(found.best, density, _FRESH * count, rng)
        if found.judged is _UNKNOWN or judged.remaining > found.judged.remaining:
            found.judged = judged
        if not (judged.remaining <= tolerance and agree(trained, judged, tolerance)):
            return False
    return True
