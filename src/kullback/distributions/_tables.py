"""Laws of finitely many counts, as tables of their log-probabilities."""

from __future__ import annotations

import math
from typing import Any

from kullback.arrays._backend import Array
from kullback.arrays._numeric import blocked_sum

from ._finite import beyond, column, counts, largest
from ._numeric import dip
from ._outcomes import side


def table(p: Any, other: str, least: int = 0) -> tuple[Array, Array]:
    """Log-probabilities of P for counts from 0, far beyond its last, and its mean."""
    xp = p.xp
    if not hasattr(p, "high"):
        log = side(p).log
        last = max(log.shape[-1] - 1, least)
        rest = xp.full_like(xp.zeros_like(log[..., :1]) + counts(xp, beyond(last) - log.shape[-1], log), -math.inf)
        return xp.concat([log, rest], axis=-1), p.mean()
    last = max(largest(p.high, f"DiscreteUniform‖{other}", p.low), least)
    k = counts(xp, beyond(last), p.high)
    inside = (k >= column(p.low)) & (k <= column(p.high))
    log = -xp.log(column(p.size)) + xp.zeros_like(k)
    # Below 0 Q has no mass: the mean of such a P is of no use to anyone.
    mean = xp.where(p.low >= 0, p.mean(), xp.zeros_like(p.mean()))
    return xp.where(inside, log, xp.full_like(log, -math.inf)), mean


def empty(p: Any) -> Array:
    """Nothing, with the slope −inf that outcomes of probability 0 have."""
    if getattr(p, "probs", None) is None:
        return p.xp.asarray(0.0)
    return blocked_sum(p.xp, dip(p.xp, p.probs == 0, p.probs))
