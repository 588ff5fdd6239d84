"""`compare`: how far the current table is from the reference, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from kullback._core.errors import InputError, TableError
from kullback._core.text import quoted

from .binning import Bins, choose_bins
from .column import ColumnDivergence, measure_column
from .comparison import Comparison
from .plan import Progress, Side, count_columns, draw_sample, measure_side
from .schema import Column, pair_columns
from .significance import benjamini_hochberg
from .sources import name_of, opened

_SHARE_OF_NOTE = 0.001  # unseen values that hold less than this share of the rows make no finding


def compare(
    reference: Any,
    current: Any,
    *,
    columns: Sequence[str] | None = None,
    weights: str | None = None,
    bins: int = 20,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two tables: D(current‖reference) for every column, with its error, its test and its parts.

    Parameters
    ----------
    reference, current : path, data frame or Ibis table
        A Parquet, CSV, JSON-lines or Arrow path or glob, a pandas, Polars or PyArrow table, or an Ibis table. Files
        and frames are read by DuckDB in this process, out of core; Ibis tables stay on their engine.
    columns : sequence of str, optional
        Columns to compare; by default all that both tables have.
    weights : str, optional
        A column of row weights, in both tables; at least 0. Intervals and tests use the effective number of rows
        (Σw)²/Σw² (Kish 1965, Survey Sampling), and rare values are compared as one.
    bins : int, default 20
        Bins of equal reference share for numbers and moments, at the most (about the square root of the rows of a
        small table); tails, nulls, NaN and repeated values have bins of their own on top.
    confidence : float, default 0.95
        Coverage of the intervals; alarms hold the false discovery rate at 1 − confidence.
    progress : callable, optional
        Called with the number of columns done and their total.

    Returns
    -------
    Comparison
        A `ColumnDivergence` per column (values in nats), and findings in whole sentences.

    Raises
    ------
    TableError
        If a table cannot be read.
    InputError
        If an argument is out of its range, a column does not exist, or weights are negative or missing.
    InputTypeError
        If a table is of a kind that is not accepted.

    Notes
    -----
    The divergence is that of the binned values, Σ p log(p/q) over bins or levels, estimated without the bias of
    plug-in shares (`kullback.samples.discrete`). A value that the reference never shows is coded as if it had been
    seen about half a time, and its column then promises only a lower bound.

    Examples
    --------
    >>> import pyarrow as pa
    >>> import kullback as kb
    >>> last = pa.table({"plan": ["free"] * 700 + ["paid"] * 300})
    >>> this = pa.table({"plan": ["free"] * 500 + ["paid"] * 500})
    >>> result = kb.compare(last, this)
    >>> print(f"{result.columns['plan'].bits:.2f} bits")
    0.12 bits
    >>> result.alarms
    ('plan',)
    """
    _check_arguments(columns, bins, confidence)
    measured: dict[str, ColumnDivergence] = {}
    with opened(reference, current) as (one, two):
        paired, findings = pair_columns(one.schema(), two.schema(), wanted=columns, weights=weights)
        sides = _measure(one.table, two.table, weights)
        empty = [role for role, side in zip(("reference", "current table"), sides, strict=True) if not side.rows]
        if empty:
            verb = "is" if len(empty) == 1 else "are"
            findings.insert(0, f"The {' and the '.join(empty)} {verb} empty: nothing was compared.")
        elif paired:
            measured = _columns(*sides, paired, bins, confidence, progress)
    findings.extend(_unseen(measured))
    return Comparison(
        columns=measured,
        findings=tuple(findings),
        reference=name_of(reference, "reference"),
        current=name_of(current, "current"),
        reference_rows=sides[0].rows,
        current_rows=sides[1].rows,
        confidence=confidence,
    )


def _check_arguments(columns: Sequence[str] | None, bins: int, confidence: float) -> None:
    if isinstance(columns, str):
        raise InputError(f"columns must be a sequence of names, got the string {quoted(columns)}")
    if columns is not None and not (columns and all(isinstance(name, str) for name in columns)):
        raise InputError(f"columns must be names, at least one, got {columns!r}")
    if not isinstance(bins, int) or not 2 <= bins <= 100:
        raise InputError(f"bins must be an integer from 2 to 100, got {bins!r}")
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence!r}")


def _measure(reference: Any, current: Any, weights: str | None) -> tuple[Side, Side]:
    sides = measure_side(reference, "reference", weights), measure_side(current, "current", weights)
    for role, side in zip(("reference", "current"), sides, strict=True):
        if side.rows and side.effective < 2:
            few = "1 row" if side.rows == 1 else f"{side.effective:.3g} effective rows"
            raise TableError(f"{role} has {few}: at least 2 are needed")
    return sides


def _columns(
    reference: Side,
    current: Side,
    paired: Sequence[Column],
    bins: int,
    confidence: float,
    progress: Progress | None,
) -> dict[str, ColumnDivergence]:
    lines = [column for column in paired if column.kind.ordered]
    sample = draw_sample(reference, lines)
    fewest = min(reference.effective, current.effective)
    chosen: dict[str, Bins] = {c.name: choose_bins(c.kind, sample[c.name], bins, fewest) for c in lines}
    tallies = count_columns(reference, current, paired, chosen, progress or (lambda done, total: None))
    measured = {
        c.name: measure_column(c, tallies[c.name], chosen.get(c.name), reference, current, confidence) for c in paired
    }
    adjusted = benjamini_hochberg(np.array([d.p_value for d in measured.values()]))
    return {name: d.adjusted(float(p)) for (name, d), p in zip(measured.items(), adjusted, strict=True)}


def _unseen(measured: dict[str, ColumnDivergence]) -> list[str]:
    alarmed = [
        d for d in measured.values() if d.interval and d.interval[1] == float("inf") and d.unseen >= _SHARE_OF_NOTE
    ]
    return [
        f"Column {quoted(d.column)}: {d.unseen:.2%} of the current rows hold values that the reference never shows."
        for d in sorted(alarmed, key=lambda d: -d.unseen)
    ]
