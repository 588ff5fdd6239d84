"""Nats and bits: values are nats inside, bits where people read them."""

from __future__ import annotations

import math
from numbers import Real

from .errors import InputError

BITS_PER_NAT: float = 1.0 / math.log(2.0)


def bits(nats: float) -> float:
    """Convert nats to bits."""
    return nats * BITS_PER_NAT


def nats_per_unit(base: float | None) -> float:
    """Nats in one unit of the logarithm's `base`; None is the natural logarithm."""
    if base is None:
        return 1.0
    if not (isinstance(base, Real) and base > 0 and base != 1 and math.isfinite(base)):
        raise InputError(f"base must be a finite positive number other than 1, got {base!r}")
    return math.log(float(base))


def percent(share: float) -> str:
    """Write a share as a percentage with the digits that it has: 95%, 99.9%."""
    return f"{100 * share:.6g}%"


def shown(value: float, digits: int = 4) -> str:
    """Write a number with `digits` significant digits, as people read it."""
    if value == 0:
        return "0"
    return f"{value:.{digits}g}"
