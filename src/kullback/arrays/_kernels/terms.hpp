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
    static constexpr std::uint64_t exponent_mask = 0xfff0000000000000;
    // Half a binade, to round with, and 2048 of them, to keep the exponent positive on its way to a double.
    static constexpr std::uint64_t middle = 0x8008000000000000;
    static constexpr std::uint64_t shifter_bits = 0x4330000000000000;
    static constexpr double shifter = 0x1p52 + 2048;
    // log 2 in two parts; without a fused multiply-add, the product of the first with `leading` bits is exact.
    static constexpr std::uint64_t leading = 0xffffffffffe00000;
#if KULLBACK_FUSES
    static constexpr double log2_high = 0x1.62e42fefa39efp-1, log2_low = 0x1.abc9e3b39803fp-56;
#else
    static constexpr double log2_high = 0x1.62e42p-1, log2_low = 0x1.fdf473de6af28p-22;
#endif
    // The least that a lane is raised to, what lifts any subnormal far above it, and what is far above it already.
    static constexpr double least = 0x1p-1021, lift = 0x1p120, ordinary = 0x1p-900;
    // (atanh(s)/s − 1)/s² in y = s² on [0, 1/25], minimax; what it leaves out of a term is below 4e-18 of it.
    static constexpr double tail[] = {0.3333333333333333,  0.20000000000004028, 0.14285714283615134, 0.11111111527594626,
                                      0.09090868569433481, 0.07694442820634137, 0.0660469232511779,  0.06805668287449562};
};

template <>
struct Traits<Singles> {
    typedef float Real;
    static constexpr int mantissa_bits = 23;
    static constexpr std::uint32_t exponent_mask = 0xff800000, middle = 0x80400000, shifter_bits = 0x4b000000;
    static constexpr float shifter = 0x1p23f + 256;
    static constexpr std::uint32_t leading = 0xfffff000;
#if KULLBACK_FUSES
    static constexpr float log2_high = 0x1.62e43p-1f, log2_low = -0x1.05c61p-29f;
#else
    static constexpr float log2_high = 0x1.62p-1f, log2_low = 0x1.c85fep-10f;
#endif
    static constexpr float least = 0x1p-125f, lift = 0x1p90f, ordinary = 0x1p-90f;
    // The same, below 5e-10 of a term.
    static constexpr float tail[] = {0.3333333432674408f, 0.2000015825033188f, 0.1426616907119751f, 0.11877389997243881f};
};

// The polynomial with these coefficients, even and odd powers side by side.
template <class P>
KULLBACK_INLINE P atanh_tail(P y) {
    constexpr auto& c = Traits<P>::tail;
    constexpr int terms = sizeof c / sizeof c[0];
    const P square = y * y;
    P even = splat_as<P>(c[terms - 2]), odd = splat_as<P>(c[terms - 1]);
#if defined(__GNUC__)
#pragma GCC unroll 8
#endif
    for (int i = terms - 4; i >= 0; i -= 2) {
        even = even * square + c[i];
        odd = odd * square + c[i + 1];
    }
    return even + y * odd;
}

// x·ln 2 + c, as if rounded once.
template <class P>
KULLBACK_INLINE P times_log2(P x, P c) {
    typedef Traits<P> Of;
#if KULLBACK_FUSES
    return x * Of::log2_low + (x * Of::log2_high + c);
#else
    const P leading = from_bits(bits(x) & Of::leading);
    return ((leading * Of::log2_high + c) + (x - leading) * Of::log2_high) + x * Of::log2_low;
#endif
}

// log(p/q) = k·ln 2 + 2·atanh(s) for s = (p − r)/(p + r), where r = q·2^k is within a factor of 1.5 of p. The difference
// of their bits is nearly that of their logarithms, and k is that rounded: no ratio is formed that could overflow.
template <class P>
struct LogRatio {
    P k, r, d, s;  // d = p − r

    LogRatio() = default;

    // Of numbers that are neither 0 nor subnormal; their difference is exact.
    KULLBACK_INLINE LogRatio(P p, P q) : LogRatio(p, q, bits(p) - bits(q) + Traits<P>::middle) { complete(p, p - r); }

    // The same, told a better difference p − q than that of the two; it matters where they are close.
    KULLBACK_INLINE LogRatio(P p, P q, P difference) : LogRatio(p, q, bits(p) - bits(q) + Traits<P>::middle) {
        complete(p, select(k == splat_as<P>(typename Traits<P>::Real(0)), difference, p - r));
    }

    KULLBACK_INLINE P value() const {
        typedef typename Traits<P>::Real Real;
        const P y = s * s;
        return k * Real(0.693147180559945309417) + Real(2) * (s + s * y * atanh_tail(y));
    }

private:
    typedef decltype(bits(P{})) Bits;

    KULLBACK_INLINE LogRatio(P, P q, Bits exponent)
        : k(from_bits((exponent >> Traits<P>::mantissa_bits) | Traits<P>::shifter_bits) - Traits<P>::shifter),
          // The bits that keep the exponent positive turn the sign.
          r(-from_bits(bits(q) + (exponent & Traits<P>::exponent_mask))) {}

    KULLBACK_INLINE void complete(P p, P difference) {
        d = difference;
        s = d / (p + r);
    }
};

template <class P>
KULLBACK_INLINE P raised(P x) {
    return larger(splat_as<P>(Traits<P>::least), x);
}

template <class P>
KULLBACK_INLINE P lifted(P x) {
    return x * Traits<P>::lift;
}

// LogRatio of anything. A zero becomes a number so small that what it adds to a term is nothing.
template <class P, class... D>
KULLBACK_INLINE LogRatio<P> log_ratio(P p, P q, D... d) {
    return LogRatio<P>(raised(lifted(p)), raised(lifted(q)), lifted(d)...);
}

template <class P>
KULLBACK_INLINE P infinity() {
    return splat_as<P>(static_cast<typename Traits<P>::Real>(HUGE_VAL));
}

// q·φ(p/q) with φ(x) = x·log x − x + 1 is r·φ(p/r) + p·k·ln 2 + (q − r), and r·φ(p/r) = (p − r)·s·(1 + (s + s²)·tail): no
// term of it cancels where k = 0, and elsewhere nothing that is not exact to its last bits. For q that are ordinary.
template <class P>
struct Gap {
    P d, s, rest;

    Gap() = default;
    template <class... D>
    KULLBACK_INLINE Gap(P p, P q, D... difference) : Gap(raised(p), q, LogRatio<P>(raised(p), q, difference...)) {}

    KULLBACK_INLINE P value() const {
        const P y = s * s;
        return d * s * (typename Traits<P>::Real(1) + (s + y) * atanh_tail(y)) + rest;
    }

private:
    KULLBACK_INLINE Gap(P p, P q, const LogRatio<P>& log)
        : d(log.d), s(log.s), rest(times_log2(p * log.k, q - log.r)) {}
};

// The same of anything.
template <class P, class... D>
KULLBACK_INLINE P gap(P p, P q, D... d) {
    const P zero = splat_as<P>(typename Traits<P>::Real(0));
    const P inside = Gap<P>(lifted(p), raised(lifted(q)), lifted(d)...).value() * (1 / Traits<P>::lift);
    return select((q == zero) & (p > zero), infinity<P>(), inside);
}

// A scale for each lane.
struct Scales {
    Pack p_factor, q_factor, ratio, p_whole, p_rest, q_whole, q_rest;

    Scales() = default;
    KULLBACK_INLINE explicit Scales(const Scale& all)
        : p_factor(splat(all.p_factor)),
          q_factor(splat(all.q_factor)),
          ratio(splat(all.ratio)),
          p_whole(splat(all.p_whole)),
          p_rest(splat(all.p_rest)),
          q_whole(splat(all.q_whole)),
          q_rest(splat(all.q_rest)) {}

    void set(int i, const Scale& one) {
        set_lane(p_factor, i, one.p_factor);
        set_lane(q_factor, i, one.q_factor);
        set_lane(ratio, i, one.ratio);
        set_lane(p_whole, i, one.p_whole);
        set_lane(p_rest, i, one.p_rest);
        set_lane(q_whole, i, one.q_whole);
        set_lane(q_rest, i, one.q_rest);
    }
};

// What a measure's term is told of closeness: p − q, or how far the argument of its one logarithm is from 1.
template <Measure M, bool Scaled>
KULLBACK_INLINE Pack difference(Pack p, Pack q, const Scales& by) {
    if constexpr (M == Measure::entropy) return Scaled ? ((p - by.p_whole) - by.p_rest) * by.p_factor : p - 1.0;
    if constexpr (M == Measure::cross_entropy) return Scaled ? ((q - by.q_whole) - by.q_rest) * by.q_factor : q - 1.0;
    if constexpr (!Scaled) return p - q;
    return fused(-q, by.ratio, p) * by.p_factor;
}

// What a term is made of: p and q, divided by their sums where that is asked for, and how far apart they are.
template <class P>
struct Outcome {
    P p, q, d;
};

// A measure's terms of anything. Only the difference of scaled numbers is better than the two themselves can tell.
template <Measure M, bool Scaled, class P>
KULLBACK_INLINE P term(const Outcome<P>& of, P weight) {
    typedef typename Traits<P>::Real Real;
    const P p = of.p, q = of.q, d = of.d, zero = splat_as<P>(Real(0)), one = splat_as<P>(Real(1));
    const auto log = [d](P x, P y) {
        if constexpr (Scaled) return log_ratio(x, y, d).value();
        return log_ratio(x, y).value();
    };
    if constexpr (M == Measure::kl && Scaled) return gap(p, q, d);
    if constexpr (M == Measure::kl) return gap(p, q);
    if constexpr (M == Measure::entropy) return -p * log(p, one);
    if constexpr (M == Measure::cross_entropy)
        return select((q == zero) & (p > zero), infinity<P>(), -p * log(q, one));
    if constexpr (M == Measure::js) {
        const P rest = Real(1) - weight, mixture = q + weight * d;
        // Half the smallest subnormal rounds to 0: an outcome that the mixture misses so is missed by its parts too.
        const auto nothing = mixture == zero;
        return weight * gap(select(nothing, zero, p), mixture, rest * d) +
               rest * gap(select(nothing, zero, q), mixture, -weight * d);
    }
    if constexpr (M == Measure::jeffreys)
        return select(((p == zero) & (q > zero)) | ((q == zero) & (p > zero)), infinity<P>(), d * log(p, q));
    if constexpr (M == Measure::total_variation) return select(d < zero, Real(-0.5) * d, Real(0.5) * d);
    if constexpr (M == Measure::chi2) return select((q == zero) & (p == zero), zero, d * (d / q));
    return zero;
}

// Terms in two halves, for measures whose terms are long: the processor cannot look far enough ahead to overlap one
// outcome's with the next one's, but does overlap halves. Right where `ordinary` is: far above the subnormal.
template <Measure M, bool Scaled, class P>
struct Halves {
    static constexpr bool exist = false;
};

template <bool Scaled, class P>
struct Halves<Measure::kl, Scaled, P> {
    static constexpr bool exist = true;
    typedef Gap<P> First;

    static KULLBACK_INLINE P ordinary(const Outcome<P>& of, P) { return of.q; }
    static KULLBACK_INLINE First first(const Outcome<P>& of, P) {
        if constexpr (Scaled) return {of.p, of.q, of.d};
        return {of.p, of.q};
    }
    static KULLBACK_INLINE P second(const First& first, P) { return first.value(); }
};

// −p·log x, where x is p or q.
template <Measure M, bool Scaled, class P>
struct SurpriseHalves {
    static constexpr bool exist = true;
    struct First {
        P p;
        LogRatio<P> log;
    };

    static KULLBACK_INLINE P ordinary(const Outcome<P>& of, P) { return M == Measure::entropy ? of.p : of.q; }
    static KULLBACK_INLINE First first(const Outcome<P>& of, P weight) {
        const P x = ordinary(of, weight), one = splat_as<P>(typename Traits<P>::Real(1));
        if constexpr (Scaled) return {of.p, {x, one, of.d}};
        return {of.p, {x, one}};
    }
    static KULLBACK_INLINE P second(const First& first, P) { return -first.p * first.log.value(); }
};

template <bool Scaled, class P>
struct Halves<Measure::entropy, Scaled, P> : SurpriseHalves<Measure::entropy, Scaled, P> {};
template <bool Scaled, class P>
struct Halves<Measure::cross_entropy, Scaled, P> : SurpriseHalves<Measure::cross_entropy, Scaled, P> {};

template <bool Scaled, class P>
struct Halves<Measure::js, Scaled, P> {
    static constexpr bool exist = true;
    struct First {
        Gap<P> p, q;
    };

    static KULLBACK_INLINE P ordinary(const Outcome<P>& of, P weight) { return of.q + weight * of.d; }
    static KULLBACK_INLINE First first(const Outcome<P>& of, P weight) {
        const P mixture = ordinary(of, weight);
        return {{of.p, mixture, (1 - weight) * of.d}, {of.q, mixture, -weight * of.d}};
    }
    static KULLBACK_INLINE P second(const First& first, P weight) {
        return weight * first.p.value() + (1 - weight) * first.q.value();
    }
};

}  // namespace KULLBACK_ISA
}  // namespace kullback
