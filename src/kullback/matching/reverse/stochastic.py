"""Minibatches: natural-gradient steps on noisy densities, averaged by blocks, until fresh ones say it is enough."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback._core.progress import Progress

from .approximation import Approximation
from .batches import Batches
from .density import Density
from .engine import Progressed
from .judgement import REPLICATES, Judgement, descent, judged_by, look

_DRAWS = 32  # a step
_BLOCK = 128  # steps in the first block; each is twice as long as the one before
_RATE = 0.2  # of the natural gradient, in the first block; it falls with the root of the length
_LONGEST = 1.0  # step, in standard deviations of the member


def minimise_noisy(
    start: Approximation,
    density: Density,
    batches: Batches,
    *,
    tolerance: float,
    most_steps: int,
    rng: np.random.Generator,
    report: Progress | None,
) -> Progressed:
    """Return the member that minimises D(Q‖P) on average over minibatches, as `minimise` does.

    Within a block steps are of one size and their members are averaged (Polyak and Juditsky 1992); the next block is
    twice as long and its steps 1/√2 as large.
    """
    if start.metric != "identity":
        raise InputError("minibatches need a family of known metric: 'gaussian' or 'meanfield'")
    found = Progressed(start)
    length, rate = _BLOCK, _RATE
    try:
        while True:
            _block(found, density, batches, length, rate, rng)
            found.judged = max((judge_noisy(found.best, density, batches, length, rng) for _ in range(2)), key=_left)
            found.history.append(-found.judged.elbo)
            found.converged = found.judged.remaining <= tolerance
            if report is not None:
                report(found.steps, most_steps)
            if found.converged:
                found.reason = f"Fresh minibatches confirm what {length} steps came to on average."
                return found
            if found.steps + 2 * length > most_steps:
                found.reason = (
                    f"{found.steps} steps were not enough: fresh minibatches promise up to "
                    f"{found.judged.remaining:.2g} nats more; allow more steps, larger minibatches, or a larger "
                    "tolerance."
                )
                return found
            length, rate = 2 * length, rate / math.sqrt(2)
    except KeyboardInterrupt:
        found.converged, found.interrupted = False, True
        found.reason = f"Interrupted after {found.steps} steps: this is the best so far."
        found.judged = judge_noisy(found.best, density, batches, _BLOCK, rng)
    return found


def _draws(member: Approximation, rng: np.random.Generator) -> Tensor:
    # Beside the noise of minibatches evenness is not worth its time.
    return torch.from_numpy(rng.standard_normal((_DRAWS, member.noise)))


def _left(judged: Judgement) -> float:
    return judged.remaining


def _block(
    found: Progressed, density: Density, batches: Batches, length: int, rate: float, rng: np.random.Generator
) -> None:
    here = found.best
    mean = here
    for step in range(length):
        batches.deal(rng)
        noise = _draws(here, rng)
        value, slope = descent(here, density, here.theta, noise)
        if not math.isfinite(value):
            with torch.no_grad():
                u = here.reach(here.theta, noise)[0].flatten(0, 1)
                density.refuse_outside(u, density(u), "draws of a step")
        move = -rate * slope
        here = here.moved(here.theta + move * min(1.0, _LONGEST / max(float(move.norm()), 1e-300)))
        mean = here if step == 0 else mean.averaged(here, 1 / (step + 1))
        found.best, found.steps = mean, found.steps + 1


def judge_noisy(
    member: Approximation, density: Density, batches: Batches, length: int, rng: np.random.Generator
) -> Judgement:
    """Judge a member on fresh draws of fresh minibatches, `length` of them."""
    looks = []
    for _ in range(REPLICATES):
        each = []
        for _ in range(max(1, length // REPLICATES)):
            batches.deal(rng)
            each.append(look(member, density, _draws(member, rng)))
        slope = torch.stack([one.gradient for one in each]).mean(0)
        elbo = float(np.mean([one.elbo for one in each]))
        looks.append(dataclasses.replace(each[0], elbo=elbo, gradient=slope))
    return judged_by(member, looks)
