r"""Expected logarithms of sums of gamma variables, without cancellation near equal scales.

With W and Z gamma distributed of shapes a and b, Y = W + lZ, or for b = ½ and Z = z²/2 of a normal z, more generally
Y = W + l(z/√2 + s√W)², has an elementary Laplace transform,

.. math:: M(t) = E\,e^{-tY} = \left(1 + t + \frac{tls^2}{1 + tl}\right)^{-a} (1 + tl)^{-b},

and so E log Y = ∫(e^{−t} − M(t)) dt/t is an integral in log t of a function that is analytic within π of the real line
whatever the parameters: equidistant nodes give it to the last bit.
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace, device

from ._numeric import exp_gap, log_gap
from ._shape import digamma_difference

_FALL = 42.0
_NEAR_NODES, _FAR_NODES = 320, 640
# Beyond this many powers of e a smaller scale adds nothing to a larger one.
_SPAN = 85.0
#: Largest log l, and largest s, that `log_growth_beyond_first` is for.
NEAR_RATIO, NEAR_SHIFT = 0.4, 3.0


def _nodes(xp: Namespace, low: Array, high: Array, count: int) -> tuple[Array, Array]:
    """Equidistant nodes along a new last axis, as the numbers that they are logarithms of; their distance."""
    step = (high - low) / (count - 1)
    k = xp.arange(count, dtype=step.dtype, device=device(step))
    return xp.exp(low[..., None] + step[..., None] * k), step


def _highest(xp: Namespace, falls: Array, beside: Array | float = 0.0) -> Array:
    """Logarithm of the t at which (1 + t)^(−falls) is negligible, also beside e^(−beside)."""
    power = (_FALL + beside) / falls
    large = power > 1
    small, tall = xp.where(large, xp.ones_like(power), power), xp.where(large, power, xp.ones_like(power))
    return xp.where(large, tall + xp.log1p(-xp.exp(-tall)), xp.log(xp.expm1(small)))


def log_growth_beyond_first(xp: Namespace, a: Array, b: Array, excess: Array, shift: Array) -> Array:
    """E log Y − E log(W + Z) − (l − 1)·b/(a + b), for l near 1 and a moderate s: of second order in l − 1 and s."""
    top = _highest(xp, a + b)
    low = xp.where(top < 0, top, xp.zeros_like(top)) - _FALL - 2 * xp.log1p(xp.abs(shift))
    t, step = _nodes(xp, low, top + 0 * low, _NEAR_NODES)
    a, b, excess, shift = a[..., None], b[..., None], excess[..., None], shift[..., None]
    share = t / (1 + t)
    scales = share * excess
    moved = a * xp.log1p(share * (1 + excess) * shift * shift / (1 + t * (1 + excess)))
    change = -b * xp.log1p(scales) - moved
    terms = moved - exp_gap(xp, change) - b * log_gap(xp, scales)
    return step * xp.sum(xp.exp(-(a + b) * xp.log1p(t)) * terms, axis=-1)


def log_growth(xp: Namespace, a: Array, b: Array, log_ratio: Array, shift: Array) -> Array:
    """E log(Y/W), from log l and s.

    Where s is not 0 but a is below ½, parts of Y may matter that are below e^−85 of the rest, and are taken for that.
    """
    zero = xp.zeros_like(a + b + log_ratio + shift)
    log_shift = xp.log(xp.where(shift == 0, xp.ones_like(shift), xp.abs(shift)))
    log_moved = xp.where(shift == 0, zero - math.inf, log_ratio + 2 * log_shift)
    largest = xp.where(log_ratio > 0, log_ratio + zero, zero)
    largest = xp.where(log_moved > largest, log_moved, largest)

    def share(logs: Array) -> Array:
        counts = logs - largest > -_SPAN
        return xp.where(counts, xp.exp(xp.where(counts, logs - largest, zero)), zero)

    # Of Y over its largest part; a width too small to count stays where it begins to, for it ends the integral.
    own, moved = share(zero), share(log_moved)
    wide = log_ratio - largest > -_SPAN
    width = xp.exp(xp.where(wide, log_ratio - largest, zero - _SPAN))
    # The reference is W, or for small shapes W + Z, which falls sooner.
    few = a < 0.5
    falls = xp.where(few, a + b, a + 0 * b)
    # What is left may be as small as the larger part of it.
    least = xp.where(log_moved > log_ratio, log_moved, log_ratio + zero)
    least = xp.where(least < -_SPAN, zero + _SPAN, xp.where(least < 0, -least, zero))
    ends = _highest(xp, a, least), _highest(xp, a + b) + _SPAN
    top = xp.where(ends[0] < ends[1], ends[0], ends[1]) + zero
    low = xp.where(top < 0, top, zero) - _FALL - xp.log1p(b)
    spread = xp.where(largest < _SPAN, largest, zero + _SPAN)
    t, step = _nodes(xp, low, top + spread, _FAR_NODES)
    own, moved, width, less = (x[..., None] for x in (own, moved, width, xp.expm1(-largest)))
    rest = moved / (1 + t * width)
    # Log (1 + t(own + rest))/(1 + t), of both kept small where it is small.
    change = t / (1 + t) * (less + rest)
    small = change > -0.5
    outright = xp.log1p(t * (own + rest)) - xp.log1p(t)
    ratio = xp.where(small, xp.log1p(xp.where(small, change, 0 * change)), outright)
    of_z = xp.log1p(t * width) - xp.where(few[..., None], xp.log1p(t), 0 * t)
    beyond = a[..., None] * ratio + b[..., None] * of_z
    reference = falls[..., None] * xp.log1p(t)
    ours = a[..., None] * xp.log1p(t * (own + rest)) + b[..., None] * xp.log1p(t * width)
    sooner = beyond < 0
    terms = xp.exp(-xp.where(sooner, ours, reference)) * xp.expm1(-xp.abs(beyond))
    terms = xp.where(sooner, terms, -terms)
    of_reference = xp.where(few, digamma_difference(xp, a + zero, b + zero), zero)
    return largest + of_reference + step * xp.sum(terms, axis=-1)
