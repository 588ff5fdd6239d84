"""Data frames as Arrow tables, without importing what is not imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from kullback._core.errors import InputTypeError, TableError
from kullback._core.extras import require

from .reading import readable, refuse_duplicates

ACCEPTED = "a Parquet, CSV, JSON-lines or Arrow path or glob, a pandas, Polars or PyArrow table, or an Ibis table"


def as_arrow(source: Any, role: str) -> tuple[Any, dict[str, str]]:
    """Turn a data frame into an Arrow table that an engine can hold.

    Returns
    -------
    table : pyarrow.Table
        The columns that engines have types for.
    refused : dict of str to str
        The types of the others.

    Raises
    ------
    InputTypeError
        If the source is no data frame.
    TableError
        If it cannot be converted, two columns have one name, or none has a type that engines hold.
    """
    pyarrow = require("pyarrow", extra="tables", purpose="read data frames")
    convert = _arrow_converter(source, pyarrow)
    if convert is None:
        raise InputTypeError(f"{role} must be {ACCEPTED}; got {type(source).__name__}")
    refuse_duplicates([str(name) for name in _column_names(source)], role)
    with readable(role):
        table = convert(source)
        held, refused = {}, {}
        for field in table.schema:
            if pyarrow.types.is_float16(field.type):
                held[field.name] = table[field.name].cast(pyarrow.float32())
            elif _has_a_type(field.type, pyarrow.types):
                held[field.name] = table[field.name]
            else:
                refused[field.name] = str(field.type)
        if not held:
            raise TableError(f"{role} has no column of a type that can be compared")
        return pyarrow.table(held), refused


def _has_a_type(dtype: Any, types: Any) -> bool:
    """Whether engines have a type for an Arrow column, be it one that is not compared."""
    if types.is_dictionary(dtype):
        return _has_a_type(dtype.value_type, types)
    kinds = ["null", "boolean", "integer", "floating", "string", "large_string", "string_view"]
    kinds += ["date", "time", "timestamp", "nested"]
    if any(getattr(types, f"is_{kind}")(dtype) for kind in kinds if hasattr(types, f"is_{kind}")):
        return not types.is_union(dtype) and not types.is_run_end_encoded(dtype)
    return bool(types.is_decimal(dtype) and dtype.bit_width <= 128)


def _arrow_converter(source: Any, pyarrow: Any) -> Callable[[Any], Any] | None:
    """Find how a data frame becomes an Arrow table, without importing what is not imported."""
    if isinstance(source, pyarrow.Table):
        return lambda table: table
    if isinstance(source, pyarrow.RecordBatch):
        return lambda batch: pyarrow.Table.from_batches([batch])
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        return lambda frame: pyarrow.Table.from_pandas(
            frame.rename(columns=str), preserve_index=False
        ).replace_schema_metadata(None)
    if polars is not None and isinstance(source, polars.DataFrame):
        return lambda frame: frame.to_arrow()
    if polars is not None and isinstance(source, polars.LazyFrame):
        return lambda frame: frame.collect().to_arrow()
    return None


def _column_names(source: Any) -> list[Any]:
    if hasattr(source, "collect_schema"):
        return list(source.collect_schema().names())
    return list(source.schema.names if hasattr(source, "schema") else source.columns)
