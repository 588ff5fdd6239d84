// The terms of the measures: one outcome a lane, no branches, no cancellation.
#pragma once
#include "job.hpp"
#include "pack.hpp"

namespace kullback {
namespace KULLBACK_ISA {

// What the formulas need to know of a kind of pack.
template <class P>
struct Traits;

template <>
struct Traits<Pack> {
    typedef double Real;
    static constexpr int mantissa_bits = 52;
    static constexpr std::int64_t mantissa_mask = 0x000fffffffffffff, one = 0x3ff0000000000000;
    // An integer becomes a float by being written into the mantissa of 1.5·2^52.
    static constexpr std::int64_t shifter_bits = 0x4338000000000000;
    static constexpr double shifter = 0x1.8p52;
    // (atanh(s)/s − 1)/s² in y = s² on [0, 1/9], Chebyshev nodes; what it leaves out of a term is below 3e-17 of it.
    static constexpr double tail[] = {0.3333333333333333,  0.20000000000007292, 0.1428571428355438,  0.11111111358713932,
                                      0.09090894718066429, 0.07692785032479312, 0.06657072104827468, 0.06000536404795356,
                                      0.04400369243072337, 0.08082022805971766};
};

template <>
struct Traits<Singles> {
    typedef float Real;
    static constexpr int mantissa_bits = 23;
    static constexpr std::int32_t mantissa_mask = 0x007fffff, one = 0x3f800000;
    static constexpr std::int32_t shifter_bits = 0x4b400000;
    static constexpr float shifter = 0x1.8p23f;
    // The same, below 5e-9 of a term.
    static constexpr float tail[] = {0.3333333432674408f, 0.19999852776527405f, 0.142961785197258f, 0.1085328757762909f,
                                     0.11612164974212646f};
};

template <class P>
KULLBACK_INLINE P atanh_tail(P y) {
    constexpr int terms = sizeof Traits<P>::tail / sizeof Traits<P>::tail[0];
    P sum = splat_as<P>(Traits<P>::tail[terms - 1]);
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
    for (int i = terms - 2; i >= 0; --i) sum = sum * y + Traits<P>::tail[i];
    return sum;
}

// log(p/q) = k·ln 2 + 2·atanh(s): s from p and q themselves where they are within a factor of 2 (then k = 0, and d, their
// difference, is exact), from their mantissas elsewhere, so that no ratio is ever formed that could overflow.
template <class P>
struct LogRatio {
    typedef typename Traits<P>::Real Real;
    typedef decltype(bits(P{})) Bits;

    decltype(P{} > P{}) near;
    P s, tail, value;  // tail = atanh(s) − s

    KULLBACK_INLINE LogRatio(P p, P q, P d) {
        const P zero = splat_as<P>(Real(0));
        // Subnormals have no mantissa of their own: lift them.
        const Bits p_bits = bits(p * Real(0x1p100)), q_bits = bits(q * Real(0x1p100));
        const P p_mantissa = mantissa(p_bits), q_mantissa = mantissa(q_bits);
        near = (p + p >= q) & (p <= q + q) & (q > zero);
        s = select(near, d, p_mantissa - q_mantissa) / select(near, p + q, p_mantissa + q_mantissa);
        const P y = s * s;
        tail = s * y * atanh_tail(y);
        const Bits k = (p_bits >> Traits<P>::mantissa_bits) - (q_bits >> Traits<P>::mantissa_bits);
        const P exponent = from_bits(k + Traits<P>::shifter_bits) - Traits<P>::shifter;
        value = select(near, zero, exponent * Real(0.693147180559945309417)) + Real(2) * (s + tail);
    }

    static KULLBACK_INLINE P mantissa(Bits x) { return from_bits((x & Traits<P>::mantissa_mask) | Traits<P>::one); }
};

template <class P>
KULLBACK_INLINE P infinity() {
    return splat_as<P>(static_cast<typename Traits<P>::Real>(HUGE_VAL));
}

// q·φ(p/q) with φ(x) = x·log x − x + 1 = (p + q)·(s² + (1 + s)·(atanh(s) − s)) for s = (p − q)/(p + q): no term of it
// cancels. Away from p = q nothing cancels in p·log(p/q) − (p − q) either.
template <class P>
KULLBACK_INLINE P gap(P p, P q, P d) {
    typedef typename Traits<P>::Real Real;
    const P zero = splat_as<P>(Real(0));
    const LogRatio<P> log(p, q, d);
    const P close = (p + q) * (log.s * log.s + (Real(1) + log.s) * log.tail);
    const P apart = p * log.value - d;
    return select((q == zero) & (p > zero), infinity<P>(), select(log.near, close, apart));
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

template <Measure M, class P>
KULLBACK_INLINE P term(P p, P q, P d, P weight) {
    typedef typename Traits<P>::Real Real;
    const P zero = splat_as<P>(Real(0)), one = splat_as<P>(Real(1));
    if constexpr (M == Measure::kl) return gap(p, q, d);
    if constexpr (M == Measure::entropy) return -p * LogRatio<P>(p, one, d).value;
    if constexpr (M == Measure::cross_entropy)
        // d − d is 0, but for a NaN in q, which its mantissa would hide.
        return select((q == zero) & (p > zero), infinity<P>(), -p * (LogRatio<P>(q, one, d).value + (d - d)));
    if constexpr (M == Measure::js) {
        const P rest = Real(1) - weight, mixture = q + weight * d;
        // Half the smallest subnormal rounds to 0: an outcome that the mixture misses so is missed by its parts too.
        const auto nothing = mixture == zero;
        return weight * gap<P>(select(nothing, zero, p), mixture, rest * d) +
               rest * gap<P>(select(nothing, zero, q), mixture, -weight * d);
    }
    if constexpr (M == Measure::jeffreys)
        return select(((p == zero) & (q > zero)) | ((q == zero) & (p > zero)), infinity<P>(),
                      d * LogRatio<P>(p, q, d).value);
    if constexpr (M == Measure::total_variation) return select(d < zero, Real(-0.5) * d, Real(0.5) * d);
    if constexpr (M == Measure::chi2) return select((q == zero) & (p == zero), zero, d * (d / q));
    return zero;
}

}  // namespace KULLBACK_ISA
}  // namespace kullback
