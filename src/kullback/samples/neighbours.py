"""How many rows of either sample lie within a common distance of a row: the raw material of nearest-neighbour ratios.

The distance reaches to the k-th neighbour in the sample that is sparser there, so that both counts are taken over the
same ball and the smoothing of both densities cancels to first order (Wang, Kulkarni & Verdú 2009, "Divergence
estimation for multidimensional densities via k-nearest-neighbor distances", IEEE Transactions on Information Theory 55,
section III). Only counts enter, no volumes: the number of dimensions that the rows fill need not be known.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special
from scipy.spatial import KDTree

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

_TREE_DIMENSIONS = 12  # beyond these a tree visits every row, and products of blocks are faster
_LEAF = 32
_CELLS = 4_000_000  # distances held at a time
_CLOSED = 1 + 1e-10  # a ball holds the rows on its edge, whatever the rounding of their distance
_FLAT = 1e-12  # share of the largest variance below which a direction is none


def whitened(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Turn and scale both samples so that together they have unit covariance; directions that do not vary are dropped.

    What is then measured by distances is the same for any invertible linear image of the columns.
    """
    both = np.concatenate([x, y])
    both = both - both.mean(axis=0)
    both /= both.std(axis=0)
    variances, directions = linalg.eigh(both.T @ both / len(both))
    kept = variances > _FLAT * variances[-1]
    both = both @ (directions[:, kept] / np.sqrt(variances[kept]))
    return both[: len(x)], both[len(x) :]


def log_density(rows: Floats, k: int, dimension: int, weights: Floats | None = None) -> Floats:
    """Log of the density at every row, from the distance to its k-th neighbour: ψ(k) − ψ(n) − log of a ball's volume.

    Its mean is that of log p without bias to first order (Kozachenko & Leonenko 1987, "Sample estimate of the entropy
    of a random vector", Problems of Information Transmission 23); the variance that a row adds is ψ′(k).

    Parameters
    ----------
    dimension : int
        Of the space that the rows fill.
    weights : array of shape (n,), optional
        Weights that sum to 1, where they differ: the ball then holds the weight of its rows, not k of n.
    """
    found: Any = KDTree(rows).query(rows, [k + 1] if weights is None else list(range(2, k + 2)))
    distances, places = found
    if weights is None:
        log_mass: Any = special.digamma(k) - special.digamma(len(rows))
    else:
        log_mass = np.log(weights[places].sum(axis=1) / (1 - weights)) + special.digamma(k) - np.log(k)
    ball = dimension / 2 * np.log(np.pi) - special.gammaln(dimension / 2 + 1)
    return np.asarray(log_mass - ball - dimension * np.log(distances[:, -1]))


def log_ratios(x: Floats, y: Floats, k: int, *, ties: bool) -> Floats:
    """Log p/q at every row of x, from the other rows of x and from y.

    Parameters
    ----------
    x, y : ndarray
        (n, d) and (m, d), n > k and m ≥ k.
    k : int
        Neighbours of the sparser sample.
    ties : bool
        Whether distances may be equal, or 0: the counts then include every row on the edge.

    Returns
    -------
    ndarray
        ψ(K) − ψ(L) − ψ(n) + ψ(m + 1) with K and L rows in the ball, each one more where the edge is set by the other
        sample. Where ties make the ball a point it is the term of Zhang & Grabchak 2014, and as in Gao, Kannan, Oh &
        Viswanath 2017 ("Estimating mutual information for discrete-continuous mixtures") no case is told apart.
    """
    n, m = len(x), len(y)
    count = _by_products if x.shape[1] > _TREE_DIMENSIONS and not ties else _by_trees
    in_x, in_y, edge_x, edge_y = count(x, y, k, ties)
    terms = special.digamma(in_x + ~edge_x) - special.digamma(in_y + ~edge_y)
    return np.asarray(terms - special.digamma(n) + special.digamma(m + 1))


def _by_trees(x: Floats, y: Floats, k: int, ties: bool) -> tuple[Counts, Counts, NDArray[np.bool_], NDArray[np.bool_]]:
    # A few rows are not worth the threads.
    workers = -1 if len(x) > 2000 else 1
    of_x, of_y = (KDTree(z, leafsize=_LEAF, balanced_tree=False) for z in (x, y))
    order = of_x.indices  # neighbours one after the other, so that what one visits is still at hand for the next
    at = x[order]
    to_x, to_y = (np.asarray(tree.query(at, [j], workers=workers)[0])[:, 0] for tree, j in ((of_x, k + 1), (of_y, k)))

    def within(tree: KDTree, which: NDArray[np.bool_], radius: Floats) -> Counts:
        return tree.query_ball_point(at[which], radius[which] * _CLOSED, return_length=True, workers=workers)

    radius = np.maximum(to_x, to_y)
    edge_x = to_x >= to_y
    in_x, in_y = np.full(len(x), k), np.full(len(x), k)
    ask_x, ask_y = ~edge_x | ties, edge_x | ties
    in_x[ask_x] = within(of_x, ask_x, radius) - 1
    in_y[ask_y] = within(of_y, ask_y, radius)
    edge_y = ~edge_x
    if ties:
        edge_x, edge_y = (
            (radius > 0) & (nearer * _CLOSED < radius) & (inside == k)
            for nearer, inside in ((to_y, in_x), (to_x, in_y))
        )
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return in_x[back], in_y[back], edge_x[back], edge_y[back]


def _by_products(
    x: Floats, y: Floats, k: int, ties: bool
) -> tuple[Counts, Counts, NDArray[np.bool_], NDArray[np.bool_]]:
    assert not ties  # a difference of squares does not tell 0 from rounding
    norms_x, norms_y = (np.einsum("ij,ij->i", z, z) for z in (x, y))
    size = max(1, _CELLS // (len(x) + len(y)))

    def block(start: int) -> tuple[Counts, Counts, NDArray[np.bool_]]:
        part = slice(start, start + size)
        to_x = norms_x - 2 * x[part] @ x.T  # squared distances, less the norm of the row itself
        to_y = norms_y - 2 * x[part] @ y.T
        rows = np.arange(len(to_x))
        to_x[rows, rows + start] = np.inf
        far_x, far_y = (np.partition(to, k - 1, axis=1)[:, k - 1] for to in (to_x, to_y))
        edge = far_x >= far_y
        radius = np.maximum(far_x, far_y)[:, None]
        return (to_x <= radius).sum(axis=1), (to_y <= radius).sum(axis=1), edge

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(block, range(0, len(x), size)))
    in_x, in_y, edge = (np.concatenate(column) for column in zip(*parts, strict=True))
    return in_x, in_y, edge, ~edge
