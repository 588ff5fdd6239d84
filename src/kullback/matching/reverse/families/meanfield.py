"""Gaussians of independent coordinates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback.matching.reverse.approximation import Approximation
from kullback.matching.reverse.start import Place

from ._argument import refuse


def begin(places: list[Place], argument: int | None, rng: np.random.Generator) -> MeanField:
    """Start at the best place, with the variances 1/Λᵢᵢ: of a Gaussian of precision Λ they are the answer."""
    refuse("meanfield", argument)
    precision = torch.cholesky_inverse(places[0].factor)
    return MeanField(places[0].centre, precision.diagonal().rsqrt())


class MeanField(Approximation):
    """N(mᵢ + sᵢμᵢ, sᵢ² exp(√2 λᵢ)), each coordinate apart: at θ = (μ, λ) = 0 the Fisher information is I.

    Parameters
    ----------
    centre, scale : Tensor of shape (free,)
        m and s.
    """

    def __init__(self, centre: Tensor, scale: Tensor) -> None:
        self.centre, self.scale = centre, scale
        self.noise = free = len(centre)
        self.theta = torch.zeros(2 * free, dtype=torch.float64)
        self.least_draws = 1 << max(8, (4 * free - 1).bit_length())

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale = theta.split([self.noise, self.noise])
        return self.centre + self.scale * mean, self.scale * (scale / math.sqrt(2)).exp()

    def reach(self, theta: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, scale = self._read(theta)
        log_q = -0.5 * (noise * noise).sum(-1) - scale.log().sum() - self.noise / 2 * math.log(2 * math.pi)
        return (mean + scale * noise)[None], log_q[None], torch.ones(1, dtype=noise.dtype)

    def log_density(self, theta: Tensor, u: Tensor) -> Tensor:
        mean, scale = self._read(theta)
        return torch.distributions.Normal(mean, scale, validate_args=False).log_prob(u).sum(-1)

    def moved(self, theta: Tensor) -> MeanField:
        return MeanField(*self._read(theta.detach()))

    def averaged(self, other: MeanField, share: float) -> MeanField:
        return MeanField(torch.lerp(self.centre, other.centre, share), torch.lerp(self.scale, other.scale, share))

    def distribution(self) -> Any:
        return torch.distributions.Independent(torch.distributions.Normal(self.centre, self.scale), 1)
