"""Mixtures of Gaussians: mixture(k)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback.matching.reverse.approximation import Approximation
from kullback.matching.reverse.start import NEGLIGIBLE, Place

from ._argument import wanted


def begin(places: list[Place], argument: int | None, rng: np.random.Generator) -> Mixture:
    """Start with a component at each mode, by its mass; what is left over goes about the largest."""
    k = wanted("mixture", argument, "a number of components", 2)
    near = places[0].elbo - NEGLIGIBLE
    modes = [places[0], *(p for p in places[1:] if math.isfinite(p.log_mass) and p.elbo > near)][:k]
    centres, factors = [p.centre for p in modes], [p.factor for p in modes]
    # The ELBO of a Gaussian that is apart from the others is the log of the mass that it covers.
    heights = [p.elbo for p in modes]
    spare = k - len(modes)
    for shift in torch.from_numpy(rng.standard_normal((spare, len(centres[0])))):
        centres.append(centres[0] + factors[0] @ (shift / shift.norm()))
        factors.append(factors[0])
        heights.append(heights[0])
    tops = torch.tensor(heights, dtype=torch.float64)
    tops[[0, *range(k - spare, k)]] -= math.log(spare + 1)
    return Mixture(torch.stack(centres), torch.stack(factors), tops.log_softmax(0))


class Mixture(Approximation):
    """Σ wⱼ N(mⱼ + Lⱼμⱼ, LⱼCⱼCⱼᵀLⱼᵀ), each component as in `gaussian`, w the softmax of `heights` and what θ adds.

    Parameters
    ----------
    centres, factors : Tensor of shape (k, free) and (k, free, free)
        m and L.
    heights : Tensor of shape (k,)
        Logarithms of the weights, up to a constant.
    """

    metric = "scores"

    def __init__(self, centres: Tensor, factors: Tensor, heights: Tensor) -> None:
        self.centres, self.factors, self.heights = centres, factors, heights
        self.strata, self.noise = centres.shape
        self.below = torch.tril_indices(self.noise, self.noise, -1)
        each = 2 * self.noise + self.below.shape[1]
        self.theta = torch.zeros(self.strata * (1 + each), dtype=torch.float64)
        if len(self.theta) > 2000:
            raise InputError(
                f"mixture({self.strata}) of {self.noise} coordinates has {len(self.theta)} parameters, above 2000, too "
                "many to judge convergence by: ask for fewer components or 'flow'"
            )
        self.least_draws = 1 << max(8, (4 * self.noise - 1).bit_length())

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        k, free = self.strata, self.noise
        rise, rest = theta[:k], theta[k:].view(k, -1)
        mean, scale, below = rest.split([free, free, self.below.shape[1]], -1)
        root = torch.diag_embed((scale / math.sqrt(2)).exp())
        lower = torch.zeros_like(root)
        # Not in place: vmap of grad goes through here.
        spread = torch.zeros(self.below.shape[1], free * free, dtype=theta.dtype)
        spread[torch.arange(len(spread)), self.below[0] * free + self.below[1]] = 1.0
        lower = (below @ spread).view(k, free, free)
        place = self.centres + (self.factors @ mean[..., None])[..., 0]
        return (self.heights + rise).log_softmax(0), place, self.factors @ (root + lower)

    def reach(self, theta: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        share, centre, factor = self._read(theta)
        u = centre[:, None] + noise @ factor.mT
        return u, _log_density(share, centre, factor, u), share.exp()

    def log_density(self, theta: Tensor, u: Tensor) -> Tensor:
        return _log_density(*self._read(theta), u)

    @property
    def evaluation_noise(self) -> int:
        return self.noise + 1

    def draws(self, noise: Tensor) -> Tensor:
        share, centre, factor = self._read(self.theta)
        even = torch.special.ndtr(noise[:, -1])
        which = torch.searchsorted(share.exp().cumsum(0)[:-1].contiguous(), even)
        return centre[which] + (factor[which] @ noise[:, :-1, None])[..., 0]

    def moved(self, theta: Tensor) -> Mixture:
        share, centre, factor = self._read(theta.detach())
        return Mixture(centre, factor, share)

    def distribution(self) -> Any:
        share, centre, factor = self._read(self.theta)
        law = torch.distributions
        return law.MixtureSameFamily(law.Categorical(logits=share), law.MultivariateNormal(centre, scale_tril=factor))


def _log_density(share: Tensor, centre: Tensor, factor: Tensor, u: Tensor) -> Tensor:
    gap = u[..., None, :] - centre
    white = torch.linalg.solve_triangular(factor, gap[..., None], upper=False)[..., 0]
    height = share - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    log_each = height - 0.5 * (white * white).sum(-1) - u.shape[-1] / 2 * math.log(2 * math.pi)
    return log_each.logsumexp(-1)
