"""The matrix normal distribution: rows and columns are correlated, each in one way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array
from kullback.distributions._constraints import LOWER_TRIANGULAR, MATRIX
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._linear import Relative, Scatter, diagonal, relative, solve_lower, sum_of_squares, transpose
from kullback.distributions._numeric import exp_gap
from kullback.distributions._recognise import recognise, values_of, was_checked
from kullback.distributions._registry import closed_form
from kullback.distributions._special import LOG_2PI


@family
class MatrixNormal(Family):
    r"""Matrix normal distribution: the columns stacked are normal with covariance V ⊗ U.

    .. math:: p(X) = (2π)^{-nm/2} |U|^{-m/2} |V|^{-n/2}
              \exp\left(-\tfrac12 \operatorname{tr} V^{-1}(X - M)^\top U^{-1}(X - M)\right)

    Parameters
    ----------
    loc : array
        Mean M, of n rows and m columns.
    scale_tril_row : array
        Lower Cholesky factor of U, the covariance among rows.
    scale_tril_column : array
        Lower Cholesky factor of V, the covariance among columns.
    """

    domain = Domain("matrices")
    loc: Any = parameter(MATRIX)
    scale_tril_row: Any = parameter(LOWER_TRIANGULAR)
    scale_tril_column: Any = parameter(LOWER_TRIANGULAR)

    def check(self) -> None:
        rows, columns = self.event_shape
        for name, size in (("scale_tril_row", rows), ("scale_tril_column", columns)):
            shape = tuple(getattr(self, name).shape[-2:])
            if shape != (size, size):
                raise InputError(
                    f"{type(self).__name__}: {name} has matrices of shape {shape}, "
                    f"which a loc of shape {self.event_shape} does not go with"
                )

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.loc.shape[-2:])

    def _log_det(self) -> Array:
        xp, (n, m) = self.xp, self.event_shape
        by_row, by_column = (
            xp.sum(xp.log(diagonal(xp, factor)), axis=-1) for factor in (self.scale_tril_row, self.scale_tril_column)
        )
        return 2 * (m * by_row + n * by_column)

    def log_density(self, x: Array) -> Array:
        squares = _squares(self, x - self.loc)
        return -0.5 * (squares + self._log_det() + math.prod(self.event_shape) * LOG_2PI)

    def entropy(self) -> Array:
        return 0.5 * (self._log_det() + math.prod(self.event_shape) * (1 + LOG_2PI)) + 0 * self.loc[..., 0, 0]

    def mean(self) -> Array:
        return self.loc + 0 * self.variance()

    def variance(self) -> Array:
        by_row = sum_of_squares(self.xp, self.scale_tril_row)
        return by_row[..., :, None] * sum_of_squares(self.xp, self.scale_tril_column)[..., None, :]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        noise = rng.normal(size=(count, *self.batch_shape, *self.event_shape))
        by_column = np.swapaxes(np.asarray(self.scale_tril_column), -1, -2)
        return np.asarray(np.asarray(self.loc) + np.asarray(self.scale_tril_row) @ noise @ by_column)


def _squares(law: MatrixNormal, x: Array) -> Array:
    half = solve_lower(law.xp, law.scale_tril_row, x)
    return sum_of_squares(law.xp, solve_lower(law.xp, law.scale_tril_column, transpose(half)), 2)


@closed_form(
    MatrixNormal,
    MatrixNormal,
    formula=r"\frac12\left[\operatorname{tr} V_Q^{-1}(M_P-M_Q)^\top U_Q^{-1}(M_P-M_Q) + \operatorname{tr}(U_Q^{-1}U_P)"
    r"\operatorname{tr}(V_Q^{-1}V_P) - nm - m\log\frac{|U_P|}{|U_Q|} - n\log\frac{|V_P|}{|V_Q|}\right]",
    source="Kullback (1959), chapter 9, equation 1.4; Gupta and Nagar (2000), Matrix variate distributions, chapter 2",
)
def _kl(p: MatrixNormal, q: MatrixNormal) -> Array:
    rows = relative(*(Scatter(law.xp, given_factor=law.scale_tril_row) for law in (p, q)))
    columns = relative(*(Scatter(law.xp, given_factor=law.scale_tril_column) for law in (p, q)))
    return 0.5 * (_squares(q, p.loc - q.loc) + _product_gap(rows, columns))


def _product_gap(rows: Relative, columns: Relative) -> Array:
    """Gap of the Kronecker product, whose factor M has the products of entries of both for its entries."""
    xp = rows.xp
    diagonals = exp_gap(xp, rows.log_squares[..., :, None] + columns.log_squares[..., None, :])
    off_row, off_column = sum_of_squares(xp, rows.off, 2), sum_of_squares(xp, columns.off, 2)
    row, column = xp.sum(xp.exp(rows.log_squares), axis=-1), xp.sum(xp.exp(columns.log_squares), axis=-1)
    return xp.sum(diagonals, axis=(-2, -1)) + off_row * column + (row + off_row) * off_column


@recognise("scipy", "matrix_normal_frozen")
def _of_scipy(law: Any) -> MatrixNormal:
    row, column = (np.linalg.cholesky(np.asarray(s, float)) for s in (law.rowcov, law.colcov))
    return MatrixNormal(loc=law.mean, scale_tril_row=row, scale_tril_column=column)


@recognise("numpyro", "MatrixNormal")
def _of_numpyro(law: Any) -> MatrixNormal:
    values = values_of(law, *MatrixNormal.parameters)
    return MatrixNormal.trusted(**values) if was_checked(law) else MatrixNormal(**values)
