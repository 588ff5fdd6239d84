// What the gamma function has beyond Stirling's formula, one a lane. What it is, and the same for any array library, is in
// kullback/distributions/_numeric.py, _gamma.py and _shape.py.
#pragma once
#include "gaps.hpp"

namespace kullback {
namespace KULLBACK_ISA {
namespace {

// B_2k/(2k(2k − 1)) of Stirling's series.
constexpr double stirling[] = {1.0 / 12,   -1.0 / 360,       1.0 / 1260, -1.0 / 1680,
                               1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400};
constexpr int stirling_terms = sizeof stirling / sizeof stirling[0];
// Those of its slope, and B_2k, of its curvature.
KULLBACK_INLINE constexpr double slope_of_term(int k) { return (2 * k + 1) * stirling[k]; }
KULLBACK_INLINE constexpr double curvature_of_term(int k) { return (2 * k + 2) * slope_of_term(k); }
// Where Stirling's series begins, and how many steps of the recurrence lead there from 0.
constexpr int shift = 10;

template <class Term>
KULLBACK_INLINE Pack stirling_series(Pack square, const Term& term) {
    Pack sum = splat(term(stirling_terms - 1));
    for (int k = stirling_terms - 2; k >= 0; --k) sum = sum * square + term(k);
    return sum;
}

// A step of the recurrence from y to y + 1: (y + ½)·log(1 + 1/y) − 1, and 1/y − log(1 + 1/y).
struct Step {
    Pack rest, slope;
};

// For y of at least 2: log(1 + 1/y) = 2·atanh(z), z = 1/(2y + 1).
KULLBACK_INLINE Step far_step(Pack y) {
    const Pack odd = 2.0 * y + 1.0, inverse = 1.0 / (y * odd), z = y * inverse, square = z * z;
    const Pack tail = square * atanh_tail(square);
    return {tail, z * (odd * inverse) - 2.0 * z * tail};
}

// For y of at least 1, in two halves, by way of y + ½, for which the series serves.
KULLBACK_INLINE Step near_step(Pack y) {
    const Pack a = 2.0 * y + 1.5, b = 2.0 * y + 0.5, inverse = 1.0 / (a * b);
    const Pack first = 0.5 * b * inverse, second = 0.5 * a * inverse, u = first * first, v = second * second;
    const Pack cubes = first * u * atanh_tail(u) + second * v * atanh_tail(v);
    const Pack rest = 0.25 * inverse + (2.0 * y + 1.0) * cubes, slope = (2.0 * y + 0.75) * inverse / y - 2.0 * cubes;
    return {rest, slope};
}

KULLBACK_INLINE Step any_step(Pack y) {
    const auto low = y < 1.0;
    const Step near = near_step(y);
    const Pack log = Ratio(1.0 + y, y).value;
    return {select(low, (y + 0.5) * log - 1.0, near.rest), select(low, 1.0 / y - log, near.slope)};
}

// The sum of the steps that lead from x to x + 10.
KULLBACK_INLINE Step steps_from(Pack x) {
    Step sum = any_step(x);
    for (int k = 1; k < shift; ++k) {
        const Pack y = x + static_cast<double>(k);
        const Step step = k == 1 ? near_step(y) : far_step(y);
        sum = {sum.rest + step.rest, sum.slope + step.slope};
    }
    return sum;
}

// log Γ(x) − (x − ½)·log x + x − ½·log 2π, and ψ(x) − log x.
KULLBACK_INLINE Step beyond_stirling(Pack x) {
    const auto large = x >= static_cast<double>(shift);
    const Pack y = 1.0 / select(large, x, x + static_cast<double>(shift)), square = y * y, zero = splat(0.0);
    const Pack rest = y * stirling_series(square, [](int k) { return stirling[k]; });
    const Pack slope = -0.5 * y - square * stirling_series(square, slope_of_term);
    if (all(large)) return {rest, slope};
    const Step steps = steps_from(x);
    return {rest + select(large, zero, steps.rest), slope - select(large, zero, steps.slope)};
}

KULLBACK_INLINE Pack stirling_rest(Pack x) { return beyond_stirling(x).rest; }
KULLBACK_INLINE Pack stirling_slope(Pack x) { return beyond_stirling(x).slope; }

// Of r, the rest, and s, the slope: s + 1/(2x), and ½ − r + (x − 1)·s − 1/(3x).
KULLBACK_INLINE Pack slope_beyond_first(Pack x) {
    const auto large = x >= static_cast<double>(shift);
    const Pack y = 1.0 / x, square = y * y, series = -square * stirling_series(square, slope_of_term);
    if (all(large)) return series;
    return select(large, series, stirling_slope(x) + 0.5 * y);
}

KULLBACK_INLINE Pack beyond_first(Pack x) {
    const auto large = x >= static_cast<double>(shift);
    const Pack y = 1.0 / x, square = y * y;
    Pack odd = splat(0.0);
    for (int k = stirling_terms - 1; k > 0; --k) odd = odd * square - (stirling[k] + slope_of_term(k));
    const Pack series = square * (stirling_series(square, slope_of_term) + y * odd);
    if (all(large)) return series;
    const Step of = beyond_stirling(x);
    return select(large, series, 0.5 - of.rest + (x - 1.0) * of.slope - y / 3.0);
}

// ψ′(x).
KULLBACK_INLINE Pack trigamma(Pack x) {
    const auto large = x >= static_cast<double>(shift);
    const Pack y = 1.0 / select(large, x, x + static_cast<double>(shift)), square = y * y;
    const Pack series = y + y * (y * (0.5 + y * stirling_series(square, curvature_of_term)));
    if (all(large)) return series;
    Pack steps = splat(0.0);
    for (int k = 0; k < shift; ++k) {
        const Pack z = 1.0 / (x + static_cast<double>(k));
        steps = steps + z * z;
    }
    return series + select(large, splat(0.0), steps);
}

// ψ(a + d) − ψ(a).
KULLBACK_INLINE Pack digamma_difference(Pack a, Pack d) {
    const Pack b = a + d, high = a + static_cast<double>(shift), x = 1.0 / high;
    const Pack y = 1.0 / (b + static_cast<double>(shift));
    Pack steps = splat(0.0);
    for (int k = 0; k < shift; ++k)
        steps = steps + d / ((a + static_cast<double>(k)) * (b + static_cast<double>(k)));
    Pack quotient = splat(1.0), power = splat(1.0), total = splat(0.5);
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
    for (int n = 2; n <= 2 * stirling_terms; ++n) {
        power = power * x;
        quotient = y * quotient + power;
        if (n % 2 == 0) total = total + slope_of_term(n / 2 - 1) * quotient;
    }
    return steps + Ratio(high + d, high, d).value + d * x * y * total;
}

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
    Pack steps = log_gap(d / a);
    for (int k = 1; k < shift; ++k) steps = steps + log_gap(d, a + static_cast<double>(k));
    return series + select(large, splat(0.0), steps + phi(high_b, d) - phi(b, d));
}

// The gap of what log Γ has beyond x·log x − x, from a to b = a + d.
KULLBACK_INLINE Pack stirling_gap(Pack a, Pack b, Pack d) {
    const Pack most = select(a < b, b, a);
    const auto near = magnitude(d) <= 0.75 * most;
    if (all(near)) return stirling_near(a, b, d);
    const Pack apart = 0.5 * Ratio(a, b).value + stirling_rest(b) - stirling_rest(a) - stirling_slope(a) * d;
    const Pack one = splat(1.0);
    return select(near, stirling_near(select(near, a, one), select(near, b, one), select(near, d, splat(0.0))), apart);
}

}  // namespace
}  // namespace KULLBACK_ISA
}  // namespace kullback
