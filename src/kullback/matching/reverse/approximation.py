"""What a family must say: how its draws come of standard normal noise, their density, and its natural metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, Self

import torch
from torch import Tensor

from .density import Density


class Approximation(ABC):
    """A member of a family, and its neighbours: parameters are one flat vector θ, `theta` is this member.

    `metric` says what the Fisher information is at `theta`: the identity, to be had from scores, or out of reach.
    """

    theta: Tensor
    noise: int  # normal numbers that make a draw
    strata: int = 1
    least_draws: int = 256
    metric: Literal["identity", "scores", "none"] = "identity"

    @abstractmethod
    def reach(self, theta: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return draws (strata, n, free) of noise (n, ·), log q (strata, n), and the shares of the strata.

        For log q its mean may stand, where that is exact.
        """

    @abstractmethod
    def log_density(self, theta: Tensor, u: Tensor) -> Tensor:
        """Return log q, (...), at points (..., free)."""

    @abstractmethod
    def moved(self, theta: Tensor) -> Self:
        """Return the member at θ, as the start of what follows."""

    def averaged(self, other: Self, share: float) -> Self:
        """Return the member between this and another, by the other's share; where the metric is the identity."""
        raise NotImplementedError

    @abstractmethod
    def distribution(self) -> Any:
        """Return the member as an object of torch.distributions."""

    def draws(self, noise: Tensor) -> Tensor:
        """Return equally likely draws, (n, free), of noise (n, `evaluation_noise`)."""
        return self.reach(self.theta, noise)[0][0].detach()

    @property
    def evaluation_noise(self) -> int:
        """Normal numbers that make an equally likely draw."""
        return self.noise

    def loss(self, theta: Tensor, noise: Tensor, density: Density) -> Tensor:
        """Return the mean of log q − log p over the draws that the noise makes: −ELBO."""
        u, log_q, share = self.reach(theta, noise)
        log_p = density(u.flatten(0, 1)).view(log_q.shape)
        return share @ (log_q - log_p).mean(1)

    def scores(self, u: Tensor) -> Tensor:
        """Return the gradients of log q in θ at points (n, free), (n, p)."""

        def each(theta: Tensor, point: Tensor) -> Tensor:
            return self.log_density(theta, point[None])[0]

        found: Tensor = torch.func.vmap(torch.func.grad(each), in_dims=(None, 0))(self.theta, u)
        return found
