"""Distributions over numbered outcomes, from the exact measures of probability arrays."""

from __future__ import annotations

import math
from typing import Any

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, Namespace, device
from kullback.arrays._numeric import blocked_sum
from kullback.arrays._rows import Side, pair
from kullback.arrays.measures import generalized_kl


def side(law: Any) -> Side:
    """Return the probabilities or logits of a family, along the last axis."""
    form = "probs" if law.logits is None else "logits"
    return Side(law.xp, law.probs if law.logits is None else law.logits, form, form == "logits")


def divergence(p: Side, q: Side) -> Array:
    """D over the last axis."""
    need_same_outcomes(p.given, q.given)
    if p.form == q.form == "probs":
        # The compiled kernel where there is one; the sums have been checked.
        return generalized_kl(p.given, q.given)
    return blocked_sum(p.xp, pair(p, q).gap())


def entropy(of: Side) -> Array:
    """Entropy over the last axis."""
    xp, log = of.xp, of.log
    some = log != -math.inf
    return -blocked_sum(xp, of.p * xp.where(some, log, xp.zeros_like(log)))


def need_same_outcomes(p: Array, q: Array) -> None:
    """Refuse distributions over different numbers of outcomes."""
    if p.shape[-1] != q.shape[-1]:
        raise InputError(
            f"P has {p.shape[-1]} outcomes and Q {q.shape[-1]}: a divergence compares distributions over the same ones"
        )


def pick(xp: Namespace, log: Array, x: Array) -> Array:
    """Entries of the last axis by their number, −inf beyond its ends."""
    outcomes = xp.arange(log.shape[-1], dtype=xp.int64, device=device(log))
    chosen = outcomes == xp.astype(x, xp.int64)[..., None]
    value = xp.sum(xp.where(chosen, xp.where(log == -math.inf, xp.zeros_like(log), log), xp.zeros_like(log)), axis=-1)
    possible = xp.any(chosen & (log != -math.inf), axis=-1)
    return xp.where(possible, value, xp.full_like(value, -math.inf))
