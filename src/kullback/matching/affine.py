"""An affine map of vectors as a transform of torch, which has one of numbers only."""

from __future__ import annotations

import torch
from torch import Tensor


class Affine(torch.distributions.Transform):
    """m + Lx, L lower-triangular."""

    domain = codomain = torch.distributions.constraints.real_vector
    bijective = True

    def __init__(self, centre: Tensor, factor: Tensor) -> None:
        super().__init__()
        self.centre, self.factor = centre, factor

    def _call(self, x: Tensor) -> Tensor:
        return self.centre + x @ self.factor.T

    def _inverse(self, y: Tensor) -> Tensor:
        flat = (y - self.centre).reshape(-1, len(self.centre))
        return torch.linalg.solve_triangular(self.factor, flat.T, upper=False).T.view(y.shape)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Log of the determinant of L."""
        return self.factor.diagonal().log().sum().expand(x.shape[:-1])
