// The uniform distribution on [0, 1] tilted by e^(ηx), one a lane: K(η) = log(sinh(η/2)/(η/2)), its slope and curvature, and
// its gaps. The same, for any array library, is in kullback/distributions/_tilt.py, where they are explained.
#pragma once
#include "gaps.hpp"

namespace kullback {
namespace KULLBACK_ISA {
namespace {

constexpr double tilt_series[] = {
    0.041666666666666664, -0.00034722222222222224, 5.5114638447971785e-06,
    -1.033399470899471e-07, 2.08767569878681e-09, -4.403491782239578e-11,
    9.55895466477477e-13, -2.1185501852016142e-14, 4.770034475709914e-16,
    -1.087434349279031e-17, 2.5040921947091955e-19, -5.814360285755218e-21,
    1.3595027075497952e-22, -3.1976847953705525e-24, 7.559841507792277e-26,
};
constexpr double curvature_nodes[] = {
    0.011917613432415597, 0.06173207187714813, 0.14711144964307027,
    0.26115967600845613, 0.3946398468857869, 0.5367387657156606,
    0.6759444616766651, 0.8009789210368988, 0.9017109877901468,
    0.9699709678385136,
};
constexpr double curvature_weights[] = {
    0.030099508024036818, 0.06428715450908275, 0.0862113002891762,
    0.09269689367772324, 0.08455710969082732, 0.06605307556335041,
    0.04340190640715065, 0.022774591453263052, 0.008419319782983216,
    0.0014991406024063847,
};
constexpr int tilt_terms = sizeof tilt_series / sizeof tilt_series[0];
// Up to here the series serve.
constexpr double least_tilt = 1.5;

// Σ c_k·factor(k)·y^k.
template <class Factor>
KULLBACK_INLINE Pack tilt_sum(Pack y, const Factor& factor) {
    Pack sum = splat(tilt_series[tilt_terms - 1] * factor(tilt_terms - 1));
    for (int k = tilt_terms - 2; k >= 0; --k) sum = sum * y + tilt_series[k] * factor(k);
    return sum;
}

// η where it is small and 0 elsewhere; its size where it is not, and 2 elsewhere.
struct Tilt {
    decltype(Pack{} > Pack{}) small;
    Pack inner, outer;

    KULLBACK_INLINE explicit Tilt(Pack eta) {
        const Pack size = magnitude(eta);
        small = size <= least_tilt;
        inner = select(small, eta, splat(0.0));
        outer = select(small, splat(2.0), size);
    }
};

// log(1 − e^(−x)) for x of at least 1.
KULLBACK_INLINE Pack log_rest(Pack x) {
    const Pack fall = exponential(-x);
    return Ratio(1.0 - fall, splat(1.0), -fall).value;
}

// K(η) − |η|/2, with all its digits for large η, where it falls like −log|η|.
KULLBACK_INLINE Pack tilt_log_beyond_half(Pack eta) {
    const Tilt at(eta);
    const Pack y = at.inner * at.inner;
    const Pack series = y * tilt_sum(y, [](int) { return 1.0; }) - 0.5 * magnitude(at.inner);
    if (all(at.small)) return series;
    return select(at.small, series, log_rest(at.outer) - Ratio(at.outer, splat(1.0)).value);
}

KULLBACK_INLINE Pack tilt_log(Pack eta) {
    const Tilt at(eta);
    const Pack y = at.inner * at.inner, series = y * tilt_sum(y, [](int) { return 1.0; });
    if (all(at.small)) return series;
    return select(at.small, series, 0.5 * at.outer - Ratio(at.outer, splat(1.0)).value + log_rest(at.outer));
}

// K′(η) less half the sign of η where η is not small.
KULLBACK_INLINE Pack tilt_shift(Pack eta, Pack half) {
    const Tilt at(eta);
    const Pack series = at.inner * tilt_sum(at.inner * at.inner, [](int k) { return 2.0 * (k + 1); });
    if (all(at.small)) return series - half;
    const Pack far = (0.5 - half) - 1.0 / at.outer + 1.0 / (exponential(at.outer) - 1.0);
    return select(at.small, series - half, select(eta < 0.0, -far, far));
}

KULLBACK_INLINE Pack tilt_variance(Pack eta) {
    const Tilt at(eta);
    const Pack series = tilt_sum(at.inner * at.inner, [](int k) { return 2.0 * (k + 1) * (2 * k + 1); });
    if (all(at.small)) return series;
    const Pack inverse = 1.0 / at.outer, fall = exponential(-at.outer), rest = 1.0 / (1.0 - fall);
    return select(at.small, series, inverse * inverse - fall * (rest * rest));
}

// K(η) − η·K′(η).
KULLBACK_INLINE Pack tilt_entropy(Pack eta) {
    const Tilt at(eta);
    const Pack y = at.inner * at.inner, series = -y * tilt_sum(y, [](int k) { return 2.0 * k + 1.0; });
    if (all(at.small)) return series;
    const Pack x = at.outer, far = 1.0 - Ratio(x, splat(1.0)).value + log_rest(x) - x / (exponential(x) - 1.0);
    return select(at.small, series, far);
}

// K(θ) − K(η) − K′(η)(θ − η), from the exact d = θ − η.
KULLBACK_INLINE Pack tilt_gap(Pack eta, Pack theta, Pack d) {
    const auto near = magnitude(d) <= 2.0;
    const Pack zero = splat(0.0), one = splat(1.0), step = select(near, d, zero);
    Pack close = zero;
    for (int i = 0; i < 10; ++i) close = close + curvature_weights[i] * tilt_variance(eta + curvature_nodes[i] * step);
    close = step * step * close;
    if (all(near)) return close;
    const Pack x = magnitude(eta), y = magnitude(theta);
    const auto together = (eta < 0.0) == (theta < 0.0), tails = together & (x >= 1.0) & (y >= 1.0);
    const Pack from = select(tails, x, one), to = select(tails, y, one);
    const Pack edges = log_rest(to) - log_rest(from) - (to - from) / (exponential(from) - 1.0);
    const Pack outward = exp_gap(Ratio(to, from).value) + edges;
    const Pack falls = tilt_log_beyond_half(y) - tilt_log_beyond_half(x), slope = tilt_shift(x, splat(0.5));
    const Pack apart = select(together, zero, y) + falls - select(eta < 0.0, -slope, slope) * d;
    return select(near, close, select(tails, outward, apart));
}

}  // namespace
}  // namespace KULLBACK_ISA
}  // namespace kullback
