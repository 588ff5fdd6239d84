// A pack of doubles as wide as the processor's registers, by the vector extension of GCC and Clang; one double elsewhere.
#pragma once
#include <math.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>

#include "job.hpp"

#if defined(__FMA__) || defined(__aarch64__)
#define KULLBACK_FUSES 1
#else
#define KULLBACK_FUSES 0
#endif
#if defined(__GNUC__)
#define KULLBACK_PREFETCH(address) __builtin_prefetch(address)
#else
#define KULLBACK_PREFETCH(address)
#endif

namespace kullback {
namespace KULLBACK_ISA {

#if defined(__GNUC__)
#if defined(__AVX512F__)
constexpr int lanes = 8;
#elif defined(__AVX__)
constexpr int lanes = 4;
#else
constexpr int lanes = 2;
#endif
typedef double Pack __attribute__((vector_size(8 * lanes)));
typedef std::uint64_t Ints __attribute__((vector_size(8 * lanes)));
// Singles fill a register too, where rounding to float32 is all that is asked for.
typedef float Singles __attribute__((vector_size(8 * lanes)));
typedef std::uint32_t SingleInts __attribute__((vector_size(8 * lanes)));
typedef float HalfSingles __attribute__((vector_size(4 * lanes)));
constexpr int single_lanes = 2 * lanes;

KULLBACK_INLINE Pack widened(HalfSingles x) {
#if defined(__AVX512F__)
    // GCC 12 would make four instructions of the one that there is.
    return (Pack)_mm512_cvtps_pd((__m256)x);
#else
    return __builtin_convertvector(x, Pack);
#endif
}

KULLBACK_INLINE Ints bits(Pack x) { return (Ints)x; }
KULLBACK_INLINE SingleInts bits(Singles x) { return (SingleInts)x; }
KULLBACK_INLINE Pack from_bits(Ints x) { return (Pack)x; }
KULLBACK_INLINE Singles from_bits(SingleInts x) { return (Singles)x; }
KULLBACK_INLINE double lane(Pack x, int i) { return x[i]; }
KULLBACK_INLINE void set_lane(Pack& x, int i, double value) { x[i] = value; }
KULLBACK_INLINE std::uint64_t lane(Ints x, int i) { return x[i]; }

KULLBACK_INLINE Pack load(const double* x) {
    Pack pack;
    std::memcpy(&pack, x, sizeof pack);
    return pack;
}
KULLBACK_INLINE Pack load(const float* x) {
    HalfSingles singles;
    std::memcpy(&singles, x, sizeof singles);
    return widened(singles);
}
KULLBACK_INLINE Singles load_singles(const float* x) {
    Singles singles;
    std::memcpy(&singles, x, sizeof singles);
    return singles;
}
// The lanes as doubles, those of the upper half added to those of the lower.
KULLBACK_INLINE Pack folded(Singles x) {
    HalfSingles halves[2];
    std::memcpy(halves, &x, sizeof x);
    return widened(halves[0]) + widened(halves[1]);
}
KULLBACK_INLINE bool any_sign(SingleInts x) {
    std::uint32_t all = 0;
    for (int i = 0; i < single_lanes; ++i) all |= x[i];
    return all >> 31;
}
#else
constexpr int lanes = 1;
typedef double Pack;
typedef std::uint64_t Ints;
typedef float Singles;
typedef std::uint32_t SingleInts;
constexpr int single_lanes = 1;

KULLBACK_INLINE Ints bits(Pack x) {
    Ints result;
    std::memcpy(&result, &x, sizeof x);
    return result;
}
KULLBACK_INLINE Pack from_bits(Ints x) {
    Pack result;
    std::memcpy(&result, &x, sizeof x);
    return result;
}
KULLBACK_INLINE SingleInts bits(Singles x) {
    SingleInts result;
    std::memcpy(&result, &x, sizeof x);
    return result;
}
KULLBACK_INLINE Singles from_bits(SingleInts x) {
    Singles result;
    std::memcpy(&result, &x, sizeof x);
    return result;
}
KULLBACK_INLINE double lane(Pack x, int) { return x; }
KULLBACK_INLINE void set_lane(Pack& x, int, double value) { x = value; }
KULLBACK_INLINE std::uint64_t lane(Ints x, int) { return x; }
KULLBACK_INLINE Pack load(const double* x) { return *x; }
KULLBACK_INLINE Pack load(const float* x) { return *x; }
KULLBACK_INLINE Singles load_singles(const float* x) { return *x; }
KULLBACK_INLINE Pack folded(Singles x) { return x; }
KULLBACK_INLINE bool any_sign(SingleInts x) { return x >> 31; }
#endif

template <class P, class T>
KULLBACK_INLINE P splat_as(T x) {
    return P{} + x;
}
KULLBACK_INLINE Pack splat(double x) { return splat_as<Pack>(x); }

template <class Mask, class P>
KULLBACK_INLINE P select(Mask mask, P yes, P no) {
    return mask ? yes : no;
}

// The larger and the smaller of two, or b where either is a NaN.
#if defined(__AVX512F__)
KULLBACK_INLINE Pack larger(Pack a, Pack b) { return (Pack)_mm512_max_pd((__m512d)a, (__m512d)b); }
KULLBACK_INLINE Singles larger(Singles a, Singles b) { return (Singles)_mm512_max_ps((__m512)a, (__m512)b); }
#elif defined(__AVX__)
// GCC 12 would compare and blend.
KULLBACK_INLINE Pack larger(Pack a, Pack b) { return (Pack)_mm256_max_pd((__m256d)a, (__m256d)b); }
KULLBACK_INLINE Singles larger(Singles a, Singles b) { return (Singles)_mm256_max_ps((__m256)a, (__m256)b); }
#else
template <class P>
KULLBACK_INLINE P larger(P a, P b) {
    return select(b < a, a, b);
}
#endif
template <class P>
KULLBACK_INLINE P smaller(P a, P b) {
    return select(a < b, a, b);
}

// a·b + c with one rounding, in each lane.
KULLBACK_INLINE Pack fused(Pack a, Pack b, Pack c) {
    Pack result = c;
    for (int i = 0; i < lanes; ++i) set_lane(result, i, fma(lane(a, i), lane(b, i), lane(c, i)));
    return result;
}

KULLBACK_INLINE double horizontal(Pack x) {
    double values[lanes];
    std::memcpy(values, &x, sizeof values);
    for (int width = lanes / 2; width > 0; width /= 2)
        for (int i = 0; i < width; ++i) values[i] += values[i + width];
    return values[0];
}

KULLBACK_INLINE bool any_sign(Ints x) {
    std::uint64_t all = 0;
    for (int i = 0; i < lanes; ++i) all |= lane(x, i);
    return all >> 63;
}

// Whether a comparison holds in every lane.
KULLBACK_INLINE bool all(bool mask) { return mask; }
#if defined(__AVX512F__)
template <class Mask>
KULLBACK_INLINE bool all(Mask mask) {
    return _mm512_movepi64_mask((__m512i)mask) == 0xff;
}
#elif defined(__AVX__)
template <class Mask>
KULLBACK_INLINE bool all(Mask mask) {
    return _mm256_movemask_pd((__m256d)mask) == 0xf;
}
#elif defined(__GNUC__)
template <class Mask>
KULLBACK_INLINE bool all(Mask mask) {
    std::int64_t every = -1;
    for (int i = 0; i < lanes; ++i) every &= mask[i];
    return every != 0;
}
#endif

// Up to `lanes` elements, `step` apart; what is missing is 0, which adds nothing to any measure.
template <class T>
KULLBACK_INLINE Pack gather(const T* x, std::int64_t step, std::int64_t count) {
    Pack pack = splat(0.0);
    for (int i = 0; i < lanes; ++i)
        if (i < count) set_lane(pack, i, static_cast<double>(x[i * step]));
    return pack;
}

// The last `count` of at least `lanes` elements before `end`, the lanes before them 0.
template <class T>
KULLBACK_INLINE Pack load_last(const T* end, std::int64_t count) {
    Pack pack = load(end - lanes);
    for (int i = 0; i < lanes; ++i)
        if (i < lanes - count) set_lane(pack, i, 0.0);
    return pack;
}

}  // namespace KULLBACK_ISA
}  // namespace kullback
