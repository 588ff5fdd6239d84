"""The multivariate normal distribution, by covariance, precision or Cholesky factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array
from kullback.distributions._constraints import LOWER_TRIANGULAR, POSITIVE_DEFINITE, VECTOR
from kullback.distributions._domain import Domain
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._linear import Scatter, constant, relative, sum_of_squares
from kullback.distributions._recognise import recognise, values_of, was_checked
from kullback.distributions._registry import closed_form
from kullback.distributions._special import LOG_2PI

SHAPES = ("covariance_matrix", "precision_matrix", "scale_tril")


@family
class MultivariateNormal(ExponentialFamily):
    r"""Multivariate normal distribution.

    .. math:: p(x) = (2π)^{-n/2} |Σ|^{-1/2} \exp\left(-\tfrac12 (x - μ)^\top Σ^{-1} (x - μ)\right)

    Parameters
    ----------
    loc : array
        Mean μ.
    covariance_matrix : array, optional
        Covariance Σ, symmetric and positive definite. Exactly one of these three is given.
    precision_matrix : array, optional
        Its inverse.
    scale_tril : array, optional
        Its lower Cholesky factor.

    Notes
    -----
    The relative error of a divergence is about the unit of rounding times the condition number of the correlation
    matrices: that much a change of the last bit of the parameters changes the divergence. Scales of the coordinates do
    not count; nor does conditioning where P and Q are proportional. Near P = Q no digits are lost to the difference
    where both are given in the same way.
    """

    domain = Domain("vectors")
    one_of = (SHAPES,)
    loc: Any = parameter(VECTOR)
    covariance_matrix: Any = parameter(POSITIVE_DEFINITE, default=None)
    precision_matrix: Any = parameter(POSITIVE_DEFINITE, default=None)
    scale_tril: Any = parameter(LOWER_TRIANGULAR, default=None)
    #: Cholesky factor of the covariance that another library has computed.
    known_factor: ClassVar[Any] = None

    @classmethod
    def of_process(
        cls, mean: Callable[[Array], Array] | None, kernel: Callable[[Array, Array], Array], points: Array
    ) -> MultivariateNormal:
        """Return the values of a Gaussian process at some points.

        Parameters
        ----------
        mean : callable or None
            From the points, one a row, the mean at each; None for 0.
        kernel : callable
            From the points twice, the matrix of covariances.
        points : array
            Where to look at the process.

        Returns
        -------
        MultivariateNormal
            The joint distribution of the values there.
        """
        covariance = kernel(points, points)
        return cls(loc=0 * covariance[..., 0] if mean is None else mean(points), covariance_matrix=covariance)

    def check(self) -> None:
        size = self.loc.shape[-1]
        for name in SHAPES:
            matrix = getattr(self, name)
            if matrix is not None and tuple(matrix.shape[-2:]) != (size, size):
                raise InputError(
                    f"{type(self).__name__}: {name} has matrices of shape {tuple(matrix.shape[-2:])}, "
                    f"which a loc of length {size} does not go with"
                )

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1],)

    @property
    def scatter(self) -> Scatter:
        """The covariance, as it was given."""
        known = self.known_factor
        if known is not None and known.dtype != self.loc.dtype:
            known = None
        return Scatter(self.xp, self.covariance_matrix, self.precision_matrix, self.scale_tril, known)

    def log_density(self, x: Array) -> Array:
        scatter = self.scatter
        squares = sum_of_squares(self.xp, scatter.whiten(x - self.loc))
        return -0.5 * (squares + scatter.log_det() + self.loc.shape[-1] * LOG_2PI)

    def entropy(self) -> Array:
        constant_part = 0.5 * self.loc.shape[-1] * (1 + LOG_2PI)
        return 0.5 * self.scatter.log_det() + constant_part + 0 * self.loc[..., 0]

    def mean(self) -> Array:
        return self.loc + self.xp.zeros_like(self.scatter.factor[..., 0])

    def variance(self) -> Array:
        return sum_of_squares(self.xp, self.scatter.factor) + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        noise = rng.normal(size=(count, *self.batch_shape, *self.event_shape, 1))
        return np.asarray(self.loc) + (np.asarray(self.scatter.factor) @ noise)[..., 0]

    def natural(self) -> tuple[Array, ...]:
        precision = self.scatter.inverted()
        return (precision @ self.loc[..., None])[..., 0], -0.5 * precision

    def from_natural(self, natural: tuple[Array, ...]) -> MultivariateNormal:
        precision = -2 * natural[1]
        scatter = Scatter(self.xp, inverse=precision)
        half = scatter.factor
        loc = half @ (self.xp.matrix_transpose(half) @ natural[0][..., None])
        return self.like(MultivariateNormal, loc=loc[..., 0], precision_matrix=precision)

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return self.xp.max(self.xp.linalg.eigvalsh(constant(natural[1])), axis=-1) < 0


@closed_form(
    MultivariateNormal,
    MultivariateNormal,
    formula=r"\frac12\left[(μ_P-μ_Q)^\top Σ_Q^{-1}(μ_P-μ_Q) + \operatorname{tr}(Σ_Q^{-1}Σ_P) - n "
    r"- \log\frac{|Σ_P|}{|Σ_Q|}\right]",
    source="Kullback (1959), chapter 9, equation 1.4",
)
def _kl(p: MultivariateNormal, q: MultivariateNormal) -> Array:
    ours, theirs = p.scatter, q.scatter
    shift = sum_of_squares(p.xp, theirs.whiten(p.loc - q.loc))
    return 0.5 * (shift + relative(ours, theirs).gap())


@recognise("torch", "MultivariateNormal")
@recognise("numpyro", "MultivariateNormal")
def _of_object(law: Any) -> MultivariateNormal:
    # The first of these that is kept is what it was made of: the others are computed when asked for.
    kept = next(name for name in SHAPES if name in vars(law))
    values = values_of(law, "loc", kept)
    # NumPyro keeps a single 0 for all the means.
    values["loc"] = values["loc"] + 0 * values[kept][..., 0]
    made = MultivariateNormal.trusted(**values) if was_checked(law) else MultivariateNormal(**values)
    if kept == "covariance_matrix":
        object.__setattr__(made, "known_factor", getattr(law, "_unbroadcasted_scale_tril", None))
    return made


@recognise("scipy", "multivariate_normal_frozen")
def _of_scipy(law: Any) -> MultivariateNormal:
    return MultivariateNormal(loc=law.mean, covariance_matrix=law.cov_object.covariance)
