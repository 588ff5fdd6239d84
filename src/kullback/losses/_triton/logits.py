"""The kernel of rows of logits: values and gradients, in one launch or two. The twin is `_divergences`, as ever."""

from __future__ import annotations

import triton
import triton.language as tl


def warps(block: int) -> int:
    """Warps that share a block of outcomes."""
    return min(max(block // 256, 1), 16)


@triton.jit
def _rest_of_exponential(x):
    """e^x − 1 − x, where |x| < 1/2, by its series."""
    total = x * (1.0 / 3628800) + 1.0 / 362880
    total = total * x + 1.0 / 40320
    total = total * x + 1.0 / 5040
    total = total * x + 1.0 / 720
    total = total * x + 1.0 / 120
    total = total * x + 1.0 / 24
    total = total * x + 1.0 / 6
    total = total * x + 0.5
    return x * x * total


@triton.jit
def _pair(p, q, at, length, scale, p_most, q_most, p_log, q_log):
    """p, q and log p/q of a block of outcomes, and where each is masked."""
    t = tl.load(p + at, mask=at < length, other=-float("inf")).to(tl.float32)
    s = tl.load(q + at, mask=at < length, other=-float("inf")).to(tl.float32)
    p_masked, q_masked = t == -float("inf"), s == -float("inf")
    # Each from its greatest first: a constant between the sides would round away what they differ by.
    above, over = tl.where(p_masked, p_most, t) - p_most, tl.where(q_masked, q_most, s) - q_most
    ratio = tl.where(p_masked | q_masked, 0.0, (above - over) * scale - (p_log - q_log))
    return tl.exp((t - p_most) * scale - p_log), tl.exp((s - q_most) * scale - q_log), ratio, p_masked, q_masked


@triton.jit
def _times(p, d):
    """p·d, 0 where p is, even if d is infinite."""
    return tl.where(p != 0, p * d, 0.0)


@triton.jit
def _gap(p, q, d, near):
    """p·log p/q − p + q, without cancellation near p = q."""
    rest = p * _rest_of_exponential(-tl.where(near, d, 0.0))
    return tl.where(near, rest, _times(p, d) + (q - p))


@triton.jit
def _slope_of_second(p, q, d, near, q_masked, lost):
    """Q − p, and what p lost to outcomes that q masks spread over the others."""
    rest = p * (_rest_of_exponential(-tl.where(near, d, 0.0)) - d)
    return tl.where(q_masked, 0.0, tl.where(near, rest, q - p) - q * lost)


@triton.jit
def rows_kernel(
    p, q, out, numbers, upstream, p_stride, q_stride, out_stride, length, scale,
    KNOWN: tl.constexpr, SIDE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """D(p‖q) of a row, its numbers, and the gradient in side 1 or 2 (0: none), which may be written over its logits.

    Of the first side it is p·(log p/q − D), of the second q − p, times upstream·scale; where D is infinite, as the
    formula has it without the outcomes that make it so.
    """
    row = tl.program_id(0).to(tl.int64)
    p += row * p_stride
    q += row * q_stride
    out += row * out_stride
    numbers += row * 7
    lane = tl.arange(0, BLOCK)
    factor = 0.0
    if SIDE > 0:
        factor = tl.load(upstream + row) * scale
    if KNOWN:
        p_most = tl.load(numbers + 1).to(tl.float32)
        q_most = tl.load(numbers + 2).to(tl.float32)
        p_log = tl.load(numbers + 3).to(tl.float32)
        q_log = tl.load(numbers + 4).to(tl.float32)
        average = tl.load(numbers + 5).to(tl.float32)
        lost = tl.load(numbers + 6).to(tl.float32)
    else:
        p_top = -float("inf")
        q_top = -float("inf")
        p_sum = 0.0
        q_sum = 0.0
        alone_sum = 0.0
        for start in range(0, length, BLOCK):
            at = start + lane
            t = tl.load(p + at, mask=at < length, other=-float("inf")).to(tl.float32)
            s = tl.load(q + at, mask=at < length, other=-float("inf")).to(tl.float32)
            p_before, q_before = p_top, q_top
            p_top = tl.maximum(p_top, tl.max(t, 0))
            q_top = tl.maximum(q_top, tl.max(s, 0))
            # Where all is masked so far, 0 stands for the greatest.
            p_here = tl.where(p_top == -float("inf"), 0.0, p_top)
            q_here = tl.where(q_top == -float("inf"), 0.0, q_top)
            p_shrink = tl.exp((p_before - p_here) * scale)
            q_shrink = tl.exp((q_before - q_here) * scale)
            e = tl.exp((t - p_here) * scale)
            p_sum = p_sum * p_shrink + tl.sum(e, 0)
            alone_sum = alone_sum * p_shrink + tl.sum(tl.where(s == -float("inf"), e, 0.0), 0)
            q_sum = q_sum * q_shrink + tl.sum(tl.exp((s - q_here) * scale), 0)
        p_most = tl.where(p_top == -float("inf"), 0.0, p_top)
        q_most = tl.where(q_top == -float("inf"), 0.0, q_top)
        p_log, q_log, lost = tl.log(p_sum), tl.log(q_sum), alone_sum / p_sum
        value = 0.0
        mean = 0.0
        for start in range(0, length, BLOCK):
            at = start + lane
            p_share, q_share, d, p_masked, q_masked = _pair(p, q, at, length, scale, p_most, q_most, p_log, q_log)
            near = (tl.abs(d) < 0.5) & ~p_masked & ~q_masked
            term = tl.where(q_masked & ~p_masked, float("inf"), _gap(p_share, q_share, d, near))
            value += tl.sum(tl.where(at < length, term, 0.0), 0)
            mean += tl.sum(tl.where(at < length, _times(p_share, d), 0.0), 0)
            if SIDE == 2:
                slope = _slope_of_second(p_share, q_share, d, near, q_masked, lost)
                tl.store(out + at, tl.where(factor == 0.0, 0.0, factor * slope), mask=at < length)
        average = tl.where(value == float("inf"), mean, value)
        tl.store(numbers, value)
        tl.store(numbers + 1, p_most)
        tl.store(numbers + 2, q_most)
        tl.store(numbers + 3, p_log)
        tl.store(numbers + 4, q_log)
        tl.store(numbers + 5, average)
        tl.store(numbers + 6, lost)
    if SIDE == 1 or (SIDE == 2 and KNOWN):
        for start in range(0, length, BLOCK):
            at = start + lane
            p_share, q_share, d, p_masked, q_masked = _pair(p, q, at, length, scale, p_most, q_most, p_log, q_log)
            if SIDE == 1:
                slope = _times(p_share, d - average)
            else:
                near = (tl.abs(d) < 0.5) & ~p_masked & ~q_masked
                slope = _slope_of_second(p_share, q_share, d, near, q_masked, lost)
            tl.store(out + at, tl.where(factor == 0.0, 0.0, factor * slope), mask=at < length)
