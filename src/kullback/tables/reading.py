"""What every way of reading a table shares: errors in one sentence, and columns that engines mix up or drop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kullback._core.errors import KullbackError, TableError
from kullback._core.text import cut


@contextmanager
def readable(role: str) -> Iterator[None]:
    """Turn an engine's error into one sentence that says which table could not be read."""
    try:
        yield
    except KullbackError:
        raise
    except Exception as error:
        if type(error).__name__ == "InterruptException":  # how DuckDB says Ctrl-C
            raise KeyboardInterrupt from error
        # Engines raise their own classes (duckdb.Error, pyarrow.ArrowInvalid, OSError, ...): any of them means
        # that the table is not readable as it stands, and the original stays attached as the cause.
        raise TableError(f"{role} cannot be read: {_first_sentence(error)}") from error


def refuse_duplicates(names: Sequence[str], where: str) -> None:
    """Refuse names that are equal to the engine, which does not look at their case."""
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.get(name.casefold())
        if twin is not None:
            alike = f"more than one column named {name!r}" if twin == name else f"columns named {twin!r} and {name!r}"
            raise TableError(f"{where} has {alike}: rename all but one")
        seen[name.casefold()] = name


def refuse_other_columns(first: Sequence[str], names: Sequence[str], path: str, where: str) -> None:
    """Refuse a file of a glob whose columns are not those of the first."""
    other = sorted(set(first) ^ set(names))
    if other:
        has, file = ("has" if other[0] in names else "lacks"), Path(path).name
        raise TableError(f"{where} cannot be read as one table: {file} {has} the column {other[0]!r}, unlike the first")


def _first_sentence(error: BaseException) -> str:
    """Shorten an engine's message to its first lines, which say what and where."""
    lines = [line.strip().rstrip(".") for line in str(error).strip().splitlines() if line.strip()]
    advice = next((i for i, line in enumerate(lines) if line.startswith(("Possible", "LINE", "The search"))), None)
    text = "; ".join(lines[:advice][:4]) or type(error).__name__
    return cut(re.sub(r"^(?:\w+ )*(?:Error|Exception): ", "", text), 400)
