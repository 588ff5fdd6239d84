"""Standard normal draws that fill space evenly: scrambled Sobol points, and their moments matched."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import qmc
from torch import Tensor


def even(count: int, dim: int, rng: np.random.Generator) -> Tensor:
    """Return draws of N(0, I), (count, dim): Sobol points of a scramble of their own, `count` a power of 2.

    Means over them are unbiased (Owen 1995), and those over independent scrambles tell their error.
    """
    points = qmc.Sobol(dim, scramble=True, rng=rng).random(count)
    # Points lie on a lattice of 2⁻³⁰, 0 among them: half a step in, none is infinite.
    return torch.from_numpy(ndtri(points * (1 - 2.0**-30) + 2.0**-31))


def matched(draws: Tensor) -> Tensor:
    """Return draws whose mean is 0 and whose covariance is I: a Gaussian's ELBO on them has no sampling error."""
    centred = draws - draws.mean(0)
    factor = torch.linalg.cholesky(centred.T @ centred / len(draws))
    return torch.linalg.solve_triangular(factor, centred.T, upper=False).T.contiguous()
