"""Which columns can be compared, as what, and what the two schemas say of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kullback._core.errors import InputError
from kullback._core.text import quoted


@dataclass(frozen=True)
class Kind:
    """How columns of a family of types are compared.

    Attributes
    ----------
    name : str
        What people call it.
    ordered : bool
        Whether values are binned along a line (or counted one by one).
    key : callable
        Turns an Ibis column into numbers (ordered) or text (not ordered).
    has_nan : bool
        Whether values may be NaN.
    step : float
        Distance between neighbouring values of an ordered kind; 0 where floats are as close as they can be.
    """

    name: str
    ordered: bool
    key: Callable[[Any], Any]
    has_nan: bool = False
    step: float = 0.0


@dataclass(frozen=True)
class Column:
    """A column that both tables have and that can be compared."""

    name: str
    kind: Kind


def _seconds(x: Any) -> Any:
    return x.epoch_seconds().cast("float64") + x.microsecond() / 1e6


def _seconds_of_day(x: Any) -> Any:
    return x.hour() * 3600 + x.minute() * 60 + x.second() + x.microsecond() / 1e6


NUMBER = Kind("number", True, lambda x: x.cast("float64"), has_nan=True)
SINGLE = Kind("number", True, lambda x: x.cast("float32").cast("float64"), has_nan=True)
INTEGER = Kind("integer", True, lambda x: x.cast("float64"), step=1.0)
TEXT = Kind("text", False, lambda x: x.cast("string"))
BOOLEAN = Kind("boolean", False, lambda x: x.cast("string"))
TIMESTAMP = Kind("timestamp", True, lambda x: _seconds(x.cast("timestamp") if x.type().is_date() else x), step=1e-6)
DATE = Kind("date", True, lambda x: x.cast("timestamp").epoch_seconds().cast("float64"), step=86_400.0)
TIME = Kind("time of day", True, lambda x: _seconds_of_day(x).cast("float64"), step=1e-6)


def kind_of(dtype: Any) -> Kind | None:
    """Return how a column of an Ibis type is compared, or None where it is not."""
    if isinstance(dtype, str):  # the name of a type that the engine does not hold
        return None
    if dtype.is_boolean():
        return BOOLEAN
    if dtype.is_integer():
        return INTEGER
    if dtype.is_numeric():
        return NUMBER
    if dtype.is_timestamp():
        return TIMESTAMP
    if dtype.is_date():
        return DATE
    if dtype.is_time():
        return TIME
    if dtype.is_string() or dtype.is_uuid() or dtype.is_inet() or dtype.is_macaddr():
        return TEXT
    return None


def pair_columns(
    reference: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    wanted: Sequence[str] | None,
    weights: str | None,
) -> tuple[list[Column], list[str]]:
    """Pair the columns of two schemas.

    Returns
    -------
    columns : list of Column
        Those that can be compared, in the reference's order.
    findings : list of str
        A sentence for every column that cannot be, and why.

    Raises
    ------
    InputError
        If a wanted column is in neither table.
    """
    names = list(dict.fromkeys([*reference, *current]))
    if wanted is not None:
        missing = [name for name in wanted if name not in names]
        if missing:
            raise InputError(f"no column is named {quoted(missing[0])}; the tables have {_some(names)}")
        names = [name for name in names if name in set(wanted)]
    columns, findings = [], []
    for name in names:
        if name == weights:
            continue
        column, finding = _pair(name, reference.get(name), current.get(name))
        if column is not None:
            columns.append(column)
        if finding is not None:
            findings.append(finding)
    return columns, findings


def _pair(name: str, reference: Any, current: Any) -> tuple[Column | None, str | None]:
    label = f"Column {quoted(name)}"
    if current is None:
        return None, f"{label} is only in the reference: it is gone from the current table."
    if reference is None:
        return None, f"{label} is only in the current table: the reference does not have it."
    kinds: list[Kind | None] = []
    for role, dtype in (("reference", reference), ("current table", current)):
        if _untyped(dtype):
            # An untyped column holds nothing but nulls; the other side says what it would have held.
            kinds.append(None)
            continue
        kind = kind_of(dtype)
        if kind is None:
            return None, f"{label} was not compared: its type in the {role} is {_short(dtype)}, which has no bins."
        kinds.append(kind)
    first, second = kinds[0] or kinds[1] or TEXT, kinds[1] or kinds[0] or TEXT
    if first is second is NUMBER and _is_single(reference) != _is_single(current):
        return Column(name, SINGLE), None  # 0.1 in one width is another number in the other
    if first is second:
        return Column(name, first), None
    if {first, second} == {NUMBER, INTEGER}:
        return Column(name, NUMBER), None
    if {first, second} == {DATE, TIMESTAMP}:
        return Column(name, TIMESTAMP), None
    return None, (
        f"{label} changed its type: {first.name} ({_short(reference)}) in the reference,"
        f" {second.name} ({_short(current)}) in the current table; it was not compared."
    )


def _is_single(dtype: Any) -> bool:
    return bool(dtype.is_float32() or dtype.is_float16())


def _untyped(dtype: Any) -> bool:
    """Whether a column was never given a type; DuckDB's name for that is unknown to Ibis."""
    if isinstance(dtype, str):
        return False
    return bool(dtype.is_null() or (dtype.is_unknown() and 'kind="NULL"' in str(dtype)))


def _short(dtype: Any, width: int = 60) -> str:
    text = str(dtype)
    return text if len(text) <= width else text[: width - 1] + "…"


def _some(names: Sequence[str], most: int = 8) -> str:
    listed = ", ".join(quoted(name) for name in names[:most])
    return listed + (f" and {len(names) - most} more" if len(names) > most else "")
