"""Probabilities of counts, and their ratios, right to the last digits also where n is large.

C. Loader, Fast and accurate computation of binomial probabilities (2000): by Stirling's remainders and gaps from the
mean, none of which is large near the mean.
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace

from ._chance import Chance, tiny
from ._numeric import exp_gap, log_gap, relative_entropy, stirling_rest
from ._special import special


def log_poisson(xp: Namespace, k: Array, rate: Array) -> Array:
    """Log-probability of a count k of at least 0."""
    some = (k > 0) & (rate > 0)
    one = xp.ones_like(k + rate)
    many, safe = xp.where(some, k, one), xp.where(some, rate, one)
    log = -relative_entropy(xp, many, safe) - 0.5 * xp.log(2 * math.pi * many) - stirling_rest(xp, many)
    return xp.where(some, log, xp.where(k == 0, -rate, xp.full_like(one, -math.inf)))


def log_binomial(xp: Namespace, k: Array, n: Array, chance: Chance) -> Array:
    """Log-probability of k successes in n trials, −inf beyond 0 … n."""
    yes, no = chance.yes, chance.no
    zero = xp.zeros_like(k + n + yes)
    inner = (k > 0) & (k < n)
    # Chances near the end of the range of numbers are taken as logarithms, which lose nothing at such sizes.
    plain = tiny(xp, yes) | tiny(xp, no)
    loader = inner & ~plain
    kl, nl = xp.where(loader, k, zero + 1), xp.where(loader, n, zero + 2)
    yl, fl = xp.where(loader, yes, zero + 0.5), xp.where(loader, no, zero + 0.5)
    rests = stirling_rest(xp, nl) - stirling_rest(xp, kl) - stirling_rest(xp, nl - kl)
    gaps = relative_entropy(xp, kl, nl * yl) + relative_entropy(xp, nl - kl, nl * fl)
    main = rests - gaps + 0.5 * xp.log(nl / (2 * math.pi * kl * (nl - kl)))
    inside = (k >= 0) & (k <= n)
    ks, ns = xp.where(inside, k, zero), xp.where(inside, n, zero)
    f = special(xp)
    choose = f.lgamma(ns + 1) - f.lgamma(ks + 1) - f.lgamma(ns - ks + 1)
    ends = choose + times(xp, ks, chance.log_yes) + times(xp, ns - ks, chance.log_no)
    return xp.where(loader, main, xp.where(inside, ends, zero - math.inf))


def times(xp: Namespace, k: Array, log: Array) -> Array:
    """k·log, 0 where k is 0 whatever the logarithm."""
    some = (k != 0) & (log != -math.inf)
    value = k * xp.where(some, log, xp.zeros_like(log))
    return xp.where((k != 0) & ~some, xp.full_like(value, -math.inf), value)


# Up to this count, ratios are summed factor by factor: there they may be far smaller than the parts of Loader's form.
_FEW = 64


def binomial_over_poisson(xp: Namespace, k: Array, n: Array, chance: Chance) -> Array:
    """Log-ratio of the binomial probability of k to that of a Poisson count of the same mean; k ≤ n, 0 < chance < 1."""
    inside = k <= n
    zero = xp.zeros_like(k + n + chance.yes)
    left = xp.where(inside, n - k, zero)
    some = left > 0
    far = (
        stirling_rest(xp, n)
        - xp.where(some, stirling_rest(xp, xp.where(some, left, zero + 1)), zero)
        + 0.5 * xp.log(n / xp.where(some, left, zero + 1))
        + xp.where(some, zero, zero + 0.5 * math.log(2 * math.pi))
        - relative_entropy(xp, xp.where(some, left, zero + 1), xp.where(some, n * chance.no, zero + 1))
        - xp.where(some, zero, n * chance.no)
    )
    few = k[..., :_FEW]
    steps = xp.where(few < n, xp.log1p(-xp.where(few < n, few / n, 0 * few)), 0 * few)
    near = _before(xp, steps) - n * exp_gap(xp, chance.log_no) - few * chance.log_no
    joined = xp.concat([near + zero[..., :_FEW], far[..., _FEW:]], axis=-1)
    return xp.where(inside, joined, zero - math.inf)


def negative_binomial_over_poisson(xp: Namespace, k: Array, r: Array, mean: Array) -> Array:
    """Log-ratio of the negative binomial probability of k to that of a Poisson count of the same mean."""
    far = (
        relative_entropy(xp, r + k, r + mean) - 0.5 * xp.log1p(k / r) + stirling_rest(xp, r + k) - stirling_rest(xp, r)
    )
    few = k[..., :_FEW]
    near = _before(xp, xp.log1p(few / r)) - few * xp.log1p(mean / r) + r * log_gap(xp, mean / r)
    return xp.concat([near, far[..., _FEW:]], axis=-1)


def _before(xp: Namespace, steps: Array) -> Array:
    """Sums of the steps before each."""
    return xp.concat([0 * steps[..., :1], xp.cumulative_sum(steps, axis=-1)[..., :-1]], axis=-1)


def log_negative_binomial(xp: Namespace, k: Array, r: Array, chance: Chance) -> Array:
    """Log-probability of k successes before the r-th failure."""
    inside = k >= 0
    safe = xp.where(inside, k, xp.zeros_like(k))
    some = safe > 0
    many = xp.where(some, safe, xp.ones_like(safe))
    # Γ(k+r)/(Γ(r)·k!) by Stirling's remainders: the logarithms of the factorials alone would cancel.
    choose = many * xp.log1p(r / many) + (r - 0.5) * xp.log1p(many / r) - 0.5 * xp.log(2 * math.pi * many)
    rests = stirling_rest(xp, r + many) - stirling_rest(xp, r) - stirling_rest(xp, many)
    log = xp.where(some, choose + rests, xp.zeros_like(choose)) + times(xp, safe, chance.log_yes) + r * chance.log_no
    return xp.where(inside, log, xp.full_like(log, -math.inf))
