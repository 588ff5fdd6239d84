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
from .reading import readable
from .schema import Column
from .sources import ibis

SAMPLE_ROWS = 20_000
NAMED_LEVELS = 20_000  # levels with at least this fraction of the rows keep their name, the rest only their counts
CHUNK = 16  # columns in one query
_SEED = 20_111  # the sample chooses bins: the same tables always get the same

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Side:
    """One table as the plan sees it: rows, and the sums that turn weights into an effective number of rows.

    `weights` is the expression of a row's weight as a share of the largest, or None where rows count alike.
    """

    table: Any
    rows: int
    weights: Any = None
    weight: float = 0.0
    weight_squares: float = 0.0

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
        rows = int(table.count().to_pyarrow().as_py())
        if weights is None:
            return Side(table, rows, weight=float(rows), weight_squares=float(rows))
        return _weigh(table, rows, role, weights)


def _weigh(table: Any, rows: int, role: str, weights: str) -> Side:
    where = f"{role}'s weights column {quoted(weights)}"
    if weights not in table.columns:
        raise InputError(f"{role} has no weights column {quoted(weights)}")
    if not table[weights].type().is_numeric():
        raise InputError(f"{where} holds {table[weights].type()}, not numbers")
    if not rows:
        return Side(table, 0)
    w = table[weights].cast("float64")
    seen = table.aggregate(known=w.count(), odd=(w.isnan() | w.isinf()).sum(), least=w.min(), most=w.max())
    found = seen.to_pyarrow().to_pylist()[0]
    if found["known"] < rows:
        raise InputError(f"{where} has {rows - found['known']} nulls: give every row a weight")
    if found["odd"]:
        raise InputError(f"{where} has {found['odd']} values that are NaN or infinite")
    if found["least"] < 0:
        raise InputError(f"{where} has negative values, such as {found['least']:g}: weights must be at least 0")
    if found["most"] == 0:
        raise InputError(f"{where} is 0 in every row")
    share = w / found["most"]  # squares of weights as they are might overflow
    sums = table.aggregate(weight=share.sum(), squares=(share * share).sum()).to_pyarrow().to_pylist()[0]
    return Side(table, rows, share, sums["weight"], sums["squares"])


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
    progress: Progress,
) -> dict[str, Tally]:
    """Count every column of both tables, some columns a query: each column is read once."""
    tallies: dict[str, Tally] = {}
    for start in range(0, len(columns), CHUNK):
        chunk = columns[start : start + CHUNK]
        branches = []
        for i, column in enumerate(chunk):
            both = _stack(reference, current, column)
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


def _stack(reference: Side, current: Side, column: Column) -> Any:
    """One column of both tables; `side` is 1 for rows of the current one, `w` the weight of a row.

    Every column is stacked on its own: a stack of all of them, used by every branch, would be materialised.
    """

    def rows(side: Side, is_current: int) -> Any:
        w = {} if side.weights is None else {"w": side.weights}
        mark = ibis().literal(is_current, "int32").cast("int8")
        return side.table.select(key=column.kind.key(side.table[column.name]), side=mark, **w)

    return rows(current, 1).union(rows(reference, 0))


def _count_bins(both: Any, i: int, bins: Bins) -> Any:
    # Narrow keys: engines address few groups directly.
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
        code=code.cast("int16"),
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
