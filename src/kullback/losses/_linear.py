"""The divergence of two linear heads: a few rows of logits at a time, and gradients while they are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from kullback._core.errors import InputError

from . import _logits

_TILE = 768  # outcomes whose weights a CPU's cache holds while a block of rows is multiplied with them
_GPU_TILE = 1 << 15


@torch.library.custom_op("kullback::divergence_of_heads", mutates_args=())
def values_and_gradients(
    teacher_states: Tensor,
    teacher_weights: Tensor,
    teacher_bias: Tensor | None,
    states: Tensor,
    weights: Tensor,
    bias: Tensor | None,
    upstream: Tensor,
    labels: Tensor | None,
    name: str,
    number: float,
    temperature: float,
    cap: float,
    hard: float,
    at_once: int,
    negligible: float,
    wanted: Sequence[bool],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Value of every row, and the gradients of Σ upstream·value in states, weights and bias.

    A gradient that is not wanted is an empty tensor; those of float16, whose range is small, are in float32.
    """
    found = [_room(x, want) for x, want in zip((states, weights, bias), wanted, strict=True)]
    teacher, student = _Head(teacher_states, teacher_weights, teacher_bias), _Head(states, weights, bias)
    options = name, number, temperature, cap
    values = torch.empty_like(upstream)
    with torch.autocast(states.device.type, enabled=False):  # dtypes were chosen by the caller
        for rows in _blocks(len(states), at_once):
            p, q = teacher.logits(rows), student.logits(rows)
            of_labels = None if labels is None else _of_labels(q, labels[rows], upstream[rows], cap, hard)
            if any(wanted):
                value, slope = _logits.values_over_student((1 - hard) * upstream[rows], p, q, *options)
                if of_labels is not None:
                    slope += of_labels[1].to(slope.dtype)
                least = None if negligible == 0 else (negligible * upstream[rows].abs())[:, None]
                _add_products(found, wanted, slope, states, weights, rows, least)
            else:
                value = _logits.values(p, q, *options)[0]
            values[rows] = value if of_labels is None else (1 - hard) * value + of_labels[0]
    return values, *found


@values_and_gradients.register_fake
def _(*args: Any) -> tuple[Tensor, ...]:
    upstream, wanted = args[6], args[-1]
    rooms = (_room(x, want) for x, want in zip(args[3:6], wanted, strict=True))
    return torch.empty_like(upstream), *rooms


def _room(like: Tensor | None, wanted: bool) -> Tensor:
    """Zeros for a gradient."""
    if like is None or not wanted:
        return torch.empty(0)
    dtype = torch.float32 if like.dtype == torch.float16 else None
    return torch.zeros_like(like, dtype=dtype, memory_format=torch.contiguous_format)


class _Head:
    """Hidden states, weights and bias; its blocks of logits take turns in one place."""

    def __init__(self, states: Tensor, weights: Tensor, bias: Tensor | None) -> None:
        self.states, self.weights, self.bias = states, weights, bias
        self.place = states.new_empty(0)

    def logits(self, rows: slice) -> Tensor:
        states = self.states[rows]
        if len(self.place) < len(states):
            self.place = states.new_empty(len(states), len(self.weights))
        out = self.place[: len(states)]
        for tile in _tiles(self.weights):
            weights, to = self.weights[tile].T, out[:, tile]
            if self.bias is None:
                torch.mm(states, weights, out=to)
            else:
                torch.addmm(self.bias[tile], states, weights, out=to)
        return out.float() if out.dtype == torch.float16 else out  # whose gradients pass its range


def _of_labels(student: Tensor, labels: Tensor, upstream: Tensor, cap: float, hard: float) -> tuple[Tensor, Tensor]:
    """The labels' share of every value, and the gradient of Σ upstream·share in the student's logits."""
    logits = _logits.capped(student.to(upstream.dtype), cap)
    log_q = torch.log_softmax(logits, -1)
    place = labels[:, None]
    share = -hard * log_q.gather(-1, place)[:, 0]
    off = log_q.exp_().scatter_add_(-1, place, torch.full_like(place, -1, dtype=log_q.dtype))
    off *= _logits.cap_slope(logits, cap)
    return share, off.mul_((hard * upstream)[:, None]).masked_fill_((upstream == 0)[:, None], 0)


def _add_products(
    found: list[Tensor],
    wanted: Sequence[bool],
    slope: Tensor,
    states: Tensor,
    weights: Tensor,
    rows: slice,
    least: Tensor | None,
) -> None:
    """Add to the gradients what a block of rows gives; tiles that nowhere reach `least` are skipped."""
    in_states, in_weights, in_bias = found
    here = states[rows].to(slope.dtype)
    for tile in _tiles(weights):
        part = slope[:, tile]
        if least is not None and bool((part.abs() <= least).all()):
            continue
        if wanted[0]:
            in_states[rows].addmm_(part, weights[tile].to(slope.dtype))
        if wanted[1]:
            in_weights[tile].addmm_(part.T, here)
    if wanted[2]:
        in_bias += slope.sum(0)


def _blocks(rows: int, at_once: int) -> Iterator[slice]:
    """As few blocks as `at_once` allows, of about one size."""
    count = -(-rows // at_once)
    step = -(-rows // max(count, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, max(step, 1)))


def _tiles(weights: Tensor) -> Iterator[slice]:
    """Outcomes that are multiplied at a time."""
    step = _TILE if weights.device.type == "cpu" else _GPU_TILE
    return (slice(start, start + step) for start in range(0, len(weights), step))


class Gradients(torch.autograd.Function):
    """The gradients alone; not to be differentiated again."""

    @staticmethod
    def forward(*args: Any) -> tuple[Tensor, ...]:
        """Gradients of Σ upstream·value."""
        found: tuple[Tensor, ...] = values_and_gradients(*args)[1:]
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep nothing."""

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Any, ...]:
        """Refuse."""
        raise InputError("linear_distillation has no second derivative: use distillation on the logits")


class Divergence(torch.autograd.Function):
    """Σ upstream·value over rows, or each of them, differentiable in the student; and the gradients that are ready."""

    @staticmethod
    def forward(*args: Any) -> tuple[Tensor, ...]:
        """Values, and of a sum the gradients, while the logits are there."""
        *inputs, wanted, total = args
        values, *found = values_and_gradients(*inputs, [want and total for want in wanted])
        shares = inputs[6]
        # A row of no weight may hold anything, infinity too.
        weighed = torch.where(shares == 0, 0.0, shares * values)
        return weighed.sum() if total else weighed, *found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the inputs, which the caller holds anyway, and gradients that are ready."""
        *inputs_of_operator, ctx.wanted, total = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)  # of those, which are as large as the weights
        ctx.save_for_backward(*inputs_of_operator[:8])
        ctx.options, ctx.ready = inputs_of_operator[8:], output[1:] if total else None

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, *_: Tensor) -> tuple[Any, ...]:
        """Return the gradients that are ready, scaled; or compute the logits again."""
        *tensors, shares, labels = ctx.saved_tensors
        found, ctx.ready = ctx.ready, None  # given away, so that they can be scaled in place
        if found is None or torch.is_grad_enabled():  # what is ready depends on nothing, and could not refuse
            found = Gradients.apply(*tensors, upstream * shares, labels, *ctx.options, ctx.wanted)
        else:
            for gradient in found:
                gradient.mul_(upstream)
        # float16 is what is returned, not what is scaled: a scale of the loss may pass its range.
        student = zip(found, tensors[3:], ctx.wanted, strict=True)
        return (None, None, None, *(g.to(x.dtype) if want else None for g, x, want in student), *[None] * 11)
