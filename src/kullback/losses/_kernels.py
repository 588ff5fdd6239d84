"""The compiled kernels of rows of logits: D(p‖q), in either direction, of float32 on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from kullback.arrays._kernels import _native

NUMBERS = 5  # what a kernel keeps of a row for its gradients
_LEAST, _MOST = 1e-30, 1e30  # temperatures whose reciprocals float32 holds well


def serves(teacher: Tensor, student: Tensor, name: str, temperature: float, cap: float) -> bool:
    """Whether there is a kernel for these."""
    sides = teacher, student
    here = all(side.device.type == "cpu" and side.dtype == torch.float32 for side in sides)
    return here and within_reach(student, name, temperature, cap)


def within_reach(student: Tensor, name: str, temperature: float, cap: float) -> bool:
    """Whether kernels, on a CPU or a GPU, are made for such a loss."""
    plain = name in ("forward", "reverse") and cap == 0
    return plain and student.numel() > 0 and _LEAST < temperature < _MOST


def values(teacher: Tensor, student: Tensor, name: str, temperature: float) -> tuple[Tensor, Tensor]:
    """Divergence of every row of (rows, outcomes), and what its gradients need."""
    numbers = torch.empty(len(student), NUMBERS, dtype=torch.float64)
    p, q = _in_order(teacher, student, name)
    _native.logit_values(_view(p), _view(q), 1 / temperature, numbers.numpy())
    return rounded(numbers[:, 0]), numbers


def gradients(
    upstream: Tensor,
    teacher: Tensor,
    student: Tensor,
    numbers: Tensor,
    name: str,
    temperature: float,
    of_teacher: bool,
) -> Tensor:
    """Gradient of Σ upstream·values in the teacher's logits, or in the student's."""
    p, q = _in_order(teacher, student, name)
    out = torch.empty_like(student, memory_format=torch.contiguous_format)
    of_first = of_teacher == (name == "forward")
    of_rows = _view(p), _view(q), 1 / temperature, numbers.numpy(), _upstream(upstream)
    _native.logit_gradients(*of_rows, of_first, out.numpy())
    return out


def over_student(upstream: Tensor, teacher: Tensor, student: Tensor, name: str, temperature: float) -> Tensor:
    """Divergence of every row; the student's logits, contiguous, become the gradient of Σ upstream·values in them."""
    p, q = _in_order(teacher, student, name)
    found = torch.empty(len(student), dtype=torch.float64)
    of_rows = _view(p), _view(q), 1 / temperature, found.numpy(), _upstream(upstream)
    _native.logit_values_over(*of_rows, name == "reverse", student.numpy())
    return rounded(found)


def rounded(found: Tensor) -> Tensor:
    """Values of rows in float32."""
    # A divergence is never negative; rounding in float32 may say so of rows that are equal but for rounding.
    return found.clamp(min=0).float()


def _upstream(x: Tensor) -> object:
    return x.detach().float().contiguous().numpy()


def _in_order(teacher: Tensor, student: Tensor, name: str) -> tuple[Tensor, Tensor]:
    return (teacher, student) if name == "forward" else (student, teacher)


def _view(x: Tensor) -> object:
    return (x if x.stride(-1) == 1 else x.contiguous()).detach().numpy()
