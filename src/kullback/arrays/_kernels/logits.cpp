// D(P‖Q) of rows of logits in float32, and its gradients, compiled once for each instruction set: no tensor between the
// logits and the number. The plain twin is kullback/losses/_divergences.py.
#include "pack.hpp"

namespace kullback {
namespace KULLBACK_ISA {
namespace {

constexpr float infinity = __builtin_huge_valf();
// Packs added in float32 before they go into a double: terms, and what they are normalised by, which shifts them all.
constexpr int block = 16, fine_block = 4;
// Below this an exponential is nothing beside the greatest term of its row.
constexpr float least = -87.0f;

KULLBACK_INLINE Singles single(float x) { return splat_as<Singles>(x); }

// 1/k! for k = 2, 3, …: e^x − 1 − x is x² times their series.
template <class P>
KULLBACK_INLINE P rest_of_exponential(P x) {
    P sum = splat_as<P>(1.0f / 3628800);
    constexpr float inverse[] = {1.0f / 362880, 1.0f / 40320, 1.0f / 5040, 1.0f / 720,
                                 1.0f / 120,    1.0f / 24,    1.0f / 6,    0.5f};
    for (float c : inverse) sum = sum * x + c;
    return x * x * sum;
}

// e^x for x at most about 0; 0 below `least`, and NaN of NaN.
KULLBACK_INLINE Singles exponential(Singles x) {
    const Singles floor = larger(single(least), x);  // x where it is NaN
    constexpr float shifter = 0x1.8p23f;
    const Singles rounded = floor * 0x1.715476p+0f + shifter;
    const Singles k = rounded - shifter;
    const Singles rest = (floor - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f;
    Singles sum = single(1.0f / 720);
    constexpr float inverse[] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    for (float c : inverse) sum = sum * rest + c;
    const Singles power = from_bits((bits(rounded) << 23) + 0x3f800000u);
    return select(x < single(least), single(0.0f), sum * power);
}

// A pack from memory; past the end of the row outcomes are masked.
KULLBACK_INLINE Singles pack_at(const float* x, std::int64_t i, std::int64_t length) {
    if (i + single_lanes <= length) return load_singles(x + i);
    float padded[single_lanes];
    for (int j = 0; j < single_lanes; ++j) padded[j] = i + j < length ? x[i + j] : -infinity;
    return load_singles(padded);
}

KULLBACK_INLINE void store(Singles x, float* to, std::int64_t i, std::int64_t length) {
    const std::int64_t left = length - i;
    std::memcpy(to + i, &x, sizeof(float) * (left < single_lanes ? left : single_lanes));
}

KULLBACK_INLINE float greatest(Singles x) {
    float values[single_lanes], most = -infinity;
    std::memcpy(values, &x, sizeof values);
    for (float value : values) most = value > most ? value : most;
    return most;
}

// p·d, 0 where p is, even if d is infinite.
KULLBACK_INLINE Singles times(Singles p, Singles d) { return select(p != 0.0f, p * d, single(0.0f)); }

// What every outcome of a row needs.
struct Row {
    Singles scale, p_most, q_most, p_log, q_log, log_gap;

    Row(const LogitRow& row, const LogitNormaliser& n)
        : scale(single(row.scale)), p_most(single(n.p_most)), q_most(single(n.q_most)),
          p_log(single(static_cast<float>(n.p_log))), q_log(single(static_cast<float>(n.q_log))),
          log_gap(single(static_cast<float>(n.p_log - n.q_log))) {}

    KULLBACK_INLINE Singles p(Singles t) const { return exponential((t - p_most) * scale - p_log); }
    KULLBACK_INLINE Singles q(Singles s) const { return exponential((s - q_most) * scale - q_log); }
    // log p/q where neither is masked, 0 elsewhere.
    KULLBACK_INLINE Singles log_ratio(Singles t, Singles s) const {
        const auto live = (t != -infinity) & (s != -infinity);
        // Each from its greatest first: a constant between the sides would round away what they differ by.
        return select(live, ((t - p_most) - (s - q_most)) * scale - log_gap, single(0.0f));
    }
};

// What `logit_value` leaves of a row in its room: the exponentials of both sides, and what makes shares of them.
struct Exponentials {
    const float *p, *q;
    Singles p_inverse, q_inverse;

    Exponentials(const LogitRow& row, const float* room, double p_whole, double q_whole)
        : p(room), q(room + logit_room(row.length) / 2), p_inverse(single(static_cast<float>(1 / p_whole))),
          q_inverse(single(static_cast<float>(1 / q_whole))) {}

    KULLBACK_INLINE Singles p_at(std::int64_t i) const { return load_singles(p + i) * p_inverse; }
    KULLBACK_INLINE Singles q_at(std::int64_t i) const { return load_singles(q + i) * q_inverse; }
};

void logit_value(const LogitRow& row, LogitNormaliser& n, float* room) {
    Singles t_most = single(-infinity), s_most = single(-infinity);
    for (std::int64_t i = 0; i < row.length; i += single_lanes) {
        t_most = larger(pack_at(row.p, i, row.length), t_most);
        s_most = larger(pack_at(row.q, i, row.length), s_most);
    }
    n.p_most = greatest(t_most);
    n.q_most = greatest(s_most);
    const Singles scale = single(row.scale), p_most = single(n.p_most), q_most = single(n.q_most);
    float* const q_room = room + logit_room(row.length) / 2;
    Pack p_whole = splat(0.0), q_whole = splat(0.0);
    for (std::int64_t i = 0; i < row.length;) {
        Singles p_sum = single(0.0f), q_sum = single(0.0f);
        for (int k = 0; k < fine_block && i < row.length; ++k, i += single_lanes) {
            const Singles p = exponential((pack_at(row.p, i, row.length) - p_most) * scale);
            const Singles q = exponential((pack_at(row.q, i, row.length) - q_most) * scale);
            std::memcpy(room + i, &p, sizeof p);
            std::memcpy(q_room + i, &q, sizeof q);
            p_sum += p;
            q_sum += q;
        }
        p_whole += folded(p_sum);
        q_whole += folded(q_sum);
    }
    const double p_all = horizontal(p_whole), q_all = horizontal(q_whole);
    n.p_log = log(p_all);
    n.q_log = log(q_all);

    const Row of(row, n);
    const Exponentials shares(row, room, p_all, q_all);
    Pack total = splat(0.0);
    for (std::int64_t i = 0; i < row.length;) {
        Singles sum = single(0.0f);
        for (int k = 0; k < block && i < row.length; ++k, i += single_lanes) {
            const Singles t = pack_at(row.p, i, row.length), s = pack_at(row.q, i, row.length);
            const Singles p = shares.p_at(i), q = shares.q_at(i), d = of.log_ratio(t, s);
            const auto near = (d > -0.5f) & (d < 0.5f) & (t != -infinity) & (s != -infinity);
            const Singles term = select(near, p * rest_of_exponential(-d), times(p, d) + (q - p));
            sum += select((s == -infinity) & (t > -infinity), single(infinity), term);
        }
        total += folded(sum);
    }
    n.value = horizontal(total);
}

// Gradients where D is infinite, as the formula has them without the outcomes that make it so. Rare, and not quick.
void gradient_beside_infinity(const LogitRow& row, const Row& of, Singles factor, bool of_first, float* out) {
    Pack mean = splat(0.0), lost = splat(0.0);
    const auto each = [&](const auto& look) {
        for (std::int64_t i = 0; i < row.length; i += single_lanes) {
            const Singles t = pack_at(row.p, i, row.length), s = pack_at(row.q, i, row.length);
            look(i, of.p(t), of.q(s), of.log_ratio(t, s), s == -infinity);
        }
    };
    each([&](std::int64_t, Singles p, Singles, Singles d, auto alone) {
        mean += folded(times(p, d));
        lost += folded(select(alone, p, single(0.0f)));
    });
    const Singles average = single(static_cast<float>(horizontal(mean)));
    const Singles share = single(static_cast<float>(horizontal(lost)));
    each([&](std::int64_t i, Singles p, Singles q, Singles d, auto alone) {
        const Singles of_p = times(p, d - average), of_q = select(alone, single(0.0f), (q - p) - q * share);
        store(factor * (of_first ? of_p : of_q), out, i, row.length);
    });
}

// Of the first side p·(log p/q − D), of the second q − p, times upstream·scale; `share` gives p and q of a pack.
template <class Share>
void write_gradient(const LogitRow& row, const LogitNormaliser& n, const Row& of, float upstream, bool of_first,
                    float* out, const Share& share) {
    const Singles factor = single(upstream * row.scale), value = single(static_cast<float>(n.value));
    if (n.value == __builtin_huge_val()) return gradient_beside_infinity(row, of, factor, of_first, out);
    for (std::int64_t i = 0; i < row.length; i += single_lanes) {
        const Singles t = pack_at(row.p, i, row.length), s = pack_at(row.q, i, row.length);
        const Singles p = share.p(i, t), d = of.log_ratio(t, s);
        if (of_first) {
            store(factor * times(p, d - value), out, i, row.length);
        } else {
            const auto near = (d > -0.5f) & (d < 0.5f) & (t != -infinity) & (s != -infinity);
            store(factor * select(near, p * (rest_of_exponential(-d) - d), share.q(i, s) - p), out, i, row.length);
        }
    }
}

void logit_gradient(const LogitRow& row, const LogitNormaliser& n, float upstream, bool of_first, float* out) {
    const Row of(row, n);
    struct {
        const Row& of;
        KULLBACK_INLINE Singles p(std::int64_t, Singles t) const { return of.p(t); }
        KULLBACK_INLINE Singles q(std::int64_t, Singles s) const { return of.q(s); }
    } const share{of};
    write_gradient(row, n, of, upstream, of_first, out, share);
}

void logit_gradient_after(const LogitRow& row, const LogitNormaliser& n, float upstream, bool of_first, float* out,
                          const float* room) {
    const Row of(row, n);
    struct {
        const Exponentials kept;
        KULLBACK_INLINE Singles p(std::int64_t i, Singles) const { return kept.p_at(i); }
        KULLBACK_INLINE Singles q(std::int64_t i, Singles) const { return kept.q_at(i); }
    } const share{Exponentials(row, room, exp(n.p_log), exp(n.q_log))};
    write_gradient(row, n, of, upstream, of_first, out, share);
}

}  // namespace

extern const LogitKernels logit_kernels;
const LogitKernels logit_kernels = {logit_value, logit_gradient, logit_gradient_after};

}  // namespace KULLBACK_ISA
}  // namespace kullback
