"""The rows to be weighted, as named columns: frames row by row, larger tables as cells that an engine counts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from kullback._core.errors import InputError, InputTypeError
from kullback._core.extras import require
from kullback._core.text import quoted
from kullback.samples.reading import is_sample
from kullback.tables.frames import as_arrow
from kullback.tables.reading import readable
from kullback.tables.sources import opened

from .features import Codes, Floats

_WEIGHT = "kullback weight"
_CELLS = 20_000_000  # more are no cells, but rows
_BOTH = "the source"


@dataclass(frozen=True)
class Rows:
    """Columns of equal length and the base weight of every row, not negative.

    Parameters
    ----------
    columns : mapping of str to array or pyarrow.ChunkedArray
        By name.
    base : array of shape (n,)
        Base weights; for cells, their sums.
    squares : array of shape (n,)
        Their squares; for cells, the sums of the rows' squares.
    counted : int
        Rows behind the cells; n where rows are rows.
    cells : pyarrow.Table or None
        The distinct values, where the rows are cells.
    """

    columns: Mapping[str, Any]
    base: Floats
    counted: int
    squares: Floats
    cells: Any = None

    def column(self, name: str) -> Any:
        """A column, or an error that says which there are."""
        if name not in self.columns:
            there = ", ".join(quoted(c) for c in list(self.columns)[:12])
            raise InputError(f"the source has no column {quoted(name)}; it has {there}")
        return self.columns[name]

    def codes(self, name: str, levels: Sequence[Any]) -> Codes:
        """The place of every row's value among the levels, −1 where it is none of them."""
        arrow = require("pyarrow", extra="tables", purpose="match margins")
        column = self.column(name)
        if not isinstance(column, arrow.Array | arrow.ChunkedArray):
            with _told(f"the values of {quoted(name)} cannot be levels"):
                column = arrow.array(column.astype(np.float32) if column.dtype == np.float16 else column)
        with _told(f"the levels of {quoted(name)}, {_listed(levels)}, are not of the column's type {column.type}"):
            column, wanted = _alike(arrow, column, levels)
            places = arrow.compute.index_in(column, value_set=wanted)
        return np.asarray(places.fill_null(-1).to_numpy() if places.null_count else places.to_numpy())

    def value(self, name: str, row: int) -> Any:
        """One value, for messages."""
        value = self.column(name)[row]
        return value.as_py() if hasattr(value, "as_py") else value

    def numbers(self, name: str) -> Floats:
        """A column as floats."""
        column = self.column(name)
        if "decimal" in str(getattr(column, "type", "")):
            column = column.cast("float64")
        if hasattr(column, "null_count") and column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise InputError(f"{quoted(name)} has {column.null_count} nulls, the first at row {row}: fill or drop them")
        values = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
        if values.dtype.kind not in "fiub":
            raise InputError(
                f"the mean of {quoted(name)} cannot be matched: its values are no numbers, but {values.dtype}"
            )
        return finite(values.astype(float), quoted(name))


def read_rows(source: Any, columns: Sequence[str], base_weights: Any, name: str = "base_weights") -> Rows:
    """Read the columns that the target speaks of.

    Parameters
    ----------
    source : frame, dict of arrays, array, path or Ibis table
        Paths and Ibis tables are counted by the engine, one cell for all rows alike.
    columns : sequence of str
        The columns wanted.
    base_weights : array, str or None
        One weight a row, or the column that holds them.
    name : str
        What to call these weights in messages.
    """
    if isinstance(source, np.ndarray) or hasattr(source, "detach"):
        matrix = as_matrix(source, "source")
        named = {str(i): matrix[:, i] for i in range(matrix.shape[1])}
        return _of_rows(named, base_weights, len(matrix), name)
    if isinstance(source, str | os.PathLike) or type(source).__module__.startswith("ibis"):
        return _counted(source, columns, base_weights)
    if isinstance(source, Mapping):
        held: dict[str, Any] = {str(name): np.asarray(values) for name, values in source.items()}
        odd = [name for name, values in held.items() if values.ndim != 1]
        if odd:
            raise InputError(
                f"column {quoted(odd[0])} of the source must hold one value a row; its shape is {held[odd[0]].shape}"
            )
        sizes = {name: len(values) for name, values in held.items()}
        if len(set(sizes.values())) > 1:
            raise InputError(f"the columns of the source differ in length: {sizes}")
    elif is_sample(source) or type(source).__module__.split(".")[0] in ("polars", "pyarrow"):
        table, _ = as_arrow(source, _BOTH)
        held = {name: table[name] for name in table.column_names}
    else:
        raise InputTypeError(
            "source must be an array, a dict of arrays, a pandas, Polars or PyArrow table, a path or an Ibis table; "
            f"got {type(source).__name__}"
        )
    count = len(next(iter(held.values()))) if held else 0
    return _of_rows(held, base_weights, count, name)


def _of_rows(held: Mapping[str, Any], base_weights: Any, count: int, name: str) -> Rows:
    base = _base(base_weights, count, held, name)
    return Rows(held, base, count, base * base)


def _alike(arrow: Any, column: Any, levels: Sequence[Any]) -> tuple[Any, Any]:
    """A column and levels of one type; NaN is null, −0 is 0, and a level that the type does not hold is refused."""
    if arrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if arrow.types.is_decimal(column.type):
        column = column.cast("float64")
    named = [None if isinstance(level, float) and level != level else level for level in levels]
    made = arrow.array([level.item() if isinstance(level, np.generic) else level for level in named])
    wanted = made.cast(column.type) if made.type != column.type else made
    if wanted.type != made.type and wanted.cast(made.type) != made:
        raise InputError(f"the levels {_listed(levels)} change when they become {column.type}, the type of the column")
    if arrow.types.is_floating(column.type):
        column = arrow.compute.if_else(arrow.compute.is_nan(column), arrow.scalar(None, column.type), column)
        column, wanted = (arrow.compute.add(values, 0.0) for values in (column, wanted))
    return column, wanted


def as_matrix(values: Any, name: str) -> Floats:
    """An array or tensor of finite numbers with one row a draw."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise InputTypeError(f"{name} must hold numbers, got dtype {values.dtype}")
    if values.ndim not in (1, 2) or not values.size:
        raise InputError(f"{name} must have rows, and one or two dimensions; its shape is {values.shape}")
    return finite(values.astype(float).reshape(len(values), -1), name)


def finite(values: Floats, name: str) -> Floats:
    """The values, or an error that says where one is not finite."""
    odd = ~np.isfinite(values)
    if odd.any():
        at = tuple(int(i) for i in np.argwhere(odd)[0])
        where = f"row {at[0]}" + (f", column {at[1]}" if len(at) > 1 else "")
        raise InputError(f"{name} has {int(odd.sum())} values that are not finite, the first {values[at]} at {where}")
    return values


def _base(weights: Any, count: int, columns: Mapping[str, Any], name: str) -> Floats:
    if not count:
        raise InputError("the source has no rows")
    if weights is None:
        return np.ones(count)
    if isinstance(weights, str):
        if weights not in columns:
            raise InputError(f"the source has no column {quoted(weights)} of base weights")
        weights = columns[weights]
    matrix = as_matrix(weights.to_numpy() if hasattr(weights, "to_numpy") else weights, name)
    if matrix.shape != (count, 1):
        found = " × ".join(map(str, matrix.shape)) if matrix.shape[1] > 1 else len(matrix)
        raise InputError(f"{name} has {found} entries for {count} rows")
    return positive(matrix[:, 0], name)


def positive(weights: Floats, name: str) -> Floats:
    """Weights, or an error that says which is negative or that all are 0."""
    if weights.min() < 0:
        row = int(np.argmin(weights))
        raise InputError(
            f"{name} has {int((weights < 0).sum())} negative entries, such as {weights[row]:g} at row {row}"
        )
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise InputError(f"{name} are too large for their sum: divide them by {weights.max():g}")
    if weights.max() == 0:
        raise InputError(f"{name} is 0 in every row")
    return weights


def _counted(source: Any, columns: Sequence[str], base_weights: Any) -> Rows:
    """Let the engine group the rows by the columns wanted: what is large stays there."""
    if base_weights is not None and not isinstance(base_weights, str):
        raise InputTypeError("base_weights of a table on disk or on an engine must be the name of its column")
    with opened(source, source) as (table, _):
        rows = table.table
        for name in [*columns, *([base_weights] if base_weights else [])]:
            if name not in rows.columns:
                there = ", ".join(quoted(c) for c in rows.columns[:12])
                raise InputError(f"the source has no column {quoted(name)}; it has {there}")
        with readable(_BOTH):
            weight = rows[base_weights].cast("float64") if base_weights else None
            if weight is not None:
                seen = rows.aggregate(
                    n=rows.count(), known=weight.count(), least=weight.min(), odd=weight.isnan().sum()
                )
                found = seen.to_pyarrow().to_pylist()[0]
                if found["known"] < found["n"] or found["odd"]:
                    raise InputError(f"{quoted(str(base_weights))} has nulls or NaN: give every row a base weight")
                if found["least"] is not None and found["least"] < 0:
                    raise InputError(f"{quoted(str(base_weights))} has negative values, such as {found['least']:g}")
            count = rows.count()
            sums = {_WEIGHT: weight.sum() if weight is not None else count.cast("float64"), f"{_WEIGHT}s": count}
            sums[f"{_WEIGHT} squares"] = (weight * weight).sum() if weight is not None else count.cast("float64")
            grouped = rows.group_by(list(columns)).aggregate(**sums)
            if int(grouped.count().to_pyarrow().as_py()) > _CELLS:
                raise InputError(
                    f"the columns {_listed(columns)} have more than {_CELLS} different rows: bin them, or sample the "
                    "source"
                )
            cells = grouped.to_pyarrow()
    if not len(cells):
        raise InputError("the source has no rows")
    base = positive(cells[_WEIGHT].to_numpy().astype(float), str(base_weights))
    total = int(cells[f"{_WEIGHT}s"].to_numpy().sum())
    squares = cells[f"{_WEIGHT} squares"].to_numpy().astype(float)
    cells = cells.select(list(columns))
    return Rows({name: cells[name] for name in columns}, base, total, squares, cells)


@contextmanager
def _told(message: str) -> Iterator[None]:
    """Turn Arrow's refusal into one sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if not (
            type(error).__module__.startswith("pyarrow") or isinstance(error, OverflowError | TypeError | ValueError)
        ):
            raise
        raise InputError(f"{message}: {error}") from error


def _listed(values: Sequence[Any]) -> str:
    shown = ", ".join(quoted(str(value)) for value in list(values)[:6])
    return shown + (", …" if len(values) > 6 else "")
