"""The result of comparing two tables: a divergence per column, ranked, with what was found on the way."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kullback._core import late
from kullback._core.divergence import Divergence
from kullback._core.errors import InputError
from kullback._core.text import cut
from kullback._core.units import BITS_PER_NAT, bits, percent, shown

from .column import ColumnDivergence

if TYPE_CHECKING:
    from rich.console import Group

SCHEMA_VERSION = 1
_SHOWN = 60  # columns that a terminal or a notebook shows


@dataclass(frozen=True)
class Comparison:
    """How far the current table is from the reference, column by column.

    Attributes
    ----------
    columns : mapping of str to ColumnDivergence
        D(current‖reference) of every column that was compared: the extra bits per row when current data are coded
        with a model of the reference.
    findings : tuple of str
        Whole sentences on schema, types, unseen values and emptiness.
    reference, current : str
        Names of the tables.
    reference_rows, current_rows : int
        Their rows.
    confidence : float
        Coverage of the intervals; 1 − confidence is the level of the alarms.
    """

    columns: Mapping[str, ColumnDivergence]
    findings: tuple[str, ...]
    reference: str
    current: str
    reference_rows: int
    current_rows: int
    confidence: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.findings, self.reference, self.current, self.reference_rows, self.current_rows)
        return type(self), (dict(self.columns), *fields, self.confidence)

    def ranked(self) -> list[ColumnDivergence]:
        """Return the columns: those that changed beyond chance first, then by the lower end of their interval."""
        alarms = set(self.alarms)

        def rank(d: ColumnDivergence) -> tuple[bool, float, float]:
            low = d.interval[0] if d.interval else 0.0
            return d.column not in alarms, -low, -d.value

        return sorted(self.columns.values(), key=rank)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Columns that changed, the false discovery rate held at 1 − confidence (Benjamini & Hochberg 1995)."""
        level = 1 - self.confidence
        return tuple(name for name, d in self.columns.items() if d.adjusted_p_value <= level)

    def above(self, gate: float) -> list[ColumnDivergence]:
        """Return the columns that lie above `gate` bits even at the lower end of their interval.

        Raises
        ------
        InputError
            If the gate is negative or not a number.
        """
        if not gate >= 0:
            raise InputError(f"the gate must be at least 0 bits, got {gate}")
        return [d for d in self.ranked() if d.interval and d.interval[0] * BITS_PER_NAT > gate]

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold, columns ranked."""
        return {
            "schema_version": SCHEMA_VERSION,
            "reference": {"name": self.reference, "rows": self.reference_rows},
            "current": {"name": self.current, "rows": self.current_rows},
            "direction": "D(current‖reference)",
            "confidence": self.confidence,
            "alarms": list(self.alarms),
            "findings": list(self.findings),
            "columns": [d.to_dict() for d in self.ranked()],
        }

    def to_html(self) -> str:
        """Return the report as one self-contained HTML page."""
        page: str = late.use("page of a comparison")(self)
        return page

    @property
    def summary(self) -> str:
        """One sentence: how many columns changed."""
        moved, total = len(self.alarms), len(self.columns)
        if not total:
            return "No column could be compared."
        if not moved:
            return f"None of {total} columns changed beyond chance."
        return f"{moved} of {total} columns changed beyond chance."

    def _rows(self) -> list[tuple[str, str, str, str, str, str]]:
        alarms = set(self.alarms)
        return [
            (
                "●" if d.column in alarms else "",
                cut(d.column, 40),
                d.kind,
                shown(d.bits, 3),
                interval_text(d),
                f"{d.adjusted_p_value:.2g}",
            )
            for d in self.ranked()[:_SHOWN]
        ]

    def __repr__(self) -> str:
        return (
            f"Comparison({cut(self.current, 40)!r} against {cut(self.reference, 40)!r}:"
            f" {len(self.columns)} columns, {len(self.alarms)} changed, {len(self.findings)} findings)"
        )

    def __rich__(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(title=None, box=None, pad_edge=False, header_style="bold")
        table.add_column("")
        table.add_column("column", overflow="fold")
        table.add_column("kind")
        for heading in ("bits", f"{percent(self.confidence)} interval", "adjusted p"):
            table.add_column(heading, justify="right")
        for row in self._rows():
            style = "bold" if row[0] else "dim"
            table.add_row(*(Text(cell, style=style) for cell in row))
        lines: list[Any] = [
            Text(f"D(current‖reference), extra bits per row. {self.summary}"),
            Text(f"current   {cut(self.current)}: {self.current_rows:,} rows", style="dim"),
            Text(f"reference {cut(self.reference)}: {self.reference_rows:,} rows", style="dim"),
        ]
        if self.columns:
            lines.append(table)
        if len(self.columns) > _SHOWN:
            lines.append(Text(f"… and {len(self.columns) - _SHOWN} more columns", style="dim"))
        lines.extend(Text(f"! {finding}", style="yellow") for finding in self.findings)
        return Group(*lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("", "column", "kind", "bits", "interval", "adjusted p"))
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows()
        )
        notes = "".join(f"<li>{html.escape(finding)}</li>" for finding in self.findings)
        return f"<p>{html.escape(self.summary)}</p><table><tr>{head}</tr>{rows}</table><ul>{notes}</ul>"


def interval_text(d: Divergence) -> str:
    """Write an interval in bits, as people read it."""
    if d.interval is None:
        return ""
    low, high = (bits(end) for end in d.interval)
    return f"≥ {shown(low, 3)}" if high == float("inf") else f"{shown(low, 3)} – {shown(high, 3)}"
