// Gaps of elementary functions, one a lane. What they are, and the same for any array library, is in
// kullback/distributions/_numeric.py.
#pragma once
#include "terms.hpp"

namespace kullback {
namespace KULLBACK_ISA {
namespace {

// 1/(j + 2)!
constexpr double exp_gap_series[] = {
    0.5,
    0.16666666666666666,
    0.041666666666666664,
    0.008333333333333333,
    0.001388888888888889,
    0.0001984126984126984,
    2.48015873015873e-05,
    2.7557319223985893e-06,
    2.755731922398589e-07,
    2.505210838544172e-08,
    2.08767569878681e-09,
    1.6059043836821613e-10,
    1.1470745597729725e-11,
    7.647163731819816e-13,
    4.779477332387385e-14,
    2.8114572543455206e-15,
    1.5619206968586225e-16,
    8.22063524662433e-18,
};

template <int N>
KULLBACK_INLINE Pack horner(Pack x, const double (&coefficients)[N]) {
    Pack sum = splat(coefficients[N - 1]);
#if defined(__GNUC__)
#pragma GCC unroll 20
#endif
    for (int i = N - 2; i >= 0; --i) sum = sum * x + coefficients[i];
    return sum;
}

KULLBACK_INLINE Pack magnitude(Pack x) { return select(x < 0.0, -x, x); }

// An integer becomes an exponent by being rounded into the last bits of 1.5·2^52.
constexpr double shifter = 0x1.8p52;

KULLBACK_INLINE Pack rounded(Pack x) { return (x + shifter) - shifter; }

KULLBACK_INLINE Pack power_of_two(Pack whole) { return from_bits((bits(whole + (shifter + 1023.0))) << 52); }

KULLBACK_INLINE Pack exponential(Pack x) {
    const Pack inside = select(x > 711.0, splat(711.0), select(x < -746.0, splat(-746.0), x));
    const Pack whole = rounded(inside * 1.4426950408889634074), half = rounded(0.5 * whole);
    const Pack rest = fused(whole, splat(-1.9082149292705877e-10), fused(whole, splat(-0.693147180369123816490), inside));
    // In halves, so that neither factor 2^k leaves the range of doubles before the product does.
    return (1.0 + rest * (1.0 + rest * horner(rest, exp_gap_series))) * power_of_two(half) * power_of_two(whole - half);
}

KULLBACK_INLINE Pack exp_gap(Pack x) {
    const auto near = (x <= 1.0) & (x >= -1.0);
    return select(near, x * x * horner(x, exp_gap_series), exponential(x) - 1.0 - x);
}

// log(a/b) of any positive numbers: the smallest are lifted, on either side, so that all have mantissas of their own, and
// the largest lowered, so that their sum stays in range.
struct Ratio {
    decltype(Pack{} > Pack{}) near;  // then d is exactly a − b, up to the lift
    Pack s, d, value;

    // A better difference a − b than that of the two may be given; it matters where they are close.
    template <class... Difference>
    KULLBACK_INLINE Ratio(Pack a, Pack b, Difference... difference) {
        const Pack one = splat(1.0), up = splat(0x1p120), down = splat(0x1p-120), zero = splat(0.0), steps = splat(120.0);
        const auto low_a = a < 0x1p-900, low_b = b < 0x1p-900, high_a = a > 0x1p900, high_b = b > 0x1p900;
        const Pack lift_a = select(low_a, up, select(high_a, down, one));
        const Pack lift_b = select(low_b, up, select(high_b, down, one));
        const LogRatio<Pack> log(a * lift_a, b * lift_b, difference * lift_b...);
        const Pack lifts = select(low_b, steps, select(high_b, -steps, zero)) -
                           select(low_a, steps, select(high_a, -steps, zero));
        near = (log.k == zero) & (lifts == zero);
        s = log.s;
        d = log.d;
        value = log.value() + lifts * 0.693147180559945309417;
        value = select(a == zero, splat(-HUGE_VAL), select(b == zero, splat(HUGE_VAL), select(b == b, value, b)));
    }
};

template <class... Difference>
KULLBACK_INLINE Pack log_of_ratio(Pack a, Pack b, Difference... difference) {
    const Pack infinite = splat(HUGE_VAL);
    return select((a == infinite) | (b == infinite), a - b, Ratio(a, b, difference...).value);
}

// Of no difference it is 0, also where both numbers have left the range of doubles.
KULLBACK_INLINE Pack log_of_ratio_by(Pack a, Pack b, Pack difference) {
    const Pack zero = splat(0.0);
    return select(difference == zero, zero, log_of_ratio(a, b, difference));
}

// (a/b)^n − 1 − n·log(a/b), n = 1 or 2. With s = (a − b)/(a + b), a/b = (1 + s)/(1 − s) and log(a/b) = 2·atanh(s).
template <int Power>
KULLBACK_INLINE Pack ratio_gap(Pack a, Pack b) {
    const Ratio log(a, b);
    const Pack s = log.s, rest = 1.0 / (1.0 - s), ratio = a / b, y = s * s, tail = s * y * atanh_tail(y);
    if constexpr (Power == 1) return select(log.near, 2.0 * (y * rest - tail), ratio - 1.0 - log.value);
    const Pack close = 4.0 * (y * (2.0 - s) * rest * rest - tail);
    return select(log.near, close, ratio * ratio - 1.0 - 2.0 * log.value);
}

// p·log(p/q) − p + q, where d is p − q.
template <class... Difference>
KULLBACK_INLINE Pack entropy_gap(Pack p, Pack q, Pack d, Difference... exact) {
    const Pack zero = splat(0.0);
    const Ratio log(p, q, exact...);
    const Pack s = log.s, y = s * s, close = d * s * (1.0 + (s + y) * atanh_tail(y));
    const Pack apart = p * log.value - d;
    return select(p == zero, q, select(q == zero, splat(HUGE_VAL), select(log.near, close, apart)));
}

// D of one trial, from the probabilities of success: the exact difference is that of the complements too.
KULLBACK_INLINE Pack trial_gap(Pack p, Pack q) {
    const Pack d = p - q;
    return gap(p, q, d) + gap(1.0 - p, 1.0 - q, -d);
}

// a·b − c·d (Kahan): the rounding error of the one product, and the other rounded only once with it.
KULLBACK_INLINE Pack products(Pack a, Pack b, Pack c, Pack d) {
    const Pack product = c * d, error = fused(-c, d, product);
    return fused(a, b, -product) + error;
}

// t − log(1 + t), with 1 + t = (1 + s)/(1 − s).
KULLBACK_INLINE Pack log_gap(Pack t) {
    const auto near = (t >= -0.3125) & (t <= 0.46875);
    const Pack s = t / (2.0 + t), y = s * s, close = s * t - 2.0 * s * y * atanh_tail(y);
    if (all(near)) return close;
    return select(near, close, t - Ratio(1.0 + t, splat(1.0)).value);
}

// The same of t = d/a by a single division, for a that is neither tiny nor huge.
KULLBACK_INLINE Pack log_gap(Pack d, Pack a) {
    const Pack twice = 2.0 * a + d, inverse = 1.0 / (a * twice), s = d * a * inverse, t = d * twice * inverse, y = s * s;
    const auto near = (t >= -0.3125) & (t <= 0.46875);
    const Pack close = s * t - 2.0 * s * y * atanh_tail(y);
    if (all(near)) return close;
    return select(near, close, t - Ratio(1.0 + t, splat(1.0)).value);
}

}  // namespace
}  // namespace KULLBACK_ISA
}  // namespace kullback
