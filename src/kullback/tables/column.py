"""One column's divergence: from counts to a number with its interval, its test, its parts and its caveats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.divergence import Divergence, plain
from kullback._core.text import cut, distinct, quoted
from kullback.arrays import js
from kullback.samples.discrete import RARE_SHARE, CountEstimate, Counts, estimate_counts

from .binning import NULL, NULL_LABEL, Bins
from .plan import Side, Tally
from .schema import Column
from .significance import POOLED_BELOW, no_change_p_value

Floats = NDArray[np.float64]

POOLED = -3  # the code of rare values of weighted rows, brought together
HIDDEN_SHARE = 0.05  # beyond this share of rows in them, only a lower bound is promised
MOST_PARTS = 40  # levels named one by one; the rest are one part
OTHER = "(other values)"
UNSEEN = math.exp(-np.euler_gamma)  # sightings that the estimator's logarithm gives a value without any
RARE = "(values too rare to have been seen)"
FLOOR = "(estimate below 0, reported as 0)"


@dataclass(frozen=True)
class Level:
    """A bin or value: its share of the rows on either side, and the nats that it contributes."""

    label: str
    reference: float
    current: float
    nats: float


@dataclass(frozen=True, eq=True, repr=False)
class ColumnDivergence(Divergence):
    """D(current‖reference) of one column, with what a reader needs to judge it.

    Attributes
    ----------
    column, kind : str
        The column's name, and what it holds.
    p_value, adjusted_p_value : float
        Of "nothing changed"; adjusted over the columns compared (Benjamini & Hochberg 1995).
    reverse : Divergence
        D(reference‖current).
    jensen_shannon : float
        Jensen-Shannon divergence in nats (at most log 2), bias corrected.
    unseen : float
        Share of current rows whose value the reference never showed.
    levels : tuple of Level
        Bins in their order, or values by what they contribute.
    ordered : bool
        Whether `levels` lie along a line.
    """

    column: str = ""
    kind: str = ""
    p_value: float = 1.0
    adjusted_p_value: float = 1.0
    reverse: Divergence | None = None
    jensen_shannon: float = 0.0
    unseen: float = 0.0
    levels: tuple[Level, ...] = ()
    ordered: bool = False

    __hash__ = Divergence.__hash__

    def adjusted(self, p_value: float) -> ColumnDivergence:
        """Return the same with its adjusted p-value."""
        return replace(self, adjusted_p_value=p_value)

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return super().to_dict() | {
            "column": self.column,
            "kind": self.kind,
            "adjusted_p_value": self.adjusted_p_value,
            "reverse": None if self.reverse is None else self.reverse.to_dict(),
            "jensen_shannon": self.jensen_shannon,
            "unseen": self.unseen,
            "ordered": self.ordered,
            "levels": [
                {"label": v.label, "reference": v.reference, "current": v.current, "nats": plain(v.nats)}
                for v in self.levels
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ColumnDivergence:
        """Rebuild a column's divergence from `to_dict`."""
        base = Divergence.from_dict(data)
        own = {name: data[name] for name in ("column", "kind", "adjusted_p_value", "unseen", "ordered")}
        return cls(
            **{f.name: getattr(base, f.name) for f in fields(base)},
            **own,
            reverse=None if data["reverse"] is None else Divergence.from_dict(data["reverse"]),
            jensen_shannon=data["jensen_shannon"],
            levels=tuple(Level(v["label"], v["reference"], v["current"], float(v["nats"])) for v in data["levels"]),
        )


def measure_column(
    column: Column, tally: Tally, bins: Bins | None, reference: Side, current: Side, confidence: float
) -> ColumnDivergence:
    """Estimate one column's divergence, both ways, from its counts."""
    x = tally.current * (current.effective / current.weight)
    y = tally.reference * (reference.effective / reference.weight)
    if reference.weights is not None:
        tally, x, y = _without_rare(tally, x, y)
    counts = Counts.of(x, y, tally.levels)
    estimate = estimate_counts(counts)
    listed = _listed(tally, bins, x / counts.n, y / counts.m, estimate.terms_of(x, y))
    parts = {level.label: level.nats for level in listed}
    if estimate.extrapolated:
        parts[RARE] = estimate.extrapolated
    if estimate.value < 0:
        parts[FLOOR] = -estimate.value
    # What rare values among themselves would add is not known where rows are weighted.
    hidden = POOLED in tally.keys and max((x[-1] / counts.n, y[-1] / counts.m)) > HIDDEN_SHARE
    forward = _divergence(estimate, confidence, hidden)
    p, q = counts.levels * counts.x / counts.n, counts.levels * counts.y / counts.m
    return ColumnDivergence(
        value=forward.value,
        error=forward.error,
        interval=forward.interval,
        confidence=confidence,
        method=forward.method,
        parts=parts,
        caveats=tuple(_caveats(estimate, listed, bins, current, reference)),
        column=column.name,
        kind=column.kind.name,
        p_value=no_change_p_value(counts),
        reverse=_divergence(estimate_counts(counts.reverse), confidence, hidden),
        jensen_shannon=_without_noise(float(js(p, q, normalize=True)), counts),
        unseen=counts.unseen_share,
        levels=tuple(listed),
        ordered=bins is not None,
    )


def _without_rare(tally: Tally, x: Floats, y: Floats) -> tuple[Tally, Floats, Floats]:
    """Bring the rare values of weighted rows together: a weight is not a number of sightings, which they live by."""
    n, m = float(tally.levels @ x), float(tally.levels @ y)
    rare = (x + y) * min(n, m) / (n + m) < POOLED_BELOW
    if tally.levels[rare].sum() < 2:
        return tally, x, y
    keys = [key for key, gone in zip(tally.keys, rare, strict=True) if not gone]
    weight = tally.levels * rare

    def together(side: Floats) -> Floats:
        return np.append(side[~rare], weight @ side)

    levels = np.append(tally.levels[~rare], 1.0)
    pooled = Tally([*keys, POOLED], together(tally.current), together(tally.reference), levels)
    return pooled, together(x), together(y)


def _divergence(estimate: CountEstimate, confidence: float, hidden: bool) -> Divergence:
    low, high = estimate.interval(confidence)
    high = math.inf if hidden else high
    value = max(estimate.value, 0.0)
    counts = estimate.counts
    return Divergence(
        value=value,
        error=estimate.error,
        interval=(min(low, value), max(high, value)),
        confidence=confidence,
        method=(
            f"counts over {counts.levels.sum():,.0f} bins or values, bias corrected;"
            f" one never seen on the other side counts as {UNSEEN:.2f} of {counts.order:,.0f} draws"
        ),
    )


def _listed(tally: Tally, bins: Bins | None, p: Floats, q: Floats, nats: Floats) -> list[Level]:
    """Bins in their order, nulls last; or the values that contribute most, the others as one."""
    if bins is not None:
        codes = [key for key in tally.keys if isinstance(key, int)]
        order = sorted(range(len(codes)), key=lambda i: (codes[i] < 0, abs(codes[i])))
        labels = bins.labels() | {POOLED: OTHER}
        names = [labels[codes[i]] for i in order]
        return [Level(name, float(q[i]), float(p[i]), float(nats[i])) for name, i in zip(names, order, strict=True)]
    named = [i for i, key in enumerate(tally.keys) if isinstance(key, str) or key == NULL]
    named.sort(key=lambda i: -abs(nats[i]))
    named = named[:MOST_PARTS]
    chosen = dict.fromkeys((OTHER, RARE, FLOOR), -1)
    for i in named:
        key = tally.keys[i]
        label = cut(key) if isinstance(key, str) else NULL_LABEL
        chosen[distinct(label, chosen)] = i
    listed = [Level(label, float(q[i]), float(p[i]), float(nats[i])) for label, i in chosen.items() if i >= 0]
    rest = np.ones(len(p), dtype=bool)
    rest[named] = False
    if rest.any():
        weight = tally.levels * rest
        listed.append(Level(OTHER, float(weight @ q), float(weight @ p), float(weight @ nats)))
    return listed


def _without_noise(plug_in: float, counts: Counts) -> float:
    """Take from the plug-in Jensen-Shannon divergence what it would show were nothing changed."""
    # Second order: JS ≈ χ²/8, whose mean under P = Q is (K − 1)(1/n + 1/m) for K levels seen often enough.
    seen = float(counts.levels @ np.minimum(1.0, counts.x + counts.y))
    return max(plug_in - (seen - 1) * counts.scale / 8, 0.0)


def _caveats(
    estimate: CountEstimate, listed: Iterable[Level], bins: Bins | None, current: Side, reference: Side
) -> Iterable[str]:
    counts = estimate.counts
    if counts.new_share > 0:
        new = [level for level in listed if level.reference == 0 and level.current > 0 and level.label != OTHER]
        new.sort(key=lambda level: -level.current)
        names = ", ".join(quoted(level.label) for level in new[:3]) + (", …" if len(new) > 3 else "")
        yield (
            f"{counts.unseen_share:.2%} of the current rows hold values that the reference never shows"
            f"{' (' + names + ')' if names else ''}: if they are impossible there the divergence is infinite,"
            " so only its lower end is given."
        )
    if counts.rare_share > RARE_SHARE:
        yield (
            f"{counts.rare_share:.0%} of the rows hold values too rare to be compared one by one:"
            " only the lower end of the interval is promised."
        )
    different = float(counts.levels.sum())
    if different > 100 and different > 0.9 * min(current.rows, reference.rows):
        yield f"{different:,.0f} distinct values: nearly every row has its own, as an identifier does."
    if bins is not None and bins.merged:
        yield "Integers beyond 2^53 were compared as 64-bit floats: neighbours among them count as one value."
    if reference.weights is not None and any(level.label == OTHER for level in listed):
        yield "Rare values were compared as one, because rows are weighted: the divergence is at least this."
    for role, side in (("current table", current), ("reference", reference)):
        if not math.isclose(side.effective, side.rows):
            yield f"The {role}'s weights leave {side.effective:,.0f} effective of {side.rows:,} rows."
