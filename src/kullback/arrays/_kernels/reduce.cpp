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
// Rows of a tile that are read side by side.
constexpr int abreast = 4;

// Two-sum (Knuth) in each lane.
struct PackSum {
    Pack high = splat(0.0), low = splat(0.0);

    KULLBACK_INLINE void add(Pack x) {
        const Pack total = high + x, part = total - high;
        low += (high - (total - part)) + (x - part);
        high = total;
    }
    KULLBACK_INLINE void add(const PackSum& other) {
        add(other.high);
        low += other.low;
    }
    KULLBACK_INLINE void pour(Sum& total) const {
        for (int i = 0; i < lanes; ++i) total.add(Sum{lane(high, i), lane(low, i)});
    }
};

// Compensated sums of a pack of columns.
struct Kept {
    PackSum terms, p, q;
    Ints signs{};

    KULLBACK_INLINE void lane_into(int c, Partial& partial) const {
        partial.terms = {lane(terms.high, c), lane(terms.low, c)};
        partial.p = {lane(p.high, c), lane(p.low, c)};
        partial.q = {lane(q.high, c), lane(q.low, c)};
        partial.signs = static_cast<std::uint64_t>(lane(signs, c));
    }
};

struct Accumulator {
    Pack terms = splat(0.0);
    PackSum p, q;
    Ints signs{};

    template <Measure M, bool Scaled>
    KULLBACK_INLINE void take(Pack x, Pack y, Pack weight, const Scales& scales) {
        signs |= bits(x) | bits(y);
        if constexpr (M == Measure::sums) {
            // What rows are divided by: in an entropy near 0 its last bits are the first ones left.
            p.add(x);
            q.add(y);
        } else {
            p.high += x;
            q.high += y;
            const Pack d = difference<M, Scaled>(x, y, scales);
            if constexpr (Scaled)
                terms += term<M, Pack>(x * scales.p_factor, y * scales.q_factor, d, weight);
            else
                terms += term<M, Pack>(x, y, d, weight);
        }
    }

    template <Measure M>
    void pour(Partial& total) const {
        total.terms.add(horizontal(terms));
        if constexpr (M == Measure::sums) {
            p.pour(total.p);
            q.pour(total.q);
        } else {
            total.p.add(horizontal(p.high));
            total.q.add(horizontal(q.high));
        }
        total.signs |= any_sign(signs);
    }

    KULLBACK_INLINE void pour(Kept& column) const {
        column.terms.add(terms);
        column.p.add(p);
        column.q.add(q);
        column.signs |= signs;
    }
};

// Terms in float32, sums in float64, of as many elements as fill packs of singles; returns how many those were. A term of
// nearly equal numbers is as exact as one of others: only a scaled difference would ask for more than float32.
template <Measure M>
std::int64_t reduce_singles(const float* p, const float* q, std::int64_t length, float weight, Partial& total) {
    const Singles weights = splat_as<Singles>(weight), one = splat_as<Singles>(1.0f);
    const std::int64_t packs = length / single_lanes;
    for (std::int64_t k = 0; k < packs;) {
        Accumulator sums;
        SingleInts signs{};
        for (const std::int64_t end = k + block < packs ? k + block : packs; k < end; ++k) {
            const Singles x = load_singles(p + k * single_lanes), y = load_singles(q + k * single_lanes);
            const Singles d = M == Measure::entropy ? x - one : M == Measure::cross_entropy ? y - one : x - y;
            signs |= bits(x) | bits(y);
            sums.p.high += folded(x);
            sums.q.high += folded(y);
            sums.terms += folded(term<M, Singles>(x, y, d, weights));
        }
        sums.template pour<M>(total);
        if (any_sign(signs)) total.signs |= std::uint64_t{1} << 63;
    }
    return packs * single_lanes;
}

template <Measure M, class T, bool Scaled>
void reduce_as(const Options& options, const Segment& run, Partial& total) {
    const T *p = static_cast<const T*>(run.p), *q = static_cast<const T*>(run.q);
    const Pack weight = splat(options.weight);
    const Scales scales(run.scale);
    const bool contiguous = run.p_step == 1 && run.q_step == 1;
    std::int64_t i = 0;
    if constexpr (sizeof(T) == sizeof(float) && !Scaled && M != Measure::sums)
        if (contiguous) i = reduce_singles<M>(p, q, run.length, static_cast<float>(options.weight), total);
    while (i < run.length) {
        Accumulator sums;
        const std::int64_t rest = run.length - i, packs = rest / lanes < block ? rest / lanes : block;
        if (contiguous) {
            for (std::int64_t k = 0; k < packs; ++k, i += lanes)
                sums.take<M, Scaled>(load(p + i), load(q + i), weight, scales);
        } else {
            for (std::int64_t k = 0; k < packs; ++k, i += lanes)
                sums.take<M, Scaled>(gather(p + i * run.p_step, run.p_step, lanes),
                                     gather(q + i * run.q_step, run.q_step, lanes), weight, scales);
        }
        if (const std::int64_t left = run.length - i; 0 < left && left < lanes) {
            if (contiguous && run.length >= lanes)
                sums.take<M, Scaled>(load_last(p + run.length, left), load_last(q + run.length, left), weight, scales);
            else
                sums.take<M, Scaled>(gather(p + i * run.p_step, run.p_step, left),
                                     gather(q + i * run.q_step, run.q_step, left), weight, scales);
            i = run.length;
        }
        sums.template pour<M>(total);
    }
}

template <class T>
KULLBACK_INLINE Pack load_columns(const T* row, int column_step, int j) {
    return column_step == 0 ? splat(static_cast<double>(row[0])) : load(row + j);
}

// The first column of a tile's pack k. The last pack overlaps the one before it (or, in a narrow last tile, the tile
// before it: there are never fewer columns than lanes in all).
KULLBACK_INLINE int first_column(const Tile& tile, int k) {
    const int j = k * lanes, last = tile.columns - lanes;
    return j < last ? j : last;
}

template <Measure M, class T, bool Scaled>
void reduce_tile_as(const Options& options, const Tile& tile, Partial* totals) {
    constexpr int packs = tile_columns / lanes;
    const T *p = static_cast<const T*>(tile.p), *q = static_cast<const T*>(tile.q);
    const Pack weight = splat(options.weight);
    const int used = (tile.columns + lanes - 1) / lanes;
    Kept kept[packs];
    for (std::int64_t i = 0; i < tile.length;) {
        Accumulator sums[packs];
        const std::int64_t end = i + block < tile.length ? i + block : tile.length;
        while (i < end) {
            // Several rows at a time: their columns are fetched side by side, and the sums stay in registers meanwhile.
            const int rows = end - i < abreast ? static_cast<int>(end - i) : abreast;
            const T *p_row = p + i * tile.p_step, *q_row = q + i * tile.q_step;
            for (int k = 0; k < used; ++k) {
                const int j = first_column(tile, k);
                Scales scales(Scale{});
                if constexpr (Scaled)
                    for (int c = j < 0 ? -j : 0; c < lanes; ++c) scales.set(c, tile.scales[j + c]);
                Accumulator column = sums[k];
                for (int row = 0; row < rows; ++row) {
                    KULLBACK_PREFETCH(p_row + (row + abreast) * tile.p_step + j);
                    KULLBACK_PREFETCH(q_row + (row + abreast) * tile.q_step + j);
                    column.take<M, Scaled>(load_columns(p_row + row * tile.p_step, tile.p_column, j),
                                           load_columns(q_row + row * tile.q_step, tile.q_column, j), weight,
                                           scales);
                }
                sums[k] = column;
            }
            i += rows;
        }
        for (int k = 0; k < used; ++k) sums[k].pour(kept[k]);
    }
    for (int k = 0; k < used; ++k) {
        const int first = first_column(tile, k);
        for (int c = k * lanes - first; c < lanes && first + c < tile.columns; ++c) kept[k].lane_into(c, totals[first + c]);
    }
}

template <Measure M, class T, bool Scaled>
void write_as(const Options& options, const Segment& run, double unit, void* out, std::int64_t out_step) {
    const T *p = static_cast<const T*>(run.p), *q = static_cast<const T*>(run.q);
    T* result = static_cast<T*>(out);
    const Scales scales(run.scale);
    for (std::int64_t i = 0; i < run.length; i += lanes) {
        const std::int64_t count = run.length - i;
        const Pack x = run.p_step == 1 && count >= lanes ? load(p + i) : gather(p + i * run.p_step, run.p_step, count);
        const Pack y = run.q_step == 1 && count >= lanes ? load(q + i) : gather(q + i * run.q_step, run.q_step, count);
        Accumulator one;
        one.take<M, Scaled>(x, y, splat(options.weight), scales);
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

void gap(Gap kind, const Operands& given, double* out);  // gaps.cpp

extern const Kernels kernels;
const Kernels kernels = {KULLBACK_TEXT(KULLBACK_ISA), reduce, reduce_tile, write, gap};

}  // namespace KULLBACK_ISA
}  // namespace kullback
