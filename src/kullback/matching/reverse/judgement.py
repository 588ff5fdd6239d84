"""What fresh draws say of a member of a family: its ELBO, and how many nats its gradient still promises."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .approximation import Approximation
from .density import Density
from .draws import even

Floats = NDArray[np.float64]

REPLICATES = 8  # scrambles of their own, from whose spread errors come
_BLOCK = 4096  # draws held at once
_STILL = 1e-10  # of the largest Fisher information: a direction that moves nothing
_TWO_SIDED = 2.36  # Student's t of REPLICATES − 1, 95%


@dataclass(frozen=True)
class Judgement:
    """ELBO with its standard error, and the upper 95% end of what is left to gain, all in nats."""

    elbo: float
    error: float
    remaining: float


def descent(approximation: Approximation, density: Density, theta: Tensor, noise: Tensor) -> tuple[float, Tensor]:
    """Return −ELBO at θ on the draws that the noise makes, and its gradient; inf where a draw has no density."""
    theta = theta.detach().requires_grad_()
    total, slope = 0.0, torch.zeros_like(theta)
    for block in noise.split(max(1, _BLOCK // approximation.strata)):
        loss = approximation.loss(theta, block, density) * (len(block) / len(noise))
        if not torch.isfinite(loss):
            return math.inf, slope
        slope += torch.autograd.grad(loss, theta)[0]
        total += float(loss.detach())
    return (total, slope) if torch.isfinite(slope).all() else (math.inf, slope)


def judge(approximation: Approximation, density: Density, count: int, rng: np.random.Generator) -> Judgement:
    """Judge a member on draws that it was not fitted to.

    The gradient g, in the metric of the Fisher information F, promises ½ gᵀF⁻¹g nats: what a step of Newton gains
    where the density is near the member's shape. It is averaged over independent scrambles, and its upper end is two
    standard errors above the estimate. Where F is the identity, g is taken along paths (Roeder, Wu and Duvenaud 2017);
    where F is had from scores, g is too, so that directions that change nothing have no noise either. Where there is
    neither, D(Q‖P) itself stands in: nothing can gain more.

    Parameters
    ----------
    count : int
        Draws in all, a power of 2.
    """
    size = count // REPLICATES
    looks = [look(approximation, density, even(size, approximation.noise, rng)) for _ in range(REPLICATES)]
    return judged_by(approximation, looks)


def judged_by(approximation: Approximation, looks: list[Look]) -> Judgement:
    """Judge a member by independent looks at it."""
    elbo = np.array([each.elbo for each in looks])
    if not (np.isfinite(elbo).all() and all(torch.isfinite(each.gradient).all() for each in looks)):
        return Judgement(-math.inf, math.inf, math.inf)
    error = float(elbo.std(ddof=1)) / math.sqrt(REPLICATES)
    if approximation.metric == "none":
        return Judgement(float(elbo.mean()), error, _whole(np.stack([each.log_ratios for each in looks])))
    natural = torch.stack([each.gradient for each in looks])
    if approximation.metric == "scores":
        sizes, axes = torch.linalg.eigh(torch.stack([each.information for each in looks]).mean(0))
        moving = sizes > _STILL * sizes.amax()
        natural = (natural @ axes[:, moving]) / sizes[moving].sqrt()
    return Judgement(float(elbo.mean()), error, promised(natural.numpy()))


@dataclass
class Look:
    """What one set of draws shows: ELBO, gradient, Fisher information, and log p − log q, stratum after stratum."""

    elbo: float
    gradient: Tensor
    information: Tensor
    log_ratios: Floats


def look(approximation: Approximation, density: Density, noise: Tensor) -> Look:
    """Look at a member on the draws that the noise makes."""
    theta = approximation.theta.detach().requires_grad_(approximation.metric == "identity")
    p = len(theta)
    scored = approximation.metric == "scores"
    gradient, information = torch.zeros(p, dtype=theta.dtype), torch.zeros(*[p if scored else 0] * 2, dtype=theta.dtype)
    ratios, drawn = [], []
    share = torch.ones(1)
    for block in noise.split(max(1, _BLOCK // approximation.strata)):
        with torch.set_grad_enabled(theta.requires_grad):
            u, _, share = approximation.reach(theta, block)
            log_p = density(u.flatten(0, 1)).view(u.shape[:2])
            gap = log_p - approximation.log_density(theta.detach(), u)
            loss = -(share @ gap.sum(1)) / len(noise)
        density.refuse_nan(u.detach().flatten(0, 1), log_p.detach().flatten(), "fresh draws of the fit")
        if theta.requires_grad:
            gradient += torch.autograd.grad(loss, theta)[0]
        ratios.append(gap.detach())
        drawn.append(u.detach())
    gap = torch.cat(ratios, 1)
    elbo = float(share.detach() @ gap.mean(1))
    if scored:
        size = len(drawn[0][0])
        weight = (share[:, None] / len(noise)).expand_as(gap)
        parts = zip(drawn, weight.split(size, 1), (weight * (gap - elbo)).split(size, 1), strict=True)
        for u, plain, weighed in parts:
            scores = approximation.scores(u.flatten(0, 1))
            gradient -= weighed.flatten() @ scores
            information += scores.T @ (plain.flatten()[:, None] * scores)
    return Look(elbo, gradient, information, gap.flatten().numpy())


def _whole(log_ratios: Floats) -> float:
    """Return the upper end of log Z − ELBO, from log p − log q on the draws of each scramble (r, n)."""
    top = log_ratios.max()
    share = np.exp(log_ratios - top).mean(1)
    each = share / share.mean() - log_ratios.mean(1)  # log Z to first order
    error = float(each.std(ddof=1)) / math.sqrt(len(each))
    return float(top + np.log(share.mean()) - log_ratios.mean()) + 2 * error


def promised(natural: Floats) -> float:
    """Return the upper end of ½‖g‖², g the mean of independent rows: gradients in a metric where F is I."""
    r = len(natural)
    gram = natural @ natural.T
    # Products of different rows only: the square of a noisy mean is too large by its variance.
    size = float(gram.sum() - gram.trace()) / (r * (r - 1))
    along = gram.mean(1)
    centre = np.eye(r) - 1 / r
    spread = centre @ gram @ centre / (r - 1)
    # Its variance is 4 gᵀΣg + 2 tr Σ², Σ the covariance of the mean.
    variance = 4 * along.var(ddof=1) / r + 2 * float((spread * spread).sum()) / r**2
    return max(size + 2 * math.sqrt(variance), 0.0) / 2


def agree(trained: float, judged: Judgement, tolerance: float) -> bool:
    """Whether the ELBO on the draws that were fitted to is that on fresh ones, within tolerance and their error."""
    return trained - judged.elbo <= tolerance + _TWO_SIDED * judged.error
