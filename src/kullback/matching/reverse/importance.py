"""What weights of importance say of a fit: Pareto k̂, log Z, and whether a mode lies where the fit has nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kullback._core.extras import require

from .approximation import Approximation
from .density import Density, shown
from .draws import even
from .start import Place

Floats = NDArray[np.float64]

DRAWS = 8192
_REPLICATES = 16
_GOOD = 0.7  # Vehtari et al. 2024: above it, smoothed weights do not converge at any useful rate
_SHARE = 0.01  # of the mass: a mode with less is not looked for
_SEEN = 10.0  # draws expected near a mode, below which the draws do not know of it
_FLAT = 1e-9  # nats: weights that differ by less have no tail


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
        Shape of the tail; inf where a mode was missed.
    elbo, elbo_error : float
        Mean of log p − log q, and its standard error.
    log_evidence, log_evidence_error : float
        log of the mean of the smoothed weights, and its standard error.
    divergence_error : float
        Standard error of log_evidence − elbo, which are of the same draws.
    missed : str
        A sentence on modes that the draws do not know of; empty if there are none.
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
    missed: str

    @property
    def trusted(self) -> bool:
        """Whether the weights carry over to the target."""
        return self.khat <= _GOOD


def weigh(
    fit: Approximation, density: Density, modes: list[Place], rng: np.random.Generator, count: int = DRAWS
) -> Importance:
    """Draw from a fit and weigh the draws by the density."""
    each = count // _REPLICATES
    u = torch.cat([fit.draws(even(each, fit.evaluation_noise, rng)) for _ in range(_REPLICATES)])
    with torch.no_grad():
        parts = [(density(block), fit.log_density(fit.theta, block)) for block in u.split(each)]
    log_p, log_q = (torch.cat(part) for part in zip(*parts, strict=True))
    density.refuse_nan(u, log_p, "fresh draws of the fit")
    ratios = (log_p - log_q).numpy()
    smoothed, khat, log_evidence = smooth(ratios)
    elbo = float(ratios.mean())
    weight = np.exp(smoothed).reshape(_REPLICATES, -1).sum(1) * _REPLICATES  # 1 on average
    with np.errstate(invalid="ignore"):
        height = ratios.reshape(_REPLICATES, -1).mean(1)
    missed = _missed(fit, density, modes, log_evidence, count)
    return Importance(
        u,
        ratios,
        smoothed,
        math.inf if missed else khat,
        elbo,
        _error(height),
        log_evidence,
        _error(weight),
        _error(weight - height),
        missed,
    )


def smooth(log_ratios: Floats) -> tuple[Floats, float, float]:
    """Return log-weights that sum to 1 with the tail smoothed, its shape k̂, and the log of the mean weight.

    Vehtari, Simpson, Gelman, Yao and Gabry (2024), Pareto smoothed importance sampling, by arviz-stats. Weights of 0
    are kept; weights that are all one have no tail and k̂ = −inf.
    """
    array_stats = require("arviz_stats.base", extra="matching", purpose="judge a fit by Pareto k̂").array_stats
    smoothed = np.full(log_ratios.shape, -np.inf)
    positive = np.isfinite(log_ratios)
    kept = log_ratios[positive]
    if kept.size < 100:
        return smoothed, math.inf, -math.inf
    n, top = len(log_ratios), float(kept.max())
    tail = np.sort(kept)[-int(min(0.2 * n, 3 * math.sqrt(n))) :]
    if tail[-1] - tail[0] < _FLAT:
        log_sum = top + math.log(float(np.exp(kept - top).sum()))
        smoothed[positive] = kept - log_sum
        return smoothed, -math.inf, log_sum - math.log(n)
    found, khat = array_stats.psislw(-(kept - top))
    smoothed[positive] = found
    least = int(np.argmin(kept))  # below the tail, so only normalised: it tells by what
    log_sum = float(kept[least] - found[least])
    return smoothed, float(khat), log_sum - math.log(n)


def _error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if np.isfinite(values).all() else math.inf


def _missed(fit: Approximation, density: Density, modes: list[Place], log_evidence: float, count: int) -> str:
    """Say which modes hold mass by Laplace's method, of which a draw of the fit would rarely know."""
    with torch.no_grad():
        heights = {
            i: (float(density(mode.centre[None])[0]), float(fit.log_density(fit.theta, mode.centre[None])[0]))
            for i, mode in enumerate(modes)
            if math.isfinite(mode.log_mass)
        }
    lost = []
    for i, (log_p, log_q) in heights.items():
        share = 1 / (1 + math.exp(min(log_evidence - modes[i].log_mass, 700)))
        expected = math.log(count) + modes[i].log_mass - (log_p - log_q)
        if share > _SHARE and expected < math.log(_SEEN):
            lost.append((share, modes[i]))
    if not lost:
        return ""
    share, mode = max(lost, key=lambda found: found[0])
    return (
        f"The density has {'a mode' if len(lost) == 1 else f'{len(lost)} modes'} where the fit has nearly no mass, the "
        f"largest at x = {shown(density.place(mode.centre[None])[0])} with about {100 * share:.2g}% of the mass there "
        "and where the fit is: draws of the fit do not know of it, so neither do their weights; try 'mixture(k)' or "
        "'flow'."
    )
