r"""Exponential families: what follows from the log-normaliser alone, written once.

With natural parameters θ and log-normaliser A, D(P‖Q) is the gap of A from θ_P to θ_Q. The member M whose natural
parameters are the mixture αθ_P + (1−α)θ_Q gives the Rényi divergence from two such gaps, each computed by the family's
own exact D, so that nothing cancels near P = Q:

.. math:: (1-α)\,D_α(P‖Q) = αA(θ_P) + (1-α)A(θ_Q) - A(θ_M) = α\,D(M‖P) + (1-α)\,D(M‖Q)

(Nielsen and Nock, 2011, On Rényi and Tsallis entropies and divergences for exponential families).
"""

from __future__ import annotations

import math
from typing import Any

from kullback.arrays._backend import Array

from ._family import Family, family


@family
class ExponentialFamily(Family):
    """A family whose log-density is linear in its natural parameters, up to its normaliser and a fixed measure."""

    def natural(self) -> tuple[Array, ...]:
        """Natural parameters."""
        raise NotImplementedError

    def from_natural(self, natural: tuple[Array, ...]) -> Any:
        """Return the member of the family with the given natural parameters."""
        raise NotImplementedError

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        """Where natural parameters belong to a member of the family."""
        raise NotImplementedError

    def same_measure(self, other: Any) -> None:
        """Refuse another member that is dominated by another measure, as binomials of other counts are."""


def tilted(p: ExponentialFamily, q: ExponentialFamily, order: float) -> tuple[Any, Array]:
    """Return the normalised p^α·q^(1−α), and where it exists; elsewhere P stands in for it."""
    p.same_measure(q)
    xp = p.xp
    # Equal ones stay as they are: at the edge they are infinite, and would leave NaN.
    mixed = tuple(
        xp.where(a == b, a, order * a + (1 - order) * b) for a, b in zip(p.natural(), q.natural(), strict=True)
    )
    exists = p.in_domain(mixed)
    ndims = [a.ndim - exists.ndim for a in mixed]
    kept = tuple(
        xp.where(xp.reshape(exists, (*exists.shape, *(1,) * n)), m, a + xp.zeros_like(m))
        for m, a, n in zip(mixed, p.natural(), ndims, strict=True)
    )
    return p.from_natural(kept), exists


def renyi(p: ExponentialFamily, q: ExponentialFamily, order: float, kl: Any) -> Array:
    """Rényi divergence of an order other than 0, 1 and infinity; inf where p^α·q^(1−α) has no finite integral."""
    middle, exists = tilted(p, q, order)
    value = kl(middle, q) + order / (1 - order) * kl(middle, p)
    return p.xp.where(exists, value, p.xp.full_like(value, math.inf))
