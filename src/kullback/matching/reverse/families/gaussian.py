"""Gaussians of any covariance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback.matching.reverse.approximation import Approximation
from kullback.matching.reverse.start import Place

from ._argument import refuse


def begin(places: list[Place], argument: int | None, rng: np.random.Generator) -> Gaussian:
    """Start at the best place."""
    refuse("gaussian", argument)
    return Gaussian(places[0].centre, places[0].factor)


class Gaussian(Approximation):
    """N(m + Lμ, LCCᵀLᵀ), C lower-triangular, its diagonal exp(λ/√2): at θ = (μ, λ, C) = 0 the Fisher information is I.

    Parameters
    ----------
    centre, factor : Tensor of shape (free,) and (free, free)
        m and L.
    """

    def __init__(self, centre: Tensor, factor: Tensor) -> None:
        self.centre, self.factor = centre, factor
        self.noise = free = len(centre)
        self.below = torch.tril_indices(free, free, -1)
        self.theta = torch.zeros(2 * free + self.below.shape[1], dtype=torch.float64)
        self.least_draws = 1 << max(8, (4 * free - 1).bit_length())

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale, rest = theta.split([self.noise, self.noise, self.below.shape[1]])
        root = torch.diag((scale / math.sqrt(2)).exp())
        return mean, root.index_put((self.below[0], self.below[1]), rest)

    def reach(self, theta: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, root = self._read(theta)
        u = self.centre + (mean + noise @ root.T) @ self.factor.T
        height = self.factor.diagonal().log().sum() + root.diagonal().log().sum()
        log_q = -0.5 * (noise * noise).sum(-1) - height - self.noise / 2 * math.log(2 * math.pi)
        return u[None], log_q[None], torch.ones(1, dtype=u.dtype)

    def log_density(self, theta: Tensor, u: Tensor) -> Tensor:
        mean, root = self._read(theta)
        law = torch.distributions.MultivariateNormal(
            self.centre + self.factor @ mean, scale_tril=self.factor @ root, validate_args=False
        )
        return law.log_prob(u)

    def moved(self, theta: Tensor) -> Gaussian:
        mean, root = self._read(theta.detach())
        return Gaussian(self.centre + self.factor @ mean, self.factor @ root)

    def averaged(self, other: Gaussian, share: float) -> Gaussian:
        return Gaussian(torch.lerp(self.centre, other.centre, share), torch.lerp(self.factor, other.factor, share))

    def distribution(self) -> Any:
        return torch.distributions.MultivariateNormal(self.centre, scale_tril=self.factor)
