"""Distillation from the teacher's likeliest outcomes: the rest is one outcome, not dropped."""

from __future__ import annotations

import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback.arrays._backend import inspectable

from . import _logits
from ._divergences import parsed
from ._reduction import check_reduction, reduced
from ._rows import check_alike, check_logits, check_number, check_outcomes, check_tensor, kept_rows

TAILS = ("bucket", "renormalize")
_SLACK = 64.0  # roundings by which the shares of the likeliest outcomes may pass 1


def topk_distillation(
    *,
    teacher: tuple[Tensor, Tensor],
    student: Tensor,
    tail: str = "bucket",
    divergence: str = "forward",
    temperature: float = 1.0,
    mask: Tensor | None = None,
    labels: Tensor | None = None,
    ignore_index: int = -100,
    weight: float | Tensor | None = None,
    reduction: str = "mean",
    validate: bool = True,
) -> Tensor:
    r"""Divergence of a student from the teacher's k likeliest outcomes and one more, that all others make together.

    .. math:: \sum_{i ≤ k} p_i \log\frac{p_i}{q_i} + p_{rest} \log\frac{p_{rest}}{q_{rest}}

    That is the divergence of two true distributions: at least 0, 0 where they agree on these outcomes, and at most the
    divergence over all outcomes (data processing; Cover & Thomas 2006, section 2.8). Peers that drop the rest get sums
    that may be negative.

    Parameters
    ----------
    teacher : (Tensor of int, Tensor)
        Indices (…, k) of outcomes, and their log-probabilities under the teacher (…, k), at the temperature wanted;
        −inf for those of no share.
    student : Tensor
        Logits (…, outcomes).
    tail : {"bucket", "renormalize"}
        The rest as one outcome, or both sides given that one of the k occurs.
    temperature : float, default 1
        The student's logits are divided by it.
    divergence, mask, labels, ignore_index, weight, reduction, validate
        As in `distillation`.

    Returns
    -------
    Tensor
        A scalar, or one value for each row.

    Raises
    ------
    InputError
        If shapes do not fit, an index repeats or is out of range, or the teacher's shares sum to more than 1.
    """
    name, number = parsed(divergence)
    check_reduction(reduction)
    check_number(temperature, "temperature", above=0)
    if tail not in TAILS:
        raise InputError(f"tail must be one of {', '.join(map(repr, TAILS))}, got {tail!r}")
    indices, log_probs = teacher
    check_tensor(log_probs, "teacher's log-probabilities")
    check_logits(student, "student")
    check_alike(indices, log_probs, ("teacher's indices", "teacher's log-probabilities"))
    if student.shape[:-1] != indices.shape[:-1] or not 0 < indices.shape[-1] <= student.shape[-1]:
        raise InputError(f"teacher's indices {tuple(indices.shape)} do not fit the student's {tuple(student.shape)}")
    kept = kept_rows(student.shape[:-1], student.device, mask, labels, ignore_index)
    if validate and inspectable(log_probs):
        _check_teacher(indices, log_probs, kept, student.shape[-1])
    logits = student.to(_logits.wide(student.dtype)) / temperature
    p, q = log_probs.to(logits.dtype), logits.gather(-1, indices)
    if tail == "bucket" and indices.shape[-1] < student.shape[-1]:
        rest = logits.scatter(-1, indices, -torch.inf)
        p = torch.cat([p, _log_rest(p)[..., None]], -1)
        q = torch.cat([q, _log_sum(rest)[..., None]], -1)
    values = _logits.divergence(p, q, name, number, 1.0, 0.0)
    if validate and inspectable(values):
        check_outcomes(values, kept, ("teacher", p), ("student", q))
    return reduced(values, mask=kept, weight=weight, reduction=reduction)


def _log_rest(log_probs: Tensor) -> Tensor:
    """Log(1 − Σ p) of the shares given."""
    missing = -torch.expm1(torch.logsumexp(log_probs, -1))
    some = missing > 0
    return torch.where(some, torch.log(torch.where(some, missing, 1.0)), -torch.inf)


def _log_sum(logits: Tensor) -> Tensor:
    """Log Σ exp, −inf (with gradient 0) where every outcome is masked."""
    some = (logits > -torch.inf).any(-1)
    safe = torch.where(some[..., None], logits, 0.0)
    return torch.where(some, torch.logsumexp(safe, -1), -torch.inf)


def _check_teacher(indices: Tensor, log_probs: Tensor, kept: Tensor | None, outcomes: int) -> None:
    def first(wrong: Tensor) -> tuple[int, ...] | None:
        wrong = wrong if kept is None else wrong & kept
        return tuple(int(i) for i in wrong.nonzero()[0]) if wrong.any() else None

    if (row := first(((indices < 0) | (indices >= outcomes)).any(-1))) is not None:
        raise InputError(f"teacher's indices at row {row} do not all lie below the student's {outcomes} outcomes")
    ordered = indices.sort(-1).values
    if (row := first((ordered[..., 1:] == ordered[..., :-1]).any(-1))) is not None:
        raise InputError(f"teacher's indices at row {row} repeat an outcome")
    total = log_probs.double().exp().sum(-1)
    slack = _SLACK * torch.finfo(log_probs.dtype).eps
    if (row := first(total > 1 + slack)) is not None:
        raise InputError(
            f"teacher's shares at row {row} sum to {float(total[row]):.6g}, more than 1: pass log-probabilities"
        )
