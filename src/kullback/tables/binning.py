"""Bins along a line: from the reference's quantiles, with tails and a bin for every value that repeats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.text import distinct

from .schema import DATE, INTEGER, TIME, TIMESTAMP, Kind

NULL, NAN = -1, -2
NULL_LABEL, NAN_LABEL = "(null)", "(NaN)"

_TAILS = ((0.01, 1_000), (0.001, 10_000))  # a tail of this share is cut off where the sample has this many rows
_SMALL_CODES = 120  # codes up to this fit 8 bits, which engines group faster


@dataclass(frozen=True)
class Bins:
    """Bin i holds edges[i-1] <= x < edges[i]; codes NULL and NAN stand beside the bins."""

    kind: Kind
    edges: tuple[float, ...]

    @property
    def merged(self) -> bool:
        """Whether whole numbers lie so far out that floats no longer tell neighbours apart."""
        return self.kind is INTEGER and bool(self.edges) and max(abs(self.edges[0]), abs(self.edges[-1])) >= 2.0**53

    def code(self, x: Any, ibis: Any) -> Any:
        """Return the Ibis expression that gives each number (as `kind.key` makes them) its bin."""
        code = self._search(x, 0, len(self.edges), ibis)
        return code.cast("int8" if len(self.edges) < _SMALL_CODES else "int16")

    def _search(self, x: Any, low: int, high: int, ibis: Any) -> Any:
        """Bisect the edges: comparisons with the edges themselves count alike on every engine."""
        if low < high:
            middle = (low + high) // 2
            left, right = self._search(x, low, middle, ibis), self._search(x, middle + 1, high, ibis)
            return ibis.cases((x < ibis.literal(self.edges[middle], "float64"), left), else_=right)
        here = ibis.literal(low, "int32")
        if low < len(self.edges):
            return here
        # No comparison holds for null or NaN, so both end here, where few rows are still asked.
        odd = [(x.isnull(), ibis.literal(NULL, "int32"))]
        if self.kind.has_nan:
            odd.append((x.isnan(), ibis.literal(NAN, "int32")))
        return ibis.cases(*odd, else_=here)

    def labels(self) -> dict[int, str]:
        """Name every bin as people read it, no two alike."""
        labels: dict[str, int] = {}
        for code in (*range(len(self.edges) + 1), NULL, NAN):
            labels[distinct(self._label(code), labels)] = code
        return {code: label for label, code in labels.items()}

    def _label(self, code: int) -> str:
        if code == NULL:
            return NULL_LABEL
        if code == NAN:
            return NAN_LABEL
        if not self.edges:
            return "all values"
        write = _writer(self.kind, self.edges)
        if code == 0:
            return f"below {write(self.edges[0])}"
        low = self.edges[code - 1]
        # Just above a value with a bin of its own, the next representable number says nothing to a reader.
        after_own = code > 1 and self.kind.step < 1 and low == _after(self.kind, self.edges[code - 2])
        if code == len(self.edges):
            return f"above {write(self.edges[code - 2])}" if after_own else f"{write(low)} and above"
        high = self.edges[code]
        if high == _after(self.kind, low):
            return write(low)
        return f"{write(self.edges[code - 2] if after_own else low)} to {write(high)}"


def choose_bins(kind: Kind, sample: NDArray[np.float64], most: int, rows: float) -> Bins:
    """Choose bins from a sample of the reference.

    Parameters
    ----------
    kind : Kind
        What the column holds.
    sample : ndarray
        Values of the reference, as `kind.key` gives them; NaN and infinities are passed over.
    most : int
        Bins of equal share at the most; tails and repeated values come on top.
    rows : float
        Rows of the smaller table: few rows get few bins, about their square root.
    """
    values = np.sort(sample[np.isfinite(sample)])
    if not len(values):
        return Bins(kind, ())
    shares = max(2, min(most, int(math.sqrt(rows))))
    different, counts = np.unique(values, return_counts=True)
    # A value that fills half a bin of its own is one: zeros, defaults, small integers.
    own = different[counts >= max(3, len(values) / (2 * shares))]
    rest = values[~np.isin(values, own)]
    edges = {edge for value in own.tolist() for edge in (value, _after(kind, value))}
    if len(rest):
        levels = {k / shares for k in range(1, shares)}
        levels |= {end for tail, enough in _TAILS if len(rest) >= enough for end in (tail, 1 - tail)}
        edges |= set(np.quantile(rest, sorted(levels), method="inverted_cdf").tolist())
    return Bins(kind, tuple(sorted(edges)))


def _after(kind: Kind, value: float) -> float:
    """Return the next value that a column of this kind can hold."""
    return max(value + kind.step, math.nextafter(value, math.inf))


def _writer(kind: Kind, edges: Sequence[float]) -> Callable[[float], str]:
    if kind in (TIMESTAMP, DATE, TIME):
        # Fractions of a second are written only where the edges have them.
        digits = next((d for d in (0, 3) if all(abs(e - round(e, d)) < 2e-6 for e in edges)), 6)
        return lambda value: _moment(kind, value, digits)
    for digits in (4, 6, 9, 12):
        if len({f"{edge:.{digits}g}" for edge in edges}) == len({_same(edge) for edge in edges}):
            return lambda value, digits=digits: _number(value, digits)  # type: ignore[misc]
    return repr


def _same(edge: float) -> float:
    """Both edges of a one-value bin are written alike."""
    return float(f"{edge:.15g}")


def _number(value: float, digits: int) -> str:
    if value == int(value) and abs(value) < 1e15 and math.log10(abs(value) or 1) < max(digits, 6):
        return str(int(value))
    return f"{value:.{digits}g}"


def _moment(kind: Kind, seconds: float, digits: int) -> str:
    whole = math.floor(seconds)
    micro = round((seconds - whole) * 1e6)
    moment = np.datetime64(whole, "s") + np.timedelta64(micro, "us") if digits else np.datetime64(whole, "s")
    text = str(moment).replace("T", " ")
    text = text[: len(text) - 6 + digits] if digits else text
    if kind is TIME:
        return text.partition(" ")[2]
    return text.removesuffix(" 00:00:00") if kind is DATE else text
