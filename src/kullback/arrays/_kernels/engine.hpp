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

// Rows of logits, contiguous float32: D(P‖Q) of each and what its gradients need, five numbers a row.
struct LogitCall {
    const float *p, *q;
    std::int64_t rows, length, p_stride, q_stride;
    float scale;
};
constexpr int logit_numbers = 5;
void logit_values(const LogitCall& call, double* numbers);

// Gradients of Σ upstream·D in the logits of P (the first side) or of Q. A row whose upstream is 0 is all 0.
void logit_gradients(const LogitCall& call, const double* numbers, const float* upstream, bool of_first, float* out);

// D(P‖Q) of each row and such gradients in one pass; `out` may be where the logits are.
void logit_values_over(const LogitCall& call, double* values, const float* upstream, bool of_first, float* out);

// The instruction sets that were compiled and that this machine has, the best last.
std::vector<const char*> instruction_sets();

// The instruction set in use: the best, unless tests ask for another by its name.
const char* instruction_set();
bool use(const std::string& name);

}  // namespace kullback
