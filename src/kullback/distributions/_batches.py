"""Large batches, block by block on all cores: what a formula makes on its way stays in the processor's cache.

Only where values are known and nothing is differentiated; a value comes out the same, to the last bit, as it would from
the whole batch at once, but that of a sum over counts, whose length is set by the largest count of the block.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kullback.arrays._backend import Array, is_torch, quiet
from kullback.arrays._kernels.gaps import lends_memory

from ._family import Family, rebuilt
from ._structure import Structure

# Numbers of a parameter in a block; of matrices, whose products and factors take what there is to do, more.
BLOCK = 1 << 15
BLOCK_OF_MATRICES = 1 << 17
# Vectorised loops do what is left over by other means: a block begins where a whole batch, too, is at a whole vector.
_ALIGNED = 64
# More would wait for each other at the interpreter, which begins every operation of every block.
_MOST_THREADS = 8


def in_blocks(compute: Callable[[Family, Family], Array], p: Family, q: Family) -> Array:
    """Apply a function of two distributions to a batch of them, block by block if it is large."""
    # The parts of a structure are batches of their own.
    if any(isinstance(law, Structure) or not law.given for law in (p, q)):
        return compute(p, q)
    given = [*_with_ndims(p), *_with_ndims(q)]
    numbers = BLOCK if all(ndim < 2 for _, ndim in given) else BLOCK_OF_MATRICES
    if max(math.prod(a.shape) for a, _ in given) < 2 * numbers or not all(lends_memory(a) for a, _ in given):
        return compute(p, q)
    like = given[0][0]
    shape = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    p, q, rows = _in_rows(p, q, shape)
    size = max(_numbers(p), _numbers(q), math.prod(rows)) // max(rows[0], 1)
    step = -(-numbers // (size * _ALIGNED)) * _ALIGNED
    if rows[0] < 2 * step:
        return compute(p, q).reshape(shape)
    out = np.empty(rows)

    def work(block: slice) -> None:
        # What NumPy is told of warnings, a thread is not told by the one that starts it.
        with quiet(p.xp):
            out[block] = compute(_cut(p, rows, block), _cut(q, rows, block))

    blocks = list(_blocks(rows[0], step))
    threads = min(_threads(like), len(blocks), _MOST_THREADS)
    if threads == 1:
        for block in blocks:
            work(block)
    else:
        # A pool of this call alone: one that is kept would not live through a fork.
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(work, blocks):
                pass
    value = out.reshape(shape)
    return sys.modules["torch"].from_numpy(value) if is_torch(like) else value


def _threads(like: Array) -> int:
    """As many as the processor has cores for us, or as torch is told to use."""
    if is_torch(like):
        return int(sys.modules["torch"].get_num_threads())
    cores: int = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores


def _in_rows(p: Family, q: Family, shape: tuple[int, ...]) -> tuple[Family, Family, tuple[int, ...]]:
    """Both as batches of one dimension where each parameter has one value, or one for each of the batch."""
    size = math.prod(shape)

    def whole(batch: tuple[int, ...]) -> bool:
        return batch == shape or math.prod(batch) == 1

    if not all(whole(a.shape[: a.ndim - n]) for law in (p, q) for a, n in _with_ndims(law)):
        return p, q, shape

    def flat(a: Array, ndim: int) -> Array:
        batch, event = a.shape[: a.ndim - ndim], a.shape[a.ndim - ndim :]
        return a.reshape((size, *event) if batch == shape else event)

    return _changed(p, flat), _changed(q, flat), (size,)


def _with_ndims(law: Family) -> list[tuple[Array, int]]:
    return [(a, law.parameters[name].rule.event_ndim) for name, a in law.given.items()]


def _numbers(law: Family) -> int:
    return max(int(math.prod(a.shape)) for a in law.given.values())


def _blocks(length: int, step: int) -> Iterator[slice]:
    """Blocks of a step, the last one up to half longer, or shorter."""
    starts = range(0, max(length - step // 2, 1), step)
    for start in starts:
        yield slice(start, length if start == starts[-1] else start + step)


def _cut(law: Family, rows: tuple[int, ...], block: slice) -> Family:
    """Return the distributions of some rows; a parameter with fewer dimensions, or one value, is that of all rows."""

    def cut(a: Array, ndim: int) -> Array:
        return a[block] if a.ndim - ndim == len(rows) and a.shape[0] == rows[0] else a

    return _changed(law, cut)


def _changed(law: Family, change: Callable[[Array, int], Array]) -> Family:
    changed = rebuilt(law, law.xp, law.dtype, change, lambda part: part)
    # What is known of a normal law beside its parameters, and would be computed anew.
    factor = vars(law).get("known_factor")
    if factor is not None and factor.shape == law.covariance_matrix.shape:  # type: ignore[attr-defined]
        object.__setattr__(changed, "known_factor", change(factor, 2))
    return changed
