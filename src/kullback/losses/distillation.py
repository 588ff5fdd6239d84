"""Distillation: the divergence between a teacher's and a student's distribution, from logits."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from kullback._core.errors import InputError
from kullback.arrays._backend import inspectable

from . import _logits, _parallel
from ._divergences import parsed
from ._parallel import unsharded
from ._reduction import check_reduction, reduced
from ._rows import check_alike, check_logits, check_number, check_outcomes, check_whole, kept_rows


def distillation(
    *,
    teacher: Tensor,
    student: Tensor,
    divergence: str = "forward",
    temperature: float = 1.0,
    soft_cap: float | None = None,
    vocabulary: int | None = None,
    mask: Tensor | None = None,
    labels: Tensor | None = None,
    ignore_index: int = -100,
    weight: float | Tensor | None = None,
    reduction: str = "mean",
    validate: bool = True,
    process_group: Any = None,
) -> Tensor:
    r"""Divergence between the teacher's and the student's distribution over outcomes, in nats.

    .. math:: D(p ‖ q),\quad p = \mathrm{softmax}(t/T),\; q = \mathrm{softmax}(s/T)

    Each term is formed without cancellation, so that the loss is at least 0, and 0 (with gradient 0) where both agree.
    Nothing is kept for the backward pass but the logits, and at most five numbers a row.

    Parameters
    ----------
    teacher, student : Tensor
        Logits t and s, (…, outcomes), of one shape, device and floating dtype each; half precision is worked out in
        float32. −inf masks an outcome. Gradients go to whichever requires them.
    divergence : str, default "forward"
        "forward": D(p‖q). "reverse": D(q‖p). "js(w)": w·D(p‖m) + (1 − w)·D(q‖m), m = w·p + (1 − w)·q (w = 1/2).
        "skew(α)": D(p‖α·p + (1 − α)·q), "reverse_skew(α)": D(q‖α·q + (1 − α)·p) (α = 0.1). "total_variation":
        ½·Σ|p − q|. "alpha(order)": as `kullback.alpha_divergence`.
    temperature : float, default 1
        T. Neither loss nor gradient is multiplied by T²: multiply the loss, and the gradient follows.
    soft_cap : float, optional
        Logits become cap·tanh(logits/cap) first, on both sides.
    vocabulary : int, optional
        Only the first so many outcomes count: for teachers and students that pad the same vocabulary differently.
    mask : Tensor of bool, optional
        Rows to keep; broadcasts to the rows. Others weigh nothing, whatever they hold.
    labels : Tensor of int, optional
        One for each row: rows where it is `ignore_index` are left out.
    ignore_index : int, default −100
        Marks rows of `labels` to leave out.
    weight : float or Tensor, optional
        Of every row; broadcasts to the rows.
    reduction : {"mean", "sum", "none"}
        "mean" is over kept rows, by weight, and 0 with gradient 0 where no row is kept.
    validate : bool, default True
        Look for kept rows without any outcome; skipped where values cannot be seen (compiled, or under `torch.func`).
    process_group : torch.distributed.ProcessGroup, optional
        Where the outcomes are sharded over the ranks of a group, and each passes its own. DTensors sharded along their
        outcomes say so themselves. Every rank gets the value of the whole, and the gradient of its shard, once
        differentiable.

    Returns
    -------
    Tensor
        A scalar, or one value for each row; float32, or float64 if the student's logits are.

    Raises
    ------
    InputError
        If shapes or devices differ, the temperature is not above 0, or a kept row has every outcome masked.
    InputTypeError
        If an argument is not a tensor of floating dtype, or mask is not of bool.

    References
    ----------
    G. Hinton, O. Vinyals and J. Dean, Distilling the knowledge in a neural network (2015). R. Agarwal et al.,
    On-policy distillation of language models (ICLR 2024), eq. 1 (generalised JS). J. Ko et al., DistiLLM (ICML 2024),
    eq. 3 (skew).

    Examples
    --------
    >>> import torch
    >>> from kullback import losses
    >>> t, s = torch.tensor([[2.0, 0.0, -torch.inf]]), torch.tensor([[0.0, 0.0, -torch.inf]])
    >>> round(float(losses.distillation(teacher=t, student=s)), 4)
    0.3278
    """
    name, number = parsed(divergence)
    check_reduction(reduction)
    teacher, of_teacher = unsharded(teacher, "teacher")
    student, of_student = unsharded(student, "student")
    group = process_group or of_student or of_teacher
    check_logits(teacher, "teacher", shard=group is not None)
    check_logits(student, "student", shard=group is not None)
    if vocabulary is not None and group is not None:
        raise InputError("vocabulary= counts the outcomes of one process: cut the shards before they are passed")
    if vocabulary is not None:
        teacher = of_vocabulary(teacher, vocabulary, "teacher")
        student = of_vocabulary(student, vocabulary, "student")
    check_outcome_counts(teacher, student)
    check_alike(teacher, student, ("teacher", "student"))
    check_number(temperature, "temperature", above=0)
    cap = 0.0 if soft_cap is None else check_number(soft_cap, "soft_cap", above=0)
    options = name, number, float(temperature), cap
    if group is None:
        values = _logits.divergence(teacher, student, *options)
    else:
        values = _parallel.divergence(teacher, student, *options, group)
    kept = kept_rows(values.shape, student.device, mask, labels, ignore_index)
    if validate and group is None and inspectable(values):
        check_outcomes(values, kept, ("teacher", teacher), ("student", student))
    return reduced(values, mask=kept, weight=weight, reduction=reduction)


def of_vocabulary(logits: Tensor, vocabulary: int, name: str) -> Tensor:
    """The first outcomes of a vocabulary."""
    return logits[..., : check_whole(vocabulary, f"vocabulary, of {name},", least=1, most=logits.shape[-1])]


def check_outcome_counts(teacher: Tensor, student: Tensor) -> None:
    """Refuse vocabularies of different sizes, and say what to do."""
    if teacher.shape[:-1] == student.shape[:-1] and teacher.shape != student.shape:
        raise InputError(
            f"teacher has {teacher.shape[-1]} outcomes and student {student.shape[-1]}: if both pad one vocabulary, "
            f"pass vocabulary=, at most {min(teacher.shape[-1], student.shape[-1])}"
        )
