"""Distillation from hidden states: the logits of a few rows at a time, never rows × vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError

from . import _logits
from ._divergences import parsed
from ._reduction import check_reduction, row_weights
from ._rows import check_number, check_tensor, kept_rows

_AT_ONCE = {"cpu": 1 << 21, "cuda": 1 << 27}  # logits of one side that are held at a time


def linear_distillation(
    *,
    teacher: tuple[Tensor, ...],
    student: tuple[Tensor, ...],
    divergence: str = "forward",
    temperature: float = 1.0,
    soft_cap: float | None = None,
    mask: Tensor | None = None,
    labels: Tensor | None = None,
    ignore_index: int = -100,
    hard: float = 0.0,
    weight: float | Tensor | None = None,
    reduction: str = "mean",
    rows_at_once: int | None = None,
) -> Tensor:
    r"""`distillation` of the logits h·Wᵀ + b, of which only a few rows exist at a time.

    .. math:: (1 - λ)·D(p ‖ q) + λ·(-\log q_{label})

    The gradients of the student (hidden states, weights, bias) are computed in the forward pass, while the logits are
    there; those of the weights add up in place. With ``reduction="none"``, or in a second backward pass, the logits are
    computed again. Rows left out are packed out before any matrix product.

    Parameters
    ----------
    teacher, student : tuple of Tensor
        Hidden states (…, hidden), weights (outcomes, hidden), and optionally a bias (outcomes,). Gradients go to the
        student; a teacher that requires them is refused.
    divergence, temperature, soft_cap, mask, labels, ignore_index, weight, reduction
        As in `distillation`.
    hard : float, default 0
        λ, the share of the cross-entropy of `labels` (at temperature 1), in [0, 1].
    rows_at_once : int, optional
        Rows whose logits are held at a time; by default as many as make two million logits (a CPU) or 134 million.

    Returns
    -------
    Tensor
        A scalar, or one value for each row, in float32 (float64 if the student is).

    Raises
    ------
    InputError
        If shapes or devices do not fit, or labels are missing or out of range.
    InputTypeError
        If an argument is not a tensor of floating dtype.

    Notes
    -----
    bfloat16 weights collect their gradient in their own dtype, rounded once for each block of rows; those of float16,
    whose range is small, in float32. Under autocast both heads are cast to its dtype. There is no second derivative.

    References
    ----------
    P.-L. Hsu et al., Liger Kernel: efficient Triton kernels for LLM training (2024), section 3.2, computes the gradient
    of a chunk of rows in the forward pass so.
    """
    name, number = parsed(divergence)
    check_reduction(reduction)
    check_number(temperature, "temperature", above=0)
    if not 0 <= check_number(hard, "hard") <= 1:
        raise InputError(f"hard must lie between 0 and 1, got {hard}")
    if hard and labels is None:
        raise InputError("hard is the share of the labels' cross-entropy: pass labels=, one for each row")
    cap = 0.0 if soft_cap is None else check_number(soft_cap, "soft_cap", above=0)
    heads = _head(teacher, "teacher"), _head(student, "student")
    _check_heads(*heads)
    states = heads[1].states
    kept = kept_rows(states.shape[:-1], states.device, mask, labels, ignore_index)
    shape = states.shape[:-1]
    dtype = _logits.wide(states.dtype)
    shares = row_weights(shape, dtype, states.device, mask=kept, weight=weight, reduction=reduction).reshape(-1)
    index = None if kept is None else kept.reshape(-1).nonzero()[:, 0]
    flat = [head.states.reshape(-1, head.states.shape[-1]) for head in heads]
    targets = None if labels is None or not hard else labels.reshape(-1)
    if index is not None:
        flat = [h.index_select(0, index) for h in flat]
        shares = shares.index_select(0, index)
        targets = None if targets is None else targets.index_select(0, index)
    if targets is not None:
        _check_labels(targets, len(heads[1].weights))
    if rows_at_once is not None and (type(rows_at_once) is not int or rows_at_once < 1):
        raise InputError(f"rows_at_once must be a whole number of at least 1, got {rows_at_once!r}")
    step = rows_at_once or max(1, _AT_ONCE.get(states.device.type, 1 << 21) // len(heads[1].weights))
    task = _Task(name, number, float(temperature), cap, float(hard), targets, int(step))
    out = _Linear.apply(
        flat[0], heads[0].weights, heads[0].bias, flat[1], heads[1].weights, heads[1].bias, shares, task,
        reduction != "none",
    )  # fmt: skip
    if reduction != "none":
        return out
    if index is None:
        return out.reshape(shape)
    return torch.zeros(shape.numel(), dtype=out.dtype, device=out.device).index_copy(0, index, out).reshape(shape)


@dataclass(frozen=True)
class _Head:
    states: Tensor
    weights: Tensor
    bias: Tensor | None


@dataclass(frozen=True)
class _Task:
    name: str
    number: float
    temperature: float
    cap: float
    hard: float
    labels: Tensor | None
    step: int


def _head(given: Any, name: str) -> _Head:
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        raise InputTypeError(f"{name} must be a tuple (hidden states, weights) or (hidden states, weights, bias)")
    states, weights, bias = (*given, None)[:3]
    check_tensor(states, f"{name}'s hidden states")
    check_tensor(weights, f"{name}'s weights")
    if weights.ndim != 2 or states.ndim < 1 or states.shape[-1] != weights.shape[-1]:
        raise InputError(
            f"{name}'s hidden states {tuple(states.shape)} and weights {tuple(weights.shape)} do not fit: "
            "(…, hidden) and (outcomes, hidden)"
        )
    if torch.is_autocast_enabled(states.device.type):
        dtype = torch.get_autocast_dtype(states.device.type)
        states, weights = states.to(dtype), weights.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    if states.dtype != weights.dtype or states.device != weights.device:
        raise InputError(
            f"{name}'s hidden states are {states.dtype} on {states.device} and its weights {weights.dtype} on "
            f"{weights.device}: bring them together"
        )
    if bias is not None and bias.shape != weights.shape[:1]:
        raise InputError(f"{name}'s bias has shape {tuple(bias.shape)}, not ({len(weights)},)")
    return _Head(states, weights, bias)


def _check_heads(teacher: _Head, student: _Head) -> None:
    if len(teacher.weights) != len(student.weights):
        raise InputError(
            f"teacher has {len(teacher.weights)} outcomes and student {len(student.weights)}: cut the weights' rows"
        )
    if teacher.states.shape[:-1] != student.states.shape[:-1]:
        rows = tuple(teacher.states.shape[:-1]), tuple(student.states.shape[:-1])
        raise InputError(f"teacher has rows {rows[0]} and student {rows[1]}")
    if teacher.states.device != student.states.device:
        raise InputError(f"teacher is on {teacher.states.device} and student on {student.states.device}: move one")
    if torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in vars(teacher).values()):
        raise InputError("gradients go to the student only: detach the teacher, or use distillation on its logits")


def _check_labels(labels: Tensor, outcomes: int) -> None:
    wrong = (labels < 0) | (labels >= outcomes)
    if wrong.any():
        raise InputError(f"labels must lie below the {outcomes} outcomes, got {int(labels[wrong][0])}")


def _logits_of(states: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    logits = states @ weights.T if bias is None else torch.addmm(bias, states, weights.T)
    return logits.float() if logits.dtype == torch.float16 else logits  # whose gradients pass its range


def _values(task: _Task, teacher: Tensor, student: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
    """Value of every row, and what a kernel keeps for the gradients."""
    found, numbers = _logits.values(teacher, student, task.name, task.number, task.temperature, task.cap)
    if task.labels is None:
        return found, numbers
    logits = _logits.capped(student.to(found.dtype), task.cap)
    nll = torch.nn.functional.cross_entropy(logits, task.labels[rows], reduction="none")
    return (1 - task.hard) * found + task.hard * nll, numbers


def _gradient(task: _Task, upstream: Tensor, teacher: Tensor, student: Tensor, numbers: Tensor, rows: slice) -> Tensor:
    options = (task.name, task.number, task.temperature, task.cap, False, True)
    soft: Tensor = _logits.gradients((1 - task.hard) * upstream, teacher, student, numbers, *options)[1]
    if task.labels is None:
        return soft
    logits = _logits.capped(student.to(upstream.dtype), task.cap)
    off = torch.softmax(logits, -1)
    off[torch.arange(len(off), device=off.device), task.labels[rows]] -= 1
    off *= _logits.cap_slope(logits, task.cap)
    return soft.add_((off * (task.hard * upstream)[:, None]).to(soft.dtype))


def _blocks(rows: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _gradients(task: _Task, upstream: Tensor, tensors: Any, wanted: Any, values: Tensor | None) -> list[Tensor | None]:
    """Gradients of Σ upstream·value in the student's states, weights and bias; `values` are filled in on the way."""
    teacher, (states, weights, bias) = tensors[:3], tensors[3:]
    # float16 has too small a range for sums over rows: they are kept in float32.
    dtypes = [torch.float32 if x is not None and x.dtype == torch.float16 else None for x in (states, weights, bias)]
    found = [
        torch.zeros_like(x, dtype=dtype) if want else None
        for x, dtype, want in zip((states, weights, bias), dtypes, wanted, strict=True)
    ]
    in_states, in_weights, in_bias = found
    for rows in _blocks(len(states), task.step):
        p, q = _logits_of(teacher[0][rows], *teacher[1:]), _logits_of(states[rows], weights, bias)
        value, numbers = _values(task, p, q, rows)
        if values is not None:
            values[rows] = value
        slope = _gradient(task, upstream[rows], p, q, numbers, rows)
        if in_states is not None:
            torch.mm(slope, weights.to(slope.dtype), out=in_states[rows])
        if in_weights is not None:
            in_weights.addmm_(slope.T, states[rows].to(slope.dtype))
        if in_bias is not None:
            in_bias += slope.sum(0)
    return found


class _Linear(torch.autograd.Function):
    @staticmethod
    @torch.autocast("cuda", enabled=False)
    @torch.autocast("cpu", enabled=False)
    def forward(ctx: Any, *args: Any) -> Tensor:
        *tensors, shares, task, total = args
        values = torch.empty_like(shares)
        ctx.wanted, ctx.task, ctx.total, ctx.ready = ctx.needs_input_grad[3:6], task, total, None
        if total and any(ctx.wanted):
            ctx.ready = _gradients(task, shares, tensors, ctx.wanted, values)
        else:
            for rows in _blocks(len(values), task.step):
                p, q = _logits_of(tensors[0][rows], *tensors[1:3]), _logits_of(tensors[3][rows], *tensors[4:])
                values[rows] = _values(task, p, q, rows)[0]
        ctx.save_for_backward(*tensors, shares)
        # A row of no weight may hold anything, infinity too.
        weighed = torch.where(shares == 0, 0.0, shares * values)
        return weighed.sum() if total else weighed

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():
            raise InputError("linear_distillation has no second derivative: use distillation on the logits")
        *tensors, shares = ctx.saved_tensors
        if ctx.ready is not None:
            found, ctx.ready = ctx.ready, None  # given away, so that they can be scaled in place
            for gradient in found:
                if gradient is not None:
                    gradient.mul_(upstream)
            # float16 is what is returned, not what is scaled: a scale of the loss may pass its range.
            found = [g if g is None else g.to(x.dtype) for g, x in zip(found, tensors[3:], strict=True)]
        else:
            with torch.autocast(upstream.device.type, enabled=False):
                found = _gradients(ctx.task, upstream * shares, tensors, ctx.wanted, None)
            found = [g if g is None else g.to(x.dtype) for g, x in zip(found, tensors[3:], strict=True)]
        return (None, None, None, *found, None, None, None)
