"""CSV files: read by the engine, with the two faults named that it hides or words badly."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from kullback._core.errors import TableError

from .reading import refuse_duplicates, refuse_other_columns

_DELIMITERS = (",", ";", "\t", "|")
_LINES_SEARCHED = 200_000


def read_csv(paths: Sequence[str], engine: Any, where: str) -> Any:
    """Read CSV files.

    DuckDB renames the second column of one name, and where rows differ in length it either sees a single column or
    lists what it tried: both are looked for in the text itself.

    Raises
    ------
    TableError
        If two columns have one name, or a row is longer or shorter than the header.
    """
    delimiter, names = _header(paths[0])
    for path in paths[1:]:
        refuse_other_columns(names, _header(path)[1], path, where)
    try:
        table = engine.read_csv(list(paths))
    except Exception:
        _refuse_ragged(paths, delimiter, len(names), where)
        raise
    if len(table.columns) != len(names):
        _refuse_ragged(paths, delimiter, len(names), where)
    if names and names[0] == table.columns[0]:
        refuse_duplicates(names, where)
    return table


def _open(path: str) -> TextIO:
    if path.lower().endswith(".gz"):
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig", errors="replace")
    return Path(path).open(newline="", encoding="utf-8-sig", errors="replace")


def _header(path: str) -> tuple[str, list[str]]:
    with _open(path) as file:
        line = file.readline()
        delimiter = max(_DELIMITERS, key=line.count)
        file.seek(0)
        return delimiter, next(csv.reader(file, delimiter=delimiter), [])


def _refuse_ragged(paths: Sequence[str], delimiter: str, width: int, where: str) -> None:
    for path in paths:
        with _open(path) as file:
            reader = csv.reader(file, delimiter=delimiter)
            for _, row in zip(range(_LINES_SEARCHED), reader, strict=False):
                if row and len(row) != width:
                    raise TableError(
                        f"{where} cannot be read: line {reader.line_num} of {Path(path).name} has {len(row)} fields"
                        f" where the header has {width}"
                    )
