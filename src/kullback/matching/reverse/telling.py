"""What is told of a fit: what fresh draws show, in numbers and sentences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from kullback._core.divergence import Divergence

from .approximation import Approximation
from .batches import Batches
from .density import Density
from .draws import even
from .engine import Progressed
from .importance import DRAWS, look_at, weigh
from .result import TWO_SIDED, Variational, divergence, panels
from .start import Place
from .stochastic import judge_noisy

_NOISY = "Minibatches do not tell log Z: only by how much the ELBO rose is known, and the divergence is at least that."
_BATCHES = 128  # to tell the ELBO of the start by


def told(
    went: Progressed,
    begun: Approximation,
    density: Density,
    known: list[Place],
    tolerance: float,
    rng: np.random.Generator,
) -> Variational:
    """Weigh start and result on fresh draws, and say what they tell."""
    fit = went.best
    weighed = weigh(fit, density, known, rng)
    first = look_at(begun, density, rng)
    caveats = [sentence for sentence in (weighed.missed, density.note) if sentence]
    trusted = weighed.trusted
    x, old = density.place(weighed.u), density.place(first.u)
    # Where D(Q‖P) itself bounds what is left, it must be known.
    converged = went.converged and (trusted or fit.metric != "none")
    log_weights = weighed.log_weights if trusted else None
    return Variational(
        result=_distribution(fit, density),
        before=divergence(weighed, first.elbo, first.error, own=False),
        after=divergence(weighed, weighed.elbo, weighed.elbo_error, own=True),
        converged=converged,
        reason=went.reason,
        iterations=went.steps,
        max_error=went.judged.remaining,
        tolerance=tolerance,
        khat=weighed.khat,
        ess=weighed.ess,
        history=tuple(went.history),
        caveats=tuple(caveats),
        draw=lambda: panels(old, x, log_weights),
        elbo=weighed.elbo,
        elbo_error=weighed.elbo_error,
        log_evidence=weighed.log_evidence if trusted else None,
        log_evidence_error=weighed.log_evidence_error if trusted else None,
        draws=x,
        log_weights=log_weights,
    )


def _distribution(fit: Approximation, density: Density) -> Any:
    law = fit.distribution()
    return law if density.bijector is None else torch.distributions.TransformedDistribution(law, [density.bijector])


def told_noisy(
    went: Progressed,
    begun: Approximation,
    density: Density,
    batches: Batches,
    tolerance: float,
    rng: np.random.Generator,
) -> Variational:
    """Say what fresh minibatches tell: how much the ELBO rose, but neither log Z nor k̂."""
    first = judge_noisy(begun, density, batches, _BATCHES, rng)
    elbo, error = went.judged.elbo, math.hypot(first.error, went.judged.error)
    rise = max(elbo - first.elbo, 0.0)
    low = max(rise - TWO_SIDED * error, 0.0)
    method = "rise of the ELBO"
    old, x = (density.place(member.draws(even(DRAWS, member.evaluation_noise, rng))) for member in (begun, went.best))
    return Variational(
        result=_distribution(went.best, density),
        before=Divergence(rise, error, (low, math.inf), 0.95, method, caveats=(_NOISY,)),
        after=Divergence(0.0, error, (0.0, math.inf), 0.95, method, caveats=(_NOISY,)),
        converged=went.converged,
        reason=went.reason,
        iterations=went.steps,
        max_error=went.judged.remaining,
        tolerance=tolerance,
        history=tuple(went.history),
        caveats=tuple(sentence for sentence in (_NOISY, density.note) if sentence),
        draw=lambda: panels(old, x, None),
        elbo=elbo,
        elbo_error=went.judged.error,
        draws=x,
    )
