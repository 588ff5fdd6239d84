r"""Covariance-like matrices side by side, so that what is small between them is formed before anything is factored.

For S_P and S_Q with Cholesky factors L_P and L_Q, everything that divergences of normal and Wishart kinds need is in
M = L_Q⁻¹L_P, a lower triangular matrix:

.. math:: \operatorname{tr}(S_Q^{-1}S_P) - n - \log\det(S_Q^{-1}S_P)
          = \sum_i (m_{ii}^2 - 1 - \log m_{ii}^2) + \sum_{i>j} m_{ij}^2,

a sum of parts that are at least 0, smooth also where eigenvalues meet.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from kullback.arrays._backend import Array, Namespace, device, inspectable, is_torch

from ._numeric import exp_gap, log_ratio

# How large, relative to S_Q, a difference may be and still be called small.
_NEAR = 0.5
# Up to this size, to call LAPACK for each matrix of a batch takes longer than a few operations on all of them.
_TINY = 2


def constant(x: Array) -> Array:
    """Return the values of x, which nothing is differentiated through."""
    if is_torch(x):
        return x.detach()
    jax = sys.modules.get("jax")
    return jax.lax.stop_gradient(x) if jax is not None and isinstance(x, jax.Array) else x


def transpose(x: Array) -> Array:
    """Transpose matrices."""
    return x.swapaxes(-1, -2) if isinstance(x, np.ndarray) else x.mT


def diagonal(xp: Namespace, x: Array) -> Array:
    """Diagonals of matrices."""
    return xp.linalg.diagonal(x)


def eye_like(xp: Namespace, x: Array) -> Array:
    """Identity of the size of a matrix."""
    return xp.eye(x.shape[-1], dtype=x.dtype, device=device(x))


def strict_lower(xp: Namespace, x: Array) -> Array:
    """Return what is below the diagonal."""
    return xp.tril(x, k=-1)


def sum_of_squares(xp: Namespace, x: Array, axes: int = 1) -> Array:
    """Sum of squares over the last axes."""
    return xp.sum(x * x, axis=tuple(range(-axes, 0)))


def solve_lower(xp: Namespace, factor: Array, right: Array) -> Array:
    """Solve L·X = B for lower triangular L, by forward substitution: a general solver would pivot and lose digits."""
    name = xp.__name__.lower()
    if "torch" in name and factor.shape[-1] > _TINY:
        import torch

        return torch.linalg.solve_triangular(factor, right, upper=False)
    shape = np.broadcast_shapes(factor.shape[:-2], right.shape[:-2])
    if name.startswith("jax"):
        import jax

        left = xp.broadcast_to(factor, (*shape, *factor.shape[-2:]))
        right = xp.broadcast_to(right, (*shape, *right.shape[-2:]))
        return jax.lax.linalg.triangular_solve(left, right, left_side=True, lower=True)
    if isinstance(factor, np.ndarray) and shape == () and factor.shape[-1] > 32:
        from scipy.linalg import solve_triangular

        return solve_triangular(
            factor.reshape(factor.shape[-2:]), right.reshape(right.shape[-2:]), lower=True, check_finite=False
        )
    rows: list[Array] = []
    for i in range(factor.shape[-1]):
        row = xp.broadcast_to(right[..., i, :], (*shape, right.shape[-1]))
        if rows:
            row = row - xp.sum(factor[..., i, :i, None] * xp.stack(rows, axis=-2), axis=-2)
        rows.append(row / factor[..., i, i, None])
    return xp.stack(rows, axis=-2)


def solve_vector(xp: Namespace, factor: Array, right: Array) -> Array:
    """Solve L·x = b for vectors."""
    return solve_lower(xp, factor, right[..., None])[..., 0]


def factor_of_inverse(xp: Namespace, matrix: Array) -> Array:
    """Cholesky factor of the inverse of a positive definite matrix, without forming the inverse."""
    flipped = xp.flip(xp.linalg.cholesky(xp.flip(matrix, axis=(-2, -1))), axis=(-2, -1))
    return solve_lower(xp, transpose(flipped), eye_like(xp, matrix))


def sandwich(xp: Namespace, factor: Array, middle: Array) -> Array:
    """L⁻¹·S·L⁻ᵀ of a symmetric S."""
    half = solve_lower(xp, factor, middle)
    both = solve_lower(xp, factor, transpose(half))
    return 0.5 * (both + transpose(both))


def cholesky_change(xp: Namespace, a: Array) -> Array:
    """K, lower triangular, with (I + K)(I + K)ᵀ = I + A, accurate relative to A however small it is.

    One step of Newton's method from the usual factor: its error is squared, and the residual is formed from K.
    """
    eye = eye_like(xp, a)
    k = xp.linalg.cholesky(eye + a) - eye
    rest = a - (k + transpose(k) + k @ transpose(k))
    middle = sandwich(xp, eye + k, rest)
    lower = strict_lower(xp, middle) + 0.5 * middle * eye
    return k + lower + k @ lower


@dataclass(frozen=True)
class Scatter:
    """A positive definite matrix, given as itself, by its inverse or by its Cholesky factor."""

    xp: Namespace
    matrix: Array | None = None
    inverse: Array | None = None
    given_factor: Array | None = None
    known_factor: Array | None = None

    @property
    def factor(self) -> Array:
        """Cholesky factor of the matrix."""
        known = self.given_factor if self.known_factor is None else self.known_factor
        if known is not None:
            return known
        if self.inverse is not None:
            return factor_of_inverse(self.xp, self.inverse)
        return self.xp.linalg.cholesky(self.matrix)

    def full(self) -> Array:
        """Return the matrix."""
        if self.matrix is not None:
            return self.matrix
        return self.factor @ transpose(self.factor)

    def inverted(self) -> Array:
        """Inverse of the matrix."""
        if self.inverse is not None:
            return self.inverse
        half = solve_lower(self.xp, self.factor, eye_like(self.xp, self.factor))
        return transpose(half) @ half

    def log_det(self) -> Array:
        """Logarithm of the determinant of the matrix."""
        return 2 * self.xp.sum(self.xp.log(diagonal(self.xp, self.factor)), axis=-1)

    def whiten(self, vector: Array) -> Array:
        """Return a vector whose length is √(xᵀS⁻¹x)."""
        if self.inverse is not None:
            return (transpose(self.xp.linalg.cholesky(self.inverse)) @ vector[..., None])[..., 0]
        return solve_vector(self.xp, self.factor, vector)


@dataclass(frozen=True)
class Relative:
    """S_P relative to S_Q: log m_ii² and, below the diagonal, m_ij of M = L_Q⁻¹L_P (or of a like matrix)."""

    xp: Namespace
    log_squares: Array
    off: Array

    def scaled(self, log_scale: Array) -> Relative:
        """Return that of e^s·S_P to S_Q."""
        return Relative(
            self.xp,
            self.log_squares + log_scale[..., None],
            self.off * self.xp.exp(0.5 * log_scale)[..., None, None],
        )

    def gap(self) -> Array:
        """tr(S_Q⁻¹S_P) − n − log det(S_Q⁻¹S_P)."""
        spread = sum_of_squares(self.xp, self.off, 2)
        return self.xp.sum(exp_gap(self.xp, self.log_squares), axis=-1) + spread

    def log_det(self) -> Array:
        """Log det(S_Q⁻¹S_P)."""
        return self.xp.sum(self.log_squares, axis=-1)


def relative(p: Scatter, q: Scatter) -> Relative:
    """Compare two matrices in the parametrisation that both are given in, so that small differences stay exact."""
    xp = p.xp
    if p.matrix is not None and q.matrix is not None:
        return _of_matrices(xp, p.matrix, q.matrix, p.factor, q.factor)
    if p.inverse is not None and q.inverse is not None:
        # S_Q⁻¹S_P has the eigenvalues of the inverses the other way around.
        return _of_matrices(xp, q.inverse, p.inverse, *map(xp.linalg.cholesky, (q.inverse, p.inverse)))
    return _of_factors(xp, p.factor, q.factor)


def _of_factors(xp: Namespace, p: Array, q: Array) -> Relative:
    log_ratios = log_ratio(xp, diagonal(xp, p), diagonal(xp, q))
    scale = _power_of_two(xp, log_ratios)[..., None]
    return Relative(xp, 2 * log_ratios, strict_lower(xp, solve_lower(xp, q, p - scale * q)))


def _of_matrices(xp: Namespace, p: Array, q: Array, p_factor: Array, q_factor: Array) -> Relative:
    """Compare the difference from a multiple of S_Q, where that is small; elsewhere compare the factors.

    A matrix and its double, however badly conditioned, thus differ by their scale and nothing else.
    """
    far = _of_factors(xp, p_factor, q_factor)
    scale = _power_of_two(xp, log_ratio(xp, diagonal(xp, p), diagonal(xp, q)))[..., None]
    difference = p - scale * q
    some = _maybe_near(xp, difference, scale, q)
    if not selectable(some) or bool(xp.all(some)):
        logs, off, near = _by_difference(xp, difference, q_factor, scale)
        return Relative(xp, xp.where(near, logs, far.log_squares), xp.where(near[..., None], off, far.off))
    if not bool(xp.any(some)):
        return far
    # The difference takes more work than the factors: it is done where it may be needed.
    q_factor, scale = (selected(xp, x, some, 2) for x in (q_factor, scale))
    logs, off, near = _by_difference(xp, difference[some], q_factor, scale)
    logs = xp.where(near, logs, far.log_squares[some])
    off = xp.where(near[..., None], off, far.off[some])
    return Relative(xp, replaced(far.log_squares, some, logs), replaced(far.off, some, off))


def _by_difference(xp: Namespace, difference: Array, q_factor: Array, scale: Array) -> tuple[Array, Array, Array]:
    """Return log m_ii², m_ij and, as a column, where they are what they should be: where the difference is small."""
    relative_difference = sandwich(xp, q_factor, difference / scale)
    near = xp.max(xp.abs(relative_difference), axis=(-1, -2)) * difference.shape[-1] <= _NEAR
    near = near[..., None]
    zero = xp.zeros_like(relative_difference)
    change = cholesky_change(xp, xp.where(near[..., None], relative_difference, zero))
    logs = xp.log(scale[..., 0]) + 2 * xp.log1p(diagonal(xp, change))
    return logs, xp.sqrt(scale) * strict_lower(xp, change), near


def selectable(where: Array) -> bool:
    """Whether it is known where in a batch a mask holds, and these places can be picked from arrays."""
    return inspectable(where) and where.ndim > 0 and (is_torch(where) or isinstance(where, np.ndarray))


def selected(xp: Namespace, x: Array, where: Array, ndim: int) -> Array:
    """Return the values in some places of a batch, each with so many dimensions."""
    return xp.broadcast_to(x, (*where.shape, *x.shape[x.ndim - ndim :]))[where]


def replaced(x: Array, where: Array, values: Array) -> Array:
    """Return x with other values in some places."""
    if is_torch(x):
        return x.index_put((where,), values)
    x = x.copy()
    x[where] = values
    return x


def _maybe_near(xp: Namespace, difference: Array, scale: Array, q: Array) -> Array:
    """Where the difference may be small: |A| ≤ a in every direction asks |S_ij| ≤ a·√(q_ii·q_jj) of its entries."""
    sizes = xp.sqrt(diagonal(xp, q))
    return xp.all(
        xp.abs(difference) <= _NEAR * scale * sizes[..., :, None] * sizes[..., None, :],
        axis=(-2, -1),
    )


def _power_of_two(xp: Namespace, log_ratios: Array) -> Array:
    """Power of two next to the geometric mean, as a column: to multiply by it rounds nothing."""
    exponent = xp.round(constant(xp.mean(log_ratios, axis=-1, keepdims=True)) / math.log(2))
    return xp.where(exponent == 0, xp.ones_like(exponent), 2.0**exponent)
