"""The pair of samples brought to one form: columns of known kind, folds, and numbers for the estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kullback._core.errors import InputError
from kullback._core.text import quoted

from .reading import Raw, read

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Kind = Literal["continuous", "tied", "categorical"]
Missing = Literal["raise", "outcome"]

LEAST_ROWS = 2
CONTINUOUS_SHARE = 0.9  # distinct values over rows above which a column counts as continuous
REPEATED_ROWS = 0.01  # share of repeated rows of a continuous sample above which the caller is told
ATOM_SHARE = 0.01  # a value that this share of the rows takes, in a numeric column, is a point mass
FEW_LEVELS = 12  # a numeric column with no more values than this is read as levels too
SCALES = 5.0  # median over first percentile beyond which a positive column is also given as its logarithm
MANY_VALUES = 50  # distinct rows above which one column that tells them all apart makes repeated rows copies
RARE_LEVEL = 5  # rows below which the levels of text are brought together for the classifiers


@dataclass(frozen=True)
class Column:
    """A variable.

    Attributes
    ----------
    name : str
        As in the data frame, or the column's number.
    kind : {"continuous", "tied", "categorical"}
        Tied: numbers that repeat (integers, rounded values). Categorical: `Problem.x` holds codes into `levels`.
    levels : tuple of str
        What the codes of a categorical column stand for.
    missing : bool
        Whether values are missing (NaN in `Problem.x` and `Problem.y`), which is then an outcome of its own.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    missing: bool = False


@dataclass(frozen=True)
class Problem:
    """Draws `x` from P, (n, d), and `y` from Q, (m, d), and what is known of their columns.

    Attributes
    ----------
    caveats : tuple of str
        What any estimate from these samples should say.
    blocks : pair of ndarray, optional
        For every row of x and of y its block, which no fold may cut.
    kept_x : ndarray, optional
        The numbers of the rows of x that sub-sampling kept.
    """

    x: Floats
    y: Floats
    columns: tuple[Column, ...]
    caveats: tuple[str, ...] = ()
    blocks: tuple[Ints, Ints] | None = None
    kept_x: Ints | None = None

    @property
    def n(self) -> int:
        """Draws from P."""
        return len(self.x)

    @property
    def m(self) -> int:
        """Draws from Q."""
        return len(self.y)

    @property
    def d(self) -> int:
        """Variables, constant ones left out."""
        return len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(column.name for column in self.columns)

    @property
    def continuous(self) -> bool:
        """Whether every column is continuous and complete, as a density asks."""
        return all(column.kind == "continuous" and not column.missing for column in self.columns)

    @property
    def discrete(self) -> bool:
        """Whether no column is continuous."""
        return all(column.kind != "continuous" for column in self.columns)

    @cached_property
    def groups(self) -> tuple[Ints, Ints]:
        """For every row of x and of y the number of its value: equal rows have equal numbers."""
        _, place = np.unique(np.concatenate([_keys(self.x), _keys(self.y)]), return_inverse=True)
        return place[: self.n], place[self.n :]

    @cached_property
    def repeats(self) -> float:
        """Share of rows that say nothing new: they equal an earlier row."""
        distinct = sum(len(np.unique(side)) for side in self.groups)
        return 1 - distinct / (self.n + self.m)

    @cached_property
    def copied(self) -> bool:
        """Whether repeated rows are copies: of few values only, or of rows that one of several columns identifies."""
        distinct = len(np.unique(np.concatenate(self.groups)))
        if distinct >= (self.n + self.m) / 2:
            return distinct < self.n + self.m
        most = max(len(np.unique(np.append(self.x[:, j], self.y[:, j]))) for j in range(self.d))
        return self.d > 1 and distinct > MANY_VALUES and most > 0.9 * distinct

    def folds(self, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Split both samples into `count` folds of even size; repeated rows of a continuous sample stay together."""
        if self.blocks is not None:
            deal = _deal(int(max(side.max() for side in self.blocks)) + 1, count, rng)
            return deal[self.blocks[0]], deal[self.blocks[1]]
        in_x, in_y = self.groups
        if not self.copied:
            return _deal(self.n, count, rng), _deal(self.m, count, rng)
        fold = _deal(max(in_x.max(), in_y.max()) + 1, count, rng)
        sizes = np.bincount(np.append(in_x, in_y))
        mass = sizes >= max(ATOM_SHARE * (self.n + self.m), RARE_LEVEL)  # a point mass, not copies of a row
        alone_x, alone_y = _deal(self.n, count, rng), _deal(self.m, count, rng)
        return np.where(mass[in_x], alone_x, fold[in_x]), np.where(mass[in_y], alone_y, fold[in_y])

    @cached_property
    def numbers(self) -> Numbers:
        """The columns as numbers, for what needs vectors."""
        return _numbers(self)

    def only(self, which: Sequence[int]) -> Problem:
        """The same draws, of some of the variables."""
        index = list(which)
        columns = tuple(self.columns[j] for j in index)
        return Problem(self.x[:, index], self.y[:, index], columns, blocks=self.blocks)


@dataclass(frozen=True)
class Numbers:
    """The samples as vectors: a one-to-one image of the rows, so that D is the same.

    Attributes
    ----------
    x, y : ndarray
        (n, k) and (m, k), scaled by pooled quartiles. First `scales` columns of ordered values (and logarithms of
        positive ones that come near 0), then indicators (of levels, of point masses, of what is missing).
    scales : int
        How many columns hold ordered values; where a value is missing they hold 0.
    variable : ndarray
        For every column the number of the variable that it came from.
    """

    x: Floats
    y: Floats
    scales: int
    variable: Ints


def problem_of(x: Any, y: Any, *, missing: Missing = "raise") -> Problem:
    """Bring two samples to one form, or say what is wrong with them.

    Parameters
    ----------
    x, y : array, tensor, data frame, series or nested list
        Draws from P and Q, one a row.
    missing : {"raise", "outcome"}
        What a missing value is: an error, or an outcome of its own.

    Raises
    ------
    InputError
        Naming the column and the row.
    """
    problem = columns_of(x, y, missing)
    return replace(problem, caveats=(*problem.caveats, *_on_rows(problem)))


def columns_of(x: Any, y: Any, missing: Missing) -> Problem:
    """Bring two samples to one form, whatever their rows have to do with each other."""
    if missing not in ("raise", "outcome"):
        raise InputError(f"missing must be 'raise' or 'outcome', got {missing!r}")
    raw_x, raw_y = read(x, "x"), read(y, "y")
    raw_y = _aligned(raw_x, raw_y)
    kept_x, kept_y, columns, caveats = [], [], [], []
    for name in raw_x:
        a, b = raw_x[name], raw_y[name]
        if missing == "raise":
            _refuse_missing(a, name, "x")
            _refuse_missing(b, name, "y")
        u, v, column = _pair(a, b, name)
        if len(a) >= LEAST_ROWS and len(b) >= LEAST_ROWS and _constant(u, v):
            caveats.append(f"column {quoted(name)} takes one value only and adds nothing")
            continue
        kept_x.append(u)
        kept_y.append(v)
        columns.append(column)
    n, m = (len(next(iter(raw.values()))) for raw in (raw_x, raw_y))
    for side, rows in (("x", n), ("y", m)):
        if rows < LEAST_ROWS:
            raise InputError(f"{side} has {rows} rows: the least that any estimator can use is {LEAST_ROWS}")
    return Problem(_stack(kept_x, n), _stack(kept_y, m), tuple(columns), tuple(caveats))


def _on_rows(problem: Problem) -> list[str]:
    """What repeated and shared rows mean for an estimate."""
    if not problem.d or (problem.discrete and not problem.copied):
        return []
    caveats = []
    if problem.repeats > REPEATED_ROWS:
        caveats.append(
            f"{problem.repeats:.1%} of the rows repeat an earlier row: if they are copies rather than draws, "
            "the interval is too narrow"
        )
    in_x, in_y = problem.groups
    shared = float(np.isin(in_x, in_y).mean())
    if shared > REPEATED_ROWS:
        caveats.append(f"{shared:.1%} of the rows of x are also rows of y: the samples are not independent draws")
    return caveats


def _aligned(x: Raw, y: Raw) -> Raw:
    """The columns of y in the order of those of x."""
    if not x or not y:
        raise InputError("a sample needs at least one column")
    for side, raw in (("x", x), ("y", y)):
        lengths = {name: len(values) for name, values in raw.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"the columns of {side} differ in length: {lengths}")
    if set(x) == set(y):
        return {name: y[name] for name in x}
    if len(x) != len(y):
        raise InputError(f"x has {len(x)} columns and y has {len(y)}: both must hold the same variables")
    numbered = [list(raw) == [str(j) for j in range(len(raw))] for raw in (x, y)]
    if any(numbered):  # an array beside a data frame: by position
        return dict(zip(x, y.values(), strict=True))
    if len(x) == 1:
        return dict(zip(x, y.values(), strict=True))
    absent = next(name for name in x if name not in y)
    raise InputError(f"column {quoted(absent)} of x is not among the columns of y: give both the same names")


def _refuse_missing(values: NDArray[Any], name: str, side: str) -> None:
    gone = np.array([v is None for v in values]) if values.dtype == object else np.isnan(values)
    if gone.any():
        row = int(np.flatnonzero(gone)[0])
        raise InputError(
            f"column {quoted(name)} of {side} has no value at row {row} ({int(gone.sum())} in all): "
            "drop those rows, or pass missing='outcome' to count a missing value as an outcome of its own"
        )


def _pair(a: NDArray[Any], b: NDArray[Any], name: str) -> tuple[Floats, Floats, Column]:
    """One variable on both sides as floats, and its description."""
    if (a.dtype == object) != (b.dtype == object):
        of_x, of_y = ("text" if v.dtype == object else "numbers" for v in (a, b))
        raise InputError(f"column {quoted(name)} holds {of_x} in x and {of_y} in y: make both alike")
    if a.dtype == object:
        levels = sorted({v for v in (*a, *b) if v is not None})
        code = {level: float(k) for k, level in enumerate(levels)} | {None: float(len(levels))}
        gone = any(v is None for v in (*a, *b))
        u, v = (np.array([code[value] for value in side], dtype=float) for side in (a, b))
        return u, v, Column(name, "categorical", (*levels, "missing") if gone else tuple(levels))
    both = np.concatenate([a, b])
    known = both[~np.isnan(both)]
    # Side by side: a row that both samples hold is no sign of a grid.
    share = sum(len(np.unique(side[~np.isnan(side)])) for side in (a, b)) / max(len(known), 1)
    kind: Kind = "continuous" if share > CONTINUOUS_SHARE else "tied"
    if kind == "tied" and _drawn_in_part(known):
        kind = "continuous"
    return a, b, Column(name, kind, missing=len(known) < len(both))


def _drawn_in_part(values: Floats) -> bool:
    """Whether values repeat only as point masses or as copies of rows, and are otherwise free of any grid."""
    distinct, counts = np.unique(values, return_counts=True)
    single = counts[counts < max(ATOM_SHARE * len(values), 5)]
    return len(distinct) > 50 and len(single) > 0.1 * len(values) and bool((single == 1).mean() > 0.5)


def _constant(u: Floats, v: Floats) -> bool:
    both = np.concatenate([u, v])
    return bool((both == both[0]).all() or np.isnan(both).all())


def _stack(columns: list[Floats], rows: int) -> Floats:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0))


def _keys(rows: Floats) -> NDArray[np.uint64]:
    """One number a row, equal for equal rows and else, but for chances of one in 2⁶⁴, not (splitmix64)."""
    keys = np.zeros(len(rows), dtype=np.uint64)
    for j in range(rows.shape[1]):
        column = rows[:, j] + 0.0  # −0 is 0
        column[np.isnan(column)] = np.nan
        keys = (keys ^ column.view(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        keys ^= keys >> np.uint64(31)
    return keys


def _deal(rows: int, count: int, rng: np.random.Generator) -> Ints:
    return rng.permutation(np.arange(rows) % count)


def _numbers(problem: Problem) -> Numbers:
    ordered: list[Floats] = []
    flags: list[Floats] = []
    of_ordered: list[int] = []
    of_flag: list[int] = []
    both = np.vstack([problem.x, problem.y])
    for j, column in enumerate(problem.columns):
        values = both[:, j]
        marks: list[NDArray[np.bool_]] = []
        if column.kind == "categorical":
            counts = np.bincount(values.astype(int), minlength=len(column.levels))
            common = np.flatnonzero(counts >= RARE_LEVEL)
            marks.extend(values == level for level in common[: len(common) - (len(common) == len(counts))])
        else:
            gone = np.isnan(values)
            ordered.append(_scaled(values, gone))
            of_ordered.append(j)
            if _spans_scales(values[~gone]):
                logs = np.full(len(values), np.nan)
                logs[~gone] = np.log(values[~gone])
                ordered.append(_scaled(logs, gone))
                of_ordered.append(j)
            if gone.any():
                marks.append(gone)
            marks.extend(values == atom for atom in _atoms(values[~gone], column.kind))
        flags.extend(np.asarray(mark, dtype=float) for mark in marks)
        of_flag.extend([j] * len(marks))
    table = _stack(ordered + flags, len(both))
    variable = np.array(of_ordered + of_flag, dtype=np.intp)
    return Numbers(table[: problem.n], table[problem.n :], len(ordered), variable)


def _scaled(values: Floats, gone: NDArray[np.bool_]) -> Floats:
    """Centre and scale by pooled quantiles, the widest that differ first failing the narrower."""
    known = values[~gone]
    centre = float(np.median(known))
    scale = 0.0
    for low, high, width in ((25, 75, 1.349), (5, 95, 3.29), (0, 100, 6.0)):
        a, b = np.percentile(known, [low, high])
        scale = float(b - a) / width
        if scale > 0:
            break
    return np.asarray(np.where(gone, 0.0, (values - centre) / (scale or 1.0)))


def _spans_scales(values: Floats) -> bool:
    """Whether a positive column comes so near 0 that its logarithm shows what its value hides (gamma, log-normal)."""
    if values.min() <= 0:
        return False
    low, middle = np.percentile(values, [1, 50])
    return bool(middle > SCALES * low)


def _atoms(values: Floats, kind: Kind) -> Floats:
    """Values to mark: the point masses of a continuous column, or the few levels of a tied one (but the commonest)."""
    distinct, counts = np.unique(values, return_counts=True)
    if kind == "tied" and len(distinct) <= FEW_LEVELS:
        keep = (counts >= RARE_LEVEL) & (np.arange(len(counts)) != counts.argmax())
        return distinct[keep] if len(distinct) > 2 else distinct[:0]
    return distinct[counts >= max(ATOM_SHARE * len(values), 5)] if kind == "continuous" else distinct[:0]
