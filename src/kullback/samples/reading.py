"""Samples as people hold them, read into named columns: arrays, tensors, data frames, lists."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.errors import InputError, InputTypeError
from kullback._core.text import quoted

Raw = dict[str, NDArray[Any]]


def is_sample(data: Any) -> bool:
    """Whether this holds rows: an array, tensor, data frame, series or nested list."""
    return isinstance(data, list | tuple | dict | np.ndarray) or any(
        hasattr(data, name) for name in ("__array__", "to_numpy", "detach", "column_names")
    )


def read(data: Any, side: str) -> Raw:
    """Return the columns of a sample: floats with NaN where missing, or objects (text) with None where missing.

    Parameters
    ----------
    data : array, tensor, data frame, series or nested list
        One row a draw; one dimension is one column.
    side : str
        The argument's name, for messages.
    """
    if isinstance(data, dict):
        return _frame(list(data), lambda name: data[name], side)
    if hasattr(data, "column_names") and hasattr(data, "column"):  # a PyArrow table
        return _frame(list(data.column_names), data.column, side)
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        return _frame(list(data.columns), lambda name: data[name], side)
    name = getattr(data, "name", None)
    label = name if isinstance(name, str) and hasattr(data, "to_numpy") else None
    values = _array(data)
    if values.ndim == 1:
        return {label or "0": _column(values, label or "0", side)}
    if values.ndim != 2:
        raise InputError(
            f"{side} must have one row a draw and one column a variable; its shape is {values.shape}: reshape it"
        )
    if values.dtype.kind in "OUS":
        _refuse_text(values, side)
    return {str(j): _column(values[:, j], str(j), side) for j in range(values.shape[1])}


def _frame(names: list[Any], column: Any, side: str) -> Raw:
    texts = [str(name) for name in names]
    for text in texts:
        if texts.count(text) > 1:
            raise InputError(f"column {quoted(text)} occurs twice in {side}: give each column its own name")
    return {text: _column(_array(column(name)), text, side) for name, text in zip(names, texts, strict=True)}


def _array(data: Any) -> NDArray[Any]:
    """A NumPy array of any array-like; tensors leave their device and graph, text stays text."""
    if hasattr(data, "detach"):
        data = data.detach().cpu()
        data = data.float() if str(data.dtype) == "torch.bfloat16" else data
    elif type(data).__module__.startswith("cupy"):
        data = data.get()
    elif "dictionary" in str(getattr(data, "type", "")):  # PyArrow's own conversion loses what is missing
        data = data.cast(data.type.value_type)
    if isinstance(data, np.ndarray):
        return data
    if hasattr(data, "__array__"):
        return np.asarray(data)
    if hasattr(data, "to_numpy"):
        return np.asarray(data.to_numpy())
    if not isinstance(data, list | tuple):
        raise InputTypeError(
            f"samples are arrays, tensors, data frames or lists, one row a draw; got {type(data).__name__}"
        )
    try:
        return np.asarray(data, dtype=float)
    except (TypeError, ValueError):
        pass
    try:
        return np.asarray(data, dtype=object)
    except ValueError as error:  # rows of different shapes
        raise InputError("the rows of a list must all have the same length") from error


def _column(values: NDArray[Any], name: str, side: str) -> NDArray[Any]:
    """One column as floats or as text."""
    if values.ndim != 1:
        raise InputError(f"column {quoted(name)} of {side} must hold one number a row; its shape is {values.shape}")
    kind = values.dtype.kind
    if kind in "fiub" or values.dtype.name == "bfloat16":
        floats = values.astype(float)
        if np.isinf(floats).any():
            row = int(np.flatnonzero(np.isinf(floats))[0])
            raise InputError(
                f"column {quoted(name)} of {side} is infinite at row {row}: drop the row or bound the value"
            )
        return floats
    if kind in "US":
        return values.astype(str).astype(object)
    if kind in "mMc":
        raise InputError(
            f"column {quoted(name)} of {side} holds {values.dtype} values: convert it to real numbers or text"
        )
    if kind != "O":
        raise InputError(f"column {quoted(name)} of {side} has dtype {values.dtype}: convert it to numbers or text")
    return _objects(values, name, side)


def _objects(values: NDArray[Any], name: str, side: str) -> NDArray[Any]:
    """A column of Python objects: all numbers or all text, besides what is missing."""
    if any(isinstance(value, list | tuple) for value in values):
        raise InputError(f"the rows of {side} must all have the same length")
    missing = np.array([_is_missing(v) for v in values], dtype=bool)
    text = np.array([isinstance(v, str) for v in values], dtype=bool)
    number = np.array([_is_number(v) for v in values], dtype=bool)
    if not (missing | text).all() and not (missing | number).all():
        odd = ~(missing | text) if text.sum() > number.sum() else ~(missing | number)
        row = int(np.flatnonzero(odd)[0])
        kind = "text" if text.sum() > number.sum() else "numbers"
        raise InputError(
            f"column {quoted(name)} of {side} holds {kind}, but {quoted(str(values[row]))} at row {row}: "
            "make it all numbers or all text"
        )
    if text.any():
        cleaned = values.copy()
        cleaned[missing] = None
        return cleaned
    floats = [np.nan if gone else float(value) for value, gone in zip(values, missing, strict=True)]
    return _column(np.array(floats), name, side)


def _is_missing(value: object) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number | np.bool_) and not isinstance(value, complex | np.complexfloating)


def _refuse_text(values: NDArray[Any], side: str) -> None:
    """A two-dimensional array of objects may hold numbers only: a text column belongs in a data frame."""
    for (row, column), value in np.ndenumerate(values):
        if not (_is_number(value) or _is_missing(value)):
            raise InputError(
                f"column {column} of {side} holds {quoted(str(value))} at row {row}: an array holds numbers; "
                "give text columns in a data frame"
            )
