"""Divergences of rows of logits as PyTorch operators: values, gradients and their gradients, nothing kept but inputs.

The backward pass computes the rows again, a few at a time, so that beside the gradients no tensor of rows × outcomes
exists. What computes them, the plain twin or a kernel, is chosen by device and dtype here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import array_api_compat.torch as xp
import torch
from torch import Tensor

from kullback._core.errors import InputError

from . import _kernels, _triton
from ._divergences import gradients_of_logits, of_logits

_AT_ONCE = 1 << 20  # numbers that the plain twin works on at a time


def capped(logits: Tensor, cap: float) -> Tensor:
    """cap·tanh(logits/cap), where a cap is asked for; a masked logit stays masked."""
    if cap == 0:
        return logits
    masked = logits == -torch.inf
    return torch.where(masked, logits, cap * torch.tanh(torch.where(masked, 0.0, logits) / cap))


def cap_slope(logits: Tensor, cap: float) -> Tensor | float:
    """Derivative of `capped`, of capped logits: 1 − tanh², and 0 where they are masked."""
    return 1.0 if cap == 0 else torch.where(logits == -torch.inf, 0.0, 1 - (logits / cap) ** 2)


def wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype that rows of another are worked out in."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def plain(teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float) -> Tensor:
    """Divergence of every row, by the formulas of the array measures."""
    p, q = (prepared(side, cap) / temperature for side in (teacher, student))
    value: Tensor = of_logits(xp, p, q, name, number)
    return value.to(wide(student.dtype))


def plain_gradients(
    upstream: Tensor, teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float
) -> list[Tensor]:
    """Gradients of Σ upstream·plain in both sides."""
    sides = [prepared(side, cap) for side in (teacher, student)]
    scale = (upstream / temperature)[:, None]
    found = gradients_of_logits(xp, sides[0] / temperature, sides[1] / temperature, name, number)
    return [scale * cap_slope(side, cap) * g for side, g in zip(sides, found, strict=True)]


def prepared(x: Tensor, cap: float) -> Tensor:
    """Capped logits in the dtype of plain arithmetic: float32 of a CPU goes to float64, as in the array measures."""
    return capped(x.to(torch.float64 if x.device.type == "cpu" else wide(x.dtype)), cap)


def _blocks(rows: int, outcomes: int) -> Iterator[slice]:
    step = max(1, _AT_ONCE // max(outcomes, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _kernel(teacher: Tensor, student: Tensor, name: str, temperature: float, cap: float) -> Any:
    """Return the module of kernels that serves these, or None, where the plain twin does."""
    return next((k for k in (_kernels, _triton) if k.serves(teacher, student, name, temperature, cap)), None)


@torch.library.custom_op("kullback::divergence_of_logits", mutates_args=())
def values(
    teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float
) -> tuple[Tensor, Tensor]:
    """Divergence of every row of (rows, outcomes), in float32 or float64; and what a kernel keeps for the gradients."""
    kernel = _kernel(teacher, student, name, temperature, cap)
    if kernel is not None:
        of_kernel: tuple[Tensor, Tensor] = kernel.values(teacher, student, name, temperature)
        return of_kernel
    out = student.new_empty(len(student), dtype=wide(student.dtype))
    for block in _blocks(*student.shape):
        out[block] = plain(teacher[block], student[block], name, number, temperature, cap)
    return out, _nothing_kept(student)


@torch.library.custom_op("kullback::divergence_of_logits_gradients", mutates_args=())
def gradients(
    upstream: Tensor,
    teacher: Tensor,
    student: Tensor,
    numbers: Tensor,
    name: str,
    number: float,
    temperature: float,
    cap: float,
    of_teacher: bool,
    of_student: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients of Σ upstream·values in both sides, in their dtypes; an empty tensor where one is not asked for.

    A row whose upstream gradient is 0 has a gradient of 0, whatever it holds.
    """
    wanted = (of_teacher, of_student)
    kernel = _kernel(teacher, student, name, temperature, cap)
    if kernel is not None:
        first, second = (
            kernel.gradients(upstream, teacher, student, numbers, name, temperature, side)
            if want
            else student.new_empty(0)
            for side, want in ((True, of_teacher), (False, of_student))
        )
        return first, second
    out = [
        torch.zeros_like(side, memory_format=torch.contiguous_format) if want else side.new_empty(0)
        for side, want in zip((teacher, student), wanted, strict=True)
    ]
    for block in _blocks(*student.shape):
        kept = upstream[block] != 0
        if not kept.any():
            continue
        pair = teacher[block][kept], student[block][kept]
        found = plain_gradients(upstream[block][kept], *pair, name, number, temperature, cap)
        for whole, one, want in zip(out, found, wanted, strict=True):
            if want:
                whole[block][kept] = one.to(whole.dtype)
    return out[0], out[1]


def values_over_student(
    upstream: Tensor, teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float
) -> tuple[Tensor, Tensor]:
    """Divergence of every row and the gradient of Σ upstream·values in the student, which may take the student's place.

    No operator of its own: for use within one.
    """
    kernel = _kernel(teacher, student, name, temperature, cap)
    if kernel is not None:
        return kernel.over_student(upstream, teacher, student, name, temperature), student
    options = name, number, temperature, cap
    found, numbers = values(teacher, student, *options)
    return found, gradients(upstream, teacher, student, numbers, *options, False, True)[1]


def _nothing_kept(like: Tensor) -> Tensor:
    return like.new_empty(len(like), 0, dtype=torch.float64)


@values.register_fake
def _(
    teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float
) -> tuple[Tensor, Tensor]:
    value = student.new_empty(student.shape[0], dtype=wide(student.dtype))
    kernel = _kernel(teacher, student, name, temperature, cap)
    kept = 0 if kernel is None else kernel.NUMBERS
    return value, student.new_empty(student.shape[0], kept, dtype=torch.float64)


@gradients.register_fake
def _(
    upstream: Tensor,
    teacher: Tensor,
    student: Tensor,
    numbers: Tensor,
    name: str,
    number: float,
    temperature: float,
    cap: float,
    of_teacher: bool,
    of_student: bool,
) -> tuple[Tensor, Tensor]:
    first, second = (
        torch.empty_like(side, memory_format=torch.contiguous_format) if want else side.new_empty(0)
        for side, want in ((teacher, of_teacher), (student, of_student))
    )
    return first, second


class Values(torch.autograd.Function):
    """`values`, differentiable: by PyTorch's engine, `torch.func` and `torch.compile` alike."""

    @staticmethod
    def forward(teacher: Tensor, student: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
        """Divergence of every row, and what a kernel keeps of it."""
        found: tuple[Tensor, Tensor] = values(teacher, student, *options)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep the logits, which the caller holds anyway."""
        teacher, student, *options = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(teacher, student, output[1])
        ctx.options = tuple(options)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Any, ...]:
        """Gradients in the logits that ask for them."""
        teacher, student, numbers = ctx.saved_tensors
        wanted = (ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        # Compiled graphs have no second derivatives, and dynamo does not trace a function within a function.
        operator = gradients if torch.compiler.is_compiling() else Gradients.apply
        found = operator(upstream, teacher, student, numbers, *ctx.options, *wanted)
        return (*(g if want else None for g, want in zip(found, wanted, strict=True)), *(None for _ in ctx.options))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Any, Any]:
        """Rows of every member of the batch, one after the other."""
        found = ValuesBothWays.apply(*_rows_of_all(info, in_dims, args[:2]), *args[2:])
        return tuple(x.unflatten(0, (info.batch_size, -1)) for x in found), (0, 0)


class ValuesBothWays(Values):
    """`Values` with forward mode, which `torch.compile` does not trace."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep the logits for both modes."""
        Values.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2], output[1])

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor | None, None]:
        """Change of every row's value along changes of the logits."""
        teacher, student, numbers = ctx.saved_tensors
        wanted = (tangents[0] is not None, tangents[1] is not None)
        ones = student.new_ones(len(student), dtype=wide(student.dtype))
        found = Gradients.apply(ones, teacher, student, numbers, *ctx.options, *wanted)
        parts = [(g * t).sum(-1) for g, t in zip(found, tangents, strict=False) if t is not None]
        return sum(parts[1:], start=parts[0]).to(ones.dtype), None


class Gradients(torch.autograd.Function):
    """`gradients`, differentiable in its turn."""

    @staticmethod
    def forward(upstream: Tensor, teacher: Tensor, student: Tensor, numbers: Tensor, *options: Any) -> Any:
        """Gradients of Σ upstream·values."""
        return gradients(upstream, teacher, student, numbers, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what the second derivative is made of."""
        upstream, teacher, student, _, *options = inputs
        ctx.save_for_backward(upstream, teacher, student)
        ctx.save_for_forward(upstream, teacher, student)
        ctx.options = tuple(options)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Any, ...]:
        """Products with the second derivatives, by differentiating the plain gradients."""
        first = _plain_again(ctx.options)
        out, pull = torch.func.vjp(first, *ctx.saved_tensors)
        asked = [c for c, want in zip(cotangents, ctx.options[-2:], strict=True) if want]
        found = pull(tuple(c.to(o.dtype) for c, o in zip(asked, out, strict=True)))
        return (*found, None, *(None for _ in ctx.options))

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        """Products with the second derivatives, forwards."""
        inputs = ctx.saved_tensors
        along = tuple(torch.zeros_like(x) if t is None else t for x, t in zip(inputs, tangents, strict=False))
        changes = iter(torch.func.jvp(_plain_again(ctx.options), inputs, along)[1])
        sides = zip(inputs[1:], ctx.options[-2:], strict=True)
        return tuple(next(changes).to(x.dtype) if want else x.new_empty(0) for x, want in sides)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Any, Any]:
        """Rows of every member of the batch, one after the other."""
        found = Gradients.apply(*_rows_of_all(info, in_dims, args[:4]), *args[4:])
        whole = tuple(g.unflatten(0, (info.batch_size, -1)) if g.numel() else g for g in found)
        return whole, tuple(0 if g.numel() else None for g in found)


def _plain_again(options: tuple[Any, ...]) -> Callable[..., tuple[Tensor, ...]]:
    """Return the gradients that were asked for, by the plain twin, to be differentiated."""
    *of_divergence, of_teacher, of_student = options

    def first(upstream: Tensor, *sides: Tensor) -> tuple[Tensor, ...]:
        # Rows left out may hold anything: they are replaced before any arithmetic.
        left_out = (upstream == 0)[:, None]
        found = plain_gradients(upstream, *(torch.where(left_out, 0.0, side) for side in sides), *of_divergence)
        return tuple(g for g, want in zip(found, (of_teacher, of_student), strict=True) if want)

    return first


def _rows_of_all(info: Any, in_dims: tuple[Any, ...], tensors: Sequence[Tensor]) -> list[Tensor]:
    moved = [
        x.movedim(dim, 0) if dim is not None else x.expand(info.batch_size, *x.shape)
        for x, dim in zip(tensors, in_dims, strict=False)
    ]
    return [x.flatten(0, 1) for x in moved]


def _refuse_forward_in_forward_mode() -> None:
    """PyTorch loses the outer derivative of a function of our own there, and gives 0 without a word."""
    functorch = torch._C._functorch
    stack = functorch.get_interpreter_stack() or ()
    if sum(level.key() == functorch.TransformType.Jvp for level in stack) > 1:
        raise InputError("forward mode within forward mode has no derivative here: take jacfwd of jacrev")


def divergence(teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float) -> Tensor:
    """Divergence of every row of (…, outcomes)."""
    rows = [side.reshape(-1, side.shape[-1]) for side in (teacher, student)]
    if not torch.compiler.is_compiling():
        _refuse_forward_in_forward_mode()
        operator = ValuesBothWays.apply
    else:  # dynamo cannot trace a differentiable function of what needs no gradient where shapes vary
        wanted = torch.is_grad_enabled() and any(x.requires_grad for x in rows)
        operator = Values.apply if wanted else values
    found: Tensor = operator(*rows, name, number, temperature, cap)[0]
    return found.reshape(student.shape[:-1])
