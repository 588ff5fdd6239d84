"""Features in which log p/q is sought: each basis is learnt from training rows and applied to any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from .pursuit import pursue

Floats = NDArray[np.float64]
Basis = Callable[[Floats], Floats]

_BUMPS = 8
_GRID = 6  # bumps along either side of a surface
_RADII = np.array([0.25, 1.0, 4.0])  # mean squared distances at which the tail of a cloud is looked at
_REACH = 30.0  # scaled values beyond this enter the powers as this
COMPONENTS = 4  # directions that the pursuit keeps at most


def linear(x: Floats, y: Floats, scales: int) -> Basis:
    """The columns themselves."""
    return lambda z: np.hstack([np.ones((len(z), 1)), _bounded(z)])


def additive_quadratic(x: Floats, y: Floats, scales: int) -> Basis:
    """The columns and the squares of those that are ordered: Gaussians whose axes are the columns."""
    return lambda z: np.hstack([np.ones((len(z), 1)), _bounded(z), _bounded(z[:, :scales]) ** 2])


def quadratic(x: Floats, y: Floats, scales: int) -> Basis:
    """All products of two columns, and squares within levels: any pair of Gaussians, or of Gaussians a level."""
    k = x.shape[1]
    rows, cols = np.triu_indices(k)
    kept = (rows != cols) | (rows < scales)  # an indicator is its own square
    rows, cols = rows[kept], cols[kept]

    def basis(z: Floats) -> Floats:
        z = _bounded(z)
        within = z[:, scales:, None] * z[:, None, :scales] ** 2
        return np.hstack([np.ones((len(z), 1)), z, z[:, rows] * z[:, cols], within.reshape(len(z), -1)])

    return basis


def additive_splines(x: Floats, y: Floats, scales: int) -> Basis:
    """A smooth curve in every ordered column, besides the indicators."""
    bumps = _bumps(x[:, :scales], y[:, :scales])
    return lambda z: np.hstack([np.ones((len(z), 1)), _bounded(z), bumps(z[:, :scales])])


def radial(x: Floats, y: Floats, scales: int) -> Basis:
    """Logarithms of one plus the whitened squared distance, at several scales, besides columns and squares."""
    both = np.concatenate([x, y])[:, :scales]
    centre = np.median(both, axis=0)
    values, vectors = linalg.eigh(np.cov(both, rowvar=False))
    white = vectors / np.sqrt(np.maximum(values, 1e-12 * values[-1]))

    def basis(z: Floats) -> Floats:
        square = (((z[:, :scales] - centre) @ white) ** 2).sum(axis=1, keepdims=True) / scales
        tails = np.log1p(square / _RADII)
        return np.hstack([np.ones((len(z), 1)), _bounded(z), _bounded(z[:, :scales]) ** 2, square, tails])

    return basis


def pursued(x: Floats, y: Floats, scales: int) -> Basis:
    """Curves and products in the few directions whose laws differ in shape, besides the squares of all columns."""
    centre, directions = pursue(x[:, :scales], y[:, :scales], COMPONENTS)

    def turn(z: Floats) -> Floats:
        return np.asarray((z[:, :scales] - centre) @ directions)

    bumps = _bumps(turn(x), turn(y))
    rows, cols = np.triu_indices(directions.shape[1], 1)

    def basis(z: Floats) -> Floats:
        along = turn(z)
        squares = _bounded(z[:, :scales]) ** 2
        return np.hstack([np.ones((len(z), 1)), _bounded(z), squares, bumps(along), along[:, rows] * along[:, cols]])

    return basis


def surfaces(x: Floats, y: Floats, scales: int) -> Basis:
    """A smooth surface over every pair of ordered columns, besides curves and all products."""
    curves, products = additive_splines(x, y, scales), quadratic(x, y, scales)
    both = np.concatenate([x, y])
    rows, cols = np.triu_indices(scales, 1)
    knots = np.quantile(both[:, :scales], np.linspace(0.05, 0.95, _GRID), axis=0)
    widths = np.maximum((knots[-1] - knots[0]) / (_GRID - 1), 1e-9)

    def basis(z: Floats) -> Floats:
        bumps = np.exp(-0.5 * ((z[:, :scales, None] - knots.T) / widths[:, None]) ** 2)
        tensor = bumps[:, rows, :, None] * bumps[:, cols, None, :]
        return np.hstack([curves(z), products(z)[:, 1 + z.shape[1] :], tensor.reshape(len(z), -1)])

    return basis


def _bounded(z: Floats) -> Floats:
    return np.asarray(np.clip(z, -_REACH, _REACH))


def _bumps(x: Floats, y: Floats) -> Basis:
    """Squares, tails and Gaussian bumps at pooled quantiles of every column."""
    both = np.concatenate([x, y])
    knots = np.quantile(both, np.linspace(0.02, 0.98, _BUMPS), axis=0)
    centres, widths = [], []
    for j in range(both.shape[1]):
        at = np.unique(knots[:, j])
        gaps = np.diff(at, prepend=at[0] - (at[-1] - at[0] or 1.0) / _BUMPS)
        around = np.maximum(gaps, np.append(gaps[1:], gaps[-1]))
        centres.append(at)
        widths.append(np.maximum(around, 1e-3 * (at[-1] - at[0] or 1.0)))

    def basis(z: Floats) -> Floats:
        shapes = [
            np.exp(-0.5 * ((z[:, [j]] - c) / w) ** 2) for j, (c, w) in enumerate(zip(centres, widths, strict=True))
        ]
        return np.hstack([_bounded(z) ** 2, np.log1p(z * z), *shapes])

    return basis
