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

// What is known of the packs seen so far.
struct Accumulator {
    Pack terms = splat(0.0);
    PackSum p, q;

    template <Measure M>
    KULLBACK_INLINE void look(Pack x, Pack y) {
        if constexpr (M == Measure::sums) {
            // What rows are divided by: in an entropy near 0 its last bits are the first ones left.
            p.add(x);
            q.add(y);
        } else {
            p.high += x;
            q.high += y;
        }
    }

    template <Measure M>
    KULLBACK_INLINE void pour(Partial& total) const {
        total.terms.add(horizontal(terms));
        if constexpr (M == Measure::sums) {
            p.pour(total.p);
            q.pour(total.q);
        } else {
            total.p.add(horizontal(p.high));
            total.q.add(horizontal(q.high));
        }
    }
};

// Compensated sums of a pack of columns.
struct Kept {
    PackSum terms, p, q;

    KULLBACK_INLINE void add(const Accumulator& column) {
        terms.add(column.terms);
        p.add(column.p);
        q.add(column.q);
    }
    KULLBACK_INLINE void lane_into(int c, Partial& partial) const {
        partial.terms = {lane(terms.high, c), lane(terms.low, c)};
        partial.p = {lane(p.high, c), lane(p.low, c)};
        partial.q = {lane(q.high, c), lane(q.low, c)};
    }
};

struct Two {
    Pack p, q;
};

template <Measure M, bool Scaled>
KULLBACK_INLINE Outcome<Pack> outcome(Pack x, Pack y, const Scales& scales) {
    const Pack d = difference<M, Scaled>(x, y, scales);
    if constexpr (Scaled) return {x * scales.p_factor, y * scales.q_factor, d};
    return {x, y, d};
}

// Calls keep(k, term) for every k below `packs`, at most `block`. The outcomes come from see(k), once each, and again from
// look(k) should they turn out not to be ordinary.
template <Measure M, bool Scaled, class P, class See, class Look, class Keep>
KULLBACK_INLINE void each_term(int packs, P weight, const See& see, const Look& look, const Keep& keep) {
    typedef Halves<M, Scaled, P> Half;
    if constexpr (M == Measure::sums) {
        for (int k = 0; k < packs; ++k) see(k);
    } else if constexpr (Half::exist) {
        typename Half::First firsts[block];
        P least = splat_as<P>(typename Traits<P>::Real(1));
        for (int k = 0; k < packs; ++k) {
            const Outcome<P> of = see(k);
            least = smaller(Half::ordinary(of, weight), least);
            firsts[k] = Half::first(of, weight);
        }
        if (any_sign(bits(least - Traits<P>::ordinary)))
            for (int k = 0; k < packs; ++k) keep(k, term<M, Scaled>(look(k), weight));
        else
            for (int k = 0; k < packs; ++k) keep(k, Half::second(firsts[k], weight));
    } else {
        for (int k = 0; k < packs; ++k) keep(k, term<M, Scaled>(see(k), weight));
    }
}

// Terms in float32, sums in float64, of as many elements as fill packs of singles; returns how many those were. A term of
// nearly equal numbers is as exact as one of others: only a scaled difference would ask for more than float32.
template <Measure M>
std::int64_t reduce_singles(const float* p, const float* q, std::int64_t length, float weight, Partial& total) {
    const std::int64_t packs = length / single_lanes;
    SingleInts signs{};
    for (std::int64_t from = 0; from < packs; from += block) {
        Accumulator sums;
        const float *p_at = p + from * single_lanes, *q_at = q + from * single_lanes;
        const auto look = [&](int k) {
            const Singles x = load_singles(p_at + k * single_lanes), y = load_singles(q_at + k * single_lanes);
            return Outcome<Singles>{x, y, M == Measure::entropy ? x - 1.0f : M == Measure::cross_entropy ? y - 1.0f : x - y};
        };
        const auto see = [&](int k) {
            const Outcome<Singles> of = look(k);
            signs |= bits(of.p) | bits(of.q);
            sums.look<M>(folded(of.p), folded(of.q));
            return of;
        };
        each_term<M, false>(static_cast<int>(packs - from < block ? packs - from : block), splat_as<Singles>(weight), see,
                            look, [&](int, Singles term) { sums.terms += folded(term); });
        sums.pour<M>(total);
    }
    total.negative |= any_sign(signs);
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
    Ints signs{};
    while (i < run.length) {
        Accumulator sums;
        const auto seen = [&](Pack x, Pack y) {
            signs |= bits(x) | bits(y);
            sums.look<M>(x, y);
            return outcome<M, Scaled>(x, y, scales);
        };
        const auto take = [&](int packs, const auto& p_pack, const auto& q_pack) {
            each_term<M, Scaled>(
                packs, weight, [&](int k) { return seen(p_pack(k), q_pack(k)); },
                [&](int k) { return outcome<M, Scaled>(p_pack(k), q_pack(k), scales); },
                [&](int, Pack term) { sums.terms += term; });
        };
        const auto apart = [&](const T* x, std::int64_t step, int k, std::int64_t count) {
            return gather(x + (i + k * lanes) * step, step, count);
        };
        const std::int64_t rest = run.length - i;
        const int packs = static_cast<int>(rest / lanes < block ? rest / lanes : block);
        if (contiguous)
            take(packs, [&](int k) { return load(p + i + k * lanes); }, [&](int k) { return load(q + i + k * lanes); });
        else
            take(packs, [&](int k) { return apart(p, run.p_step, k, lanes); },
                 [&](int k) { return apart(q, run.q_step, k, lanes); });
        i += packs * lanes;
        if (const std::int64_t left = run.length - i; 0 < left && left < lanes) {
            const bool whole = contiguous && run.length >= lanes;
            const Pack x = whole ? load_last(p + run.length, left) : apart(p, run.p_step, 0, left);
            const Pack y = whole ? load_last(q + run.length, left) : apart(q, run.q_step, 0, left);
            sums.terms += term<M, Scaled>(seen(x, y), weight);
            i = run.length;
        }
        sums.pour<M>(total);
    }
    total.negative |= any_sign(signs);
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
    constexpr int most = tile_columns / lanes;
    const T *p = static_cast<const T*>(tile.p), *q = static_cast<const T*>(tile.q);
    const Pack weight = splat(options.weight);
    const int used = (tile.columns + lanes - 1) / lanes;
    Kept kept[most];
    Scales scales[Scaled ? most : 1];
    if constexpr (Scaled)
        for (int k = 0; k < used; ++k)
            for (int j = first_column(tile, k), c = j < 0 ? -j : 0; c < lanes; ++c) scales[k].set(c, tile.scales[j + c]);
    Ints signs{};
    for (std::int64_t i = 0; i < tile.length;) {
        Accumulator sums[most];
        for (const std::int64_t end = i + block < tile.length ? i + block : tile.length; i < end; ++i) {
            const T *p_row = p + i * tile.p_step, *q_row = q + i * tile.q_step;
            for (int from = 0; from < used; from += block) {
                const auto look = [&](int k) {
                    const int j = first_column(tile, from + k);
                    return Two{load_columns(p_row, tile.p_column, j), load_columns(q_row, tile.q_column, j)};
                };
                const auto ready = [&](const Two& two, int k) {
                    return outcome<M, Scaled>(two.p, two.q, scales[Scaled ? from + k : 0]);
                };
                each_term<M, Scaled>(
                    used - from < block ? used - from : block, weight,
                    [&](int k) {
                        const int j = first_column(tile, from + k);
                        KULLBACK_PREFETCH(p_row + tile.p_step + j);
                        KULLBACK_PREFETCH(q_row + tile.q_step + j);
                        const Two two = look(k);
                        signs |= bits(two.p) | bits(two.q);
                        sums[from + k].template look<M>(two.p, two.q);
                        return ready(two, k);
                    },
                    [&](int k) { return ready(look(k), k); }, [&](int k, Pack term) { sums[from + k].terms += term; });
            }
        }
        for (int k = 0; k < used; ++k) kept[k].add(sums[k]);
    }
    for (int k = 0; k < used; ++k) {
        const int first = first_column(tile, k);
        for (int c = k * lanes - first; c < lanes && first + c < tile.columns; ++c) kept[k].lane_into(c, totals[first + c]);
    }
    totals[0].negative |= any_sign(signs);
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
        const Pack values = term<M, Scaled>(outcome<M, Scaled>(x, y, scales), splat(options.weight)) / unit;
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
