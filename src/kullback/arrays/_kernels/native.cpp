// Binds the engine to Python: arrays of one dtype and shape, distributions over the last axis.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>

#include "engine.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using Input = nb::ndarray<nb::ro, nb::device::cpu>;
using Output = nb::ndarray<nb::device::cpu>;

namespace {

kullback::Measure measure_of(const std::string& name) {
    using kullback::Measure;
    if (name == "kl") return Measure::kl;
    if (name == "entropy") return Measure::entropy;
    if (name == "cross_entropy") return Measure::cross_entropy;
    if (name == "js") return Measure::js;
    if (name == "jeffreys") return Measure::jeffreys;
    if (name == "total_variation") return Measure::total_variation;
    if (name == "chi2") return Measure::chi2;
    if (name == "decompose") return Measure::decompose;
    throw std::invalid_argument("no kernel is called " + name);
}

kullback::Call call_of(const std::string& measure, const Input& p, const Input& q, bool normalize, double weight,
                       double slack, double unit) {
    const auto dtype = p.dtype();
    if (dtype != q.dtype() || (dtype != nb::dtype<float>() && dtype != nb::dtype<double>()))
        throw std::invalid_argument("two arrays of float32 or two of float64 are needed");
    const int ndim = static_cast<int>(p.ndim());
    if (ndim < 1 || ndim - 1 > kullback::most_dimensions || p.ndim() != q.ndim())
        throw std::invalid_argument("arrays of the same 1 to 17 dimensions are needed");
    kullback::Call call{};
    call.options = {measure_of(measure), dtype == nb::dtype<float>(), normalize, weight};
    call.p = p.data();
    call.q = q.data();
    call.dimensions = ndim - 1;
    for (int d = 0; d < ndim; ++d) {
        if (p.shape(d) != q.shape(d)) throw std::invalid_argument("arrays of the same shape are needed");
        if (d == ndim - 1) break;
        call.shape[d] = static_cast<std::int64_t>(p.shape(d));
        call.p_stride[d] = p.stride(d);
        call.q_stride[d] = q.stride(d);
    }
    call.length = static_cast<std::int64_t>(p.shape(ndim - 1));
    call.p_step = p.stride(ndim - 1);
    call.q_step = q.stride(ndim - 1);
    call.two_sided = call.options.measure != kullback::Measure::entropy;
    call.slack = slack;
    call.unit = unit;
    return call;
}

// One distribution: the value, and why it may have to be refused.
std::pair<double, std::uint32_t> one(const std::string& measure, const Input& p, const Input& q, bool normalize,
                                     double weight, double slack, double unit) {
    const kullback::Call call = call_of(measure, p, q, normalize, weight, slack, unit);
    if (call.dimensions || kullback::parts(call.options.measure) > 1)
        throw std::invalid_argument("one distribution and a measure of one value are needed");
    double value = 0;
    nb::gil_scoped_release released;
    const std::uint32_t suspicion = kullback::reduce(call, &value);
    return {value, suspicion};
}

std::uint32_t many(const std::string& measure, const Input& p, const Input& q, bool normalize, double weight,
                   double slack, double unit, nb::ndarray<double, nb::c_contig, nb::device::cpu>& values) {
    const kullback::Call call = call_of(measure, p, q, normalize, weight, slack, unit);
    std::int64_t wanted = kullback::parts(call.options.measure);
    for (int d = 0; d < call.dimensions; ++d) wanted *= call.shape[d];
    if (static_cast<std::int64_t>(values.size()) != wanted)
        throw std::invalid_argument("one value a part and a row is needed");
    nb::gil_scoped_release released;
    return kullback::reduce(call, values.data());
}

std::uint32_t write_terms(const Input& p, const Input& q, bool normalize, double slack, double unit, Output& out) {
    const kullback::Call call = call_of("kl", p, q, normalize, 0, slack, unit);
    if (out.ndim() != p.ndim() || out.dtype() != p.dtype()) throw std::invalid_argument("out must be like p");
    kullback::Strides strides{};
    for (int d = 0; d <= call.dimensions; ++d) {
        if (out.shape(d) != p.shape(d)) throw std::invalid_argument("out must have the shape of p");
        if (d < call.dimensions) strides[d] = out.stride(d);
    }
    nb::gil_scoped_release released;
    return kullback::write(call, out.data(), strides, out.stride(call.dimensions));
}

using Doubles = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Operands have the length of `out`, or 1.
void gap(int kind, const std::vector<Doubles>& operands,
         nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>& out) {
    const auto length = out.shape(0);
    if (operands.empty() || operands.size() > kullback::most_operands)
        throw std::invalid_argument("1 to 4 operands are needed");
    if (kind < 0 || kind > kullback::last_gap_kind) throw std::invalid_argument("no such gap");
    kullback::Operands given{};
    given.length = static_cast<std::int64_t>(length);
    for (std::size_t i = 0; i < kullback::most_operands; ++i) {
        const Doubles& x = operands[i < operands.size() ? i : 0];
        if (x.shape(0) != length && x.shape(0) != 1) throw std::invalid_argument("operands of one length are needed");
        given.x[i] = x.data();
        given.step[i] = x.shape(0) == length;
    }
    nb::gil_scoped_release released;
    kullback::gap(static_cast<kullback::GapKind>(kind), given, out.data());
}

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;
using Numbers = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

kullback::LogitCall logit_call(const Rows& p, const Rows& q, double scale) {
    if (p.shape(0) != q.shape(0) || p.shape(1) != q.shape(1) || p.stride(1) != 1 || q.stride(1) != 1)
        throw std::invalid_argument("rows of one shape, each contiguous, are needed");
    return {p.data(), q.data(), static_cast<std::int64_t>(p.shape(0)), static_cast<std::int64_t>(p.shape(1)),
            p.stride(0), q.stride(0), static_cast<float>(scale)};
}

void logit_values(const Rows& p, const Rows& q, double scale, Numbers& numbers) {
    const kullback::LogitCall call = logit_call(p, q, scale);
    if (numbers.shape(0) != p.shape(0) || numbers.shape(1) != kullback::logit_numbers)
        throw std::invalid_argument("five numbers a row are needed");
    nb::gil_scoped_release released;
    kullback::logit_values(call, numbers.data());
}

void logit_gradients(const Rows& p, const Rows& q, double scale, const Numbers& numbers,
                     const nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>& upstream, bool of_first,
                     nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>& out) {
    const kullback::LogitCall call = logit_call(p, q, scale);
    if (numbers.shape(0) != p.shape(0) || numbers.shape(1) != kullback::logit_numbers ||
        upstream.shape(0) != p.shape(0) || out.shape(0) != p.shape(0) || out.shape(1) != p.shape(1))
        throw std::invalid_argument("numbers, upstream and out must fit the rows");
    nb::gil_scoped_release released;
    kullback::logit_gradients(call, numbers.data(), upstream.data(), of_first, out.data());
}

void logit_values_over(const Rows& p, const Rows& q, double scale,
                       nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>& values,
                       const nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>& upstream,
                       bool of_first, nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>& out) {
    const kullback::LogitCall call = logit_call(p, q, scale);
    if (values.shape(0) != p.shape(0) || upstream.shape(0) != p.shape(0) || out.shape(0) != p.shape(0) ||
        out.shape(1) != p.shape(1))
        throw std::invalid_argument("values, upstream and out must fit the rows");
    nb::gil_scoped_release released;
    kullback::logit_values_over(call, values.data(), upstream.data(), of_first, out.data());
}

}  // namespace

NB_MODULE(_native, module) {
    module.doc() = "Fused kernels of kullback.";
    module.def("one", &one, "measure"_a, "p"_a, "q"_a, "normalize"_a, "weight"_a, "slack"_a, "unit"_a);
    module.def("many", &many, "measure"_a, "p"_a, "q"_a, "normalize"_a, "weight"_a, "slack"_a, "unit"_a, "values"_a);
    module.def("write", &write_terms, "p"_a, "q"_a, "normalize"_a, "slack"_a, "unit"_a, "out"_a);
    module.def("gap", &gap, "kind"_a, "operands"_a, "out"_a);
    module.def("logit_values", &logit_values, "p"_a, "q"_a, "scale"_a, "numbers"_a);
    module.def("logit_gradients", &logit_gradients, "p"_a, "q"_a, "scale"_a, "numbers"_a, "upstream"_a, "of_first"_a,
               "out"_a);
    module.def("logit_values_over", &logit_values_over, "p"_a, "q"_a, "scale"_a, "values"_a, "upstream"_a, "of_first"_a,
               "out"_a);
    module.def("instruction_set", &kullback::instruction_set);
    module.def("instruction_sets", [] {
        const auto names = kullback::instruction_sets();
        return std::vector<std::string>(names.begin(), names.end());
    });
    module.def(
        "use",
        [](const std::string& name) {
            if (!kullback::use(name)) throw std::invalid_argument("this machine has no instruction set " + name);
        },
        "name"_a);
}
