// Gaps, the sums of which closed forms are made, and what they need, one a lane; compiled once for each instruction set, as
// reduce.cpp is.
#include "gamma.hpp"
#include "gaps.hpp"
#include "tilt.hpp"

namespace kullback {
namespace KULLBACK_ISA {
namespace {

struct Packs {
    Pack a, b, c, d;
};

template <class Function>
void each(const Operands& given, double* out, const Function& function) {
    const auto from = [&](int which, std::int64_t i) {
        const double* x = given.x[which];
        return given.step[which] ? load(x + i) : splat(x[0]);
    };
    std::int64_t i = 0;
    for (; i + lanes <= given.length; i += lanes) {
        const Pack value = function(Packs{from(0, i), from(1, i), from(2, i), from(3, i)});
        std::memcpy(out + i, &value, sizeof value);
    }
    if (i == given.length) return;
    // What is left of a pack is filled with the last.
    double last[most_operands][lanes];
    for (int which = 0; which < most_operands; ++which)
        for (int c = 0; c < lanes; ++c) {
            const std::int64_t at = i + c < given.length ? i + c : given.length - 1;
            last[which][c] = given.x[which][at * given.step[which]];
        }
    const Pack value = function(Packs{load(last[0]), load(last[1]), load(last[2]), load(last[3])});
    for (int c = 0; i + c < given.length; ++c) out[i + c] = lane(value, c);
}

}  // namespace

void gap(GapKind kind, const Operands& given, double* out) {
    switch (kind) {
        case GapKind::log_ratio:
            return each(given, out, [](const Packs& x) { return log_of_ratio(x.a, x.b); });
        case GapKind::log_ratio_by:
            return each(given, out, [](const Packs& x) { return log_of_ratio_by(x.a, x.b, x.c); });
        case GapKind::ratio:
            return each(given, out, [](const Packs& x) { return ratio_gap<1>(x.a, x.b); });
        case GapKind::square_ratio:
            return each(given, out, [](const Packs& x) { return ratio_gap<2>(x.a, x.b); });
        case GapKind::exponential:
            return each(given, out, [](const Packs& x) { return exp_gap(x.a); });
        case GapKind::logarithm:
            return each(given, out, [](const Packs& x) { return log_gap(x.a); });
        case GapKind::entropy:
            return each(given, out, [](const Packs& x) { return entropy_gap(x.a, x.b, x.a - x.b); });
        case GapKind::entropy_by:
            return each(given, out, [](const Packs& x) { return entropy_gap(x.a, x.b, x.c, x.c); });
        case GapKind::trial:
            return each(given, out, [](const Packs& x) { return trial_gap(x.a, x.b); });
        case GapKind::products:
            return each(given, out, [](const Packs& x) { return products(x.a, x.b, x.c, x.d); });
        case GapKind::stirling:
            return each(given, out, [](const Packs& x) { return stirling_gap(x.a, x.b, x.b - x.a); });
        case GapKind::stirling_by:
            return each(given, out, [](const Packs& x) { return stirling_gap(x.a, x.b, x.c); });
        case GapKind::stirling_rest:
            return each(given, out, [](const Packs& x) { return stirling_rest(x.a); });
        case GapKind::stirling_slope:
            return each(given, out, [](const Packs& x) { return stirling_slope(x.a); });
        case GapKind::beyond_first:
            return each(given, out, [](const Packs& x) { return beyond_first(x.a); });
        case GapKind::slope_beyond_first:
            return each(given, out, [](const Packs& x) { return slope_beyond_first(x.a); });
        case GapKind::trigamma:
            return each(given, out, [](const Packs& x) { return trigamma(x.a); });
        case GapKind::digamma_difference:
            return each(given, out, [](const Packs& x) { return digamma_difference(x.a, x.b); });
        case GapKind::tilt:
            return each(given, out, [](const Packs& x) { return tilt_gap(x.a, x.b, x.c); });
        case GapKind::tilt_log:
            return each(given, out, [](const Packs& x) { return tilt_log(x.a); });
        case GapKind::tilt_shift:
            return each(given, out, [](const Packs& x) { return tilt_shift(x.a, splat(0.0)); });
        case GapKind::tilt_variance:
            return each(given, out, [](const Packs& x) { return tilt_variance(x.a); });
        case GapKind::tilt_entropy:
            return each(given, out, [](const Packs& x) { return tilt_entropy(x.a); });
    }
}

}  // namespace KULLBACK_ISA
}  // namespace kullback
