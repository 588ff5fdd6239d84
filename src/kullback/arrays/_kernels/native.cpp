#include <nanobind/nanobind.h>
NB_MODULE(_native, module) { module.doc() = "Fused kernels of kullback."; }
