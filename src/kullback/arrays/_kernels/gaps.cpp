// Gaps, the sums of which closed forms are made, one a lane; compiled once for each instruction set, as reduce.cpp is.
// The same functions, for any array library, are in kullback/distributions/_numeric.py, where they are explained.
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
// B_2k/(2k(2k − 1)) of Stirling's series.
constexpr double stirling[] = {1.0 / 12,   -1.0 / 360,       1.0 / 1260, -1.0 / 1680,
                               1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400};
constexpr int stirling_terms = sizeof stirling / sizeof stirling[0];
// Where Stirling's series begins, and how many steps of the recurrence lead there from 0.
constexpr int shift = 10;

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

// log(a/b) of any positive numbers: the smallest are lifted, on either side, so that all have mantissas of their own.
struct Ratio {
    decltype(Pack{} > Pack{}) near;  // then d is exactly a − b, up to the lift
    Pack s, d, value;

    KULLBACK_INLINE Ratio(Pack a, Pack b) {
        const Pack one = splat(1.0), up = splat(0x1p120), zero = splat(0.0), lifted = splat(120.0);
        const auto low_a = a < 0x1p-900, low_b = b < 0x1p-900;
        const LogRatio<Pack> log(a * select(low_a, up, one), b * select(low_b, up, one));
        const Pack lifts = select(low_b, lifted, zero) - select(low_a, lifted, zero);
        near = (log.k == zero) & (lifts == zero);
        s = log.s;
        d = log.d;
        value = log.value() + lifts * 0.693147180559945309417;
        value = select(a == zero, splat(-HUGE_VAL), select(b == zero, splat(HUGE_VAL), value));
    }
};

// (a/b)^n − 1 − n·log(a/b), n = 1 or 2. With s = (a − b)/(a + b), a/b = (1 + s)/(1 − s) and log(a/b) = 2·atanh(s).
template <int Power>
KULLBACK_INLINE Pack ratio_gap(Pack a, Pack b) {
    const Ratio log(a, b);
    const Pack s = log.s, rest = 1.0 / (1.0 - s), ratio = a / b, y = s * s, tail = s * y * atanh_tail(y);
    if constexpr (Power == 1) return select(log.near, 2.0 * (y * rest - tail), ratio - 1.0 - log.value);
    const Pack close = 4.0 * (y * (2.0 - s) * rest * rest - tail);
    return select(log.near, close, ratio * ratio - 1.0 - 2.0 * log.value);
}

// p·log(p/q) − p + q.
KULLBACK_INLINE Pack entropy_gap(Pack p, Pack q) {
    const Pack zero = splat(0.0);
    const Ratio log(p, q);
    const Pack s = log.s, y = s * s, close = (p - q) * s * (1.0 + (s + y) * atanh_tail(y));
    const Pack apart = p * log.value - (p - q);
    return select(p == zero, q, select(q == zero, splat(HUGE_VAL), select(log.near, close, apart)));
}

// t − log(1 + t), with 1 + t = (1 + s)/(1 − s).
KULLBACK_INLINE Pack log_gap(Pack t) {
    const auto near = (t >= -0.3125) & (t <= 0.46875);
    const Pack s = t / (2.0 + t), y = s * s;
    return select(near, s * t - 2.0 * s * y * atanh_tail(y), t - Ratio(1.0 + t, splat(1.0)).value);
}

KULLBACK_INLINE Pack logarithm(Pack x) { return Ratio(x, splat(1.0)).value; }

// b·φ(a/b), from the exact difference d = b − a.
KULLBACK_INLINE Pack phi(Pack b, Pack d) { return b * log_gap(-d / b); }

// The gap of Stirling's series over k from a to b = a + d.
KULLBACK_INLINE Pack series_gap(Pack a, Pack b, Pack d) {
    const Pack x = 1.0 / a, y = 1.0 / b;
    Pack s = splat(1.0), power = splat(1.0), total = splat(stirling[0]);
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
    for (int n = 2; n < 2 * stirling_terms; ++n) {
        power = power * x;
        s = static_cast<double>(n) * power + y * s;
        if (n % 2) total = total + stirling[n / 2] * s;
    }
    return (d * x) * ((d * y) * (x * total));
}

KULLBACK_INLINE Pack stirling_near(Pack a, Pack b, Pack d) {
    const auto large = (a >= static_cast<double>(shift)) & (b >= static_cast<double>(shift));
    const Pack more = select(large, splat(0.0), splat(shift)), high_a = a + more, high_b = b + more;
    const Pack series = 0.5 * log_gap(d / high_a) + series_gap(high_a, high_b, d);
    if (all(large)) return series;
    Pack steps = splat(0.0);
    for (int k = 0; k < shift; ++k) steps = steps + log_gap(d / (a + static_cast<double>(k)));
    return series + select(large, splat(0.0), steps + phi(high_b, d) - phi(b, d));
}

// What Γ(x) and its slope have beyond x·log x − x − ½·log x.
struct Stirling {
    Pack rest, slope;  // log Γ(x) − (x − ½)·log x + x − ½·log 2π, and ψ(x) − log x

    KULLBACK_INLINE explicit Stirling(Pack x) {
        const auto large = x >= static_cast<double>(shift);
        const Pack z = select(large, x, x + static_cast<double>(shift)), y = 1.0 / z, square = y * y;
        Pack series = splat(stirling[stirling_terms - 1]), slopes = series * (2.0 * stirling_terms - 1.0);
        for (int k = stirling_terms - 2; k >= 0; --k) {
            series = series * square + stirling[k];
            slopes = slopes * square + (2.0 * k + 1.0) * stirling[k];
        }
        rest = y * series;
        slope = -0.5 * y - square * slopes;
        if (all(large)) return;
        // From z = x + 10 down, Stirling's formula misses Γ(y + 1) = y·Γ(y) by (y + ½)·log(1 + 1/y) − 1 at each step.
        Pack steps = splat(0.0), misses = splat(0.0);
        for (int k = 0; k < shift; ++k) {
            const Pack y = x + static_cast<double>(k), u = 1.0 / y;
            steps = steps + log_gap(u);
            misses = misses + ((y + 0.5) * Ratio(1.0 + u, splat(1.0)).value - 1.0);
        }
        rest = rest + select(large, splat(0.0), misses);
        slope = slope - select(large, splat(0.0), steps);
    }
};

KULLBACK_INLINE Pack stirling_gap(Pack a, Pack b) {
    const Pack d = b - a, most = select(a < b, b, a);
    const auto near = magnitude(d) <= 0.75 * most;
    if (all(near)) return stirling_near(a, b, d);
    const Stirling from(a), to(b);
    const Pack apart = 0.5 * Ratio(a, b).value + to.rest - from.rest - from.slope * d;
    const Pack one = splat(1.0);
    return select(near, stirling_near(select(near, a, one), select(near, b, one), select(near, d, splat(0.0))), apart);
}

KULLBACK_INLINE Pack load_step(const double* x, std::int64_t step, std::int64_t i) {
    return step ? load(x + i) : splat(x[0]);
}

template <class Function>
void each(const Function& function, const Operands& given, double* out) {
    std::int64_t i = 0;
    for (; i + lanes <= given.length; i += lanes) {
        const Pack value = function(load_step(given.a, given.a_step, i), load_step(given.b, given.b_step, i));
        std::memcpy(out + i, &value, sizeof value);
    }
    // What is left of a pack is filled with 1, which every gap takes.
    double a[lanes], b[lanes];
    for (int c = 0; c < lanes; ++c) {
        const bool some = i + c < given.length;
        a[c] = some ? given.a[(i + c) * given.a_step] : 1.0;
        b[c] = some ? given.b[(i + c) * given.b_step] : 1.0;
    }
    const Pack value = function(load(a), load(b));
    for (int c = 0; i + c < given.length; ++c) out[i + c] = lane(value, c);
}

}  // namespace

void gap(GapKind kind, const Operands& given, double* out) {
    switch (kind) {
        case GapKind::log_ratio: return each([](Pack a, Pack b) { return Ratio(a, b).value; }, given, out);
        case GapKind::ratio: return each([](Pack a, Pack b) { return ratio_gap<1>(a, b); }, given, out);
        case GapKind::square_ratio: return each([](Pack a, Pack b) { return ratio_gap<2>(a, b); }, given, out);
        case GapKind::exponential: return each([](Pack a, Pack) { return exp_gap(a); }, given, out);
        case GapKind::logarithm: return each([](Pack a, Pack) { return log_gap(a); }, given, out);
        case GapKind::entropy: return each([](Pack a, Pack b) { return entropy_gap(a, b); }, given, out);
        case GapKind::stirling: return each([](Pack a, Pack b) { return stirling_gap(a, b); }, given, out);
    }
}

}  // namespace KULLBACK_ISA
}  // namespace kullback
