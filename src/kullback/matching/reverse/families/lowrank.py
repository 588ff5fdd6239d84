"""Gaussians whose covariance is diagonal plus one of low rank: lowrank(r)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback.matching.reverse.approximation import Approximation
from kullback.matching.reverse.start import Place

from ._argument import wanted


def begin(places: list[Place], argument: int | None, rng: np.random.Generator) -> LowRank:
    """Start at the best place, with the leading axes of its correlations."""
    rank = wanted("lowrank", argument, "a rank", 1)
    centre, factor = places[0].centre, places[0].factor
    if rank >= len(centre):
        raise InputError(f"lowrank({rank}) of {len(centre)} free coordinates is any Gaussian: ask for 'gaussian'")
    scale = (factor * factor).sum(-1).sqrt()
    sizes, axes = torch.linalg.eigh((factor / scale[:, None]) @ (factor / scale[:, None]).T)
    # As probabilistic PCA has it: the axes above what the rest leaves on average.
    rest = sizes[:-rank].mean().clamp(min=1e-6)
    loadings = axes[:, -rank:] * (sizes[-rank:] - rest).clamp(min=1e-4).sqrt()
    left = (1 - (loadings * loadings).sum(-1)).clamp(min=1e-3)
    return LowRank(centre, scale, torch.cat([torch.zeros_like(centre), left.log() / math.sqrt(2), loadings.flatten()]))


class LowRank(Approximation):
    """N(m + Sμ, S(D + WWᵀ)S), S and D diagonal, D = exp(√2 λ), W (free, rank); θ = (μ, λ, W).

    Parameters
    ----------
    centre, scale : Tensor of shape (free,)
        m and the diagonal of S.
    theta : Tensor
        This member.
    """

    metric = "scores"

    def __init__(self, centre: Tensor, scale: Tensor, theta: Tensor) -> None:
        self.centre, self.scale, self.theta = centre, scale, theta
        self.free = len(centre)
        self.noise = len(theta) // self.free - 2 + self.free
        self.least_draws = 1 << max(8, (4 * self.noise - 1).bit_length())

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, spread, loadings = theta.split([self.free, self.free, len(theta) - 2 * self.free])
        scale = self.scale
        return (
            self.centre + scale * mean,
            scale * scale * (math.sqrt(2) * spread).exp(),
            scale[:, None] * loadings.view(self.free, -1),
        )

    def _law(self, theta: Tensor) -> Any:
        mean, diagonal, loadings = self._read(theta)
        return torch.distributions.LowRankMultivariateNormal(mean, loadings, diagonal, validate_args=False)

    def reach(self, theta: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, diagonal, loadings = self._read(theta)
        own, shared = noise.split([self.free, self.noise - self.free], -1)
        u = mean + own * diagonal.sqrt() + shared @ loadings.T
        # Over matched draws log q has this mean exactly, which rounding does not touch where the diagonal is tiny.
        log_q = -self._law(theta).entropy().expand(len(u))
        return u[None], log_q[None], torch.ones(1, dtype=u.dtype)

    def log_density(self, theta: Tensor, u: Tensor) -> Tensor:
        return self._law(theta).log_prob(u)

    def moved(self, theta: Tensor) -> LowRank:
        return LowRank(self.centre, self.scale, theta.detach())

    def distribution(self) -> Any:
        mean, diagonal, loadings = self._read(self.theta)
        return torch.distributions.LowRankMultivariateNormal(mean, loadings, diagonal)
