"""Tables for the tests, and one list of the ways to hand a table over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq


def mixed(n: int, seed: int, shift: float = 0.0) -> pa.Table:
    """A small table of every common kind; `shift` moves the number and the text."""
    rng = np.random.default_rng(seed)
    day = np.datetime64("2026-01-01") + rng.integers(0, 60, size=n)
    return pa.table(
        {
            "number": pa.array(rng.normal(shift, 1, size=n), mask=rng.random(n) < 0.05),
            "count": rng.poisson(3, size=n),
            "text": rng.choice(["a", "b", "c", "d"], size=n, p=np.array([0.4 + shift / 5, 0.3, 0.2, 0.1 - shift / 5])),
            "flag": rng.random(n) < 0.3,
            "when": day.astype("datetime64[us]") + rng.integers(0, 86_400_000_000, size=n),
        }
    )


def unchanged(seed: int, rows: int = 1500) -> tuple[pa.Table, pa.Table]:
    """Two tables of 100 columns of assorted shapes, drawn from the same distributions."""
    rng = np.random.default_rng(seed)
    levels = np.array([f"v{i}" for i in range(200)])
    share = 1 / np.arange(1, 201)
    share /= share.sum()

    def table() -> pa.Table:
        columns: dict[str, Any] = {f"f{i}": rng.standard_t(3, size=rows) for i in range(40)}
        columns |= {f"z{i}": np.where(rng.random(rows) < 0.4, 0, rng.gamma(2, size=rows)) for i in range(20)}
        columns |= {f"i{i}": rng.poisson(4, size=rows) for i in range(20)}
        columns |= {f"t{i}": rng.choice(levels, size=rows, p=share) for i in range(20)}
        return pa.table(columns)

    return table(), table()


def _parquet(table: pa.Table, folder: Path, name: str) -> Any:
    path = folder / f"{name}.parquet"
    pq.write_table(table, path, row_group_size=500)
    return path


def _parquet_glob(table: pa.Table, folder: Path, name: str) -> Any:
    half = len(table) // 2
    pq.write_table(table[:half], folder / f"{name}-part-0.parquet")
    pq.write_table(table[half:], folder / f"{name}-part-1.parquet")
    return str(folder / f"{name}-part-*.parquet")


def _csv(table: pa.Table, folder: Path, name: str) -> Any:
    path = folder / f"{name}.csv"
    pyarrow.csv.write_csv(table, path)
    return path


def _json(table: pa.Table, folder: Path, name: str) -> Any:
    path = folder / f"{name}.jsonl"
    frame = table.to_pandas()
    frame.assign(when=frame["when"].astype(str)).to_json(path, orient="records", lines=True, double_precision=15)
    return path


def _arrow(table: pa.Table, folder: Path, name: str) -> Any:
    path = folder / f"{name}.arrow"
    pyarrow.feather.write_feather(table, path)
    return path


def _pandas(table: pa.Table, folder: Path, name: str) -> pd.DataFrame:
    return table.to_pandas()


def _polars(table: pa.Table, folder: Path, name: str) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


SOURCES: dict[str, Callable[[pa.Table, Path, str], Any]] = {
    "parquet": _parquet,
    "parquet glob": _parquet_glob,
    "csv": _csv,
    "json": _json,
    "arrow": _arrow,
    "pandas": _pandas,
    "polars": _polars,
    "polars lazy": lambda table, folder, name: _polars(table, folder, name).lazy(),
    "pyarrow": lambda table, folder, name: table,
    "ibis": lambda table, folder, name: ibis.memtable(table),
}
