"""Parameters of a family as points of a space without bounds: logarithms, logits, Cholesky factors."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.distributions._constraints import (
    DIRECTION,
    LOGITS,
    LOWER_TRIANGULAR,
    POSITIVE_DEFINITE,
    PROBABILITIES,
    Rule,
)
from kullback.distributions._family import Family
from kullback.matching.features import Floats

_WHOLE = ("a whole number", "a whole number of at least 0", "a whole number of at least 1")


@dataclass(frozen=True)
class Free:
    """A parameter that is fitted: its name, its rule and how many numbers an event has along a side."""

    name: str
    rule: Rule
    side: int

    @property
    def size(self) -> int:
        """How many numbers it is searched by."""
        if self.rule.event_ndim == 0:
            return 1
        if self.rule in (PROBABILITIES, LOGITS):
            return self.side - 1
        if self.rule in (POSITIVE_DEFINITE, LOWER_TRIANGULAR):
            return self.side * (self.side + 1) // 2
        return self.side if self.rule.event_ndim == 1 else self.side * self.side

    def value(self, u: Floats) -> Floats:
        """The parameter at points of shape (b, size): (b, *shape)."""
        rule, b = self.rule, len(u)
        if rule in (PROBABILITIES, LOGITS):
            logits = np.concatenate([u, np.zeros((b, 1))], axis=1)
            if rule is LOGITS:
                return logits
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            return np.asarray(shares / shares.sum(axis=1, keepdims=True))
        if rule is DIRECTION:
            return np.asarray(u / np.linalg.norm(u, axis=1, keepdims=True))
        if rule in (POSITIVE_DEFINITE, LOWER_TRIANGULAR):
            factor = np.zeros((b, self.side, self.side))
            factor[(slice(None), *np.tril_indices(self.side))] = u
            places = np.arange(self.side)
            factor[:, places, places] = np.exp(factor[:, places, places])
            return factor if rule is LOWER_TRIANGULAR else np.asarray(factor @ np.swapaxes(factor, 1, 2))
        shape = (b, *(self.side,) * rule.event_ndim)
        return np.asarray(_bounded(u, rule.lower, rule.upper).reshape(shape))

    def point(self, value: Floats) -> Floats:
        """Where the parameter has this value; shape (size,)."""
        rule = self.rule
        if rule in (PROBABILITIES, LOGITS):
            logits = np.log(np.maximum(value, 1e-12)) if rule is PROBABILITIES else value
            return np.asarray(logits[:-1] - logits[-1])
        if rule is DIRECTION:
            return np.asarray(value, dtype=float)
        if rule in (POSITIVE_DEFINITE, LOWER_TRIANGULAR):
            factor = np.linalg.cholesky(value) if rule is POSITIVE_DEFINITE else value.copy()
            places = np.arange(self.side)
            factor[places, places] = np.log(factor[places, places])
            return np.asarray(factor[np.tril_indices(self.side)])
        return _free(np.asarray(value, dtype=float).ravel(), rule.lower, rule.upper)


@dataclass(frozen=True)
class Search:
    """A family whose free parameters are searched: points of shape (k,) are its members.

    Parameters
    ----------
    family : type
    fixed : dict of str to float
        Parameters that stay.
    free : list of Free
    """

    family: type[Family]
    fixed: dict[str, Any]
    free: list[Free]

    @property
    def size(self) -> int:
        """How many numbers are searched."""
        return sum(one.size for one in self.free)

    def parts(self, point: Floats) -> list[Floats]:
        """The numbers of every free parameter; of points of shape (b, k), along the last axis."""
        return list(np.split(point, np.cumsum([one.size for one in self.free])[:-1], axis=-1))

    def members(self, points: Floats, rank: int = 0) -> Family:
        """The members at points of shape (b, k), as a batch with `rank` more axes for rows."""
        parameters: dict[str, Any] = {name: np.asarray(value, dtype=float) for name, value in self.fixed.items()}
        for one, part in zip(self.free, self.parts(points), strict=True):
            found = one.value(part)
            parameters[one.name] = found.reshape(len(points), *(1,) * rank, *found.shape[1:])
        return self.family.trusted(**parameters)

    def member(self, point: Floats) -> Family:
        """The member at a point of shape (k,)."""
        values = dict(self.fixed)
        for one, part in zip(self.free, self.parts(point), strict=True):
            found = one.value(part[None])[0]
            values[one.name] = float(np.ravel(found)[0]) if one.rule.event_ndim == 0 else found
        return self.family(**values)

    def point(self, law: Family) -> Floats:
        """Where a member is."""
        return np.concatenate([one.point(np.asarray(getattr(law, one.name), dtype=float)) for one in self.free])


def search_of(family: type[Family], fixed: dict[str, Any], side: int, prefer: Collection[str] = ()) -> Search:
    """What to search: the parameters that are not fixed, the first of each group of which one is given.

    Parameters
    ----------
    side : int
        How many numbers a vector parameter has.
    prefer : collection of str
        Of each group of which one is given, the one among these; the first if none is.

    Raises
    ------
    InputError
        If a fixed parameter is none of the family, or one that is not fixed takes whole numbers only.
    """
    for name in fixed:
        if name not in family.parameters:
            raise InputError(f"{family.__name__} has no parameter {name!r}: it has {', '.join(family.parameters)}")
    chosen = [next((name for name in group if name in prefer), group[0]) for group in family.one_of]
    left_out = {name for group in family.one_of for name in group} - set(chosen)
    free = []
    for name, parameter in family.parameters.items():
        if name in fixed or name in left_out:
            continue
        if parameter.rule.words in _WHOLE:
            raise InputError(f"{family.__name__}: {name} is a whole number and not fitted: give fixed={{{name!r}: …}}")
        free.append(Free(name, parameter.rule, side))
    return Search(family, fixed, free)


def _bounded(u: Floats, lower: float, upper: float) -> Floats:
    if math.isfinite(lower) and math.isfinite(upper):
        return np.asarray(lower + (upper - lower) / (1 + np.exp(-u)))
    if math.isfinite(lower):
        return np.asarray(lower + np.exp(u))
    return np.asarray(upper - np.exp(u)) if math.isfinite(upper) else u


def _free(value: Floats, lower: float, upper: float) -> Floats:
    if math.isfinite(lower) and math.isfinite(upper):
        share = np.clip((value - lower) / (upper - lower), 1e-6, 1 - 1e-6)
        return np.asarray(np.log(share / (1 - share)))
    if math.isfinite(lower):
        return np.asarray(np.log(np.maximum(value - lower, 1e-300)))
    return np.asarray(np.log(np.maximum(upper - value, 1e-300))) if math.isfinite(upper) else value
