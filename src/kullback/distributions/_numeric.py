"""Differences that cancel if formed naively: each is made so that it keeps its last bits, and its derivatives.

Closed forms are sums of *gaps*, Bregman divergences of convex functions of one number, each at least 0 and 0 only at
equality. Written with elementary functions, they are differentiable in every array library; for NumPy arrays and CPU
tensors without a gradient, a kernel computes the same in one pass.
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace
from kullback.arrays._kernels.gaps import fused
from kullback.arrays._numeric import polynomial, successors, two_product

from ._special import LOG_2PI, special

# 1/(j+2)!: what is left out of exp_gap on [−1, 1] is below 1e-18 of it.
_EXP_GAP = [1 / math.factorial(j + 2) for j in range(18)]
# B_2k/(2k(2k−1)) of Stirling's series; past arguments of 10 the first term left out is below 1e-17 of a gap.
STIRLING = [
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400,
]  # fmt: skip
_SHIFT = 10
# Of artanh's series in z², for z up to 1/5.
_TANH = [1 / (2 * j + 3) for j in range(12)]


@fused("log_ratio")
def log_ratio(xp: Namespace, a: Array, b: Array, difference: Array | None = None) -> Array:
    """log(a/b) of positive numbers, to full relative accuracy also near a = b, and where a/b would overflow.

    Give the exact a − b where a and b are rounded.
    """
    difference = a - b if difference is None else difference
    near = xp.abs(difference) <= 0.5 * b
    zero = xp.zeros_like(difference)
    one = xp.ones_like(difference)
    close = xp.log1p(xp.where(near, difference / xp.where(near, b, one), zero))
    ratio = xp.where(near, one, a / b)
    formed = (ratio >= float(xp.finfo(ratio.dtype).smallest_normal)) & (ratio < math.inf)
    logs = xp.log(xp.where(formed, one, a)) - xp.log(xp.where(formed, one, b))
    return xp.where(near, close, xp.where(formed, xp.log(xp.where(formed, ratio, one)), logs))


@fused("exponential")
def exp_gap(xp: Namespace, x: Array) -> Array:
    """e^x − 1 − x, the gap of the exponential."""
    near = xp.abs(x) <= 1
    inner = xp.where(near, x, xp.zeros_like(x))
    outer = xp.where(near, xp.ones_like(x), x)
    return xp.where(near, inner * inner * polynomial(inner, _EXP_GAP), xp.expm1(outer) - outer)


@fused("logarithm")
def log_gap(xp: Namespace, t: Array) -> Array:
    """Gap of −log from 1 to 1 + t: t − log(1 + t)."""
    return exp_gap(xp, xp.log1p(t))


@fused("ratio")
def ratio_gap(xp: Namespace, a: Array, b: Array) -> Array:
    """a/b − 1 − log(a/b) of positive numbers, the gap of −log between scales: D of exponential distributions."""
    return exp_gap(xp, log_ratio(xp, a, b))


@fused("square_ratio")
def square_ratio_gap(xp: Namespace, a: Array, b: Array) -> Array:
    """(a/b)² − 1 − log((a/b)²) of positive numbers."""
    return exp_gap(xp, 2 * log_ratio(xp, a, b))


@fused("entropy")
def relative_entropy(xp: Namespace, p: Array, q: Array, difference: Array | None = None) -> Array:
    """p·log(p/q) − p + q of numbers of at least 0: inf where only q is 0.

    Give the exact p − q where p or q is rounded.
    """
    return _relative_entropy(xp, p, q, difference, smooth=False)


@fused("entropy")
def flat_relative_entropy(xp: Namespace, p: Array, q: Array, difference: Array | None = None) -> Array:
    """The same of a p that reaches 0 flatly, as one that is made from its logarithm does."""
    return _relative_entropy(xp, p, q, difference, smooth=True)


def _relative_entropy(xp: Namespace, p: Array, q: Array, difference: Array | None, *, smooth: bool) -> Array:
    some = (p != 0) & (q != 0)
    one = xp.ones_like(p + q)
    less = None if difference is None else xp.where(some, -difference, 0 * one)
    ratio = log_ratio(xp, xp.where(some, q, one), xp.where(some, p, one), less)
    return weighed_gap(xp, p, q, ratio, p == 0, q == 0, smooth=smooth)


@fused("products")
def products(xp: Namespace, a: Array, b: Array, c: Array, d: Array) -> Array:
    """a·b − c·d, to the last bits also where the two products agree."""
    (first, first_error), (second, second_error) = two_product(xp, a, b), two_product(xp, c, d)
    return (first - second) + (first_error - second_error)


def weighed_gap(
    xp: Namespace, p: Array, q: Array, ratio: Array, no_p: Array, no_q: Array, *, smooth: bool = False
) -> Array:
    """p·log(p/q) − p + q with log(q/p) given; `no_p` and `no_q` say where they are 0, not merely too small.

    `smooth` says that p was made from its logarithm, and so reaches 0 flatly: no slope of −inf there.
    """
    some = ~(no_p | no_q)
    zero = xp.zeros_like(p + q)
    ratio = xp.where(some, ratio, zero)
    # Beyond a ratio of e nothing cancels, and e^ratio may overflow.
    wide = ratio > 1
    gap = p * exp_gap(xp, xp.where(wide, zero, ratio))
    apart = q - p - p * xp.where(wide, ratio, zero)
    only_p, only_q = no_q & ~no_p, no_p & ~no_q
    edge = q + zero if smooth else q + dip(xp, only_q, p)
    edge = xp.where(only_p, xp.full_like(zero, math.inf), edge)
    return xp.where(some, xp.where(wide, apart, gap), edge)


def dip(xp: Namespace, where: Array, p: Array) -> Array:
    """Return nothing, with the slope −inf in p, as p·log p has at 0, `where` p is 0.

    The slope is a sum of two that are finite, so that what is masked afterwards, and so has a slope of 0, gives no NaN.
    """
    steep = float(xp.finfo(p.dtype).max)
    p = xp.where(where, p, xp.zeros_like(p))
    return -(steep * p) - 0.75 * steep * p


@fused("stirling")
def stirling_gap(xp: Namespace, a: Array, b: Array, d: Array | None = None) -> Array:
    r"""Return what the gap of log Γ(x) has beyond that of x·log x − x; at least 0, about t²/4 with t = b/a − 1.

    Beyond arguments of 10, by Stirling's series,

    .. math:: \frac{t - \log(1 + t)}{2} + \sum_k \frac{B_{2k}}{2k(2k-1)}
              \left(b^{1-2k} - a^{1-2k} + (2k-1)a^{-2k}(b - a)\right);

    smaller ones are brought there by the recurrence, each step a gap of −log; those a factor of 4 apart have nothing
    to lose by differences. Give d, the exact b − a, where b is rounded.
    """
    d = b - a if d is None else d
    near = xp.abs(d) <= 0.75 * xp.where(a < b, b, a)
    large = xp.where(a < b, a, b) >= _SHIFT
    shift = xp.where(large, xp.zeros_like(d), xp.full_like(d, float(_SHIFT)))
    a_near, d_near = xp.where(near, a, xp.ones_like(d)), xp.where(near, d, xp.zeros_like(d))
    b_near = xp.where(near, b, xp.ones_like(d))

    high_a, high_b = a_near + shift, b_near + shift
    # φ from the exact difference: a shifted argument has lost the last bits of it.
    shares = xp.stack([d_near / high_a, -d_near / high_b, -d_near / b_near])
    gaps = log_gap(xp, xp.concat([shares, d_near / successors(xp, a_near, _SHIFT)]))
    lifted = xp.sum(gaps[3:, ...], axis=0) + high_b * gaps[1, ...] - b_near * gaps[2, ...]
    series = 0.5 * gaps[0, ...] + series_gap(xp, high_a, high_b, d_near)
    close = series + xp.where(large, xp.zeros_like(d), lifted)
    slope = stirling_slope(xp, a)
    rest = stirling_rest(xp, xp.stack(xp.broadcast_arrays(a, b)))
    apart = 0.5 * log_ratio(xp, a, b) + rest[1, ...] - rest[0, ...] - slope * d
    return xp.where(near, close, apart)


@fused("stirling_rest")
def stirling_rest(xp: Namespace, k: Array) -> Array:
    """Log Γ(k) − (k − ½)·log k + k − ½·log 2π, above 0 and about 1/(12k), to full relative accuracy."""
    small = k < 2
    middle = ~small & (k < _SHIFT)
    low = xp.where(small, k, xp.ones_like(k))
    direct = special(xp).lgamma(low) - (low - 0.5) * xp.log(low) + low - 0.5 * LOG_2PI
    start = xp.where(middle, k, xp.full_like(k, 5.0))
    # rest(x) − rest(x + 1) = (x + ½)·log(1 + 1/x) − 1 = z²/3 + z⁴/5 + …, z = 1/(2x + 1).
    z = 1 / (2 * successors(xp, start, _SHIFT - 2) + 1)
    steps = xp.sum(z * z * polynomial(z * z, _TANH), axis=0)
    high = xp.where(small, xp.full_like(k, float(_SHIFT)), xp.where(middle, k + (_SHIFT - 2), k))
    y = 1 / high
    series = y * polynomial(y * y, STIRLING)
    return xp.where(small, direct, xp.where(middle, series + steps, series))


@fused("stirling_slope")
def stirling_slope(xp: Namespace, x: Array) -> Array:
    """What ψ has beyond log: ψ(x) − log x."""
    large = x >= _SHIFT
    y = 1 / xp.where(large, x, xp.full_like(x, float(_SHIFT)))
    series = -0.5 * y - y * y * polynomial(y * y, [(2 * k + 1) * c for k, c in enumerate(STIRLING)])
    low = xp.where(large, xp.ones_like(x), x)
    return xp.where(large, series, special(xp).digamma(low) - xp.log(low))


def series_gap(xp: Namespace, a: Array, b: Array, d: Array) -> Array:
    """Return the gap of the sum over k in Stirling's series, from a to b = a + d, both at least 10."""
    x, y = 1 / a, 1 / b
    # The bracket of k is (d·x)(d·y)·x·S_n with n = 2k − 1, S_1 = 1, S_n = n·x^(n−1) + y·S_(n−1): no term cancels.
    s, power = xp.ones_like(x + y), xp.ones_like(x + y)
    total = STIRLING[0] * s
    for n in range(2, 2 * len(STIRLING)):
        power = power * x
        s = n * power + y * s
        if n % 2:
            total = total + STIRLING[n // 2] * s
    return (d * x) * ((d * y) * (x * total))
