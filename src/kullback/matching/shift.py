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


def choose_features(
    source: Floats, target: Floats, names: list[str], features: Any, rng: np.random.Generator
) -> Choice:
    """The features asked for, or those that give held-out target rows the largest log-density ratio.

    Parameters
    ----------
    source, target : array of shape (n, d), (m, d)
    features : {"auto", "linear", "quadratic"} or callable
        A callable takes rows of shape (·, d) and returns features of shape (·, k).
    """
    if callable(features):
        made = [as_matrix(features(rows), "features(rows)") for rows in (source, target)]
        for rows, found in zip((source, target), made, strict=True):
            if len(found) != len(rows):
                raise InputError(f"features made {len(found)} rows of {len(rows)}: it must keep them")
        return Choice(made[0], made[1], [f"feature {i}" for i in range(made[0].shape[1])])
    if features in _ORDER:
        return _powers(source, target, names, _ORDER[features])
    if features != "auto":
        raise InputError(f"features must be 'auto', 'linear', 'quadratic' or a callable, got {features!r}")
    linear, quadratic = (_powers(source, target, names, order) for order in (1, 2))
    if quadratic.source.shape[1] > _MOST:
        return linear
    scores = [_held_out(choice, rng) for choice in (linear, quadratic)]
    best, name = (quadratic, "quadratic") if scores[1] > scores[0] else (linear, "linear")
    note = (
        f"Held-out target rows chose {name} features: their mean log-ratio is {scores[0]:.4g} nats by linear, "
        f"{scores[1]:.4g} by quadratic ones."
    )
    return Choice(best.source, best.target, best.names, (note,))


def _powers(source: Floats, target: Floats, names: list[str], order: int) -> Choice:
    """Columns, and with order 2 their squares and products, about the target's mean."""
    if order == 1:
        return Choice(source, target, names)
    centre = target.mean(axis=0)
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]

    def made(rows: Floats) -> Floats:
        moved = rows - centre
        return np.concatenate([rows, np.stack([moved[:, i] * moved[:, j] for i, j in pairs], axis=1)], axis=1)

    both = [f"{names[i]} × {names[j]}" if i != j else f"{names[i]}²" for i, j in pairs]
    return Choice(made(source), made(target), names + both)


def _held_out(choice: Choice, rng: np.random.Generator) -> float:
    """Mean log of p/q at target rows that the coefficients did not see (Sugiyama et al. 2008, KLIEP), in nats."""
    n, m = len(choice.source), len(choice.target)
    fold_s, fold_t = rng.permutation(n) % _FOLDS, rng.permutation(m) % _FOLDS
    total = 0.0
    for k in range(_FOLDS):
        seen, mean = choice.source[fold_s != k], choice.target[fold_t != k].mean(axis=0)
        spread = seen.std(axis=0)
        spread[spread == 0] = 1.0
        size = seen.shape[1]
        features = Features([Numbers((seen - mean) / spread)])
        zero = np.zeros(size)
        problem = Projection(np.full(len(seen), 1 / len(seen)), features, zero, zero, zero)
        found = solve(problem, _LOOSE)
        if found.gap > _LOOSE:
            return -np.inf
        at_s, at_t = (
            ((rows - mean) / spread) @ found.coefficients
            for rows in (choice.source[fold_s == k], choice.target[fold_t == k])
        )
        top = at_s.max()
        total += float(at_t.mean() - np.log(np.exp(at_s - top).mean()) - top)
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
    choice = choose_features(source, wanted, numeric, features, rng)
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
