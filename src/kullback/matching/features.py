"""What weights are asked to match: the features of every row, kept as codes or numbers, never as a dense table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Codes = NDArray[np.integer[Any]]

_ROWS = 1 << 16  # of a block of products: it stays in the cache
_JOINED = 512  # levels that are coded together: two such codes make a table that stays in the cache


class Coded:
    """Features that take few values: a code a row, and a sparse table of the features of every code."""

    def __init__(self, codes: Codes, table: Any) -> None:
        self.codes, self.table = codes, table

    @classmethod
    def levels(cls, codes: Codes, size: int) -> Coded:
        """Features that are one at the row's level and zero elsewhere."""
        return cls(codes, sparse.eye_array(size, format="csr"))

    @property
    def size(self) -> int:
        """How many features."""
        return int(self.table.shape[1])

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.codes)

    def join(self, other: Coded) -> Coded:
        """The features of both, under one code for every pair of theirs."""
        here, there = self.table.shape[0], other.table.shape[0]
        left = sparse.kron(self.table, np.ones((there, 1)), format="csr")
        right = sparse.kron(np.ones((here, 1)), other.table, format="csr")
        return Coded(self.codes * there + other.codes, sparse.hstack([left, right], format="csr"))

    def scores(self, coefficients: Floats) -> Floats:
        """Look up the sum of the row's code."""
        return np.asarray((self.table @ coefficients)[self.codes])

    def counted(self, weights: Floats) -> Floats:
        """The weight of every code."""
        return np.asarray(np.bincount(self.codes, weights, self.table.shape[0]), dtype=float)

    def paired(self, other: Coded, weights: Floats) -> Floats:
        """The weight of every pair of codes."""
        count = other.table.shape[0]
        pairs = np.multiply(self.codes, count, dtype=np.intp)
        pairs += other.codes
        weighed = np.bincount(pairs, weights, self.table.shape[0] * count)
        return np.asarray(weighed, dtype=float).reshape(-1, count)

    def mean(self, weights: Floats) -> Floats:
        """The features' weighted sums over rows."""
        return np.asarray(self.table.T @ self.counted(weights))

    def moments(self, counts: Floats) -> tuple[Floats, Floats]:
        """The weighted sums of the features and of their products, from the weight of every code."""
        weighted = sparse.diags_array(counts) @ self.table
        return np.asarray(self.table.T @ counts), np.asarray((self.table.T @ weighted).toarray())

    def take(self, rows: Codes) -> Coded:
        """The codes of some rows."""
        return Coded(self.codes[rows], self.table)

    def dense(self, rows: slice | Codes) -> Floats:
        """The features of the rows' codes."""
        return np.asarray(self.table[self.codes[rows]].toarray())


class Numbers:
    """Features that are numbers, one column each."""

    def __init__(self, matrix: Floats) -> None:
        self.matrix = matrix

    @property
    def size(self) -> int:
        """How many columns."""
        return int(self.matrix.shape[1])

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.matrix)

    def scores(self, coefficients: Floats) -> Floats:
        """The columns' sum with these coefficients."""
        return np.asarray(self.matrix @ coefficients)

    def mean(self, weights: Floats) -> Floats:
        """The columns' weighted sums over rows."""
        return np.asarray(weights @ self.matrix)

    def moments(self, weights: Floats) -> tuple[Floats, Floats]:
        """The weighted sums of the columns and of their products, in blocks of rows."""
        total = np.zeros((self.size, self.size))
        for start in range(0, self.rows, _ROWS):
            some = self.matrix[start : start + _ROWS]
            total += (some * weights[start : start + _ROWS, None]).T @ some
        return self.mean(weights), total

    def products(self, coded: Coded, weights: Floats) -> Floats:
        """The weighted sum over rows of every column times every coded feature."""
        return np.stack([coded.mean(weights * column) for column in self.matrix.T])

    def take(self, rows: Codes) -> Numbers:
        """The numbers of some rows."""
        return Numbers(self.matrix[rows])

    def dense(self, rows: slice | Codes) -> Floats:
        """The numbers of some rows."""
        return self.matrix[rows]


Block = Coded | Numbers


class Features:
    """Blocks side by side: what is computed of all features at once."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(_joined(blocks))
        self.size = sum(block.size for block in self.blocks)
        self.rows = self.blocks[0].rows
        ends = np.cumsum([block.size for block in self.blocks])
        self._places = [slice(end - block.size, end) for end, block in zip(ends, self.blocks, strict=True)]

    def scores(self, coefficients: Floats) -> Floats:
        """The features' sum with these coefficients, of every row."""
        parts = [b.scores(coefficients[p]) for b, p in zip(self.blocks, self._places, strict=True)]
        total = parts[0]
        for scores in parts[1:]:
            total += scores
        return total

    def mean(self, weights: Floats) -> Floats:
        """The weighted sum over rows of every feature."""
        return np.concatenate([block.mean(weights) for block in self.blocks])

    def moments(self, weights: Floats) -> tuple[Floats, Floats]:
        """The weighted sums over rows of every feature, and of every product of two."""
        mean, products = np.empty(self.size), np.empty((self.size, self.size))
        coded = [(b, p) for b, p in zip(self.blocks, self._places, strict=True) if isinstance(b, Coded)]
        numbers = [(b, p) for b, p in zip(self.blocks, self._places, strict=True) if isinstance(b, Numbers)]
        counts: dict[int, Floats] = {}
        for i, (one, here) in enumerate(coded):
            for j, (other, there) in enumerate(coded[i + 1 :], i + 1):
                pairs = one.paired(other, weights)
                counts[i], counts[j] = pairs.sum(axis=1), pairs.sum(axis=0)  # no pass of their own
                products[here, there] = (one.table.T @ pairs) @ other.table
                products[there, here] = products[here, there].T
        for i, (one, here) in enumerate(coded):
            mean[here], products[here, here] = one.moments(counts[i] if i in counts else one.counted(weights))
        for block, here in numbers:
            mean[here], products[here, here] = block.moments(weights)
            for one, there in coded:
                products[here, there] = block.products(one, weights)
                products[there, here] = products[here, there].T
        return mean, products

    def independent(self, weights: Floats, target: Floats) -> Floats:
        """The coefficients log t/s of coded features, s their weighted sums; 0 of numbers."""
        out = np.zeros(self.size)
        for block, place in zip(self.blocks, self._places, strict=True):
            if isinstance(block, Coded):
                with np.errstate(divide="ignore", invalid="ignore"):
                    guess = np.log(target[place] / block.mean(weights))
                out[place] = np.where(np.isfinite(guess), guess, 0.0)
        return out

    def take(self, rows: Codes) -> Features:
        """The features of some rows."""
        return Features([block.take(rows) for block in self.blocks])

    def dense(self, rows: slice | Codes) -> Floats:
        """The features of some rows as a matrix."""
        return np.concatenate([block.dense(rows) for block in self.blocks], axis=1)


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """Neighbours of few codes under one, so that k² passes over the rows become a fraction; numbers side by side."""
    out: list[Block] = []
    for block in blocks:
        last = out[-1] if out else None
        if isinstance(block, Coded) and isinstance(last, Coded):
            if last.table.shape[0] * block.table.shape[0] <= _JOINED:
                out[-1] = last.join(block)
                continue
        elif isinstance(block, Numbers) and isinstance(last, Numbers):
            out[-1] = Numbers(np.concatenate([last.matrix, block.matrix], axis=1))
            continue
        out.append(block)
    return out
