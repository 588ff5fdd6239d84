"""Multivariate normal distributions of many coordinates: independent ones, and those with a few common factors."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, Namespace, device
from kullback.distributions._constraints import MATRIX, POSITIVE_VECTOR, VECTOR
from kullback.distributions._domain import Domain
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._linear import (
    cholesky_change,
    constant,
    diagonal,
    eye_like,
    replaced,
    selectable,
    selected,
    solve_lower,
    strict_lower,
    sum_of_squares,
    transpose,
)
from kullback.distributions._numeric import exp_gap, log_ratio
from kullback.distributions._recognise import recognise, values_of, was_checked
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._special import LOG_2PI

from .multivariate_normal import MultivariateNormal


@family
class DiagonalNormal(ExponentialFamily):
    r"""Independent normal coordinates.

    .. math:: p(x) = \prod_i \frac{1}{σ_i\sqrt{2π}} \exp\left(-\frac{(x_i - μ_i)^2}{2σ_i^2}\right)

    Parameters
    ----------
    loc : array
        Means μ.
    scale : array
        Standard deviations σ, above 0.
    """

    domain = Domain("vectors")
    loc: Any = parameter(VECTOR)
    scale: Any = parameter(POSITIVE_VECTOR)

    def check(self) -> None:
        if 1 != self.loc.shape[-1] != self.scale.shape[-1] != 1:
            raise InputError(
                f"{type(self).__name__}: loc has length {self.loc.shape[-1]} and scale {self.scale.shape[-1]}"
            )

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (max(self.loc.shape[-1], self.scale.shape[-1]),)

    def log_density(self, x: Array) -> Array:
        squares = ((x - self.loc) / self.scale) ** 2
        return self.xp.sum(-0.5 * squares - self.xp.log(self.scale) - 0.5 * LOG_2PI, axis=-1)

    def entropy(self) -> Array:
        return self.xp.sum(self.xp.log(self.scale) + 0.5 * (1 + LOG_2PI) + 0 * self.loc, axis=-1)

    def mean(self) -> Array:
        return self.loc + 0 * self.scale

    def variance(self) -> Array:
        return self.scale * self.scale + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.normal(np.asarray(self.loc), np.asarray(self.scale), (count, *self.batch_shape, *self.event_shape))

    def natural(self) -> tuple[Array, ...]:
        precision = 1 / (self.scale * self.scale)
        return self.loc * precision, -0.5 * precision

    def from_natural(self, natural: tuple[Array, ...]) -> DiagonalNormal:
        first, second = natural
        return self.like(DiagonalNormal, loc=-0.5 * first / second, scale=self.xp.sqrt(-0.5 / second))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return self.xp.all(natural[1] < 0, axis=-1)


@closed_form(
    DiagonalNormal,
    DiagonalNormal,
    formula=r"\frac12\sum_i\left[\frac{(μ_{P,i}-μ_{Q,i})^2}{σ_{Q,i}^2} + \frac{σ_{P,i}^2}{σ_{Q,i}^2} - 1 "
    r"- \log\frac{σ_{P,i}^2}{σ_{Q,i}^2}\right]",
    source="Kullback (1959), chapter 9",
)
def _diagonal(p: DiagonalNormal, q: DiagonalNormal) -> Array:
    shift = (p.loc - q.loc) / q.scale
    return 0.5 * p.xp.sum(shift * shift + exp_gap(p.xp, 2 * log_ratio(p.xp, p.scale, q.scale)), axis=-1)


@family
class LowRankMultivariateNormal(Family):
    r"""Multivariate normal distribution of few common factors: Σ = WWᵀ + diag(d), which is never formed.

    .. math:: p(x) = (2π)^{-n/2} |Σ|^{-1/2} \exp\left(-\tfrac12 (x - μ)^\top Σ^{-1} (x - μ)\right)

    Parameters
    ----------
    loc : array
        Mean μ, of length n.
    cov_factor : array
        W, of n rows.
    cov_diag : array
        d, above 0.

    Notes
    -----
    Relative errors grow with the largest eigenvalue of WᵀD⁻¹W; small differences keep their digits where P and Q are
    near each other in W, column by column.
    """

    domain = Domain("vectors")
    loc: Any = parameter(VECTOR)
    cov_factor: Any = parameter(MATRIX)
    cov_diag: Any = parameter(POSITIVE_VECTOR)

    def check(self) -> None:
        sizes = {
            "loc": self.loc.shape[-1],
            "cov_factor": self.cov_factor.shape[-2],
            "cov_diag": self.cov_diag.shape[-1],
        }
        if len(set(sizes.values())) > 1:
            raise InputError(f"{type(self).__name__}: the dimensions of its parameters differ: {sizes}")

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1],)

    def _whitened(self) -> tuple[Array, Array]:
        spread = self.cov_factor / self.xp.sqrt(self.cov_diag)[..., None]
        return spread, _capacitance(self.xp, spread)

    def log_density(self, x: Array) -> Array:
        spread, factor = self._whitened()
        squares = _ridge(self.xp, spread, factor, ((x - self.loc) / self.xp.sqrt(self.cov_diag))[..., None])
        return -0.5 * (squares + self._log_det(factor) + self.loc.shape[-1] * LOG_2PI)

    def _log_det(self, factor: Array) -> Array:
        logs = self.xp.log(self.cov_diag)
        return self.xp.sum(logs, axis=-1) + 2 * self.xp.sum(self.xp.log(diagonal(self.xp, factor)), axis=-1)

    def entropy(self) -> Array:
        log_det = self._log_det(self._whitened()[1])
        return 0.5 * (log_det + self.loc.shape[-1] * (1 + LOG_2PI)) + 0 * self.loc[..., 0]

    def mean(self) -> Array:
        return self.loc + 0 * self.cov_diag + 0 * self.cov_factor[..., 0]

    def variance(self) -> Array:
        return self.cov_diag + sum_of_squares(self.xp, self.cov_factor) + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        factors = rng.normal(size=(count, *self.batch_shape, self.cov_factor.shape[-1], 1))
        own = rng.normal(size=(count, *self.batch_shape, *self.event_shape)) * np.sqrt(np.asarray(self.cov_diag))
        return np.asarray(np.asarray(self.loc) + (np.asarray(self.cov_factor) @ factors)[..., 0] + own)


@closed_form(
    LowRankMultivariateNormal,
    LowRankMultivariateNormal,
    formula=r"\frac12\left[(μ_P-μ_Q)^\top Σ_Q^{-1}(μ_P-μ_Q) + \operatorname{tr}(Σ_Q^{-1}Σ_P) - n "
    r"- \log\frac{|Σ_P|}{|Σ_Q|}\right],\ Σ = WW^\top + \operatorname{diag}(d)",
    source="Kullback (1959), chapter 9, equation 1.4; Woodbury (1950), Inverting modified matrices",
)
def _low_rank(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> Array:
    xp = p.xp
    root = xp.sqrt(q.cov_diag)[..., None]
    spread = q.cov_factor / root
    factor = _capacitance(xp, spread)
    shift = _ridge(xp, spread, factor, (p.loc - q.loc)[..., None] / root)
    width = max(p.cov_factor.shape[-1], q.cov_factor.shape[-1])
    ours, theirs = _widened(xp, p.cov_factor, width), _widened(xp, q.cov_factor, width)
    near = _near(xp, p.cov_diag, ours, q.cov_diag, theirs)
    gap = _apart(xp, p.cov_diag, ours, q.cov_diag, theirs)
    if selectable(near):
        if bool(xp.any(near)):
            parts = ((p.cov_diag, 1), (ours, 2), (q.cov_diag, 1), (theirs, 2))
            gap = replaced(gap, near, _close(xp, *(selected(xp, x, near, ndim) for x, ndim in parts)))
    else:
        d = xp.where(near[..., None], p.cov_diag, q.cov_diag)
        w = xp.where(near[..., None, None], ours, theirs)
        gap = xp.where(near, _close(xp, d, w, q.cov_diag, theirs), gap)
    # Of factors that differ by a rotation, only rounding errors are left, of either sign.
    return 0.5 * (shift + xp.where(gap < 0, xp.zeros_like(gap), gap))


def _widened(xp: Namespace, x: Array, width: int) -> Array:
    missing = width - x.shape[-1]
    if missing == 0:
        return x
    return xp.concat([x, xp.zeros((*x.shape[:-1], missing), dtype=x.dtype, device=device(x))], axis=-1)


def _capacitance(xp: Namespace, spread: Array) -> Array:
    """Cholesky factor of I + VᵀV."""
    inner = transpose(spread) @ spread
    return xp.linalg.cholesky(inner + eye_like(xp, inner))


def _solve(xp: Namespace, factor: Array, right: Array) -> Array:
    """Solve L·Lᵀ·X = B."""
    half = solve_lower(xp, factor, right)
    turned = xp.flip(transpose(factor), axis=(-2, -1))
    return xp.flip(solve_lower(xp, turned, xp.flip(half, axis=-2)), axis=-2)


def _ridge(xp: Namespace, spread: Array, factor: Array, x: Array) -> Array:
    """Tr Xᵀ(I + VVᵀ)⁻¹X, as the least of |X − VZ|² + |Z|²: a sum of squares, where Woodbury's formula subtracts."""
    z = _solve(xp, factor, transpose(spread) @ x)
    return sum_of_squares(xp, x - spread @ z, 2) + sum_of_squares(xp, z, 2)


def _change(xp: Namespace, old: Array, new_less_old: Array) -> Array:
    """V_PᵀV_P − V_QᵀV_Q."""
    cross = transpose(old) @ new_less_old
    return cross + transpose(cross) + transpose(new_less_old) @ new_less_old


def _near(xp: Namespace, d_p: Array, w_p: Array, d_q: Array, w_q: Array) -> Array:
    """Where P and Q are within the reach of `_close`."""
    d_p, w_p, d_q, w_q = (constant(x) for x in (d_p, w_p, d_q, w_q))
    root = xp.sqrt(d_p)[..., None]
    factor = _capacitance(xp, w_q / root)
    half = solve_lower(xp, factor, _change(xp, w_q / root, (w_p - w_q) / root))
    both = solve_lower(xp, factor, transpose(half))
    small = xp.max(xp.abs(both), axis=(-2, -1)) * both.shape[-1] <= 0.5
    return small & (xp.max(xp.abs(d_p - d_q) / d_q, axis=-1) <= 0.5)


def _gap(xp: Namespace, a: Array) -> Array:
    """Tr A − log det(I + A)."""
    change = cholesky_change(xp, a)
    logs = 2 * xp.log1p(diagonal(xp, change))
    return xp.sum(exp_gap(xp, logs), axis=-1) + sum_of_squares(xp, strict_lower(xp, change), 2)


def _close(xp: Namespace, d_p: Array, w_p: Array, d_q: Array, w_q: Array) -> Array:
    """Gap of the covariances over T = diag(d_P) + W_QW_Qᵀ: each part is of the second order in the differences.

    gap(P, Q) = gap(T, Q) + gap(P, T) + tr((Q⁻¹ − T⁻¹)(P − T)), in coordinates where d_Q or d_P is 1.
    """
    change, ratio = (d_p - d_q) / d_q, d_p / d_q
    root_q, root_p = xp.sqrt(d_q)[..., None], xp.sqrt(d_p)[..., None]
    old, step = w_q / root_q, (w_p - w_q) / root_q
    factor = _capacitance(xp, old)
    leverage = solve_lower(xp, factor, transpose(old))
    held = xp.sum(leverage * leverage, axis=-2)
    turned = -(leverage * (change / ratio)[..., None, :]) @ transpose(leverage)
    alone = xp.sum(exp_gap(xp, log_ratio(xp, d_p, d_q)) - held * change * change / ratio, axis=-1)
    by_diagonal = alone + _gap(xp, turned)

    old_p, step_p = w_q / root_p, (w_p - w_q) / root_p
    factor_p = _capacitance(xp, old_p)
    half = solve_lower(xp, factor_p, _change(xp, old_p, step_p))
    both = solve_lower(xp, factor_p, transpose(half))
    lost = sum_of_squares(xp, solve_lower(xp, factor_p, transpose(step_p)), 2)
    by_factors = _gap(xp, 0.5 * (both + transpose(both))) + _ridge(xp, old_p, factor_p, step_p) - lost

    def through_q(x: Array) -> Array:
        return x - old @ _solve(xp, factor, transpose(old) @ x)

    def through_t(x: Array) -> Array:
        x = x / ratio[..., None]
        return x - (old / ratio[..., None]) @ _solve(xp, factor_p, transpose(old) @ x)

    rows = through_t(old) * through_q(step) + through_t(step) * through_q(old + step)
    return by_diagonal + by_factors + xp.sum(change[..., None] * rows, axis=(-2, -1))


def _apart(xp: Namespace, d_p: Array, w_p: Array, d_q: Array, w_q: Array) -> Array:
    """Gap of the covariances where they are not near each other."""
    root_q, ratio = xp.sqrt(d_q)[..., None], d_p / d_q
    new, old = w_p / root_q, w_q / root_q
    factor, factor_p = _capacitance(xp, old), _capacitance(xp, w_p / xp.sqrt(d_p)[..., None])
    leverage = solve_lower(xp, factor, transpose(old))
    alone = exp_gap(xp, log_ratio(xp, d_p, d_q)) - ratio * xp.sum(leverage * leverage, axis=-2)
    log_dets = 2 * xp.sum(log_ratio(xp, diagonal(xp, factor), diagonal(xp, factor_p)), axis=-1)
    return xp.sum(alone, axis=-1) + _ridge(xp, old, factor, new) + log_dets


@seen_as(LowRankMultivariateNormal, MultivariateNormal)
def _as_full(law: LowRankMultivariateNormal) -> MultivariateNormal:
    common = law.cov_factor @ transpose(law.cov_factor)
    covariance = common + law.cov_diag[..., None] * eye_like(law.xp, common)
    return law.like(MultivariateNormal, loc=law.loc, covariance_matrix=covariance)


@seen_as(DiagonalNormal, LowRankMultivariateNormal)
def _as_low_rank(law: DiagonalNormal) -> LowRankMultivariateNormal:
    variance = law.variance()
    return law.like(
        LowRankMultivariateNormal,
        loc=law.mean(),
        cov_diag=variance,
        cov_factor=law.xp.zeros_like(variance)[..., None],
    )


@seen_as(DiagonalNormal, MultivariateNormal)
def _as_triangular(law: DiagonalNormal) -> MultivariateNormal:
    scale = law.scale + 0 * law.loc
    square = law.xp.broadcast_to(scale[..., None], (*scale.shape, scale.shape[-1]))
    return law.like(MultivariateNormal, loc=law.mean(), scale_tril=square * eye_like(law.xp, square))


@recognise("torch", "LowRankMultivariateNormal")
@recognise("numpyro", "LowRankMultivariateNormal")
def _of_object(law: Any) -> LowRankMultivariateNormal:
    values = values_of(law, "loc", "cov_factor", "cov_diag")
    return LowRankMultivariateNormal.trusted(**values) if was_checked(law) else LowRankMultivariateNormal(**values)
