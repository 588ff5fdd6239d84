"""The Ibis plan: rows, weights, a sample for the bins, and the counts of every column of both tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.errors import InputError
from kullback._core.text import quoted

from .binning import NULL, Bins
from .schema import Column
from .sources import ibis, readable

SAMPLE_ROWS = 20_000
NAMED_LEVELS = 20_000  # levels with at least this fraction of the rows keep their name, the rest only their counts
CHUNK = 16  # columns in one query
_SEED = 20_111  # the sample chooses bins: the same tables always get the same

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Side:
    """One table as the plan sees it: rows, and the sums that turn weights into an effective number of rows."""

    table: Any
    rows: int
    weight: float
    weight_squares: float

    @property
    def effective(self) -> float:
        """Rows that would tell as much without weights (Kish 1965): (Σw)² / Σw²."""
        return self.weight**2 / self.weight_squares if self.weight else 0.0


@dataclass(frozen=True)
class Tally:
    """Counts of one column: groups of levels with the same name (or none), and their weight on either side."""

    keys: list[str | int | None]
    current: NDArray[np.float64]
    reference: NDArray[np.float64]
    levels: NDArray[np.float64]


def measure_side(table: Any, role: str, weights: str | None) -> Side:
    """Count rows and check the weights.

    Raises
    ------
    TableError
        If the table cannot be read.
    InputError
        If the weights are missing, not numbers, negative, not finite, or all zero.
    """
    with readable(role):
        if weights is None:
            rows = int(table.count().to_pyarrow().as_py())
            sums = {"rows": rows, "sum": float(rows), "squares": float(rows)}
        else:
            sums = _weigh(table, role, weights)
    return Side(table, int(sums["rows"]), float(sums["sum"] or 0), float(sums["squares"] or 0))


def _weigh(table: Any, role: str, weights: str) -> dict[str, float]:
    if weights not in table.columns:
        raise InputError(f"{role} has no weights column {quoted(weights)}")
    if not table[weights].type().is_numeric():
        raise InputError(f"{role}'s weights column {quoted(weights)} holds {table[weights].type()}, not numbers")
    w = table[weights].cast("float64")
    found = table.aggregate(
        rows=table.count(),
        known=w.count(),
        odd=(w.isnan() | w.isinf()).sum(),
        least=w.min(),
        sum=w.sum(),
        squares=(w * w).sum(),
    ).to_pyarrow()
    row: dict[str, float] = found.to_pylist()[0]
    where = f"{role}'s weights column {quoted(weights)}"
    if row["known"] < row["rows"]:
        raise InputError(f"{where} has {int(row['rows'] - row['known'])} nulls: give every row a weight")
    if row["rows"] and row["odd"]:
        raise InputError(f"{where} has {int(row['odd'])} values that are NaN or infinite")
    if row["rows"] and row["least"] < 0:
        raise InputError(f"{where} has negative values, such as {row['least']:g}: weights must be at least 0")
    if row["rows"] and row["sum"] == 0:
        raise InputError(f"{where} is 0 in every row")
    return row


def draw_sample(side: Side, columns: Sequence[Column]) -> dict[str, NDArray[np.float64]]:
    """Draw the rows of the reference from which bins are chosen; NaN stands for null."""
    if not columns:
        return {}
    table = side.table.select(**{f"c{i}": c.kind.key(side.table[c.name]) for i, c in enumerate(columns)})
    if side.rows > 2 * SAMPLE_ROWS:
        table = table.sample(SAMPLE_ROWS / side.rows, method="row", seed=_SEED)
    with readable("reference"):
        drawn = table.to_pyarrow()
    return {c.name: drawn[f"c{i}"].to_numpy().astype(float) for i, c in enumerate(columns)}


def count_columns(
    reference: Side,
    current: Side,
    columns: Sequence[Column],
    bins: Mapping[str, Bins],
    weights: str | None,
    progress: Progress,
) -> dict[str, Tally]:
    """Count every column of both tables, some columns a query: each column is read once."""
    tallies: dict[str, Tally] = {}
    for start in range(0, len(columns), CHUNK):
        chunk = columns[start : start + CHUNK]
        branches = []
        for i, column in enumerate(chunk):
            both = _stack(reference.table, current.table, column, weights)
            if column.kind.ordered:
                branches.append(_count_bins(both, i, bins[column.name]))
            else:
                branches.append(_count_levels(both, i, reference.rows + current.rows))
        with readable("the tables"):
            counted = ibis().union(*branches).to_pyarrow() if len(branches) > 1 else branches[0].to_pyarrow()
        for i, tally in _split(counted):
            tallies[chunk[i].name] = tally
        progress(min(start + CHUNK, len(columns)), len(columns))
    return tallies


def _stack(reference: Any, current: Any, column: Column, weights: str | None) -> Any:
    """One column of both tables; `side` is 1 for rows of the current one, `w` the weight of a row.

    Every column is stacked on its own: a stack of all of them, used by every branch, would be materialised.
    """

    def side(table: Any, is_current: int) -> Any:
        w = {} if weights is None else {"w": table[weights].cast("float64")}
        return table.select(
            key=column.kind.key(table[column.name]), side=ibis().literal(is_current, "int32").cast("int8"), **w
        )

    return side(current, 1).union(side(reference, 0))


def _count_bins(both: Any, i: int, bins: Bins) -> Any:
    # Both keys fit 8 bits: engines then address the groups directly.
    keys = both.mutate(key=bins.code(both.key, ibis()))
    sides = keys.group_by("key", "side").aggregate(n=_rows(keys))
    codes = sides.group_by("key").aggregate(**_by_side(sides))
    return _result(codes, i, name=ibis().null("string"), code=codes.key, levels=ibis().literal(1, "int64"))


def _count_levels(both: Any, i: int, total: int) -> Any:
    sides = both.group_by("key", "side").aggregate(n=_rows(both), rows=both.count())
    levels = sides.group_by("key").aggregate(**_by_side(sides), rows=sides.rows.sum())
    # Null has no name of its own, so it says so in the code; rare levels are told apart by their counts alone.
    levels = levels.mutate(
        name=ibis().cases((levels.rows >= total / NAMED_LEVELS, levels.key)),
        code=ibis().cases((levels.key.isnull(), ibis().literal(NULL, "int8")), else_=ibis().literal(0, "int8")),
    )
    grouped = levels.group_by("name", "code", "x", "y").aggregate(levels=levels.count())
    return _result(grouped, i, name=grouped.name, code=grouped.code, levels=grouped.levels)


def _rows(table: Any) -> Any:
    """Rows of a group, or their weight."""
    return table.w.sum() if "w" in table.columns else table.count()


def _by_side(sides: Any) -> dict[str, Any]:
    """What a group holds on the current side, and on the reference's."""
    return {"x": (sides.n * sides.side).sum(), "y": (sides.n * (1 - sides.side)).sum()}


def _result(grouped: Any, i: int, *, name: Any, code: Any, levels: Any) -> Any:
    return grouped.select(
        column=ibis().literal(i, "int16"),
        name=name,
        code=code.cast("int8"),
        x=grouped.x.cast("float64"),
        y=grouped.y.cast("float64"),
        levels=levels.cast("int64"),
    )


def _split(counted: Any) -> Iterator[tuple[int, Tally]]:
    column = counted["column"].to_numpy()
    x, y = counted["x"].to_numpy(), counted["y"].to_numpy()
    code, levels = counted["code"].to_pylist(), counted["levels"].to_numpy().astype(float)
    names = counted["name"].to_pylist()
    for i in np.unique(column):
        rows = np.flatnonzero(column == i)
        keys = [names[r] if names[r] is not None else int(code[r]) for r in rows]
        yield int(i), Tally(keys, x[rows], y[rows], levels[rows])
