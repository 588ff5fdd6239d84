"""The Wishart distribution and its image under matrix inversion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, device, inspectable, without_gradient
from kullback.distributions._constraints import LOWER_TRIANGULAR, POSITIVE, POSITIVE_DEFINITE
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._linear import Scatter, diagonal, relative, solve_lower, sum_of_squares, transpose
from kullback.distributions._multigamma import multi_digamma, multi_lgamma, multi_stirling_gap
from kullback.distributions._numeric import log_ratio
from kullback.distributions._recognise import recognise, values_of, was_checked
from kullback.distributions._registry import closed_form, seen_as

SHAPES = ("covariance_matrix", "precision_matrix", "scale_tril")
_PENNY = "Penny (2001), Kullback-Liebler divergences of normal, gamma, Dirichlet and Wishart densities"


def check_degrees(law: Any, size: int) -> None:
    """Refuse degrees of freedom that a matrix of a size is too large for."""
    if inspectable(law.df):
        low = np.asarray(law.xp.min(without_gradient(law.df)) if law.df.ndim else without_gradient(law.df))
        if float(low) <= size - 1:
            raise InputError(
                f"{type(law).__name__}: df must be above {size - 1} for matrices of {size} rows, got {low}"
            )


@family
class Wishart(Family):
    r"""Wishart distribution, of sums of squares of normal vectors.

    .. math:: p(X) = \frac{|X|^{(ν-n-1)/2} \exp(-\frac12\operatorname{tr} V^{-1}X)}{2^{νn/2}|V|^{ν/2}Γ_n(ν/2)}

    Parameters
    ----------
    df : array
        Degrees of freedom ν, above n − 1.
    covariance_matrix : array, optional
        Scale V, symmetric and positive definite: the mean is νV. Exactly one of these three is given.
    precision_matrix : array, optional
        Its inverse.
    scale_tril : array, optional
        Its lower Cholesky factor.
    """

    domain = Domain("positive definite")
    one_of = (SHAPES,)
    df: Any = parameter(POSITIVE)
    covariance_matrix: Any = parameter(POSITIVE_DEFINITE, default=None)
    precision_matrix: Any = parameter(POSITIVE_DEFINITE, default=None)
    scale_tril: Any = parameter(LOWER_TRIANGULAR, default=None)

    def check(self) -> None:
        check_degrees(self, self.size)

    @property
    def size(self) -> int:
        """Rows of a matrix."""
        return int(next(getattr(self, name) for name in SHAPES if getattr(self, name) is not None).shape[-1])

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.size, self.size)

    @property
    def scatter(self) -> Scatter:
        """The scale, as it was given."""
        return Scatter(self.xp, self.covariance_matrix, self.precision_matrix, self.scale_tril)

    def log_density(self, x: Array) -> Array:
        xp, n, factor = self.xp, self.size, self.scatter.factor
        root = xp.linalg.cholesky(x)
        log_det = 2 * xp.sum(xp.log(diagonal(xp, root)), axis=-1)
        squares = sum_of_squares(xp, solve_lower(xp, factor, root), 2)
        return 0.5 * ((self.df - n - 1) * log_det - squares) - self._log_normaliser()

    def _log_normaliser(self) -> Array:
        half, n = 0.5 * self.df, self.size
        return half * (n * math.log(2) + self.scatter.log_det()) + multi_lgamma(self.xp, half, n)

    def mean_log_det(self) -> Array:
        """E log|X|."""
        n = self.size
        return multi_digamma(self.xp, 0.5 * self.df, n) + n * math.log(2) + self.scatter.log_det()

    def entropy(self) -> Array:
        n = self.size
        return self._log_normaliser() + 0.5 * (self.df * n - (self.df - n - 1) * self.mean_log_det())

    def mean(self) -> Array:
        return self.df[..., None, None] * self.scatter.full()

    def variance(self) -> Array:
        scale = self.scatter.full()
        own = diagonal(self.xp, scale)
        return self.df[..., None, None] * (scale * scale + own[..., :, None] * own[..., None, :])

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        n, shape = self.size, (count, *self.batch_shape)
        root = np.tril(rng.normal(size=(*shape, n, n)), -1)
        degrees = np.asarray(self.df)[..., None] - np.arange(n)
        root[..., np.arange(n), np.arange(n)] = np.sqrt(rng.chisquare(degrees, (*shape, n)))
        half = np.asarray(self.scatter.factor) @ root
        return np.asarray(half @ np.swapaxes(half, -1, -2))


@closed_form(
    Wishart,
    Wishart,
    formula=r"\frac{ν_Q}{2}\log\frac{|V_Q|}{|V_P|} + \frac{ν_P}{2}\left[\operatorname{tr}(V_Q^{-1}V_P) - n\right] "
    r"+ \log\frac{Γ_n(ν_Q/2)}{Γ_n(ν_P/2)} + \frac{ν_P-ν_Q}{2}ψ_n(ν_P/2)",
    source=_PENNY,
)
def _kl(p: Wishart, q: Wishart) -> Array:
    # As of gamma distributions: between the means first, then between the degrees of freedom.
    means = relative(p.scatter, q.scatter).scaled(log_ratio(p.xp, p.df, q.df))
    return 0.5 * q.df * means.gap() + multi_stirling_gap(p.xp, 0.5 * p.df, 0.5 * q.df, p.size)


@family
class InverseWishart(Family):
    r"""Inverse Wishart distribution: X⁻¹ has the Wishart distribution of scale Ψ⁻¹.

    .. math:: p(X) = \frac{|Ψ|^{ν/2}}{2^{νn/2}Γ_n(ν/2)} |X|^{-(ν+n+1)/2} \exp(-\tfrac12\operatorname{tr} ΨX^{-1})

    Parameters
    ----------
    df : array
        Degrees of freedom ν, above n − 1.
    scale_matrix : array
        Ψ, symmetric and positive definite.
    """

    domain = Domain("positive definite")
    df: Any = parameter(POSITIVE)
    scale_matrix: Any = parameter(POSITIVE_DEFINITE)

    def check(self) -> None:
        check_degrees(self, self.scale_matrix.shape[-1])

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.scale_matrix.shape[-2:])

    def log_density(self, x: Array) -> Array:
        xp, n = self.xp, self.event_shape[0]
        root = xp.linalg.cholesky(x)
        log_det = 2 * xp.sum(xp.log(diagonal(xp, root)), axis=-1)
        inverse = solve_lower(xp, root, xp.eye(n, dtype=x.dtype, device=device(x)))
        return _as_wishart(self).log_density(transpose(inverse) @ inverse) - (n + 1) * log_det

    def entropy(self) -> Array:
        wishart = _as_wishart(self)
        return wishart.entropy() - (wishart.size + 1) * wishart.mean_log_det()

    def mean(self) -> Array:
        return self.scale_matrix / self._excess(1)[..., None, None]

    def variance(self) -> Array:
        n, scale = self.event_shape[0], self.scale_matrix
        own, top = diagonal(self.xp, scale), self._excess(1)
        numerator = (top + 2)[..., None, None] * scale * scale + top[..., None, None] * own[..., :, None] * own[
            ..., None, :
        ]
        below = (self.df - n) * top * top * self._excess(3)
        return numerator / below[..., None, None]

    def _excess(self, order: int) -> Array:
        """ν − n − order, NaN where it is not above 0: there is no moment."""
        excess = self.df - self.event_shape[0] - order
        return self.xp.where(excess > 0, excess, self.xp.full_like(excess, math.nan))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return np.asarray(np.linalg.inv(_as_wishart(self).sample(rng, count)))


def _as_wishart(law: InverseWishart) -> Wishart:
    return law.like(Wishart, df=law.df, precision_matrix=law.scale_matrix)


seen_as(InverseWishart, Wishart, bijection="matrix inverse")(_as_wishart)


@recognise("torch", "Wishart")
def _of_torch(law: Any) -> Wishart:
    kept = next(name for name in SHAPES if name in vars(law))
    values = {"df": law.df, kept: getattr(law, kept)}
    return Wishart.trusted(**values) if was_checked(law) else Wishart(**values)


@recognise("numpyro", "Wishart", "InverseWishart")
def _of_numpyro(law: Any) -> Family:
    base = law.base_dist
    names = {"scale_matrix": "covariance_matrix", "rate_matrix": "precision_matrix", "scale_tril": "scale_tril"}
    kept = next(name for name in names if name in vars(base))
    values = values_of(base, "concentration", kept)
    scale = {names[kept]: values[kept]}
    if type(law).__name__ == "Wishart":
        return Wishart(df=values["concentration"], **scale)
    matrix = Wishart(df=values["concentration"], **scale).scatter.full()
    return InverseWishart(df=values["concentration"], scale_matrix=matrix)


@recognise("scipy", "wishart_frozen")
def _of_scipy(law: Any) -> Wishart:
    return Wishart(df=float(law.df), covariance_matrix=np.asarray(law.scale, float))


@recognise("scipy", "invwishart_frozen")
def _of_inverse_of_scipy(law: Any) -> InverseWishart:
    return InverseWishart(df=float(law.df), scale_matrix=np.asarray(law.scale, float))
