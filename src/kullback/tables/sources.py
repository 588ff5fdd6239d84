"""Where tables come from: files, data frames and Ibis tables, opened on one engine."""

from __future__ import annotations

import glob
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullback._core.errors import TableError
from kullback._core.extras import require

from .csvfiles import read_csv
from .frames import as_arrow
from .reading import readable, refuse_duplicates, refuse_other_columns

_READERS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".csv.gz": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def ibis() -> Any:
    """Import Ibis, or say what to install."""
    return require("ibis", extra="tables", purpose="read tables")


@dataclass(frozen=True)
class Opened:
    """A table on its engine, and the types of the columns that the engine does not hold."""

    table: Any
    refused: Mapping[str, str]

    def schema(self) -> dict[str, Any]:
        """Return every column's type: Ibis's, or the name of one that the engine does not hold."""
        return dict(self.table.schema().items()) | dict(self.refused)


@contextmanager
def opened(reference: Any, current: Any) -> Iterator[tuple[Opened, Opened]]:
    """Open two tables on one engine, and leave nothing behind.

    The engine is that of an Ibis table among them, else DuckDB in this process.

    Raises
    ------
    TableError
        If a table cannot be read, or the two live on different engines.
    InputTypeError
        If an argument is of a kind that is not a table.
    """
    engines = [t.get_backend() for t in (reference, current) if _is_ibis(t)]
    if len(engines) == 2 and engines[0] is not engines[1]:
        raise TableError(
            f"the reference lives on {engines[0].name} and the current table on another {engines[1].name} connection:"
            " bring both to one connection"
        )
    with ExitStack() as after:
        engine = engines[0] if engines else after.enter_context(_embedded())
        tables = [_open(t, role, engine, after) for t, role in ((reference, "reference"), (current, "current"))]
        after.enter_context(_honest_statistics(engine))
        yield tables[0], tables[1]


def name_of(source: Any, fallback: str) -> str:
    """Return a short name for a table, for people to read."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if _is_ibis(source) and isinstance(source.op(), ibis().expr.operations.DatabaseTable):
        return str(source.get_name())
    return fallback


@contextmanager
def _honest_statistics(engine: Any) -> Iterator[None]:
    """Keep DuckDB from concluding from Parquet's minima and maxima, which leave NaN out, that a column has none."""
    if engine.name != "duckdb":
        yield
        return
    before = engine.con.execute("SELECT current_setting('disabled_optimizers')").fetchone()[0]
    settings = [s for s in (before or "").split(",") if s]
    wanted = ",".join(dict.fromkeys([*settings, "statistics_propagation"]))
    engine.con.execute(f"SET disabled_optimizers = '{wanted}'")
    try:
        yield
    finally:
        engine.con.execute(f"SET disabled_optimizers = '{before or ''}'")


def _is_ibis(source: Any) -> bool:
    module = sys.modules.get("ibis")
    return module is not None and isinstance(source, module.Table)


@contextmanager
def _embedded() -> Iterator[Any]:
    """DuckDB in this process; what does not fit in memory goes to a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="kullback-", ignore_cleanup_errors=True) as folder:
        engine = ibis().duckdb.connect(temp_directory=folder)
        try:
            yield engine
        finally:
            engine.disconnect()


def _open(source: Any, role: str, engine: Any, after: ExitStack) -> Opened:
    refused: dict[str, str] = {}
    if _is_ibis(source):
        table = source
    elif isinstance(source, (str, os.PathLike)):
        table = _open_files(os.fspath(source), role, engine, after)
    else:
        frame, refused = as_arrow(source, role)
        table = _lend(frame, role, engine, after)
    return Opened(table, refused)


def _lend(arrow: Any, role: str, engine: Any, after: ExitStack) -> Any:
    """Show an Arrow table to the engine without copying it, for as long as it is needed."""
    if engine.name != "duckdb":
        return ibis().memtable(arrow)
    name = f"kullback_{role}_{uuid.uuid4().hex}"
    with readable(role):
        engine.con.register(name, arrow)
        after.callback(engine.con.unregister, name)
        return engine.table(name)


def _open_files(pattern: str, role: str, engine: Any, after: ExitStack) -> Any:
    if engine.name != "duckdb":
        raise TableError(
            f"{role} {pattern!r} is a file, and the other table lives on {engine.name}: load it there first"
        )
    paths = _matching(pattern, role)
    kinds = {_kind(path, role) for path in paths}
    if len(kinds) > 1:
        raise TableError(f"{role} {pattern!r} matches files of different kinds: {', '.join(sorted(kinds))}")
    kind = kinds.pop()
    where = f"{role} {pattern!r}"
    hollow = [path for path in paths if not Path(path).stat().st_size]
    if hollow:
        raise TableError(f"{where} cannot be read: {Path(hollow[0]).name} holds no bytes")
    with readable(where):
        if kind == "parquet":
            _check_parquet(paths, where)
            return engine.read_parquet(paths, union_by_name=len(paths) > 1)
        if kind == "csv":
            return read_csv(paths, engine, where)
        if kind == "json":
            return engine.read_json(paths)
        dataset = require("pyarrow.dataset", extra="tables", purpose="read Arrow files")
        return _lend(dataset.dataset(paths, format="ipc").to_table(), role, engine, after)


def _matching(pattern: str, role: str) -> list[str]:
    if not pattern:
        raise TableError(f"{role} is an empty name")
    if "://" in pattern:
        raise TableError(f"{role} {pattern!r} is an address: only files of this machine are read")
    if Path(pattern).is_dir():
        raise TableError(
            f"{role} {pattern!r} is a folder: give a glob of the files in it, such as '{pattern}/*.parquet'"
        )
    if Path(pattern).exists():
        return [pattern]
    paths = sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())
    if not paths:
        looks_like_glob = any(mark in pattern for mark in "*?[")
        raise TableError(f"{role} {pattern!r} " + ("matches no file" if looks_like_glob else "does not exist"))
    return paths


def _kind(path: str, role: str) -> str:
    name = path.lower()
    for ending, kind in _READERS.items():
        if name.endswith(ending):
            return kind
    raise TableError(f"{role} {path!r} ends in none of {', '.join(sorted(_READERS))}: its kind is unknown")


def _check_parquet(paths: Sequence[str], where: str) -> None:
    """Refuse files that hold different columns: the engine would read only those of the first."""
    parquet = require("pyarrow.parquet", extra="tables", purpose="read Parquet files")
    first: list[str] = []
    for path in paths:
        with readable(f"{where}: {Path(path).name}"):
            names = list(parquet.read_schema(path).names)
        refuse_duplicates(names, where)
        first = first or names
        refuse_other_columns(first, names, path, where)
