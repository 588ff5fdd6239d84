"""Closed forms that are finite sums: of P on finitely many counts, to another law of counts.

With Q* the member of Q's family that has the mean of P, D(P‖Q) = D(P‖Q*) + D(Q*‖Q). The second part is the closed form
within the family; the first depends on P alone and is summed here, in gaps that lose nothing where P is near to Q*.
A sum has as many terms as P has counts, for each distribution of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from kullback._core.errors import NoClosedForm
from kullback.arrays._backend import Array, Namespace, device, in_numpy, inspectable
from kullback.arrays._numeric import blocked_sum

from ._chance import Chance
from ._counting import binomial_over_poisson, log_binomial, log_poisson
from ._numeric import dip, weighed_gap

# Terms of one distribution, and of a batch, which are held in memory a dozen times over.
LIMIT = 10**6
LIMIT_OF_BATCH = 10**7
_HEAVY = -100.0
# From k and the mean of P, the log-ratio of Q* to a Poisson law of that mean; None where Q* is that law.
OverPoisson = Callable[[Array, Array], Array] | None


def largest(count: Array, pair: str, *others: Array) -> int:
    """Return the largest of the counts, which is where the sums end, for the batch of them and the other parameters."""
    if not inspectable(count):
        raise NoClosedForm(
            f"{pair} is a finite sum, whose length must be known: counts cannot be traced by jit; kullback.estimate "
            "takes any distribution"
        )
    last = float(np.max(in_numpy(count))) if 0 not in count.shape else 0.0
    batch = math.prod(np.broadcast_shapes(count.shape, *(other.shape for other in others)))
    if last > LIMIT or last * batch > LIMIT_OF_BATCH:
        of_batch = f" in each of {batch} distributions, beyond {LIMIT_OF_BATCH} in all" if batch > 1 else ""
        raise NoClosedForm(
            f"{pair} is a sum of as many terms as there are counts, taken up to {LIMIT}, got {last:g}{of_batch}; "
            "kullback.estimate(P, Q) computes it numerically and states its error"
        )
    return int(last)


def counts(xp: Namespace, last: int, like: Array) -> Array:
    """Counts from 0 to `last`, in the dtype and place of an array."""
    return xp.arange(last + 1, dtype=like.dtype, device=device(like))


def beyond(last: int) -> int:
    """Where a Poisson law of mean at most `last` has nothing left to add to a divergence; one of few lengths.

    Libraries that compile each length anew then compile few.
    """
    return 1 << math.ceil(math.log2(max(last + 60 + 9 * math.sqrt(last), 128)))


def column(x: Array) -> Array:
    """Give an array a last axis, for the counts."""
    return x[..., None]


def binomial_shape(xp: Namespace, n: Array, chance: Chance, pair: str, over: OverPoisson = None) -> Array:
    """D of a binomial law to the member of another family that has its mean."""
    last = largest(n, pair, chance.yes)
    inner = (chance.yes != 0) & (chance.no != 0) & (n != 0)
    half = xp.where(inner, chance.yes, xp.full_like(chance.yes, 0.5))
    if chance.logits is None:
        safe = Chance(xp, column(half))
    else:
        safe = Chance(xp, None, column(xp.where(inner, chance.logits, xp.zeros_like(chance.logits))))
    k = counts(xp, beyond(last), n)
    size = column(xp.where(inner, n, xp.ones_like(n)))
    mean = size * safe.yes
    shift = 0 * mean if over is None else over(k, mean)
    inside = k <= size
    log_p = log_binomial(xp, xp.where(inside, k, 0 * k), size, safe)
    ratio = binomial_over_poisson(xp, k, size, safe)
    zero = xp.zeros_like(ratio + shift)
    ratio = xp.where(inside, ratio - shift, zero)
    p = xp.where(inside, xp.exp(log_p), zero)
    log_q = xp.where(inside, log_p - ratio, log_poisson(xp, k, mean) + shift)
    value = gaps_or_sum(xp, p, log_q, ratio)
    # All n trials succeed, or none does.
    full = column(n + 0 * chance.yes)
    at_full = xp.where(
        k == full, log_poisson(xp, k, full) + (0 * full if over is None else over(k, full)), 0 * k * full
    )
    all_succeed = xp.where(chance.no == 0, -xp.sum(at_full, axis=-1), xp.zeros_like(value))
    all_succeed = all_succeed + dips(xp, n, chance.complement())
    return xp.where(inner, value, xp.where(chance.no == 0, all_succeed, xp.zeros_like(value)))


def dips(xp: Namespace, n: Array, chance: Chance) -> Array:
    """Nothing, with the slope −inf in a chance of 0 that n·p·log p has there."""
    zero = xp.zeros_like(n + chance.yes)
    return zero if chance.flat[0] else zero + dip(xp, (chance.yes == 0) & (n != 0), chance.yes + zero)


def gaps_or_sum(xp: Namespace, p: Array, log_q: Array, ratio: Array) -> Array:
    """Sum p·ratio, where ratio is log(p/q): as gaps, unless q has a heavy tail beyond, and D with it."""
    never = xp.zeros_like(ratio) != 0
    gaps = blocked_sum(xp, weighed_gap(xp, p, xp.exp(log_q), -ratio, p == 0, never, smooth=True))
    return xp.where(log_q[..., -1] > _HEAVY, blocked_sum(xp, p * ratio), gaps)


def numbered_shape(xp: Namespace, log_p: Array, mean: Array, over: OverPoisson = None) -> Array:
    """D of probabilities of the counts 0, 1, … to the member of a family that has their mean; `log_p` goes beyond."""
    k = counts(xp, log_p.shape[-1] - 1, mean)
    log_q = log_poisson(xp, k, column(mean))
    if over is not None:
        log_q = log_q + over(k, column(mean))
    some = log_p != -math.inf
    zero = xp.zeros_like(log_p + log_q)
    ratio = xp.where(some & (log_q != -math.inf), log_p, zero) - xp.where(some & (log_q != -math.inf), log_q, zero)
    p = xp.where(some, xp.exp(xp.where(some, log_p, zero)), zero)
    return gaps_or_sum(xp, p, log_q + zero, ratio)
