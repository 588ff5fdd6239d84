"""Compiled kernels: the formulas of `measures`, fused, for CPU float32 and float64."""

from __future__ import annotations

from typing import Any


def reduce(kernel: str, values: Any, axis: Any, form: Any, normalize: bool, parameter: float, unit: float) -> Any:
    return None
