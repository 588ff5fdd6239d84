// The reductions, compiled once for each instruction set under its own namespace, KULLBACK_ISA.
// Nothing of the standard library with a body is used here: the linker could hand its copy to an older processor.
#include "terms.hpp"

#define KULLBACK_TEXT_(x) #x
#define KULLBACK_TEXT(x) KULLBACK_TEXT_(x)

namespace kullback {
namespace KULLBACK_ISA {
namespace {

// Packs added before a block's sum goes into the compensated total.
constexpr int block = 64;

struct Accumulator {
    Pack terms = splat(0.0), p = splat(0.0), q = splat(0.0);
    Ints signs{};

    template <Measure M, bool Scaled>
    void take(Pack x, Pack y, Pack weight, const Pack (&scale)[3]) {
        signs |= bits(x) | bits(y);
        p += x;
        q += y;
        if constexpr (M != Measure::sums) {
            if constexpr (Scaled) {
                const Pack difference = fused(-y, scale[2], x) * scale[0];
                terms += term<M>(x * scale[0], y * scale[1], difference, weight);
            } else {
                terms += term<M>(x, y, x - y, weight);
            }
        }
    }

    void pour(Partial& total) const {
        total.terms.add(horizontal(terms));
        total.p.add(horizontal(p));
        total.q.add(horizontal(q));
        total.signs |= any_sign(signs);
    }
};

template <Measure M, class T, bool Scaled>
void reduce_as(const Options& options, const Segment& run, Partial& total) {
    const T *p = static_cast<const T*>(run.p), *q = static_cast<const T*>(run.q);
    const Pack weight = splat(options.weight);
    const Pack scale[3] = {splat(run.scale.p_factor), splat(run.scale.q_factor), splat(run.scale.ratio)};
    const bool contiguous = run.p_step == 1 && run.q_step == 1;
    std::int64_t i = 0;
    while (i < run.length) {
        Accumulator sums;
        const std::int64_t rest = run.length - i, packs = rest / lanes < block ? rest / lanes : block;
        if (contiguous) {
            for (std::int64_t k = 0; k < packs; ++k, i += lanes)
                sums.take<M, Scaled>(load(p + i), load(q + i), weight, scale);
        } else {
            for (std::int64_t k = 0; k < packs; ++k, i += lanes)
                sums.take<M, Scaled>(gather(p + i * run.p_step, run.p_step, lanes),
                                     gather(q + i * run.q_step, run.q_step, lanes), weight, scale);
        }
        if (run.length - i < lanes && i < run.length) {
            sums.take<M, Scaled>(gather(p + i * run.p_step, run.p_step, run.length - i),
                                 gather(q + i * run.q_step, run.q_step, run.length - i), weight, scale);
            i = run.length;
        }
        sums.pour(total);
    }
}

template <class T>
Pack load_columns(const T* row, int column_step, int j, int count) {
    if (column_step == 0) return splat(static_cast<double>(row[0]));
    return count >= lanes ? load(row + j) : gather(row + j, 1, count);
}

template <Measure M, class T, bool Scaled>
void reduce_tile_as(const Options& options, const Tile& tile, Partial* totals) {
    constexpr int packs = tile_columns / lanes;
    const T *p = static_cast<const T*>(tile.p), *q = static_cast<const T*>(tile.q);
    const Pack weight = splat(options.weight);
    const int used = (tile.columns + lanes - 1) / lanes;
    for (std::int64_t i = 0; i < tile.length;) {
        Accumulator sums[packs];
        const std::int64_t end = i + block < tile.length ? i + block : tile.length;
        for (; i < end; ++i) {
            const T *p_row = p + i * tile.p_step, *q_row = q + i * tile.q_step;
            for (int k = 0; k < used; ++k) {
                const int j = k * lanes, count = tile.columns - j;
                Pack scale[3] = {splat(1.0), splat(1.0), splat(1.0)};
                if constexpr (Scaled)
                    for (int c = 0; c < lanes && c < count; ++c) {
                        set_lane(scale[0], c, tile.scales[j + c].p_factor);
                        set_lane(scale[1], c, tile.scales[j + c].q_factor);
                        set_lane(scale[2], c, tile.scales[j + c].ratio);
                    }
                sums[k].take<M, Scaled>(load_columns(p_row, tile.p_column, j, count),
                                        load_columns(q_row, tile.q_column, j, count), weight, scale);
            }
        }
        for (int j = 0; j < tile.columns; ++j) {
            const Accumulator& column = sums[j / lanes];
            totals[j].terms.add(lane(column.terms, j % lanes));
            totals[j].p.add(lane(column.p, j % lanes));
            totals[j].q.add(lane(column.q, j % lanes));
            totals[j].signs |= static_cast<std::uint64_t>(lane(column.signs, j % lanes));
        }
    }
}

template <Measure M, class T, bool Scaled>
void write_as(const Options& options, const Segment& run, double unit, void* out, std::int64_t out_step) {
    const T *p = static_cast<const T*>(run.p), *q = static_cast<const T*>(run.q);
    T* result = static_cast<T*>(out);
    for (std::int64_t i = 0; i < run.length; i += lanes) {
        const std::int64_t count = run.length - i;
        const Pack x = run.p_step == 1 && count >= lanes ? load(p + i) : gather(p + i * run.p_step, run.p_step, count);
        const Pack y = run.q_step == 1 && count >= lanes ? load(q + i) : gather(q + i * run.q_step, run.q_step, count);
        Accumulator one;
        const Pack scale[3] = {splat(run.scale.p_factor), splat(run.scale.q_factor), splat(run.scale.ratio)};
        one.take<M, Scaled>(x, y, splat(options.weight), scale);
        const Pack values = one.terms / unit;
        for (int c = 0; c < lanes && c < count; ++c) result[(i + c) * out_step] = static_cast<T>(lane(values, c));
    }
}

// From the options of a call to the template made for them.
template <class Call>
void choose(const Options& options, const Call& call) {
    switch (options.measure) {
        case Measure::sums: return call.template with<Measure::sums>();
        case Measure::kl: return call.template with<Measure::kl>();
        case Measure::entropy: return call.template with<Measure::entropy>();
        case Measure::cross_entropy: return call.template with<Measure::cross_entropy>();
        case Measure::js: return call.template with<Measure::js>();
        case Measure::jeffreys: return call.template with<Measure::jeffreys>();
        case Measure::total_variation: return call.template with<Measure::total_variation>();
        case Measure::chi2: return call.template with<Measure::chi2>();
    }
}

struct Reduce {
    const Options& options;
    const Segment& run;
    Partial& total;
    template <Measure M>
    void with() const {
        if (options.single)
            options.scaled ? reduce_as<M, float, true>(options, run, total)
                           : reduce_as<M, float, false>(options, run, total);
        else
            options.scaled ? reduce_as<M, double, true>(options, run, total)
                           : reduce_as<M, double, false>(options, run, total);
    }
};

struct ReduceTile {
    const Options& options;
    const Tile& tile;
    Partial* totals;
    template <Measure M>
    void with() const {
        if (options.single)
            options.scaled ? reduce_tile_as<M, float, true>(options, tile, totals)
                           : reduce_tile_as<M, float, false>(options, tile, totals);
        else
            options.scaled ? reduce_tile_as<M, double, true>(options, tile, totals)
                           : reduce_tile_as<M, double, false>(options, tile, totals);
    }
};

void reduce(const Options& options, const Segment& run, Partial& total) { choose(options, Reduce{options, run, total}); }

void reduce_tile(const Options& options, const Tile& tile, Partial* totals) {
    choose(options, ReduceTile{options, tile, totals});
}

// Only the terms of the Kullback-Leibler divergence are written out.
void write(const Options& options, const Segment& run, double unit, void* out, std::int64_t out_step) {
    if (options.single)
        options.scaled ? write_as<Measure::kl, float, true>(options, run, unit, out, out_step)
                       : write_as<Measure::kl, float, false>(options, run, unit, out, out_step);
    else
        options.scaled ? write_as<Measure::kl, double, true>(options, run, unit, out, out_step)
                       : write_as<Measure::kl, double, false>(options, run, unit, out, out_step);
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {KULLBACK_TEXT(KULLBACK_ISA), reduce, reduce_tile, write};

}  // namespace KULLBACK_ISA
}  // namespace kullback
