"""Kernels for GPUs: D(p‖q) of rows of logits, in either direction, of float32 and half precision."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from kullback.losses._kernels import rounded, within_reach

NUMBERS = 7  # what a kernel keeps of a row for its gradients
_BLOCK = 4096  # outcomes that a program holds at a time
_FIRST, _SECOND = 1, 2


def serves(teacher: Tensor, student: Tensor, name: str, temperature: float, cap: float) -> bool:
    """Whether there is a kernel for these."""
    sides = teacher, student
    there = all(side.device.type == "cuda" and side.dtype != torch.float64 for side in sides)
    return there and within_reach(student, name, temperature, cap) and find_spec("triton") is not None


def values(teacher: Tensor, student: Tensor, name: str, temperature: float) -> tuple[Tensor, Tensor]:
    """Divergence of every row of (rows, outcomes), and what its gradients need."""
    numbers = student.new_empty(len(student), NUMBERS, dtype=torch.float64)
    _launch(teacher, student, numbers, name, temperature)
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
    out = torch.empty_like(teacher if of_teacher else student, memory_format=torch.contiguous_format)
    _launch(teacher, student, numbers, name, temperature, upstream, out, of_teacher=of_teacher, known=True)
    return out


def over_student(upstream: Tensor, teacher: Tensor, student: Tensor, name: str, temperature: float) -> Tensor:
    """Divergence of every row; the student's logits, contiguous, become the gradient of Σ upstream·values in them."""
    numbers = student.new_empty(len(student), NUMBERS, dtype=torch.float64)
    _launch(teacher, student, numbers, name, temperature, upstream, student)
    return rounded(numbers[:, 0])


def _launch(
    teacher: Tensor,
    student: Tensor,
    numbers: Tensor,
    name: str,
    temperature: float,
    upstream: Tensor | None = None,
    out: Tensor | None = None,
    *,
    of_teacher: bool = False,
    known: bool = False,
) -> None:
    from .logits import rows_kernel, warps

    sides = [side if side.stride(-1) == 1 else side.contiguous() for side in (teacher, student)]
    p, q = sides if name == "forward" else sides[::-1]
    rows, length = q.shape
    side = 0 if out is None else _FIRST if of_teacher == (name == "forward") else _SECOND
    weights = numbers if upstream is None else upstream.detach().float().contiguous()
    block = min(_BLOCK, 1 << (length - 1).bit_length())
    kernel: Any = rows_kernel
    with torch.cuda.device_of(student):
        kernel[(rows,)](
            p, q, q if out is None else out, numbers, weights, p.stride(0), q.stride(0), length, length,
            1 / temperature, KNOWN=known, SIDE=side, BLOCK=block, num_warps=warps(block),
        )  # fmt: skip
