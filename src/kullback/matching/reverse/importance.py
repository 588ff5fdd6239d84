"""What importance weights say of a fit: Pareto k̂, log Z, and expectations under the target."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kullback.matching.match import GOOD_KHAT, effective

from .approximation import Approximation
from .density import Density
from .draws import even
from .missing import missing
from .smoothing import Floats, smooth
from .start import Place

DRAWS = 2**14
_REPLICATES = 16
_EVEN = 0.9  # of the draws are effective: whatever its shape, the tail holds little


@dataclass(frozen=True)
class Importance:
    """Draws of a fit and their weights.

    Parameters
    ----------
    u : Tensor of shape (n, free)
        Draws, in unconstrained coordinates.
    log_ratios : array of shape (n,)
        log p − log q, p unnormalised.
    log_weights : array of shape (n,)
        The same with the tail smoothed, normalised to sum to 1.
    khat : float
        Shape of the tail; inf where mass was found that the draws do not know of.
    elbo, elbo_error : float
        Mean of log p − log q, and its standard error.
    log_evidence, log_evidence_error : float
        log of the mean of the smoothed weights, and its standard error.
    divergence_error : float
        Standard error of log_evidence − elbo, which are of the same draws.
    log_found : float
        log Z with mass that was found elsewhere, roughly; −inf where none was.
    missed : str
        A sentence on mass that the draws do not know of; empty if none was found.
    """

    u: Tensor
    log_ratios: Floats
    log_weights: Floats
    khat: float
    elbo: float
    elbo_error: float
    log_evidence: float
    log_evidence_error: float
    divergence_error: float
    log_found: float
    missed: str

    @property
    def trusted(self) -> bool:
        """Whether the weights carry over to the target: by k̂, or because they are all but equal."""
        return self.khat <= GOOD_KHAT or (not self.missed and self.ess >= _EVEN * len(self.log_ratios))

    @property
    def ess(self) -> float:
        """Effective draws, by the weights (Kish 1965)."""
        return effective(np.exp(self.log_weights))


@dataclass(frozen=True)
class Seen:
    """Draws of a member, (n, free), scramble after scramble, log p − log q there, its mean, the ELBO, and its error."""

    u: Tensor
    log_ratios: Floats
    elbo: float
    error: float


def look_at(member: Approximation, density: Density, rng: np.random.Generator) -> Seen:
    """Draw from a member, evenly, and see how it stands to the density."""
    each = DRAWS // _REPLICATES
    u = torch.cat([member.draws(even(each, member.evaluation_noise, rng)) for _ in range(_REPLICATES)])
    with torch.no_grad():
        parts = [(density(block), member.log_density(member.theta, block)) for block in u.split(each)]
    log_p, log_q = (torch.cat(part) for part in zip(*parts, strict=True))
    density.refuse_nan(u, log_p, "fresh draws of the fit")
    ratios = (log_p - log_q).numpy()
    return Seen(u, ratios, float(ratios.mean()), _error(_by_scramble(ratios)))


def weigh(fit: Approximation, density: Density, modes: list[Place], rng: np.random.Generator) -> Importance:
    """Draw from a fit and weigh the draws by the density."""
    seen = look_at(fit, density, rng)
    smoothed, khat, log_evidence = smooth(seen.log_ratios)
    weight = _by_scramble(np.exp(smoothed) * DRAWS)
    more, missed = missing(fit, density, modes, seen.u, seen.log_ratios, log_evidence, _error(weight), rng)
    return Importance(
        seen.u,
        seen.log_ratios,
        smoothed,
        math.inf if missed else khat,
        seen.elbo,
        seen.error,
        log_evidence,
        _error(weight),
        _error(weight - _by_scramble(seen.log_ratios)),
        more,
        missed,
    )


def _by_scramble(values: Floats) -> Floats:
    means: Floats = values.reshape(_REPLICATES, -1).mean(1)
    return means


def _error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if np.isfinite(values).all() else math.inf
