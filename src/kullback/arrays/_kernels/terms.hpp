// The terms of the measures: one outcome a lane, no branches, no cancellation.
#pragma once
#include "job.hpp"
#include "pack.hpp"

namespace kullback {
namespace KULLBACK_ISA {

constexpr double infinity = __builtin_huge_val();
constexpr double ln2 = 0.693147180559945309417232121458;

// (atanh(s)/s − 1)/s² in y = s² on [0, 1/9], Chebyshev nodes; what it leaves out of a term is below 3e-17 of it.
KULLBACK_INLINE Pack atanh_tail(Pack y) {
    Pack a = splat(0.08082022805971766);
    a = a * y + 0.04400369243072337;
    a = a * y + 0.06000536404795356;
    a = a * y + 0.06657072104827468;
    a = a * y + 0.07692785032479312;
    a = a * y + 0.09090894718066429;
    a = a * y + 0.11111111358713932;
    a = a * y + 0.1428571428355438;
    a = a * y + 0.20000000000007292;
    return a * y + 0.3333333333333333;
}

// log(p/q) = k·ln 2 + 2·atanh(s): s from p and q themselves where they are within a factor of 2 (then k = 0, and d, their
// difference, is exact), from their mantissas elsewhere, so that no ratio is ever formed that could overflow.
struct LogRatio {
    Mask near;
    Pack s, tail, value;  // tail = atanh(s) − s

    KULLBACK_INLINE LogRatio(Pack p, Pack q, Pack d) {
        // Subnormals have no mantissa of their own: lift them.
        const Ints p_bits = bits(p * 0x1p100), q_bits = bits(q * 0x1p100);
        const Pack p_mantissa = mantissa(p_bits), q_mantissa = mantissa(q_bits);
        near = (p + p >= q) & (p <= q + q) & (q > splat(0.0));
        s = select(near, d, p_mantissa - q_mantissa) / select(near, p + q, p_mantissa + q_mantissa);
        const Pack y = s * s;
        tail = s * y * atanh_tail(y);
        // An integer becomes a double by being written into the mantissa of 1.5·2^52.
        const Ints k = (p_bits >> 52) - (q_bits >> 52);
        const Pack exponent = from_bits(k + 0x4338000000000000) - 0x1.8p52;
        value = select(near, splat(0.0), exponent * ln2) + 2.0 * (s + tail);
    }

    static KULLBACK_INLINE Pack mantissa(Ints x) { return from_bits((x & 0x000fffffffffffff) | 0x3ff0000000000000); }
};

// q·φ(p/q) with φ(x) = x·log x − x + 1 = (p + q)·(s² + (1 + s)·(atanh(s) − s)) for s = (p − q)/(p + q): no term of it
// cancels. Away from p = q nothing cancels in p·log(p/q) − (p − q) either.
KULLBACK_INLINE Pack gap(Pack p, Pack q, Pack d) {
    const LogRatio log(p, q, d);
    const Pack close = (p + q) * (log.s * log.s + (1.0 + log.s) * log.tail);
    const Pack apart = p * log.value - d;
    return select((q == splat(0.0)) & (p > splat(0.0)), splat(infinity), select(log.near, close, apart));
}

// A scale for each lane.
struct Scales {
    Pack p_factor, q_factor, ratio, whole, remainder;

    KULLBACK_INLINE explicit Scales(const Scale& all)
        : p_factor(splat(all.p_factor)),
          q_factor(splat(all.q_factor)),
          ratio(splat(all.ratio)),
          whole(splat(all.whole)),
          remainder(splat(all.remainder)) {}

    void set(int i, const Scale& one) {
        set_lane(p_factor, i, one.p_factor);
        set_lane(q_factor, i, one.q_factor);
        set_lane(ratio, i, one.ratio);
        set_lane(whole, i, one.whole);
        set_lane(remainder, i, one.remainder);
    }
};

// What a measure's term is told of closeness: p − q, or how far the argument of its one logarithm is from 1.
template <Measure M, bool Scaled>
KULLBACK_INLINE Pack difference(Pack p, Pack q, const Scales& scales) {
    if constexpr (M == Measure::entropy || M == Measure::cross_entropy) {
        const Pack x = M == Measure::entropy ? p : q;
        if constexpr (!Scaled) return x - 1.0;
        const Pack factor = M == Measure::entropy ? scales.p_factor : scales.q_factor;
        return ((x - scales.whole) - scales.remainder) * factor;
    }
    if constexpr (!Scaled) return p - q;
    return fused(-q, scales.ratio, p) * scales.p_factor;
}

template <Measure M>
KULLBACK_INLINE Pack term(Pack p, Pack q, Pack d, Pack weight) {
    const Pack zero = splat(0.0), one = splat(1.0);
    if constexpr (M == Measure::kl) return gap(p, q, d);
    if constexpr (M == Measure::entropy) return -p * LogRatio(p, one, d).value;
    if constexpr (M == Measure::cross_entropy)
        // d − d is 0, but for a NaN in q, which its mantissa would hide.
        return select((q == zero) & (p > zero), splat(infinity), -p * (LogRatio(q, one, d).value + (d - d)));
    if constexpr (M == Measure::js) {
        const Pack rest = 1.0 - weight, mixture = q + weight * d;
        // Half the smallest subnormal rounds to 0: an outcome that the mixture misses so is missed by its parts too.
        const Mask nothing = mixture == zero;
        return weight * gap(select(nothing, zero, p), mixture, rest * d) +
               rest * gap(select(nothing, zero, q), mixture, -weight * d);
    }
    if constexpr (M == Measure::jeffreys)
        return select(((p == zero) & (q > zero)) | ((q == zero) & (p > zero)), splat(infinity),
                      d * LogRatio(p, q, d).value);
    if constexpr (M == Measure::total_variation) return select(d < zero, -0.5 * d, 0.5 * d);
    if constexpr (M == Measure::chi2) return select((q == zero) & (p == zero), zero, d * (d / q));
    return zero;
}

}  // namespace KULLBACK_ISA
}  // namespace kullback
