// Walks arrays of any strides, row by row or tile by tile, on as many threads as pay.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "job.hpp"

namespace kullback {

constexpr int most_dimensions = 16;
using Strides = std::array<std::int64_t, most_dimensions>;

// Distributions over the last axis (`length` outcomes), in arrays of `dimensions` more axes. Strides are in elements.
struct Call {
    Options options;
    const void *p, *q;
    int dimensions;
    Strides shape, p_stride, q_stride;
    std::int64_t length, p_step, q_step;
    bool two_sided;
    double slack;  // how far from 1 a row may sum; negative where any finite sum will do
    double unit;
};

// One value for each part of the measure and distribution, in C order. Returns why rows may have to be refused, or none.
std::uint32_t reduce(const Call& call, double* values);

// One value for each outcome: `out` has the shape of the broadcast arrays and strides of its own.
std::uint32_t write(const Call& call, void* out, const Strides& out_stride, std::int64_t out_step);

// One gap for each element.
void gap(GapKind kind, const Operands& given, double* out);

// The instruction sets that were compiled and that this machine has, the best last.
std::vector<const char*> instruction_sets();

// The instruction set in use: the best, unless tests ask for another by its name.
const char* instruction_set();
bool use(const std::string& name);

}  // namespace kullback
