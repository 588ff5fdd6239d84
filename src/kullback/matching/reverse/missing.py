"""Mass that a fit misses: weights of its own draws cannot tell of it, so it is looked for at modes and further out."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .approximation import Approximation
from .density import Density, shown
from .draws import even
from .smoothing import Floats, smooth
from .start import Place

_SHARE = 0.01  # of the mass: a mode with less is not looked for
_SEEN = 10.0  # draws expected near a mode, below which the draws do not know of it
_WIDER = (2.0, 3.0)  # times the covariance's root
_CLEAR = 3.0  # standard errors of log Z
_WORTH = 0.1  # nats of log Z: a tenth of the mass


def missing(
    fit: Approximation,
    density: Density,
    modes: list[Place],
    u: Tensor,
    log_ratios: Floats,
    log_evidence: float,
    error: float,
    rng: np.random.Generator,
) -> tuple[float, str]:
    """Return log Z with the mass that was found and a sentence about it; −inf and "" where none was.

    Parameters
    ----------
    modes : list of Place
        Modes known of the density.
    u, log_ratios : Tensor of shape (n, free), array of shape (n,)
        Draws of the fit and log p − log q there.
    log_evidence, error : float
        log Z by their weights, and its standard error.
    """
    return max(
        _at_modes(fit, density, modes, log_evidence, len(u)),
        _further_out(fit, density, u, log_ratios, log_evidence, error, rng),
        key=lambda found: found[0],
    )


def _at_modes(
    fit: Approximation, density: Density, modes: list[Place], log_evidence: float, count: int
) -> tuple[float, str]:
    """Modes with mass by Laplace's method, of which a draw of the fit would rarely know."""
    lost = []
    for mode in modes:
        if math.isfinite(mode.log_mass):
            with torch.no_grad():
                log_p, log_q = (
                    float(density(mode.centre[None])[0]),
                    float(fit.log_density(fit.theta, mode.centre[None])[0]),
                )
            share = math.exp(mode.log_mass - np.logaddexp(mode.log_mass, log_evidence))
            if share > _SHARE and math.log(count) + mode.log_mass - (log_p - log_q) < math.log(_SEEN):
                lost.append(mode)
    if not lost:
        return -math.inf, ""
    total = float(np.logaddexp.reduce([log_evidence, *(mode.log_mass for mode in lost)]))
    largest = max(lost, key=lambda mode: mode.log_mass)
    return total, (
        f"The density has {'a mode' if len(lost) == 1 else f'{len(lost)} modes'} where the fit has nearly no mass, the "
        f"largest at x = {shown(density.place(largest.centre[None])[0])} with about "
        f"{100 * math.exp(largest.log_mass - total):.2g}% of all: draws of the fit do not know of it, so neither do "
        "their weights; try 'mixture(k)'."
    )


def _further_out(
    fit: Approximation,
    density: Density,
    u: Tensor,
    log_ratios: Floats,
    log_evidence: float,
    error: float,
    rng: np.random.Generator,
) -> tuple[float, str]:
    """Log Z where draws, half of wider Gaussians (defensive mixture, Hesterberg 1995), find it higher, and words."""
    half = len(u) // 2
    centre = u.mean(0)
    factor, failed = torch.linalg.cholesky_ex((u - centre).T @ (u - centre) / len(u))
    if failed or not math.isfinite(log_evidence):
        return -math.inf, ""
    each = half // len(_WIDER)
    laws = [torch.distributions.MultivariateNormal(centre, scale_tril=wide * factor) for wide in _WIDER]
    wide = torch.cat([law.loc + even(each, len(centre), rng) @ law.scale_tril.T for law in laws])
    with torch.no_grad():
        log_q_wide = fit.log_density(fit.theta, wide)
        ratios = torch.cat([density(block) for block in wide.split(each)]) - log_q_wide
        # Points of the scrambles in turn: every second one is as even as all.
        points, log_q = torch.cat([u[::2], wide]), torch.cat([fit.log_density(fit.theta, u[::2]), log_q_wide])
        mixed = torch.stack([log_q, *(law.log_prob(points) - math.log(len(laws)) for law in laws)])
        own = torch.cat([torch.from_numpy(log_ratios)[::2], ratios])
        weights = (own + log_q - (mixed.logsumexp(0) - math.log(2))).nan_to_num(nan=-torch.inf)
    smoothed, _, total = smooth(weights.numpy())
    spread = math.hypot(error, math.sqrt(float(np.exp(2 * smoothed).sum())))
    gain = total - log_evidence
    if not gain > max(_WORTH, _CLEAR * spread):
        return -math.inf, ""
    return total, (
        f"Draws further out find {100 * -math.expm1(-gain):.2g}% of the mass where the fit has nearly none (log Z is "
        f"{gain:.2g} nats higher by them): its own draws do not know of it, so neither do their weights; try a richer "
        "family or other coordinates."
    )
