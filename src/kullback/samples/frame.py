"""A law that is known and easily drawn from, fitted to rows: the frame in which they are compared with another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

Floats = NDArray[np.float64]

_TAILS = (3.0, 5.0, 8.0, 15.0, np.inf)  # degrees of freedom tried; the last is the Gaussian
_WORTH = 3.0  # nats of the whole sample by which a heavy tail must beat the Gaussian
_STEPS = 15


class Frame:
    """A Gaussian or Student law, fitted to the columns as they are or to their logarithms.

    The logarithms of positive columns are taken where a Gaussian fits them better. Student's laws are fitted by EM
    (Lange, Little & Taylor 1989, "Robust statistical modeling using the t distribution", Journal of the American
    Statistical Association 84), with the tail of a few that makes the rows likeliest.

    Parameters
    ----------
    rows : ndarray
        (n, d), of full rank.
    tail : float, optional
        Degrees of freedom, if they are known.
    """

    def __init__(self, rows: Floats, tail: float | None = None) -> None:
        self._logs = np.array([_better_as_logarithm(column) for column in rows.T])
        moved = self._moved(rows)
        best = -np.inf
        for candidate in _TAILS if tail is None else (tail,):
            mean, root = _fitted(moved, candidate)
            z = _whiten(moved, mean, root)
            worth = float((_standard(z, candidate) - np.log(np.diag(root)).sum()).sum())
            worth += _WORTH if np.isinf(candidate) else 0.0
            if worth > best:
                best, self.tail, self._mean, self._root = worth, candidate, mean, root

    @property
    def name(self) -> str:
        """What to call the law."""
        return "a Gaussian" if np.isinf(self.tail) else f"a Student law of {self.tail:.0f} degrees of freedom"

    def whiten(self, rows: Floats) -> Floats:
        """Rows as they would be were the law standard."""
        return _whiten(self._moved(rows), self._mean, self._root)

    def back(self, z: Floats) -> Floats:
        """Rows that `whiten` makes z of."""
        rows = z @ self._root.T + self._mean
        rows[:, self._logs] = np.exp(rows[:, self._logs])
        return np.asarray(rows)

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Draws of the standard law."""
        z = rng.normal(size=(count, len(self._mean)))
        return z if np.isinf(self.tail) else z / np.sqrt(rng.chisquare(self.tail, size=(count, 1)) / self.tail)

    def standard(self, z: Floats) -> Floats:
        """Log-density of the standard law."""
        return _standard(z, self.tail)

    def log_density(self, rows: Floats) -> Floats:
        """Log-density of the law, in the columns as they were given."""
        jacobian = self._moved(rows)[:, self._logs].sum(axis=1) + np.log(np.diag(self._root)).sum()
        return np.asarray(self.standard(self.whiten(rows)) - jacobian)

    def _moved(self, rows: Floats) -> Floats:
        moved = rows.astype(float)
        moved[:, self._logs] = np.log(moved[:, self._logs])
        return moved


def _better_as_logarithm(column: Floats) -> bool:
    if column.min() <= 0:
        return False
    logs = np.log(column)
    return bool(np.log(logs.std()) + logs.mean() < np.log(column.std()))


def _whiten(rows: Floats, mean: Floats, root: Floats) -> Floats:
    return np.asarray(linalg.solve_triangular(root, (rows - mean).T, lower=True).T)


def _standard(z: Floats, tail: float) -> Floats:
    d = z.shape[1]
    square = np.einsum("ij,ij->i", z, z)
    if np.isinf(tail):
        return np.asarray(-square / 2 - d / 2 * np.log(2 * np.pi))
    scale = special.gammaln((tail + d) / 2) - special.gammaln(tail / 2) - d / 2 * np.log(tail * np.pi)
    return np.asarray(scale - (tail + d) / 2 * np.log1p(square / tail))


def _fitted(rows: Floats, tail: float) -> tuple[Floats, Floats]:
    """Centre and root of the scatter."""
    n, d = rows.shape
    weights = np.ones(n)
    for _ in range(1 if np.isinf(tail) else _STEPS):
        mean = weights @ rows / weights.sum()
        centred = rows - mean
        root: Floats = linalg.cholesky((centred * weights[:, None]).T @ centred / n, lower=True)
        if np.isfinite(tail):
            z = _whiten(rows, mean, root)
            weights = (tail + d) / (tail + np.einsum("ij,ij->i", z, z))
    return mean, root
