"""The table pair of the benchmark: 2,000,000 x 50 by default, made from a seed, eight columns moved.

30 floats of assorted shapes (normal, lognormal, heavy-tailed, zero-inflated, bounded, rounded, with nulls and NaN),
10 integers, 8 text columns of 5 to 5,000 levels, 2 booleans. `MOVED` names the eight columns that differ, and how.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MOVED = {
    "f00": "mean shifted by 0.1 standard deviations",
    "f05": "standard deviation 10% larger",
    "f11": "nulls from 5% to 8%",
    "f17": "zero share from 30% to 34%",
    "f23": "a second mode holding 2%",
    "i02": "mean from 4.0 to 4.3",
    "t03": "the three commonest of 100 levels lose a fifth of their share",
    "b01": "true from 20% to 22%",
}
LEVELS = (5, 10, 50, 100, 500, 1000, 2000, 5000)


def _floats(j: int, n: int, rng: np.random.Generator, moved: bool) -> pa.Array:
    shape = j % 6
    if shape == 0:
        x = rng.normal(size=n) + (0.1 if moved and j == 0 else 0.0)
    elif shape == 1:
        x = np.exp(rng.normal(0, 1 + 0.2 * (j // 6), size=n))
    elif shape == 2:
        x = rng.standard_t(2.5, size=n) * 10.0**j
    elif shape == 3:
        x = rng.beta(0.5, 3, size=n)
    elif shape == 4:
        x = np.round(rng.normal(50, 12, size=n), 1)
    else:
        share = 0.34 if moved and j == 17 else 0.30
        x = np.where(rng.random(n) < share, 0.0, rng.gamma(2.0, 3.0, size=n))
    if moved and j == 5:
        x = x * 1.1
    if j == 23 and moved:
        x = np.where(rng.random(n) < 0.02, rng.normal(25, 1, size=n), x)
    if j % 10 == 7:
        x[rng.random(n) < 0.01] = np.nan
    nulls = 0.05 if j % 3 == 2 else 0.0
    if j == 11 and moved:
        nulls = 0.08
    return pa.array(x, mask=rng.random(n) < nulls if nulls else None)


def _integers(j: int, n: int, rng: np.random.Generator, moved: bool) -> pa.Array:
    if j == 0:
        return pa.array(rng.integers(0, 10**9, size=n))
    if j < 6:
        return pa.array(rng.poisson(4.3 if moved and j == 2 else 2.0 + j, size=n))
    if j < 8:
        return pa.array(rng.integers(0, 24, size=n).astype("int8"))
    return pa.array((rng.lognormal(8, 2, size=n)).astype("int64"), mask=rng.random(n) < 0.1)


def _text(j: int, n: int, rng: np.random.Generator, moved: bool) -> pa.Array:
    k = LEVELS[j]
    share = 1.0 / np.arange(1, k + 1) ** (0.0 if j == 7 else 1.0)
    if j == 3 and moved:
        share[:3] *= 0.8
    levels = pa.array([f"level-{j}-{i:05d}" for i in range(k)])
    codes = rng.choice(k, size=n, p=share / share.sum()).astype("int32")
    return pa.DictionaryArray.from_arrays(pa.array(codes), levels).cast(pa.string())


def _booleans(j: int, n: int, rng: np.random.Generator, moved: bool) -> pa.Array:
    return pa.array(rng.random(n) < (0.22 if moved and j == 1 else 0.20))


def batches(rows: int, seed: int, moved: bool, chunk: int = 250_000):
    """Yield the table in record batches of at most `chunk` rows."""
    rng = np.random.default_rng(seed)
    makers = [("f", 30, _floats), ("i", 10, _integers), ("t", 8, _text), ("b", 2, _booleans)]
    for start in range(0, rows, chunk):
        n = min(chunk, rows - start)
        columns = {f"{kind}{j:02d}": make(j, n, rng, moved) for kind, count, make in makers for j in range(count)}
        yield pa.RecordBatch.from_pydict(columns)


def write(folder: Path, rows: int = 2_000_000) -> tuple[Path, Path]:
    """Write reference.parquet and current.parquet into `folder` unless they are there, and return their paths."""
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed, moved in (("reference", 1, False), ("current", 2, True)):
        path = folder / f"{name}-{rows}.parquet"
        paths.append(path)
        if path.exists():
            continue
        writer = None
        for batch in batches(rows, seed, moved):
            writer = writer or pq.ParquetWriter(path, batch.schema)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()
    return paths[0], paths[1]
