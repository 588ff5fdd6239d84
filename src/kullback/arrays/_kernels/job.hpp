// What a kernel is asked to do. Plain data: this header is seen by code compiled for different processors.
#pragma once
#include <cstdint>

// The loops around these are the point: a call in them costs more than the arithmetic. And no copy of a function may be
// left for the linker, which could hand the one made for a newer processor to an older one.
#if defined(__GNUC__)
#define KULLBACK_INLINE inline __attribute__((always_inline))
#else
#define KULLBACK_INLINE inline
#endif

namespace kullback {

enum class Measure : int { sums, kl, entropy, cross_entropy, js, jeffreys, total_variation, chi2, decompose };

// How many values a measure has: `decompose` has those of entropy, kl and cross_entropy.
constexpr int most_parts = 3;
KULLBACK_INLINE constexpr int parts(Measure measure) { return measure == Measure::decompose ? most_parts : 1; }

// Why a row may have to be refused; the caller looks again and says so in words.
enum Suspicion : std::uint32_t { none = 0, sign = 1, total = 2 };

struct Sum {
    double high = 0, low = 0;

    // Two-sum (Knuth): what the addition rounds away is kept.
    KULLBACK_INLINE void add(double x) {
        const double total = high + x;
        const double part = total - high;
        low += (high - (total - part)) + (x - part);
        high = total;
    }
    KULLBACK_INLINE void add(const Sum& other) {
        add(other.high);
        low += other.low;
    }
    // An infinite total leaves NaN in what was rounded away.
    KULLBACK_INLINE double value() const { return high - high == 0 ? high + low : high; }
};

struct Partial {
    Sum terms[most_parts], p, q;
    bool negative = false;  // whether any entry has its sign set
};

// p' = p·p_factor and q' = q·q_factor are what the terms are made of; p' − q' = (p − q·ratio)·p_factor, and for
// measures that compare p (or q) with 1, p' − 1 = (p − p_whole − p_rest)·p_factor.
struct Scale {
    double p_factor = 1, q_factor = 1, ratio = 1, p_whole = 1, p_rest = 0, q_whole = 1, q_rest = 0;
};

// One run of outcomes. Steps are in elements.
struct Segment {
    const void *p, *q;
    std::int64_t p_step, q_step, length;
    Scale scale;
};

// A tile of neighbouring distributions whose outcomes lie `step` apart; a column step is 1, or 0 for one column for all.
struct Tile {
    const void *p, *q;
    std::int64_t p_step, q_step, length;
    int p_column, q_column, columns;
    const Scale* scales;  // one for each column
};

constexpr int tile_columns = 512;

struct Options {
    Measure measure;
    bool single;    // float32, else float64
    bool scaled;    // rows are divided by their sums: use the scale
    double weight;  // of p in the mixture of the Jensen-Shannon divergence
};

// Functions that closed forms are made of, elementwise: gaps of convex functions and what they need. `_by` is told the
// exact difference of the two.
enum class GapKind : int {
    log_ratio, log_ratio_by, ratio, square_ratio, exponential, logarithm, entropy, entropy_by, trial, products,
    stirling, stirling_by, stirling_rest, stirling_slope, beyond_first, slope_beyond_first, trigamma, digamma_difference,
    tilt, tilt_log, tilt_shift, tilt_variance, tilt_entropy,
};
constexpr int last_gap_kind = static_cast<int>(GapKind::tilt_entropy);

// Arrays of float64, as many as the function takes and the first in place of the rest; a step is 1, or 0 for one number
// for all.
constexpr int most_operands = 4;
struct Operands {
    const double* x[most_operands];
    std::int64_t step[most_operands];
    std::int64_t length;
};

// Two rows of logits, each divided by a temperature: P's and Q's.
struct LogitRow {
    const float *p, *q;
    std::int64_t length;
    float scale;
};

// What is known of a row once it was read: its greatest logits, the logarithms of Σ e^((logit − greatest)·scale), D(P‖Q).
struct LogitNormaliser {
    float p_most = 0, q_most = 0;
    double p_log = 0, q_log = 0, value = 0;
};

// Floats that a kernel keeps the exponentials of both sides of a row in, in whole registers of any instruction set.
constexpr std::int64_t logit_room(std::int64_t length) { return 2 * ((length + 15) / 16 * 16); }

struct LogitKernels {
    void (*value)(const LogitRow&, LogitNormaliser&, float* room);
    void (*gradient)(const LogitRow&, const LogitNormaliser&, float upstream, bool of_first, float* out);
    // The same, after `value` and with what it left in its room.
    void (*gradient_after)(const LogitRow&, const LogitNormaliser&, float upstream, bool of_first, float* out,
                           const float* room);
};

// The kernels of one instruction set.
struct Kernels {
    const char* name;
    void (*reduce)(const Options&, const Segment&, Partial&);
    void (*reduce_tile)(const Options&, const Tile&, Partial*);
    void (*write)(const Options&, const Segment&, double unit, void* out, std::int64_t out_step);
    void (*gap)(GapKind, const Operands&, double* out);
    const LogitKernels& logits;
};

}  // namespace kullback
