"""Riemann's zeta function of s > 1, with its slope and its gaps, by Euler and Maclaurin's formula.

H. M. Edwards, Riemann's zeta function (1974), chapter 6: the sum to N − 1, the integral of the rest, half a term, and
corrections in Bernoulli's numbers. Each part is a function of s whose difference and gap from s to s + d keep their
digits.
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace, device
from kullback.arrays._numeric import blocked_sum

from ._numeric import weighed_gap

_N = 16
# B_2m/(2m)!; at N = 16 the first one left out is below 1e-18 of the terms kept.
_BERNOULLI = [
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000,
]  # fmt: skip


def zeta_parts(xp: Namespace, s: Array, t: Array) -> tuple[Array, Array, Array, Array]:
    """Return ζ(s), −ζ′(s), ζ(t) − ζ(s), and the gap ζ(t) − ζ(s) − (t − s)·ζ′(s).

    Where t or s is so large that ζ is 1, as if it were no larger than is needed for that.
    """
    most = xp.full_like(s + t, -1.2 * math.log2(float(xp.finfo(s.dtype).smallest_normal)))
    s, t = xp.where(s < most, s, most), xp.where(t < most, t, most)
    d = t - s
    k = xp.arange(1, _N, dtype=s.dtype, device=device(s))
    logs = xp.log(k)
    terms = _powers(xp, s[..., None], t[..., None], logs)
    value, change, gap = (blocked_sum(xp, t) for t in terms)
    slope = blocked_sum(xp, terms[0] * logs)

    a, b, length = s - 1, t - 1, math.log(_N)
    first, moved, bent = _powers(xp, a, b, length)
    last = first + moved
    value = value + first / a
    slope = slope + first * (length / a + 1 / (a * a))
    change = change + (a * moved - d * first) / (a * b)
    gap = gap + bent / a - moved * d / (a * a) + last * (d / a) * (d / a) / b

    term, moved, bent = (x / _N for x in (first, moved, bent))
    value, slope = value + 0.5 * term, slope + 0.5 * length * term
    change, gap = change + 0.5 * moved, gap + 0.5 * bent

    # Products s(s+1)…(s+n−1), their slopes, differences and gaps, one factor after another. Past s of 64, where what
    # they weigh is below 1e-50 of the rest, they stay as they are there: huge, they would cancel.
    s, t = (xp.where(x < 64, x, xp.full_like(x, 64.0)) for x in (s, t))
    d = t - s
    product, tilt, step, bow = xp.ones_like(s), xp.zeros_like(s), xp.zeros_like(s), xp.zeros_like(s)
    for n in range(2 * len(_BERNOULLI) - 1):
        bow = (s + n) * bow + d * step
        step = (t + n) * step + d * product
        tilt = (s + n) * tilt + product
        product = (s + n) * product
        term, moved, bent = (x / _N for x in (term, moved, bent))
        if n % 2 == 0:
            weight = _BERNOULLI[n // 2]
            value = value + weight * product * term
            slope = slope + weight * (product * length - tilt) * term
            change = change + weight * (product * moved + step * (term + moved))
            gap = gap + weight * (product * bent + bow * term + step * moved)
    return value, slope, change, gap


def _powers(xp: Namespace, s: Array, t: Array, log: Array | float) -> tuple[Array, Array, Array]:
    """Return e^(−s·log), its difference to that of t, and its gap."""
    ratio = (s - t) * log
    first, last = xp.exp(-s * log), xp.exp(-t * log)
    never = xp.zeros_like(ratio) != 0
    wide = xp.abs(ratio) > 1
    change = xp.where(wide, last - first, first * xp.expm1(xp.where(wide, xp.zeros_like(ratio), ratio)))
    return first, change, weighed_gap(xp, first, last, ratio + 0 * first, never, never)
