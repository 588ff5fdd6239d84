"""Where a distribution lives: a space, and bounds that may depend on parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array

if TYPE_CHECKING:
    from ._family import Family

# Offsets of integers that differ by no more differ by rounding.
_ROUNDING = 1e-9

Bound = float | str | Any


@dataclass(frozen=True)
class Domain:
    """The support of a family of distributions.

    Parameters
    ----------
    space : str
        What an event is: "reals", "integers", "circle", "vectors", "simplex", "counts", "sphere", …
    lower, upper : float or str
        Bounds of an interval of numbers, or of each number of a vector; a string names the parameter that is the bound.
    offset : float
        What is added to integers, below 1: values k + offset.
    known : bool
        Whether the bounds are those of the support, and not only around it.
    """

    space: str
    lower: Bound = -math.inf
    upper: Bound = math.inf
    offset: float = 0.0
    known: bool = True

    @property
    def fixed(self) -> bool:
        """Whether no bound depends on a parameter."""
        return not isinstance(self.lower, str) and not isinstance(self.upper, str)


def reals(lower: Bound = -math.inf, upper: Bound = math.inf) -> Domain:
    """Return an interval of real numbers."""
    return Domain("reals", lower, upper)


def integers(lower: Bound = 0, upper: Bound = math.inf, offset: float = 0.0) -> Domain:
    """Return an interval of integers, bounds included, or of integers and the same offset."""
    return Domain("integers", lower, upper, offset)


def lattice(values: Any, name: str = "values") -> tuple[Any, float]:
    """Return whole parts of numbers, and their offset from them; what rounding leaves below a whole number is it."""
    whole = np.floor(np.asarray(values, dtype=np.float64) + _ROUNDING)
    offsets = np.ravel(values - whole)
    if offsets.size and np.ptp(offsets) > _ROUNDING:
        raise InputError(
            f"{name} must be all whole, or all as far from it, of a distribution of integers, got {values}"
        )
    return whole, float(offsets[0]) if offsets.size else 0.0


def apart(p: Domain, q: Domain) -> bool:
    """Whether no value of P is one of Q's: a density beside probabilities, or integers with other offsets."""
    if p.space == q.space:
        return p.space == "integers" and abs(p.offset - q.offset) > 2 * _ROUNDING
    return {p.space, q.space} == {"reals", "integers"}


def bound(law: Family, end: Bound) -> Any:
    """Return the bound of one distribution."""
    return getattr(law, end) if isinstance(end, str) else end


def never_covers(p: type[Family], q: type[Family]) -> bool:
    """Whether P has mass where Q has none, whatever the parameters."""
    if p.domain.space != q.domain.space:
        # A density and a probability mass function are singular to each other.
        return {p.domain.space, q.domain.space} == {"reals", "integers"}
    lowest_p, lowest_q = _range(p, p.domain.lower), _range(q, q.domain.lower)
    highest_p, highest_q = _range(p, p.domain.upper), _range(q, q.domain.upper)
    return _always_below(lowest_p, lowest_q) or _always_below(highest_q, highest_p)


def _range(family: type[Family], end: Bound) -> tuple[float, float, bool, bool]:
    """Return the least and the most that a bound may be, and whether it may be exactly these."""
    if not isinstance(end, str):
        return float(end), float(end), True, True
    if end not in family.parameters:
        return -math.inf, math.inf, False, False
    rule = family.parameters[end].rule
    return rule.lower, rule.upper, rule.allows(rule.lower), rule.allows(rule.upper)


def _always_below(a: tuple[float, float, bool, bool], b: tuple[float, float, bool, bool]) -> bool:
    (_, a_most, _, a_reached), (b_least, _, b_reached, _) = a, b
    return a_most < b_least or (a_most == b_least and not (a_reached and b_reached))


def covers(q: Family, p: Family) -> Array | bool:
    """Where the support of P lies in that of Q: True where that is so for all parameters."""
    if p.domain.fixed and q.domain.fixed:
        return bool(q.domain.lower <= p.domain.lower and p.domain.upper <= q.domain.upper)  # type: ignore[operator]
    (low_p, high_p), (low_q, high_q) = p.support(), q.support()
    return (low_q <= low_p) & (high_p <= high_q)
