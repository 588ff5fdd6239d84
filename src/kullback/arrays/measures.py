"""Kullback-Leibler divergence, the entropies around it, and the symmetric measures made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from kullback._core.errors import InputError

from ._backend import Array
from ._checks import check_forms
from ._pair import against_mixture
from ._rows import Rows, Side, measure, pair


def kl(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    return measure(_kl, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="kl")


def _kl(rows: Rows) -> Array:
    return rows.sum(rows.pair.gap())


def generalized_kl(p: Any, q: Any, *, axis: Any = -1, base: float | None = None) -> Any:
    return measure(_kl, (p, q), axis=axis, base=base, measures=True, kernel="kl")


def contributions(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    return measure(_contributions, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="contributions")


def _contributions(rows: Rows) -> Array:
    return rows.restore(rows.pair.gap())


def entropy(p: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False) -> Any:
    return measure(_entropy, (p,), ("p",), axis=axis, base=base, form=form, normalize=normalize, kernel="entropy")


def _entropy(rows: Rows) -> Array:
    return rows.sum(_surprise(rows.sides[0], rows.sides[0]))


def cross_entropy(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    return measure(_cross_entropy, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="cross_entropy")


def _cross_entropy(rows: Rows) -> Array:
    return rows.sum(_surprise(*rows.sides))


def _surprise(weight: Side, outcome: Side) -> Array:
    """Terms −p·log q: 0 where p is 0, inf where only q is 0."""
    xp = weight.xp
    zero = xp.zeros_like(weight.p + outcome.p)
    p, log_q = weight.p + zero, outcome.log + zero
    none, beyond = p == 0, log_q == -math.inf
    terms = -p * xp.where(beyond, zero, log_q)
    if outcome.form != "probs":
        # In log space a masked outcome has no probability, and moves nothing.
        return xp.where(none, zero, -xp.where(none, zero + 1, p) * xp.where(none, zero, log_q))
    if weight is outcome:
        # 0 at 0, where the slope of −p·log p is inf.
        return xp.where(none, xp.sqrt(xp.where(none, p, zero + 1)), terms)
    alone = beyond & ~none
    return xp.where(alone, p / xp.where(alone, outcome.p + zero, zero + 1), terms)


class Decomposition(NamedTuple):
    """The three parts of H(p, q) = H(p) + D(p‖q)."""

    entropy: Any
    divergence: Any
    cross_entropy: Any


def decompose(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Decomposition:
    forms = check_forms(form, 2)
    same = {"axis": axis, "base": base, "normalize": normalize}
    return Decomposition(
        entropy(p, form=forms[0], **same), kl(p, q, form=forms, **same), cross_entropy(p, q, form=forms, **same)
    )


def js(
    p: Any,
    q: Any,
    *others: Any,
    weight: float | Sequence[float] | None = None,
    axis: Any = -1,
    base: float | None = None,
    form: Any = "probs",
    normalize: bool = False,
) -> Any:
    values = (p, q, *others)
    weights = _weights(weight, len(values))
    names = ("p", "q") if not others else tuple(f"distribution {i}" for i in range(len(values)))

    def formula(rows: Rows) -> Array:
        first, rest = rows.sides[0], rows.sides[1:]
        to_first = [-pair(first, side).difference for side in rest]
        zero = rows.xp.zeros_like(sum(to_first))
        arrays = [side.p + zero for side in rows.sides]
        smooth = first.form != "probs"
        pairs = against_mixture(rows.xp, arrays, [zero, *to_first], weights, smooth)
        return rows.sum(sum(w * each.gap() for w, each in zip(weights, pairs, strict=True)))

    return measure(
        formula,
        values,
        names,
        axis=axis,
        base=base,
        form=form,
        normalize=normalize,
        kernel="js" if len(values) == 2 else None,
        weight=weights[0],
    )


def _weights(weight: Any, count: int) -> list[float]:
    """Return one weight per distribution, summing to 1."""
    if weight is None:
        return [1 / count] * count
    if isinstance(weight, (int, float)) and count == 2:
        weights = [float(weight), 1 - float(weight)]
    elif isinstance(weight, (str, int, float)):
        raise InputError(f"weight must be {count} numbers, one for each distribution, got {weight!r}")
    else:
        weights = [float(w) for w in weight]
    if len(weights) != count or not all(0 <= w <= 1 for w in weights) or abs(math.fsum(weights) - 1) > 1e-9:
        raise InputError(f"weight must be {count} numbers of at least 0 that sum to 1, got {weight!r}")
    return weights


def jeffreys(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    return measure(_jeffreys, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="jeffreys")


def _jeffreys(rows: Rows) -> Array:
    return rows.sum(rows.pair.gap() + rows.pair.gap(0))
