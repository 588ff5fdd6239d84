"""Distillation from hidden states: the logits of a few rows at a time, never rows × vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError

from . import _linear, _logits
from ._divergences import parsed
from ._reduction import check_reduction, row_weights
from ._rows import check_labels, check_number, check_tensor, check_whole, kept_rows

_AT_ONCE = {"cpu": 1 << 22, "cuda": 1 << 27}  # logits of one side that are held at a time


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
    negligible: float = 0.0,
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
        Rows whose logits are held at a time; by default as many as make four million logits (a CPU) or 134 million.
    negligible : float, default 0
        ε: outcomes, some hundred side by side, for which no row of a block has a derivative of its value in the logits
        beyond ε, are left out of the products that make gradients. The value stays exact. The gradient of an outcome's
        weights is then off by at most ε·Σ w·‖h‖ over rows of share w (for a mean ε·max ‖h‖), that of a row's hidden
        state by at most ε·w·Σ ‖W‖ over the outcomes left out. The bias keeps all.

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
    of a chunk of rows in the forward pass so. E. Wijmans et al., Cut your losses in large-vocabulary language models
    (ICLR 2025), skip blocks of small gradient.
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
    packed = kept is not None or isinstance(weight, Tensor)
    index = shares.nonzero()[:, 0] if packed else None  # no weight, no product
    flat = [head.states.reshape(-1, head.states.shape[-1]) for head in heads]
    targets = None if labels is None or not hard else labels.reshape(-1)
    if index is not None:
        flat = [h.index_select(0, index) for h in flat]
        shares = shares.index_select(0, index)
        targets = None if targets is None else targets.index_select(0, index)
    if targets is not None:
        check_labels(targets, len(heads[1].weights))
    by_itself = max(1, _AT_ONCE.get(states.device.type, 1 << 22) // len(heads[1].weights))
    at_once = by_itself if rows_at_once is None else check_whole(rows_at_once, "rows_at_once", least=1)
    tensors = [x for head, h in zip(heads, flat, strict=True) for x in (h, head.weights, head.bias)]
    wanted = [torch.is_grad_enabled() and x is not None and x.requires_grad for x in tensors[3:]]
    check_number(negligible, "negligible", least=0)
    options = name, number, float(temperature), cap, float(hard), at_once, float(negligible)
    total = reduction != "none"
    out: Tensor = _linear.Divergence.apply(*tensors, shares, targets, *options, wanted, total)[0]
    if total:
        return out
    if index is None:
        return out.reshape(shape)
    return torch.zeros(shape.numel(), dtype=out.dtype, device=out.device).index_copy(0, index, out).reshape(shape)


@dataclass(frozen=True)
class _Head:
    states: Tensor
    weights: Tensor
    bias: Tensor | None


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
