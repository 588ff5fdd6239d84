#include "engine.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <system_error>
#include <thread>
#include <vector>

#if defined(KULLBACK_v3) || defined(KULLBACK_v4)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace kullback {

namespace baseline { extern const Kernels kernels; }
#if defined(KULLBACK_v3)
namespace v3 { extern const Kernels kernels; }
#endif
#if defined(KULLBACK_v4)
namespace v4 { extern const Kernels kernels; }
#endif

namespace {

#if defined(KULLBACK_v3) || defined(KULLBACK_v4)
// Everything that x86-64-v3 means. Older compilers know neither that name nor all of the parts, hence the bits.
bool has_v3() {
    constexpr unsigned cx16 = 1u << 13, movbe = 1u << 22, f16c = 1u << 29, lahf = 1u << 0, lzcnt = 1u << 5;
    unsigned a, b, basic, extended, d;
    if (!__get_cpuid(1, &a, &b, &basic, &d) || !__get_cpuid(0x80000001, &a, &b, &extended, &d)) return false;
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           (basic & (cx16 | movbe | f16c)) == (cx16 | movbe | f16c) && (extended & (lahf | lzcnt)) == (lahf | lzcnt);
}

bool has_v4() {
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}
#endif

// The kernels that this machine can run, the best last.
std::vector<const Kernels*> available() {
    std::vector<const Kernels*> sets{&baseline::kernels};
#if defined(KULLBACK_v3)
    if (has_v3()) sets.push_back(&v3::kernels);
#endif
#if defined(KULLBACK_v4)
    if (has_v4()) sets.push_back(&v4::kernels);
#endif
    return sets;
}

std::atomic<const Kernels*>& chosen() {
    static std::atomic<const Kernels*> kernels{available().back()};
    return kernels;
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

// Suspicions from all threads; written only where there is one, so that the threads do not wait for each other.
class Found {
public:
    void operator|=(std::uint32_t suspicion) {
        if (suspicion) all |= suspicion;
    }
    std::uint32_t value() const { return all; }

private:
    std::atomic<std::uint32_t> all{Suspicion::none};
};

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

std::uint32_t suspect(const Call& call, const Partial& partial) {
    const auto wrong = [&](const Sum& sum) {
        const double total = sum.value();
        if (call.slack >= 0) return std::abs(total - 1) > call.slack;
        return total > (call.options.single ? largest_single : largest) || (call.options.scaled && total < smallest);
    };
    return (partial.negative ? Suspicion::sign : Suspicion::none) |
           (wrong(partial.p) || (call.two_sided && wrong(partial.q)) ? Suspicion::total : Suspicion::none);
}

// What to multiply the entries of a row by so that it sums to 1, from its sums.
Scale normaliser(const Partial& sums) {
    const double p = sums.p.value(), q = sums.q.value();
    return {1 / p, 1 / q, p / q, sums.p.high, sums.p.low, sums.q.high, sums.q.low};
}

// Looks at the sums of a row, and keeps what makes them 1.
struct KeepScales {
    const Call& call;
    Found& found;
    Scale* scales;

    void operator()(std::int64_t row, const Partial& sums) const {
        found |= suspect(call, sums);
        scales[row] = normaliser(sums);
    }
};

Options only_sums(const Call& call) {
    Options options = call.options;
    options.measure = Measure::sums;
    options.scaled = false;
    return options;
}

// A stretch of one distribution.
Segment stretch(const Call& call, const Place& at, std::int64_t from, std::int64_t length) {
    return {offset(call, call.p, at.p + from * call.p_step), offset(call, call.q, at.q + from * call.q_step),
            call.p_step, call.q_step, length, Scale{}};
}

// Reduces every distribution and hands each partial to `finish(row, partial)`, which may run on any thread. Where rows are
// scaled, each one's sums are taken in its own task just before (and looked at there); rows in several chunks come with
// their scales.
template <class Finish>
void reduce_all(const Call& call, const Options& options, Found& found, const Finish& finish) {
    const Kernels& kernels = *chosen();
    const Options sums = only_sums(call);
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
    std::vector<Scale> scales(options.scaled && chunks > 1 ? rows : 0);
    if (!scales.empty()) reduce_all(call, sums, found, KeepScales{call, found, scales.data()});
    const auto scale = [&](std::int64_t row, const auto& own_sums) {
        if (!scales.empty()) return scales[row];
        const Partial partial = own_sums();
        found |= suspect(call, partial);
        return normaliser(partial);
    };

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
                Segment segment = stretch(call, locate(call, out_stride, row, -1), from, length);
                if (options.scaled)
                    segment.scale = scale(row, [&] {
                        Partial partial;
                        kernels.reduce(sums, segment, partial);
                        return partial;
                    });
                Partial partial;
                kernels.reduce(options, segment, partial);
                deliver(row, partial);
            }
        } else {
            const std::int64_t number = task / chunks % tiles, group = task / chunks / tiles;
            const std::int64_t column = number * tile_columns;
            const Place at = locate(call, out_stride, group, axis);
            const int width = static_cast<int>(std::min<std::int64_t>(tile_columns, columns - column));
            // Not on the stack, where some systems give threads little.
            std::vector<Partial> partials(width);
            std::vector<Scale> own(width);
            const auto row = [&](int j) { return at.out + (column + j) * out_stride[axis]; };
            const std::int64_t p_at = at.p + column * call.p_stride[axis] + from * call.p_step;
            const std::int64_t q_at = at.q + column * call.q_stride[axis] + from * call.q_step;
            const Tile tile{offset(call, call.p, p_at), offset(call, call.q, q_at), call.p_step, call.q_step, length,
                            static_cast<int>(call.p_stride[axis]), static_cast<int>(call.q_stride[axis]), width,
                            own.data()};
            if (options.scaled) {
                if (scales.empty()) kernels.reduce_tile(sums, tile, partials.data());
                for (int j = 0; j < width; ++j) own[j] = scale(row(j), [&] { return partials[j]; });
            }
            kernels.reduce_tile(options, tile, partials.data());
            for (int j = 0; j < width; ++j) deliver(row(j), partials[j]);
        }
    };
    const std::int64_t units = axis < 0 ? (rows + batch - 1) / batch : groups * tiles;
    spread(units * chunks, rows * n * (options.measure == Measure::js ? 2 : 1), work);

    for (std::int64_t row = 0; chunks > 1 && row < rows; ++row) {
        Partial total;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
            const Partial& part = kept[row * chunks + chunk];
            for (int i = 0; i < most_parts; ++i) total.terms[i].add(part.terms[i]);
            total.p.add(part.p);
            total.q.add(part.q);
            total.negative |= part.negative;
        }
        finish(row, total);
    }
}

}  // namespace

std::uint32_t reduce(const Call& call, double* values) {
    Found found;
    const std::int64_t rows = count_rows(call);
    reduce_all(call, call.options, found, [&](std::int64_t row, const Partial& partial) {
        if (!call.options.scaled) found |= suspect(call, partial);
        for (int i = 0; i < parts(call.options.measure); ++i)
            values[i * rows + row] = partial.terms[i].value() / call.unit;
    });
    return found.value();
}

std::uint32_t write(const Call& call, void* out, const Strides& out_stride, std::int64_t out_step) {
    Found found;
    const Kernels& kernels = *chosen();
    const Options sums = only_sums(call);
    const std::int64_t rows = count_rows(call), n = call.length;
    const std::int64_t chunks = (n + longest_run - 1) / longest_run;
    const std::int64_t batch = chunks == 1 ? std::max<std::int64_t>(1, longest_run / 4 / n) : 1;
    // Sums across rows in memory are quicker taken tile by tile; where rows are short, keeping them would cost too much.
    const bool ahead = chunks > 1 || (n >= 64 && column_axis(call) >= 0);
    std::vector<Scale> scales(ahead ? rows : 0);
    if (ahead) reduce_all(call, sums, found, KeepScales{call, found, scales.data()});
    spread((rows + batch - 1) / batch * chunks, rows * n, [&](std::int64_t task) {
        const std::int64_t first = task / chunks * batch, last = std::min(rows, first + batch);
        const std::int64_t from = task % chunks * longest_run;
        for (std::int64_t row = first; row < last; ++row) {
            const Place at = locate(call, out_stride, row, -1);
            Segment segment = stretch(call, at, from, std::min(longest_run, n - from));
            if (ahead) {
                segment.scale = scales[row];
            } else {
                Partial partial;
                kernels.reduce(sums, segment, partial);
                found |= suspect(call, partial);
                segment.scale = normaliser(partial);
            }
            const std::int64_t to = at.out + from * out_step;
            kernels.write(call.options, segment, call.unit, const_cast<void*>(offset(call, out, to)), out_step);
        }
    });
    return found.value();
}

void gap(GapKind kind, const Operands& given, double* out) {
    const Kernels& kernels = *chosen().load();
    constexpr std::int64_t run = 1 << 14;
    spread((given.length + run - 1) / run, given.length, [&](std::int64_t task) {
        const std::int64_t from = task * run;
        Operands part = given;
        for (int i = 0; i < most_operands; ++i) part.x[i] += from * part.step[i];
        part.length = std::min(run, given.length - from);
        kernels.gap(kind, part, out + from);
    });
}

namespace {

LogitRow logit_row(const LogitCall& call, std::int64_t row) {
    return {call.p + row * call.p_stride, call.q + row * call.q_stride, call.length, call.scale};
}

// A thread's, kept from row to row and from call to call.
float* logit_exponentials(std::int64_t length) {
    thread_local std::vector<float> room;
    const auto needed = static_cast<std::size_t>(logit_room(length));
    if (room.size() < needed) room.resize(needed);
    return room.data();
}

}  // namespace

void logit_values(const LogitCall& call, double* numbers) {
    const LogitKernels& kernels = chosen().load()->logits;
    spread(call.rows, call.rows * call.length, [&](std::int64_t row) {
        LogitNormaliser n;
        kernels.value(logit_row(call, row), n, logit_exponentials(call.length));
        double* to = numbers + row * logit_numbers;
        to[0] = n.value, to[1] = n.p_most, to[2] = n.q_most, to[3] = n.p_log, to[4] = n.q_log;
    });
}

void logit_gradients(const LogitCall& call, const double* numbers, const float* upstream, bool of_first, float* out) {
    const LogitKernels& kernels = chosen().load()->logits;
    spread(call.rows, call.rows * call.length, [&](std::int64_t row) {
        float* to = out + row * call.length;
        if (upstream[row] == 0) {
            std::fill(to, to + call.length, 0.0f);
            return;
        }
        const double* from = numbers + row * logit_numbers;
        const LogitNormaliser n{static_cast<float>(from[1]), static_cast<float>(from[2]), from[3], from[4], from[0]};
        kernels.gradient(logit_row(call, row), n, upstream[row], of_first, to);
    });
}

void logit_values_over(const LogitCall& call, double* values, const float* upstream, bool of_first, float* out) {
    const LogitKernels& kernels = chosen().load()->logits;
    spread(call.rows, call.rows * call.length, [&](std::int64_t row) {
        const LogitRow given = logit_row(call, row);
        float* const room = logit_exponentials(call.length);
        float* const to = out + row * call.length;
        LogitNormaliser n;
        kernels.value(given, n, room);
        values[row] = n.value;
        if (upstream[row] == 0)
            std::fill(to, to + call.length, 0.0f);
        else
            kernels.gradient_after(given, n, upstream[row], of_first, to, room);
    });
}

std::vector<const char*> instruction_sets() {
    std::vector<const char*> names;
    for (const Kernels* kernels : available()) names.push_back(kernels->name);
    return names;
}

const char* instruction_set() { return chosen().load()->name; }

bool use(const std::string& name) {
    for (const Kernels* kernels : available())
        if (name == kernels->name) {
            chosen() = kernels;
            return true;
        }
    return false;
}

}  // namespace kullback
