"""Another sample as the target: which features of it to match, chosen by how well they foretell rows held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kullback._core.errors import InputError

from .constraints import Margin, Mean
from .dual import Projection, solve
from .features import Features, Floats, Numbers
from .rows import Rows, as_matrix

_FOLDS = 5
_MOST = 2_000  # features: their products are held as a matrix
_LOOSE = 1e-6  # held-out scores need no more digits
_ORDER = {"linear": 1, "quadratic": 2}


@dataclass(frozen=True)
class Choice:
    """Features of the source's rows, of the target's rows, what they are called, and why these."""

    source: Floats
    target: Floats
    names: list[str]
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draws:
    """Rows of numbers, and the weight of each."""

    rows: Floats
    weights: Floats


def choose_features(source: Draws, target: Draws, names: list[str], features: Any, rng: np.random.Generator) -> Choice:
    """The features asked for, or those that give held-out target rows the largest log-density ratio.

    Parameters
    ----------
    source, target : Draws
        Rows of shape (n, d) and (m, d).
    features : {"auto", "linear", "quadratic"} or callable
        A callable takes rows of shape (·, d) and returns features of shape (·, k).
    """
    if callable(features):
        made = [as_matrix(features(side.rows), "features(rows)") for side in (source, target)]
        for side, found in zip((source, target), made, strict=True):
            if len(found) != len(side.rows):
                raise InputError(f"features made {len(found)} rows of {len(side.rows)}: it must keep them")
        return Choice(made[0], made[1], [f"feature {i}" for i in range(made[0].shape[1])])
    if features in _ORDER:
        return _powers(source, target, names, _ORDER[features])
    if features != "auto":
        raise InputError(f"features must be 'auto', 'linear', 'quadratic' or a callable, got {features!r}")
    linear, quadratic = (_powers(source, target, names, order) for order in (1, 2))
    if quadratic.source.shape[1] > _MOST:
        return linear
    fewest = min(int((side.weights > 0).sum()) for side in (source, target))
    if fewest < 2 * _FOLDS:
        note = f"Linear features: {fewest} rows are too few to hold some out, and so to choose."
        return Choice(linear.source, linear.target, linear.names, (note,))
    scores = [_held_out(choice, source.weights, target.weights, rng) for choice in (linear, quadratic)]
    best, name = (quadratic, "quadratic") if scores[1] > scores[0] else (linear, "linear")
    note = (
        f"Held-out target rows chose {name} features: their mean log-ratio is {scores[0]:.4g} nats by linear, "
        f"{scores[1]:.4g} by quadratic ones."
    )
    return Choice(best.source, best.target, best.names, (note,))


def _powers(source: Draws, target: Draws, names: list[str], order: int) -> Choice:
    """Columns, and with order 2 their squares and products, about the target's mean."""
    if order == 1:
        return Choice(source.rows, target.rows, names)
    centre = target.weights @ target.rows / target.weights.sum()
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]

    def made(rows: Floats) -> Floats:
        moved = rows - centre
        return np.concatenate([rows, np.stack([moved[:, i] * moved[:, j] for i, j in pairs], axis=1)], axis=1)

    both = [f"{names[i]} × {names[j]}" if i != j else f"{names[i]}²" for i, j in pairs]
    return Choice(made(source.rows), made(target.rows), names + both)


def _held_out(choice: Choice, of_source: Floats, of_target: Floats, rng: np.random.Generator) -> float:
    """Mean log of p/q at target rows that the coefficients did not see (Sugiyama et al. 2008, KLIEP), in nats."""
    (source, b), (target, w) = (
        (x[v > 0], v[v > 0] / v.sum()) for x, v in ((choice.source, of_source), (choice.target, of_target))
    )
    fold_s, fold_t = rng.permutation(len(source)) % _FOLDS, rng.permutation(len(target)) % _FOLDS
    total = 0.0
    for k in range(_FOLDS):
        rows, rest = fold_s != k, fold_t != k
        seen, base = source[rows], b[rows] / b[rows].sum()
        mean = w[rest] @ target[rest] / w[rest].sum()
        spread = seen.std(axis=0)
        spread[spread == 0] = 1.0
        zero = np.zeros(seen.shape[1])
        problem = Projection(base, Features([Numbers((seen - mean) / spread)]), zero, zero, zero)
        found = solve(problem, _LOOSE)
        if found.gap > _LOOSE:
            return -np.inf
        at_s, at_t = (((x - mean) / spread) @ found.coefficients for x in (source[~rows], target[~rest]))
        top, left = at_s.max(), b[~rows] / b[~rows].sum()
        total += float(w[~rest] @ at_t / w[~rest].sum() - np.log(left @ np.exp(at_s - top)) - top)
    return total / _FOLDS


def from_table(
    rows: Rows, target: Rows, on: list[str], features: Any, rng: np.random.Generator
) -> tuple[list[Margin], Floats | None, Mean, Floats | None, tuple[str, ...]]:
    """Margins of the columns of text, and features of those of numbers, as the target has them.

    Returns
    -------
    margins, numbers, means
        What to ask of the source's rows.
    seen : array or None
        The features of the target's rows.
    caveats : tuple of str
    """
    margins, numeric = [], []
    for name in on:
        column = target.column(name)
        if _is_number(column):
            numeric.append(name)
        else:
            margins.append(_observed(rows, target, name))
    if not numeric:
        return margins, None, Mean([], np.empty(0)), None, ()
    source, wanted = (np.stack([side.numbers(name) for name in numeric], axis=1) for side in (rows, target))
    choice = choose_features(Draws(source, rows.base), Draws(wanted, target.base), numeric, features, rng)
    shares = target.base / target.base.sum()
    return margins, choice.source, Mean(choice.names, shares @ choice.target), choice.target, choice.caveats


def _observed(rows: Rows, target: Rows, name: str) -> Margin:
    """The target's shares of a column's levels; those that only the source has get none."""
    levels: dict[Any, None] = {}
    for side in (target, rows):
        levels.update(dict.fromkeys(_distinct(side.column(name))))
    known = list(levels)
    codes = target.codes(name, known)
    shares = np.bincount(codes, target.base, len(known))
    return Margin((name,), tuple((level,) for level in known), shares / shares.sum())


def _distinct(column: Any) -> list[Any]:
    if hasattr(column, "unique"):
        return list(column.unique().to_pylist())
    return list(dict.fromkeys(column.tolist()))


def _is_number(column: Any) -> bool:
    text = str(getattr(column, "type", None) or getattr(column, "dtype", ""))
    return text.startswith(("int", "uint", "float", "double", "decimal", "halffloat"))


def ratio_error(scores_target: Floats, ratio: Floats) -> float:
    """Standard error of λ·t − log Z when both samples are draws: the coefficients' own error is of second order."""
    m, n = len(scores_target), len(ratio)
    return float(np.sqrt(scores_target.var() / m + ratio.var() / n))
