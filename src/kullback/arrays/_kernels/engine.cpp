#include "engine.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace kullback {

namespace baseline { extern const Kernels kernels; }
#if defined(KULLBACK_X86)
namespace v3 { extern const Kernels kernels; }
namespace v4 { extern const Kernels kernels; }
#endif

namespace {

const Kernels& best() {
#if defined(KULLBACK_X86)
    static const Kernels& chosen =
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")
            ? v4::kernels
        : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")
            ? v3::kernels
            : baseline::kernels;
    return chosen;
#else
    return baseline::kernels;
#endif
}

// Fewer elements than this are done before another thread has started.
constexpr std::int64_t worth_a_thread = 1 << 16;
constexpr std::int64_t longest_run = 1 << 16;
constexpr std::int64_t most_chunks = 256;
// Sums beyond these leave no room to lift subnormals, or to divide by.
constexpr double largest = 0x1p900, largest_single = 0x1p27, smallest = 0x1p-900;

int processors() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Calls work(0) … work(tasks − 1), each once, on as many threads as `elements` are worth.
template <class Work>
void spread(std::int64_t tasks, std::int64_t elements, const Work& work) {
    const std::int64_t wanted = std::min({tasks, elements / worth_a_thread, std::int64_t{64}});
    const int threads = wanted > 1 ? static_cast<int>(std::min<std::int64_t>(wanted, processors())) : 1;
    std::atomic<std::int64_t> next{0};
    const auto serve = [&] {
        for (std::int64_t task = next++; task < tasks; task = next++) work(task);
    };
    std::vector<std::thread> helpers;
    for (int i = 1; i < threads; ++i) {
        try {
            helpers.emplace_back(serve);
        } catch (const std::system_error&) {
            break;  // No more threads to be had: those there are do the work.
        }
    }
    serve();
    for (std::thread& helper : helpers) helper.join();
}

struct Place {
    std::int64_t p = 0, q = 0, out = 0;
};

// Where distribution `row` (in C order over all axes but `skip`) begins.
Place locate(const Call& call, const Strides& out_stride, std::int64_t row, int skip) {
    Place place;
    for (int d = call.dimensions - 1; d >= 0; --d) {
        if (d == skip) continue;
        const std::int64_t i = d == 0 ? row : row % call.shape[d];
        row /= call.shape[d];
        place.p += i * call.p_stride[d];
        place.q += i * call.q_stride[d];
        place.out += i * out_stride[d];
    }
    return place;
}

const void* offset(const Call& call, const void* base, std::int64_t elements) {
    return static_cast<const char*>(base) + elements * (call.options.single ? 4 : 8);
}

std::int64_t count_rows(const Call& call) {
    std::int64_t rows = 1;
    for (int d = 0; d < call.dimensions; ++d) rows *= call.shape[d];
    return rows;
}

Strides c_order(const Call& call) {
    Strides strides{};
    std::int64_t step = 1;
    for (int d = call.dimensions - 1; d >= 0; --d) {
        strides[d] = step;
        step *= call.shape[d];
    }
    return strides;
}

// The axis whose neighbours lie side by side in memory while outcomes do not, or −1.
int column_axis(const Call& call) {
    if (call.p_step == 1 && call.q_step == 1) return -1;
    for (int d = 0; d < call.dimensions; ++d) {
        const std::int64_t p = call.p_stride[d], q = call.q_stride[d];
        if (call.shape[d] >= 16 && (p == 1 || p == 0) && (q == 1 || q == 0) && p + q > 0) return d;
    }
    return -1;
}

// Reduce every distribution and hand each partial to `finish(row, partial)`, which may run on any thread.
template <class Finish>
void reduce_all(const Call& call, const Options& options, const Scale* scales, const Finish& finish) {
    const Kernels& kernels = best();
    const Strides out_stride = c_order(call);
    const std::int64_t rows = count_rows(call), n = call.length;
    const int axis = column_axis(call);
    const std::int64_t columns = axis < 0 ? 1 : call.shape[axis];
    const std::int64_t groups = rows / columns, tiles = (columns + tile_columns - 1) / tile_columns;
    // Runs have lengths that depend on the shape alone, so that the result does not depend on the number of threads.
    const std::int64_t run = std::max(longest_run / std::min<std::int64_t>(columns, tile_columns),
                                      (n + most_chunks - 1) / most_chunks);
    const std::int64_t chunks = columns > 16 * tile_columns ? 1 : (n + run - 1) / run;
    // Many short distributions make one task.
    const std::int64_t batch = axis < 0 && chunks == 1 ? std::max<std::int64_t>(1, longest_run / 4 / n) : 1;
    std::vector<Partial> kept(chunks > 1 ? rows * chunks : 0);

    const auto work = [&](std::int64_t task) {
        const std::int64_t chunk = task % chunks, from = chunk * run;
        const std::int64_t length = chunks == 1 ? n : std::min(run, n - from);
        const auto deliver = [&](std::int64_t row, const Partial& partial) {
            if (chunks == 1)
                finish(row, partial);
            else
                kept[row * chunks + chunk] = partial;
        };
        if (axis < 0) {
            const std::int64_t first = task / chunks * batch, last = std::min(rows, first + batch);
            for (std::int64_t row = first; row < last; ++row) {
                const Place at = locate(call, out_stride, row, -1);
                Partial partial;
                kernels.reduce(options,
                               {offset(call, call.p, at.p + from * call.p_step),
                                offset(call, call.q, at.q + from * call.q_step), call.p_step, call.q_step, length,
                                scales ? scales[row] : Scale{}},
                               partial);
                deliver(row, partial);
            }
        } else {
            const std::int64_t tile = task / chunks % tiles, group = task / chunks / tiles;
            const std::int64_t column = tile * tile_columns;
            const Place at = locate(call, out_stride, group, axis);
            const int width = static_cast<int>(std::min<std::int64_t>(tile_columns, columns - column));
            Partial partials[tile_columns];
            Scale own[tile_columns];
            const auto row = [&](int j) { return at.out + (column + j) * out_stride[axis]; };
            for (int j = 0; scales && j < width; ++j) own[j] = scales[row(j)];
            const std::int64_t p_at = at.p + column * call.p_stride[axis] + from * call.p_step;
            const std::int64_t q_at = at.q + column * call.q_stride[axis] + from * call.q_step;
            kernels.reduce_tile(options,
                                {offset(call, call.p, p_at), offset(call, call.q, q_at), call.p_step, call.q_step,
                                 length, static_cast<int>(call.p_stride[axis]), static_cast<int>(call.q_stride[axis]),
                                 width, scales ? own : nullptr},
                                partials);
            for (int j = 0; j < width; ++j) deliver(row(j), partials[j]);
        }
    };
    const std::int64_t units = axis < 0 ? (rows + batch - 1) / batch : groups * tiles;
    spread(units * chunks, rows * n * (options.measure == Measure::js ? 2 : 1), work);

    for (std::int64_t row = 0; chunks > 1 && row < rows; ++row) {
        Partial total;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
            const Partial& part = kept[row * chunks + chunk];
            total.terms.add(part.terms);
            total.p.add(part.p);
            total.q.add(part.q);
            total.signs |= part.signs;
        }
        finish(row, total);
    }
}

std::uint32_t suspect(const Call& call, const Partial& partial) {
    const auto wrong = [&](const Sum& sum) {
        const double total = sum.value();
        if (call.slack >= 0) return std::abs(total - 1) > call.slack;
        return total > (call.options.single ? largest_single : largest) || (call.normalize && total < smallest);
    };
    return (partial.signs >> 63 ? Suspicion::sign : Suspicion::none) |
           (wrong(partial.p) || (call.two_sided && wrong(partial.q)) ? Suspicion::total : Suspicion::none);
}

// What to multiply the entries by so that rows sum to 1; empty where they are taken as they are.
std::vector<Scale> normalisers(const Call& call, std::atomic<std::uint32_t>& found) {
    std::vector<Scale> scales;
    if (!call.normalize) return scales;
    scales.resize(count_rows(call));
    Options options = call.options;
    options.measure = Measure::sums;
    options.scaled = false;
    reduce_all(call, options, nullptr, [&](std::int64_t row, const Partial& partial) {
        found |= suspect(call, partial);
        const double p = partial.p.value(), q = partial.q.value();
        const Sum& whole = call.options.measure == Measure::cross_entropy ? partial.q : partial.p;
        scales[row] = {1 / p, 1 / q, p / q, whole.high, whole.low};
    });
    return scales;
}

}  // namespace

std::uint32_t reduce(const Call& call, double* values) {
    std::atomic<std::uint32_t> found{Suspicion::none};
    const std::vector<Scale> scales = normalisers(call, found);
    Options options = call.options;
    options.scaled = call.normalize;
    reduce_all(call, options, call.normalize ? scales.data() : nullptr, [&](std::int64_t row, const Partial& partial) {
        if (!call.normalize)
            if (const std::uint32_t suspicion = suspect(call, partial)) found |= suspicion;
        values[row] = partial.terms.value() / call.unit;
    });
    return found;
}

std::uint32_t write(const Call& call, void* out, const Strides& out_stride, std::int64_t out_step) {
    std::atomic<std::uint32_t> found{Suspicion::none};
    const std::vector<Scale> scales = normalisers(call, found);
    if (!call.normalize) {
        Options options = call.options;
        options.measure = Measure::sums;
        options.scaled = false;
        reduce_all(call, options, nullptr,
                   [&](std::int64_t, const Partial& partial) { found |= suspect(call, partial); });
    }
    Options options = call.options;
    options.scaled = call.normalize;
    const std::int64_t rows = count_rows(call), n = call.length;
    const std::int64_t chunks = (n + longest_run - 1) / longest_run;
    spread(rows * chunks, rows * n, [&](std::int64_t task) {
        const std::int64_t row = task / chunks, from = task % chunks * longest_run;
        const Place at = locate(call, out_stride, row, -1);
        const std::int64_t to = at.out + from * out_step;
        best().write(options,
                     {offset(call, call.p, at.p + from * call.p_step), offset(call, call.q, at.q + from * call.q_step),
                      call.p_step, call.q_step, std::min(longest_run, n - from),
                      call.normalize ? scales[row] : Scale{}},
                     call.unit, const_cast<void*>(offset(call, out, to)), out_step);
    });
    return found;
}

const char* instruction_set() { return best().name; }

}  // namespace kullback
