"""Mixtures of Gaussians: no closed form between two of them, but bounds, and much to know about where the mass is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, in_numpy
from kullback.distributions._domain import Domain, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import recognise
from kullback.distributions._special import LOG_2PI
from kullback.distributions._structure import only_component
from kullback.distributions.foreign import Foreign

Floats = np.ndarray[Any, np.dtype[np.float64]]
_MANY = 16  # components from which on it pays to whiten once
_PAIRS = 1 << 21  # of a row and a component at once


class GaussianMixture(Foreign):
    r"""Mixture of Gaussians, on the line or of vectors.

    .. math:: p(x) = \sum_k w_k\, \mathcal N(x; μ_k, Σ_k)

    There is no closed form of a divergence between two; `kullback.estimate` computes it, and bounds it.

    Parameters
    ----------
    weights : array of shape (k,)
        Weights w, at least 0, summing to 1.
    locs : array of shape (k,) or (k, d)
        Means μ, numbers or vectors.
    covariances : array of shape (k,) or (k, d, d)
        Variances of numbers, or covariance matrices Σ of vectors.
    """

    domain = Domain("vectors")

    def __init__(self, weights: Any, locs: Any, covariances: Any) -> None:
        w, means, spread = (_array(value) for value in (weights, locs, covariances))
        if w.ndim != 1 or means.ndim not in (1, 2) or means.shape[0] != w.size:
            raise InputError(f"GaussianMixture: locs must hold a mean for each of {w.shape} weights, got {means.shape}")
        numbers = means.ndim == 1
        wanted = means.shape if numbers else (*means.shape, means.shape[1])
        if spread.shape != wanted:
            raise InputError(f"GaussianMixture: covariances must have shape {wanted}, got {spread.shape}")
        if not (np.all(w >= 0) and abs(float(np.sum(w)) - 1) <= 1e-6):
            raise InputError(f"GaussianMixture: weights must be at least 0 and sum to 1, got {w} (sum {np.sum(w):.7g})")
        if not np.all(np.isfinite(means)):
            raise InputError("GaussianMixture: locs must be finite numbers")
        self._keep("weights", w / np.sum(w))
        self._keep("means", means[:, None] if numbers else means)
        self._keep("factors", _factors(spread.reshape(-1, 1, 1) if numbers else spread))
        super().__init__(
            name=f"GaussianMixture of {w.size} components",
            log_density_of=self._log_density,
            draw=self._draw,
            shape=() if numbers else means.shape[1:],
            where=reals() if numbers else Domain("vectors"),
            places=np.stack([means, self.factors[:, 0, 0]], axis=1)[w > 0] if numbers else (),
        )

    weights: Floats
    means: Floats
    factors: Floats

    def _keep(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _log_density(self, x: Array) -> Floats:
        points = np.asarray(x, dtype=np.float64)
        flat = points.reshape(-1, self.means.shape[1])
        if self.weights.size > _MANY and (self.factors == self.factors[0]).all():
            found = self._as_kernels(flat)
        else:
            logs = np.stack([_log_normal(flat - m, f) for m, f in zip(self.means, self.factors, strict=True)])
            with np.errstate(divide="ignore", invalid="ignore"):
                found = np.logaddexp.reduce(logs + np.log(self.weights)[:, None], axis=0)
        return np.asarray(found, dtype=np.float64).reshape(points.shape[: points.ndim - len(self.shape)])

    def _as_kernels(self, flat: Floats) -> Floats:
        """Many components of one covariance, as kernel densities are: whitened once, rows in blocks."""
        factor = self.factors[0]
        centres = solve_triangular(factor, self.means.T, lower=True)
        rows = solve_triangular(factor, flat.T, lower=True)
        size = -float(np.sum(np.log(np.diag(factor)))) - 0.5 * LOG_2PI * factor.shape[0]
        found = np.empty(len(flat))
        block = max(_PAIRS // self.weights.size, 1)
        for start in range(0, len(flat), block):
            square = np.zeros((min(block, len(flat) - start), self.weights.size))
            for row, centre in zip(rows[:, start : start + block], centres, strict=True):
                square += (row[:, None] - centre) ** 2
            nearest = square.min(axis=1)
            sums = np.exp((nearest[:, None] - square) / 2) @ self.weights
            with np.errstate(divide="ignore"):
                found[start : start + block] = np.log(sums) - nearest / 2 + size
        return found

    def _draw(self, rng: np.random.Generator, count: int) -> Floats:
        which = rng.choice(self.weights.size, size=count, p=self.weights)
        noise = rng.standard_normal((count, self.means.shape[1]))
        draws: Floats = self.means[which] + np.einsum("nij,nj->ni", self.factors[which], noise)
        return draws if self.shape else draws[:, 0]


def _log_normal(shifts: Floats, factor: Floats) -> Floats:
    """Log-density of a Gaussian at rows of differences from its mean."""
    if factor.shape[0] == 1:
        z = (shifts / factor[0, 0])[:, 0]
        return np.asarray(-0.5 * z * z - (math.log(factor[0, 0]) + 0.5 * LOG_2PI))
    z = solve_triangular(factor, shifts.T, lower=True)
    log_scale = float(np.sum(np.log(np.diag(factor))))
    return np.asarray(-0.5 * np.sum(z * z, axis=0) - (log_scale + 0.5 * LOG_2PI * factor.shape[0]))


def _array(value: Any) -> Floats:
    return np.asarray(in_numpy(value), dtype=np.float64)


def _factors(covariances: Floats) -> Floats:
    for k, matrix in enumerate(covariances):
        if not np.allclose(matrix, matrix.T, rtol=1e-5, atol=0) or not np.all(np.isfinite(matrix)):
            raise InputError(f"GaussianMixture: covariance {k} must be a symmetric matrix of finite numbers")
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError as error:
            raise InputError(f"GaussianMixture: covariance {k} must be positive definite, got {matrix}") from error
    return np.asarray(np.linalg.cholesky(covariances))


def _of_components(weights: Any, component: Any) -> GaussianMixture | None:
    """Return the mixture of a batch of Gaussians of torch or NumPyro; None if they are others."""
    kind = type(component).__name__
    if kind == "Normal" and len(component.batch_shape) == 1:
        return GaussianMixture(weights, component.loc, _array(component.scale) ** 2)
    if kind == "MultivariateNormal" and len(component.batch_shape) == 1:
        return GaussianMixture(weights, component.mean, component.covariance_matrix)
    if kind == "Independent" and type(component.base_dist).__name__ == "Normal" and len(component.event_shape) == 1:
        base = component.base_dist
        variances = np.broadcast_to(_array(base.scale) ** 2, _array(base.mean).shape)
        return GaussianMixture(weights, base.mean, variances[..., None] * np.eye(variances.shape[-1]))
    return None


@recognise("torch", "MixtureSameFamily")
def _of_torch(law: Any) -> Family | None:
    return _of_mixture(law, law.mixture_distribution.probs)


@recognise("numpyro", "MixtureSameFamily")
def _of_numpyro(law: Any) -> Family | None:
    return _of_mixture(law, law.mixing_distribution.probs)


def _of_mixture(law: Any, weights: Any) -> Family | None:
    if weights.shape[-1] == 1:
        return only_component(law.component_distribution)
    return None if law.batch_shape else _of_components(weights, law.component_distribution)


@recognise("scipy", "Mixture")
def _of_scipy(law: Any) -> GaussianMixture | None:
    if any(type(c).__name__ not in ("Normal", "StandardNormal") for c in law.components):
        return None
    parts = [(float(c.mean()), float(c.variance())) for c in law.components]
    return GaussianMixture(law.weights, [m for m, _ in parts], [v for _, v in parts])
