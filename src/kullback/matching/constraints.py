"""What is asked of the weights: margins, joint margins and means, read, checked and given names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from kullback._core.errors import Infeasible, InputError, InputTypeError
from kullback._core.text import quoted
from kullback._core.units import percent

from .features import Block, Coded, Codes, Floats, Numbers
from .rows import Rows

_SUM = 1e-6  # relative: shares written with a few digits do not sum to 1 better
_AGREE = 1e-9  # relative: of totals of two margins


@dataclass(frozen=True)
class Margin:
    """Shares of the levels of one column, or of the combinations of several."""

    columns: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    shares: Floats

    @property
    def name(self) -> str:
        """The column, or the columns in brackets."""
        return self.columns[0] if len(self.columns) == 1 else f"({', '.join(self.columns)})"

    @property
    def names(self) -> list[str]:
        """A name for every level."""
        return [f"{self.name} = {_level(level)}" for level in self.levels]

    def codes(self, rows: Rows) -> Codes:
        """The place of every row among the levels; −1 where it is none of them."""
        known = [tuple(dict.fromkeys(level[i] for level in self.levels)) for i in range(len(self.columns))]
        parts = [rows.codes(column, levels) for column, levels in zip(self.columns, known, strict=True)]
        if len(parts) == 1:
            return parts[0]
        where = [{part: i for i, part in enumerate(levels)} for levels in known]
        named = np.array([[place[part] for place, part in zip(where, level, strict=True)] for level in self.levels])
        sizes = [len(levels) for levels in known]
        keys, wanted = (_key(columns, sizes) for columns in (parts, list(named.T)))
        order = np.argsort(wanted)
        at = np.minimum(np.searchsorted(wanted[order], keys), len(order) - 1)
        hit = (wanted[order][at] == keys) & (np.min(parts, axis=0) >= 0)
        return np.where(hit, order[at], -1)


def _key(parts: Sequence[Any], sizes: Sequence[int]) -> Any:
    """One number for every combination."""
    key = np.asarray(parts[0], dtype=np.int64)
    for part, size in zip(parts[1:], sizes[1:], strict=True):
        key = key * size + part
    return key


@dataclass(frozen=True)
class Mean:
    """Means of columns of numbers: one, or a matrix of features."""

    names: list[str]
    values: Floats


def read_target(to: Mapping[Any, Any]) -> tuple[list[Margin], Mean, float | None]:
    """Read margins and means; a total if the margins are counts.

    Parameters
    ----------
    to : mapping
        Of a column, or a tuple of columns, to its levels' shares or counts; or of a column to its mean.

    Returns
    -------
    margins : list of Margin
        With shares that sum to 1.
    means : Mean
    total : float or None
        What the counts of every margin sum to; None where they are shares.
    """
    if not to:
        raise InputError("the target names no margin and no mean")
    margins, names, values, totals = [], [], [], {}
    for key, wanted in to.items():
        if isinstance(wanted, Mapping):
            margin, total = _margin(key, wanted)
            if margin.name in totals:
                raise InputError(f"the margin of {margin.name} is given twice")
            margins.append(margin)
            totals[margin.name] = total
        elif isinstance(wanted, Real) and not isinstance(wanted, bool):
            if not np.isfinite(float(wanted)):
                raise InputError(f"the target mean of {quoted(str(key))} is {wanted}")
            names.append(str(key))
            values.append(float(wanted))
        else:
            raise InputTypeError(
                f"the target of {quoted(str(key))} must be a mapping of levels to shares, or a number for its mean; "
                f"got {type(wanted).__name__}"
            )
    return margins, Mean(names, np.array(values)), _total(totals)


def _margin(key: Any, wanted: Mapping[Any, Any]) -> tuple[Margin, float]:
    columns = tuple(str(c) for c in key) if isinstance(key, tuple) else (str(key),)
    name = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
    if not wanted:
        raise InputError(f"the margin {quoted(name)} names no level")
    levels = tuple(level if isinstance(key, tuple) else (level,) for level in wanted)
    for level in levels:
        if not isinstance(level, tuple) or len(level) != len(columns):
            raise InputError(f"a level of {name} is a tuple of {len(columns)} values, got {level!r}")
    shares = np.empty(len(levels))
    for i, (level, share) in enumerate(zip(levels, wanted.values(), strict=True)):
        if not isinstance(share, Real) or isinstance(share, bool):
            raise InputTypeError(f"the share of {name} = {_level(level)} must be a number, got {type(share).__name__}")
        try:
            shares[i] = float(share)
        except OverflowError:
            raise InputError(f"the share of {name} = {_level(level)} is too large for a float") from None
        if not (shares[i] >= 0 and np.isfinite(shares[i])):
            raise InputError(f"the share of {name} = {_level(level)} is {share}: it must be finite and at least 0")
    total = float(shares.sum())
    if total == 0:
        raise InputError(f"the shares of {name} are all 0")
    return Margin(columns, levels, shares / total), total


def _total(totals: Mapping[str, float]) -> float | None:
    """What the margins' counts sum to, or None for shares; margins that disagree are an error."""
    if not totals:
        return None
    sums = list(totals.values())
    if all(abs(total - 1) <= _SUM for total in sums):
        return None
    first = sums[0]
    for name, total in totals.items():
        if abs(total - first) > _AGREE * first:
            raise InputError(
                f"the margins disagree: {next(iter(totals))} sums to {first:.10g}, {name} to {total:.10g}; give shares "
                "that sum to 1 each, or counts of one total"
            )
    if first < 1.5:
        raise InputError(f"the shares of {next(iter(totals))} sum to {first:.10g}, not to 1: divide them by their sum")
    return first


@dataclass(frozen=True)
class Asked:
    """Constraints on the rows that can have weight: those of `keep`, or all where it is None.

    The first `levels` features are shares of levels, the others means. `unit` and `origin` lead from a feature as it is
    solved for back to what it was given in.
    """

    keep: Codes | None
    blocks: list[Block]
    names: list[str]
    target: Floats
    unit: Floats
    origin: Floats
    levels: int
    caveats: tuple[str, ...]

    def given(self, feature: int, value: float) -> float:
        """A feature's value in the units it was given in."""
        return float(self.origin[feature] + self.unit[feature] * value)


def ask(rows: Rows, margins: Sequence[Margin], numbers: Floats | None, means: Mean) -> Asked:
    """Find the rows that can have weight, and every feature's target.

    Parameters
    ----------
    numbers : array of shape (n, k) or None
        The features whose means are asked for.

    Raises
    ------
    InputError
        If a row has a level that its margin does not name.
    Infeasible
        If a level is wanted that no row has.
    """
    possible = rows.base > 0
    coded, caveats = [], []
    for margin in margins:
        codes = margin.codes(rows)
        _refuse_unnamed(rows, margin, codes)
        gone = [name for name, share in zip(margin.names, margin.shares, strict=True) if share == 0]
        if gone:
            none = (margin.shares == 0)[codes] & possible
            share = percent(round(float(rows.base[none].sum() / rows.base.sum()), 6))
            if none.any():
                listed = ", ".join(gone[:6])
                caveats.append(f"The target gives no share to {listed}: those rows, {share} of the base weight, get 0.")
            possible &= ~none
        coded.append(codes)
    keep = None if possible.all() else np.flatnonzero(possible)
    blocks: list[Block] = []
    names, target = [], []
    for margin, codes in zip(margins, coded, strict=True):
        called = margin.names
        wanted = np.flatnonzero(margin.shares > 0)
        codes = codes if keep is None else codes[keep]
        absent = wanted[np.bincount(codes, minlength=len(margin.shares))[wanted] == 0]
        if len(absent):
            missing = {called[i]: float(margin.shares[i]) for i in absent}
            listed = ", ".join(f"{name} (target {percent(round(s, 6))})" for name, s in list(missing.items())[:6])
            raise Infeasible(
                f"no row that can have weight has {listed}: merge the level with another, or take it from the target",
                dict.fromkeys(missing, 1.0),
                dict.fromkeys(missing, 0.0),
            )
        if len(wanted) < len(margin.shares):
            renumbered = np.full(len(margin.shares), -1)
            renumbered[wanted] = np.arange(len(wanted))
            codes = renumbered[codes]
        blocks.append(Coded.levels(codes, len(wanted)))
        names += [called[i] for i in wanted]
        target += list(margin.shares[wanted])
    if not possible.any():
        raise InputError("no row can have weight: every one has base weight 0 or a level whose target is 0")
    levels = len(names)
    unit, origin = [1.0] * levels, [0.0] * levels
    if numbers is not None:
        kept, weights = (numbers, rows.base) if keep is None else (numbers[keep], rows.base[keep])
        centred = kept - means.values
        size = np.abs(centred).max(axis=0)
        size = np.where(size > 0, size, 1.0)
        moved = centred / size
        spread = size * np.sqrt(np.average((moved - moved.mean(axis=0)) ** 2, axis=0, weights=weights / weights.max()))
        spread = np.where(spread > 0, spread, size)  # a constant column is off by its unit, or not at all
        blocks.append(Numbers(centred / spread))
        names += [f"mean of {name}" for name in means.names]
        target += [0.0] * len(means.names)
        unit += list(spread)
        origin += list(means.values)
    return Asked(keep, blocks, names, np.array(target), np.array(unit), np.array(origin), levels, tuple(caveats))


def per_feature(asked: Asked, given: Any, margins: Sequence[Margin], what: str, total: float | None) -> Floats:
    """Slack or ridge of every feature, in the units that are solved for, from one number or a mapping by name.

    Slack is given in the units of the target: counts where the margins are counts of `total`.
    """
    groups: list[list[str]] = [[margin.name, *margin.names] for margin in margins]
    unit = np.ones(len(asked.names))
    if what == "slack":
        unit = asked.unit.copy()
        unit[: asked.levels] = total or 1.0
    out = np.zeros(len(asked.names))
    if not isinstance(given, Mapping):
        out[:] = _amount(given, what)
        return out / unit
    for key, amount in given.items():
        value = _amount(amount, f"{what} of {key!r}")
        name = f"({', '.join(str(k) for k in key)})" if isinstance(key, tuple) else str(key)
        owned = next((set(group) for group in groups if name == group[0]), set())
        hit = np.array([n == name or n == f"mean of {name}" or n in owned for n in asked.names])
        if not hit.any():
            raise InputError(f"{what} names {quoted(name)}, which is no constraint: use {', '.join(asked.names[:6])}")
        out[hit] = value
    return out / unit


def _amount(value: Any, what: str) -> float:
    if not isinstance(value, Real) or not (float(value) >= 0 and np.isfinite(float(value))):
        raise InputError(f"{what} must be a finite number of at least 0, got {value!r}")
    return float(value)


def _refuse_unnamed(rows: Rows, margin: Margin, codes: Codes) -> None:
    if codes.min() >= 0:
        return
    unnamed = (codes < 0) & (rows.base > 0)
    if not unnamed.any():
        return
    row = int(np.flatnonzero(unnamed)[0])
    value = _level(tuple(rows.value(column, row) for column in margin.columns))
    share = percent(round(float(rows.base[unnamed].sum() / rows.base.sum()), 6))
    raise InputError(
        f"{margin.name} is {value} at row {row}, which the target does not name ({share} of the base weight is unnamed "
        "there): give it a share, 0 to leave its rows out"
    )


def _level(level: tuple[Any, ...]) -> str:
    shown = [quoted(v) if isinstance(v, str) else "null" if v is None else str(v) for v in level]
    return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"
