"""Weights that make a source meet a target and stay as near its own as can be: raking, entropy balancing, tilting."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kullback._core.errors import Infeasible, InputError, InputTypeError
from kullback._core.progress import Progress, reporter
from kullback.samples.reading import is_sample

from .arguments import checked_tolerance, generator
from .constraints import Asked, Mean, ask, per_feature, read_target
from .dual import Projection, Solution, solve
from .feasibility import Nearest, conflicting, giving_way, nearest_target, rows_in_reach
from .features import Coded, Codes, Features
from .reweighting import Reweighting, Task, report
from .rows import as_matrix, read_rows
from .shift import Draws, choose_features, from_table

_TOLERANCE = 1e-9
_MOST = 5_000  # constraints: the dual's second derivative is a matrix of so many rows
_UNREACHED = 1e-7  # a distance to the nearest target above the programme's rounding
_SPARSE = 8  # codes per row up to which cells are counted in a table of all of them


def reweight(
    source: Any,
    to: Any,
    *,
    base_weights: Any = None,
    on: Sequence[str] | None = None,
    features: str | Callable[[Any], Any] | None = None,
    to_weights: Any = None,
    bounds: tuple[float, float] | None = None,
    slack: float | Mapping[Any, float] = 0.0,
    ridge: float | Mapping[Any, float] = 0.0,
    tolerance: float = _TOLERANCE,
    progress: bool | Progress | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Reweighting:
    """Find the weights nearest the base weights that meet a target: the I-projection.

    Of all weights w whose margins, joint margins and means are the target's, the one with the least Σ w log(w/b). It
    is b·exp(λ·f), found by Newton's method on the convex dual; raking (iterative proportional fitting), entropy
    balancing, exponential tilting and log-linear KLIEP are this one problem.

    Parameters
    ----------
    source : array of shape (n, d), dict of arrays, pandas, Polars or PyArrow table, path, or Ibis table
        The rows to weight. A path or an Ibis table is counted by its engine and never loaded: the weights are then
        those of `cells`.
    to : mapping, array, or another sample or table
        A mapping of columns to shares (or counts) of their levels, ``{"sex": {"f": .51, "m": .49}}``; of tuples of
        columns to shares of their combinations; of columns of numbers to means. An array of shape (k,): the means of
        the k columns of `source`, or of the k features. A sample of shape (m, d) or a table: whatever `features` see
        of it.
    base_weights : array of shape (n,) or str, optional
        Weights to stay near, or the column that holds them; 1 each if not given.
    on : sequence of str, optional
        The columns to match when `to` is a table; those of both if not given.
    features : {"auto", "linear", "quadratic"} or callable, optional
        Of columns of numbers, when `to` is a sample or a table: "auto" (the default there) chooses by cross-validation
        whether to match means or also squares and products. A callable makes features of shape (n, k) of rows.
    to_weights : array of shape (m,) or str, optional
        Weights of the target's rows.
    bounds : (float, float), optional
        The least and the largest ratio of a weight to its base weight; ratios have mean 1.
    slack : float or mapping, default 0
        How far a share or mean may stay from its target; by column, (column, level) name or margin in a mapping.
    ridge : float or mapping, default 0
        Weight of the penalty λ²/2 in the dual: a constraint gives way by ridge × λ.
    tolerance : float, default 1e-9
        The error, of a share or in standard deviations of a column, up to which a constraint is met.
    progress : bool or callable, optional
        True shows a bar once 2 s have passed.
    rng : numpy.random.Generator, int or None, default 0
        For the folds of "auto".

    Returns
    -------
    Reweighting
        A `Match`: `weights` sum to the base weights' sum, or to the margins' total where they are counts. `before` is
        the least divergence from the base of anything that meets the target, min KL(w‖b), `after` what of it remains.

    Raises
    ------
    Infeasible
        If no weights meet the target: the error names the constraints that conflict and the nearest target that can
        be met, and has a certificate that was checked on every row.
    InputError
        If a level, a weight, a bound or a value cannot be used: the message says which and where.

    References
    ----------
    Csiszár (1975), "I-divergence geometry of probability distributions and minimization problems", Annals of
    Probability 3, theorem 3.1. Deville & Särndal (1992), "Calibration estimators in survey sampling", Journal of the
    American Statistical Association 87. Hainmueller (2012), "Entropy balancing for causal effects", Political
    Analysis 20.
    """
    task = _read(source, to, base_weights, on, features, to_weights, generator(rng))
    asked = ask(task.rows, task.margins, task.numbers, task.means)
    close = checked_tolerance(tolerance)
    problem, cells = _projection(task, asked, bounds, slack, ridge)
    with reporter(progress, "digits") as told:

        def step(count: int, value: float, gap: float) -> None:
            if told is not None:
                told(min(max(int(-10 * math.log10(max(gap, 1e-16))), 0), 160), 160)

        found = solve(problem, close, step=step)
    found, face = _within_reach(problem, found, close, asked)
    return report(task, asked, problem, cells, found, face, close)


def _read(
    source: Any, to: Any, base: Any, on: Sequence[str] | None, features: Any, to_weights: Any, rng: np.random.Generator
) -> Task:
    if isinstance(to, Mapping) and not _is_columns(to):
        for name, option in (("on", on), ("features", features), ("to_weights", to_weights)):
            if option is not None:
                raise InputError(f"{name} has no meaning when the target is a mapping of margins and means")
        margins, means, total = read_target(to)
        columns = dict.fromkeys([*(c for margin in margins for c in margin.columns), *means.names])
        rows = read_rows(source, list(columns), base)
        numbers = np.stack([rows.numbers(name) for name in means.names], axis=1) if means.names else None
        return Task(rows, margins, numbers, means, total)
    if _is_array(source):
        if on is not None:
            raise InputError("on names columns of tables: arrays have none")
        return _read_arrays(source, to, base, features, to_weights, rng)
    if not (is_sample(to) or hasattr(to, "schema") or isinstance(to, str | os.PathLike)):
        raise InputTypeError(
            f"to must be a mapping of margins and means, an array, or another sample or table; got {type(to).__name__}"
        )
    if isinstance(source, str | os.PathLike) or isinstance(to, str | os.PathLike):
        raise InputTypeError(
            "a target table is matched row by row: read both into frames, or give margins as a mapping"
        )
    rows, target = read_rows(source, [], base), read_rows(to, [], to_weights, "to_weights")
    drop = {name for name in (base, to_weights) if isinstance(name, str)}
    common = [name for name in target.columns if name in rows.columns and name not in drop]
    wanted = common if on is None else list(on)
    if not wanted:
        raise InputError(f"source and target share no column: {list(rows.columns)[:6]} and {list(target.columns)[:6]}")
    margins, numbers, means, seen, caveats = from_table(rows, target, wanted, features or "auto", rng)
    return Task(rows, margins, numbers, means, None, seen, caveats)


def _read_arrays(source: Any, to: Any, base: Any, features: Any, to_weights: Any, rng: np.random.Generator) -> Task:
    rows = read_rows(source, [], base)
    matrix = np.stack(list(rows.columns.values()), axis=1)
    one_column = np.ndim(source) == 1
    wanted = np.asarray(to.detach().cpu() if hasattr(to, "detach") else to)
    if wanted.ndim == 1 and (callable(features) or not one_column or len(wanted) == 1):
        if to_weights is not None:
            raise InputError("to_weights has no meaning when the target is an array of means")
        values = as_matrix(wanted, "to")[:, 0]
        made = as_matrix(features(source), "features(source)") if callable(features) else matrix
        if features is not None and not callable(features):
            raise InputError(f"features={features!r} is for a target sample; means are of the columns or of a callable")
        if made.shape != (len(matrix), len(values)):
            raise InputError(f"to has {len(values)} means, for features of shape {made.shape}")
        names = [f"{'feature' if callable(features) else 'column'} {i}" for i in range(len(values))]
        return Task(rows, [], made, Mean(names, values))
    target = as_matrix(wanted, "to")
    if target.shape[1] != matrix.shape[1]:
        raise InputError(f"source has {matrix.shape[1]} columns, the target sample {target.shape[1]}")
    weights = read_rows(target, [], to_weights, "to_weights").base
    names = [f"column {i}" for i in range(matrix.shape[1])]
    choice = choose_features(Draws(matrix, rows.base), Draws(target, weights), names, features or "auto", rng)
    means = Mean(choice.names, weights / weights.sum() @ choice.target)
    return Task(rows, [], choice.source, means, None, choice.target, choice.caveats)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | list | tuple) or hasattr(value, "detach")


def _is_columns(value: Mapping[Any, Any]) -> bool:
    """Whether a mapping is a table: all its values are arrays or lists."""
    return bool(value) and all(isinstance(v, np.ndarray | list | tuple) or hasattr(v, "detach") for v in value.values())


def _projection(task: Task, asked: Asked, bounds: Any, slack: Any, ridge: Any) -> tuple[Projection, Codes | None]:
    """The problem over distinct rows, and the place of every kept row among them (None where they are the rows)."""
    rows = task.rows
    low, high = _bounds(bounds)
    lost = 0.0 if asked.keep is None else 1 - float(rows.base[asked.keep].sum() / rows.base.sum())
    if lost and low > 0:
        raise InputError(
            f"the target gives rows no share, and bounds keep every ratio at {low:g} or more: use a low of 0"
        )
    high *= 1 - lost  # ratios are to the base of all rows
    if lost and high <= 1:
        given = high / (1 - lost)
        raise InputError(
            f"rows of {lost:.4g} of the base weight get no share, so that the others' ratios have mean "
            f"{1 / (1 - lost):.4g}: bounds keep them at {given:.4g} or less"
        )
    if len(asked.names) > _MOST:
        raise InputError(
            f"{len(asked.names)} constraints are more than {_MOST}: merge levels or choose columns with on="
        )
    base = rows.base if asked.keep is None else rows.base[asked.keep]
    blocks, cells = asked.blocks, None
    coded = [block for block in blocks if isinstance(block, Coded)]
    if len(coded) == len(blocks) and coded:
        cells, first = _distinct([block.codes for block in coded], [block.table.shape[0] for block in coded])
        if len(first) < len(base):
            base = np.asarray(np.bincount(cells, base, len(first)), dtype=float)
            blocks = [block.take(first) for block in coded]
        else:
            cells = None
    problem = Projection(
        base / base.sum(),
        Features(blocks),
        asked.target,
        per_feature(asked, slack, task.margins, "slack", task.total),
        per_feature(asked, ridge, task.margins, "ridge", None),
        low,
        high,
    )
    return problem, cells


def _bounds(bounds: Any) -> tuple[float, float]:
    if bounds is None:
        return 0.0, math.inf
    try:
        low, high = (float(end) for end in bounds)
    except (TypeError, ValueError):
        raise InputError(f"bounds must be two numbers, the least and the largest ratio; got {bounds!r}") from None
    if not 0 <= low < 1 < high:
        raise InputError(f"bounds must satisfy 0 <= low < 1 < high, since ratios have mean 1; got ({low:g}, {high:g})")
    return low, high


def _distinct(codes: Sequence[Codes], sizes: Sequence[int]) -> tuple[Codes, Codes]:
    """The place of every row among the distinct ones, and the first row of each."""
    key: Any = codes[0].astype(np.intp)
    count = sizes[0]
    for more, size in zip(codes[1:], sizes[1:], strict=True):
        if count > 2**62 // size:  # too many combinations for an integer: number those that occur
            occurring, key = np.unique(key, return_inverse=True)
            count = len(occurring)
        key, count = key * size + more, count * size
    if count > _SPARSE * len(key):
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        return place, first
    firsts = np.full(count, -1, dtype=np.intp)
    firsts[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    occurs = firsts >= 0
    return (np.cumsum(occurs) - 1)[key], firsts[occurs]


def _within_reach(
    problem: Projection, found: Solution, tolerance: float, asked: Asked
) -> tuple[Solution, Codes | None]:
    """Where Newton's method did not get there: prove that nothing does, or go on with the rows that can have weight."""
    if found.interrupted or (found.gap <= tolerance and not found.crawled):
        return found, None
    if found.gap > tolerance:
        near = nearest_target(problem, found.weights)
        if near.distance > _UNREACHED and near.separates:
            raise _infeasible(asked, near)
        if near.distance > _UNREACHED:
            return found, None
    face = rows_in_reach(problem)
    if face is None or len(face) == problem.features.rows or not len(face):
        return found, None
    base = problem.base[face]
    within = Projection(base / base.sum(), problem.features.take(face), problem.target, problem.slack, problem.ridge)
    again = solve(within, tolerance)
    weights = np.zeros_like(problem.base)
    weights[face] = again.weights
    return Solution(again.coefficients, weights, again.gap, found.iterations + again.iterations, again.history), face


def _infeasible(asked: Asked, near: Nearest) -> Infeasible:
    names = {asked.names[i]: float(near.certificate[i] / asked.unit[i]) for i in conflicting(near)}
    nearest = {asked.names[i]: asked.given(i, near.target[i]) for i in giving_way(near, asked.target)}
    wanted = {asked.names[i]: asked.given(i, asked.target[i]) for i in giving_way(near, asked.target)}
    moves = "; ".join(f"{name} {wanted[name]:.6g} → {value:.6g}" for name, value in list(nearest.items())[:6])
    return Infeasible(
        f"no weights meet the target: {', '.join(list(names)[:8])}{' and more' if len(names) > 8 else ''} conflict in "
        f"the rows that there are. The nearest target within reach has {moves}{'; …' if len(nearest) > 6 else ''}. "
        "Give slack, merge levels, or take a constraint away.",
        names,
        nearest,
    )
