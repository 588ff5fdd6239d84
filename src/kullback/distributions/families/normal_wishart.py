"""A normal distribution whose precision matrix is Wishart distributed, and its covariance form."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, device
from kullback.distributions._constraints import POSITIVE, POSITIVE_DEFINITE, VECTOR
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._linear import Scatter, diagonal, solve_lower, sum_of_squares, transpose
from kullback.distributions._numeric import ratio_gap
from kullback.distributions._registry import closed_form, find, seen_as
from kullback.distributions._special import LOG_2PI

from .wishart import SHAPES, Wishart, check_degrees


@family
class NormalWishart(Family):
    r"""Normal-Wishart distribution of x and its precision matrix Λ: an event has x for its first row, then Λ.

    .. math:: Λ \sim \mathrm{Wishart}(ν, V), \quad x \mid Λ \sim \mathrm{Normal}(μ, (κΛ)^{-1})

    Parameters
    ----------
    loc : array
        Mean μ of x, of length n.
    pseudo_count : array
        κ, above 0: how many observations the mean is worth.
    df : array
        Degrees of freedom ν, above n − 1.
    covariance_matrix : array, optional
        Scale V of the Wishart distribution: the mean of Λ is νV. Exactly one of these two is given.
    precision_matrix : array, optional
        Its inverse.
    """

    domain = Domain("vector and matrix")
    one_of = (SHAPES[:2],)
    loc: Any = parameter(VECTOR)
    pseudo_count: Any = parameter(POSITIVE)
    df: Any = parameter(POSITIVE)
    covariance_matrix: Any = parameter(POSITIVE_DEFINITE, default=None)
    precision_matrix: Any = parameter(POSITIVE_DEFINITE, default=None)

    def check(self) -> None:
        _check_sizes(self, self.precision_law.size)
        check_degrees(self, self.precision_law.size)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1] + 1, self.loc.shape[-1])

    @property
    def precision_law(self) -> Wishart:
        """The distribution of the precision matrix."""
        scale = {name: getattr(self, name) for name in SHAPES[:2] if getattr(self, name) is not None}
        return self.like(Wishart, df=self.df, **scale)

    def log_density(self, x: Array) -> Array:
        xp, n, precision = self.xp, self.loc.shape[-1], x[..., 1:, :]
        squares = sum_of_squares(xp, Scatter(xp, inverse=precision).whiten(x[..., 0, :] - self.loc))
        log_det = 2 * xp.sum(xp.log(diagonal(xp, xp.linalg.cholesky(precision))), axis=-1)
        inner = n * (xp.log(self.pseudo_count) - LOG_2PI) + log_det - self.pseudo_count * squares
        return 0.5 * inner + self.precision_law.log_density(precision)

    def entropy(self) -> Array:
        inner = self.loc.shape[-1] * (1 + LOG_2PI - self.xp.log(self.pseudo_count)) - self.precision_law.mean_log_det()
        return 0.5 * inner + self.precision_law.entropy() + 0 * self.loc[..., 0]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        n, shape = self.loc.shape[-1], (count, *self.batch_shape)
        precision = np.broadcast_to(self.precision_law.sample(rng, count), (*shape, n, n))
        root = np.linalg.cholesky(precision)
        noise = np.linalg.solve(np.swapaxes(root, -1, -2), rng.normal(size=(*shape, n, 1)))[..., 0]
        value = np.asarray(self.loc) + noise / np.sqrt(np.asarray(self.pseudo_count))[..., None]
        return np.concatenate([value[..., None, :], precision], axis=-2)


def _check_sizes(law: Any, size: int) -> None:
    if law.loc.shape[-1] != size:
        raise InputError(
            f"{type(law).__name__}: loc has length {law.loc.shape[-1]}, which matrices of {size} rows do not go with"
        )


@closed_form(
    NormalWishart,
    NormalWishart,
    formula=r"\frac12\left[κ_Qν_P(μ_P-μ_Q)^\top V_P(μ_P-μ_Q) + n\left(\frac{κ_Q}{κ_P} - 1 "
    r"- \log\frac{κ_Q}{κ_P}\right)\right] + D(\mathrm{Wishart}_P‖\mathrm{Wishart}_Q)",
    source="By the chain rule from Kullback (1959), chapter 9, and Penny (2001)",
)
def _kl(p: NormalWishart, q: NormalWishart) -> Array:
    xp, n = p.xp, p.loc.shape[-1]
    form = find(Wishart, Wishart)
    assert form is not None
    # (μ_P − μ_Q)ᵀV_P(μ_P − μ_Q), as a whitening by the inverse of V_P.
    scale = p.precision_law.scatter
    whitening = Scatter(xp, scale.inverse, scale.matrix)
    squares = sum_of_squares(xp, whitening.whiten(p.loc - q.loc))
    inner = q.pseudo_count * p.df * squares + n * ratio_gap(xp, q.pseudo_count, p.pseudo_count)
    return 0.5 * inner + form.compute(p.precision_law, q.precision_law)


@family
class NormalInverseWishart(Family):
    r"""Normal-inverse-Wishart distribution of x and its covariance Σ: an event has x for its first row, then Σ.

    .. math:: Σ^{-1} \sim \mathrm{Wishart}(ν, Ψ^{-1}), \quad x \mid Σ \sim \mathrm{Normal}(μ, Σ/κ)

    Parameters
    ----------
    loc : array
        Mean μ of x, of length n.
    pseudo_count : array
        κ, above 0: how many observations the mean is worth.
    df : array
        Degrees of freedom ν, above n − 1.
    scale_matrix : array
        Ψ, symmetric and positive definite.
    """

    domain = Domain("vector and matrix")
    loc: Any = parameter(VECTOR)
    pseudo_count: Any = parameter(POSITIVE)
    df: Any = parameter(POSITIVE)
    scale_matrix: Any = parameter(POSITIVE_DEFINITE)

    def check(self) -> None:
        _check_sizes(self, self.scale_matrix.shape[-1])
        check_degrees(self, self.scale_matrix.shape[-1])

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1] + 1, self.loc.shape[-1])

    def log_density(self, x: Array) -> Array:
        xp, covariance = self.xp, x[..., 1:, :]
        root = xp.linalg.cholesky(covariance)
        inverse = solve_lower(xp, root, xp.eye(covariance.shape[-1], dtype=x.dtype, device=device(x)))
        image = xp.concat([x[..., :1, :], transpose(inverse) @ inverse], axis=-2)
        log_det = 2 * xp.sum(xp.log(diagonal(xp, root)), axis=-1)
        return _by_precision(self).log_density(image) - (covariance.shape[-1] + 1) * log_det

    def entropy(self) -> Array:
        image = _by_precision(self)
        return image.entropy() - (self.loc.shape[-1] + 1) * image.precision_law.mean_log_det()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = _by_precision(self).sample(rng, count)
        draws[..., 1:, :] = np.linalg.inv(draws[..., 1:, :])
        return draws


def _by_precision(law: NormalInverseWishart) -> NormalWishart:
    return law.like(
        NormalWishart, loc=law.loc, pseudo_count=law.pseudo_count, df=law.df, precision_matrix=law.scale_matrix
    )


seen_as(NormalInverseWishart, NormalWishart, bijection="covariance of precision")(_by_precision)
