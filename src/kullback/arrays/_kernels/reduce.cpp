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
    KULLBACK_INLINE void pour(PackSum& total) const { total.add(*this); }
};

// A block's own sum of packs.
struct PlainSum {
    Pack sum = splat(0.0);

    KULLBACK_INLINE void add(Pack x) { sum += x; }
    KULLBACK_INLINE void pour(Sum& total) const { total.add(horizontal(sum)); }
    KULLBACK_INLINE void pour(PackSum& total) const { total.add(sum); }
};

// What rows are divided by is compensated from the start: in an entropy near 0 its last bits are the first ones left.
template <Measure M>
struct Whole {
    typedef PlainSum Type;
};
template <>
struct Whole<Measure::sums> {
    typedef PackSum Type;
};

// What is known of a block's packs seen so far.
template <Measure M>
struct Accumulator {
    PlainSum terms[parts(M)];
    typename Whole<M>::Type p, q;

    KULLBACK_INLINE void look(Pack x, Pack y) {
        p.add(x);
        q.add(y);
    }

    // Into a Partial, or what is kept of a pack of columns.
    template <class Total>
    KULLBACK_INLINE void pour(Total& total) const {
        for (int i = 0; i < parts(M); ++i) terms[i].pour(total.terms[i]);
        p.pour(total.p);
        q.pour(total.q);
    }
};

// Compensated sums of a pack of columns.
template <Measure M>
struct Kept {
    PackSum terms[parts(M)], p, q;

    KULLBACK_INLINE void lane_into(int c, Partial& partial) const {
        for (int i = 0; i < parts(M); ++i) partial.terms[i] = {lane(terms[i].high, c), lane(terms[i].low, c)};
        partial.p = {lane(p.high, c), lane(p.low, c)};
        partial.q = {lane(q.high, c), lane(q.low, c)};
    }
};

struct Two {
    Pack p, q;
};

template <Measure M, bool Scaled>
KULLBACK_INLINE Outcome<Pack> outcome(const Two& of, const Scales& by) {
    const Pack d = difference<M, Scaled>(of.p, of.q, by);
    if constexpr (Scaled) return {of.p * by.p_factor, of.q * by.q_factor, d};
    return {of.p, of.q, d};
}

// Calls keep(k, term) for every k below `packs`, at most `block`. The outcomes come from see(k), once each, and again from
// look(k) should they turn out not to be ordinary.
template <Measure M, bool Scaled, class P, class See, class Look, class Keep>
KULLBACK_INLINE void each_term(int packs, P weight, const See& see, const Look& look, const Keep& keep) {
    typedef Halves<M, Scaled, P> Half;
    if constexpr (Half::exist) {
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

template <Measure M, int Index>
struct Part {
    static constexpr Measure measure = M;
    static constexpr int index = Index;
};

// Calls take(part) for each of the measures whose terms a measure has.
template <Measure M, class Take>
KULLBACK_INLINE void each_part(const Take& take) {
    if constexpr (M == Measure::decompose) {
        take(Part<Measure::entropy, 0>{});
        take(Part<Measure::kl, 1>{});
        take(Part<Measure::cross_entropy, 2>{});
    } else {
        take(Part<M, 0>{});
    }
}

// Sees every pack once, and takes the terms of every part of a measure; the first of them sees, the others look again.
template <Measure M, bool Scaled, class See, class Look, class Scaling, class Keep>
KULLBACK_INLINE void take_packs(int packs, Pack weight, const See& see, const Look& look, const Scaling& scaling,
                                const Keep& keep) {
    if constexpr (M == Measure::sums) {
        for (int k = 0; k < packs; ++k) see(k);
    } else {
        each_part<M>([&](auto part) {
            typedef decltype(part) Which;
            const auto again = [&](int k) { return outcome<Which::measure, Scaled>(look(k), scaling(k)); };
            const auto once = [&](int k) {
                if constexpr (Which::index > 0) return again(k);
                return outcome<Which::measure, Scaled>(see(k), scaling(k));
            };
            each_term<Which::measure, Scaled>(packs, weight, once, again,
                                              [&](int k, Pack term) { keep(Which::index, k, term); });
        });
    }
}

// Terms in float32, sums in float64, of as many elements as fill packs of singles; returns how many those were. A term of
// nearly equal numbers is as exact as one of others: only a scaled difference would ask for more than float32.
template <Measure M>
std::int64_t reduce_singles(const float* p, const float* q, std::int64_t length, float weight, Partial& total) {
    const std::int64_t packs = length / single_lanes;
    SingleInts signs{};
    for (std::int64_t from = 0; from < packs; from += block) {
        Accumulator<M> sums;
        const float *p_at = p + from * single_lanes, *q_at = q + from * single_lanes;
        const int here = static_cast<int>(packs - from < block ? packs - from : block);
        each_part<M>([&](auto part) {
            typedef decltype(part) Which;
            const auto look = [&](int k) {
                const Singles x = load_singles(p_at + k * single_lanes), y = load_singles(q_at + k * single_lanes);
                return Outcome<Singles>{x, y, Which::measure == Measure::cross_entropy ? y - 1.0f : x - y};
            };
            const auto see = [&](int k) {
                const Outcome<Singles> of = look(k);
                if constexpr (Which::index == 0) {
                    signs |= bits(of.p) | bits(of.q);
                    sums.look(folded(of.p), folded(of.q));
                }
                return of;
            };
            each_term<Which::measure, false>(here, splat_as<Singles>(weight), see, look,
                                             [&](int, Singles term) { sums.terms[Which::index].add(folded(term)); });
        });
        sums.pour(total);
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
    // The ratio in a term of χ² may pass the largest float32 where the term does not.
    if constexpr (sizeof(T) == sizeof(float) && !Scaled && M != Measure::sums && M != Measure::chi2)
        if (contiguous) i = reduce_singles<M>(p, q, run.length, static_cast<float>(options.weight), total);
    Ints signs{};
    while (i < run.length) {
        Accumulator<M> sums;
        const auto take = [&](int packs, const auto& look) {
            const auto see = [&](int k) {
                const Two two = look(k);
                signs |= bits(two.p) | bits(two.q);
                sums.look(two.p, two.q);
                return two;
            };
            take_packs<M, Scaled>(
                packs, weight, see, look, [&](int) -> const Scales& { return scales; },
                [&](int part, int, Pack term) { sums.terms[part].add(term); });
        };
        const auto apart = [&](int k, std::int64_t count) {
            const std::int64_t at = i + k * lanes;
            return Two{gather(p + at * run.p_step, run.p_step, count), gather(q + at * run.q_step, run.q_step, count)};
        };
        const std::int64_t rest = run.length - i;
        const int packs = static_cast<int>(rest / lanes < block ? rest / lanes : block);
        if (contiguous)
            take(packs, [&](int k) { return Two{load(p + i + k * lanes), load(q + i + k * lanes)}; });
        else
            take(packs, [&](int k) { return apart(k, lanes); });
        i += packs * lanes;
        if (const std::int64_t left = run.length - i; 0 < left && left < lanes) {
            if (contiguous && run.length >= lanes)
                take(1, [&](int) { return Two{load_last(p + run.length, left), load_last(q + run.length, left)}; });
            else
                take(1, [&](int) { return apart(0, left); });
            i = run.length;
        }
        sums.pour(total);
    }
    total.negative |= any_sign(signs);
}

// One row of a tile; a column that serves all is spread out, also to the left of the tile.
template <class T>
KULLBACK_INLINE const T* open_row(const T* x, int column_step, int columns, T* spread) {
    if (column_step == 1) return x;
    for (int j = 0; j < lanes + columns; ++j) spread[j] = x[0];
    return spread + lanes;
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
    Kept<M> kept[most];
    T p_spread[lanes + tile_columns], q_spread[lanes + tile_columns];
    Scales scales[Scaled ? most : 1];
    if constexpr (Scaled)
        for (int k = 0; k < used; ++k)
            for (int j = first_column(tile, k), c = j < 0 ? -j : 0; c < lanes; ++c)
                scales[k].set(c, tile.scales[j + c]);
    Ints signs{};
    for (std::int64_t i = 0; i < tile.length;) {
        Accumulator<M> sums[most];
        for (const std::int64_t end = i + block < tile.length ? i + block : tile.length; i < end; ++i) {
            const T *p_here = p + i * tile.p_step, *q_here = q + i * tile.q_step;
            const T* p_row = open_row(p_here, tile.p_column, tile.columns, p_spread);
            const T* q_row = open_row(q_here, tile.q_column, tile.columns, q_spread);
            const T *p_next = p_here + tile.p_step, *q_next = q_here + tile.q_step;
            for (int from = 0; from < used; from += block) {
                const auto look = [&](int k) {
                    const int j = first_column(tile, from + k);
                    return Two{load(p_row + j), load(q_row + j)};
                };
                const auto see = [&](int k) {
                    const Two two = look(k);
                    // The next row is asked for pack by pack: asked for at once, its lines would wait for each other.
                    KULLBACK_PREFETCH(p_next + (from + k) * lanes * tile.p_column);
                    KULLBACK_PREFETCH(q_next + (from + k) * lanes * tile.q_column);
                    signs |= bits(two.p) | bits(two.q);
                    sums[from + k].look(two.p, two.q);
                    return two;
                };
                take_packs<M, Scaled>(
                    used - from < block ? used - from : block, weight, see, look,
                    [&](int k) -> const Scales& { return scales[Scaled ? from + k : 0]; },
                    [&](int part, int k, Pack term) { sums[from + k].terms[part].add(term); });
            }
        }
        for (int k = 0; k < used; ++k) sums[k].pour(kept[k]);
    }
    for (int k = 0; k < used; ++k) {
        const int first = first_column(tile, k);
        for (int c = k * lanes - first; c < lanes && first + c < tile.columns; ++c)
            kept[k].lane_into(c, totals[first + c]);
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
        const Pack values = term<M, Scaled>(outcome<M, Scaled>({x, y}, scales), splat(options.weight)) / unit;
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
        case Measure::decompose: return call.template with<Measure::decompose>();
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

void gap(GapKind kind, const Operands& given, double* out);  // gaps.cpp
extern const LogitKernels logit_kernels;                     // logits.cpp

extern const Kernels kernels;
const Kernels kernels = {KULLBACK_TEXT(KULLBACK_ISA), reduce, reduce_tile, write, gap, logit_kernels};

}  // namespace KULLBACK_ISA
}  // namespace kullback
