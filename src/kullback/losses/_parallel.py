"""A vocabulary sharded over ranks: each holds some outcomes of every row, and all get the one-process value."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import torch
import torch.distributed as dist
from torch import Tensor

from kullback._core.errors import InputError
from kullback.arrays._rows import Side, pair

from ._divergences import KINDS
from ._logits import cap_slope, prepared, wide


def unsharded(x: Any, name: str) -> tuple[Tensor, Any]:
    """A DTensor's local outcomes and its process group; any other tensor as it is, without one."""
    # Asked by name: torch.distributed.tensor takes a second to import, and is there if such a tensor is.
    if type(x).__name__ != "DTensor":
        return x, None
    placements = x.placements
    last = x.ndim - 1
    if len(placements) != 1 or not placements[0].is_shard() or placements[0].dim % x.ndim != last:
        raise InputError(f"{name} is placed {placements}: shard it over one mesh dimension, along its outcomes")
    return x.to_local(), x.device_mesh.get_group()


def _sum(x: Tensor, group: Any) -> Tensor:
    dist.all_reduce(x, dist.ReduceOp.SUM, group)
    return x


def _log_normaliser(x: Tensor, group: Any) -> Tensor:
    """Log Σ exp over the outcomes of all ranks, as a column."""
    most = x.amax(-1, keepdim=True) if x.shape[-1] else x.new_full((*x.shape[:-1], 1), -torch.inf)
    dist.all_reduce(most, dist.ReduceOp.MAX, group)
    top = torch.where(most == -torch.inf, 0.0, most)
    return top + torch.log(_sum(torch.exp(x - top).sum(-1, keepdim=True), group))


def _pair(p: Tensor, q: Tensor) -> Any:
    return pair(*(Side(xp, side, "log_probs", False) for side in (p, q)))


def values(
    teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float, group: Any
) -> tuple[Tensor, Tensor]:
    """Divergence of every row of (rows, local outcomes), and its two log-normalisers."""
    sides = [prepared(x, cap) / temperature for x in (teacher, student)]
    numbers = torch.cat([_log_normaliser(x, group) for x in sides], -1)
    of = _pair(*(x - numbers[:, k, None] for k, x in enumerate(sides)))
    total = _sum(KINDS[name].terms(of, number).sum(-1), group)
    return total.to(wide(student.dtype)), numbers


def gradients(
    upstream: Tensor,
    teacher: Tensor,
    student: Tensor,
    numbers: Tensor,
    name: str,
    number: float,
    temperature: float,
    cap: float,
    wanted: tuple[bool, bool],
    group: Any,
) -> list[Tensor]:
    """Gradients of Σ upstream·values in the local outcomes; an empty tensor where one is not asked for."""
    sides = [prepared(x, cap) for x in (teacher, student)]
    of = _pair(*(x / temperature - numbers[:, k, None] for k, x in enumerate(sides)))
    slopes = KINDS[name].slopes(of, number)
    sums = _sum(torch.stack([slope.sum(-1) for slope in slopes]), group)
    found = []
    for want, given, side, share, slope, total in zip(
        wanted, (teacher, student), sides, (of.p, of.q), slopes, sums, strict=True
    ):
        if not want:
            found.append(given.new_empty(0))
            continue
        gradient = cap_slope(side, cap) * (slope - share * total[:, None])
        weighed = (upstream / temperature)[:, None] * gradient
        found.append(torch.where((upstream == 0)[:, None], 0.0, weighed).to(given.dtype))
    return found


class _Sharded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, teacher: Tensor, student: Tensor, *options: Any) -> Tensor:
        found, numbers = values(teacher, student, *options)
        ctx.save_for_backward(teacher, student, numbers)
        ctx.options = options
        return found

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():
            raise InputError("a loss over a sharded vocabulary has no second derivative")
        teacher, student, numbers = ctx.saved_tensors
        name, number, temperature, cap, group = ctx.options
        wanted = ctx.needs_input_grad[0], ctx.needs_input_grad[1]
        found = gradients(upstream, teacher, student, numbers, name, number, temperature, cap, wanted, group)
        return (*(g if want else None for g, want in zip(found, wanted, strict=True)), *(None for _ in ctx.options))


def divergence(
    teacher: Tensor, student: Tensor, name: str, number: float, temperature: float, cap: float, group: Any
) -> Tensor:
    """Divergence of every row of (…, local outcomes), the same on every rank."""
    # The number of rows is said: of an empty shard it cannot be told.
    rows = (side.reshape(side.shape[:-1].numel(), side.shape[-1]) for side in (teacher, student))
    found: Tensor = _Sharded.apply(*rows, name, number, temperature, cap, group)
    return found.reshape(student.shape[:-1])
