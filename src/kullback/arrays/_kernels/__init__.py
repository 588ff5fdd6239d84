"""Compiled kernels: the formulas of `measures`, fused, for CPU float32 and float64."""
