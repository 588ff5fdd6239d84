"""Distillation from the teacher's likeliest outcomes: the rest is one outcome, not dropped."""

from __future__ import annotations

import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError
from kullback.arrays._backend import inspectable

from . import _logits
from ._divergences import parsed
from ._reduction import check_reduction, reduced
from ._rows import check_alike, check_logits, check_number, check_outcomes, check_tensor, kept_rows

TAILS = ("bucket", "renormalize")
_RESOLVED = 8.0  # roundings that the rest must be above, of divergences that are infinite where the teacher has none
_INFINITE = ("reverse", "alpha")
_SLACK = 1e-4  # by how much the shares of the likeliest outcomes may pass 1


def topk_distillation(
    *,
    teacher: tuple[Tensor, ...],
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
    teacher : (Tensor of int, Tensor) or (Tensor of int, Tensor, Tensor)
        Indices (…, k) of outcomes, and their log-probabilities under the teacher (…, k), at the temperature wanted;
        −inf for those of no share. A third tensor (…,) holds the log-probability of all others together: keep it when
        the teacher is run, for what 1 − Σ p leaves of it is rounding where the k outcomes are nearly all. Without it
        rows of half precision where that is so are refused, and so is "reverse", whose value that rounding decides;
        others are off by about that rounding.
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
    if not isinstance(teacher, tuple) or len(teacher) not in (2, 3):
        raise InputTypeError("teacher must be a tuple (indices, log_probs) or (indices, log_probs, log_rest)")
    indices, log_probs = teacher[:2]
    log_rest = teacher[2] if len(teacher) == 3 else None
    if not isinstance(indices, Tensor) or indices.dtype.is_floating_point:
        raise InputTypeError("teacher's indices must be a tensor of whole numbers")
    check_tensor(log_probs, "teacher's log-probabilities")
    check_logits(student, "student")
    check_alike(indices, log_probs, ("teacher's indices", "teacher's log-probabilities"))
    if student.shape[:-1] != indices.shape[:-1] or not 0 < indices.shape[-1] <= student.shape[-1]:
        raise InputError(f"teacher's indices {tuple(indices.shape)} do not fit the student's {tuple(student.shape)}")
    kept = kept_rows(student.shape[:-1], student.device, mask, labels, ignore_index)
    if validate and inspectable(log_probs):
        _check_teacher(indices, log_probs, log_rest, kept, student.shape[-1], infinite=name in _INFINITE)
    if kept is not None:  # rows left out may hold anything
        inside = torch.arange(indices.shape[-1], device=indices.device).expand_as(indices)
        indices = torch.where(kept[..., None], indices, inside)
    logits = student.to(_logits.wide(student.dtype)) / temperature
    p, q = log_probs.to(logits.dtype), logits.gather(-1, indices)
    if tail == "bucket" and indices.shape[-1] < student.shape[-1]:
        rest = logits.scatter(-1, indices, -torch.inf)
        remaining = _log_rest(log_probs) if log_rest is None else log_rest
        p = torch.cat([p, remaining.to(p.dtype)[..., None]], -1)
        q = torch.cat([q, _log_sum(rest)[..., None]], -1)
    values = _logits.divergence(p, q, name, number, 1.0, 0.0)
    if validate and inspectable(values):
        check_outcomes(values, kept, ("teacher", p), ("student", q))
    return reduced(values, mask=kept, weight=weight, reduction=reduction)


def _log_rest(log_probs: Tensor) -> Tensor:
    """Log(1 − Σ p) of the shares given."""
    missing = -torch.expm1(torch.logsumexp(log_probs.double(), -1))
    some = missing > 0
    return torch.where(some, torch.log(torch.where(some, missing, 1.0)), -torch.inf)


def _log_sum(logits: Tensor) -> Tensor:
    """Log Σ exp, −inf (with gradient 0) where every outcome is masked."""
    some = (logits > -torch.inf).any(-1)
    safe = torch.where(some[..., None], logits, 0.0)
    return torch.where(some, torch.logsumexp(safe, -1), -torch.inf)


def _check_teacher(
    indices: Tensor, log_probs: Tensor, log_rest: Tensor | None, kept: Tensor | None, outcomes: int, *, infinite: bool
) -> None:
    def first(wrong: Tensor) -> tuple[int, ...] | None:
        wrong = wrong if kept is None else wrong & kept
        return tuple(int(i) for i in wrong.nonzero()[0]) if wrong.any() else None

    if (row := first(((indices < 0) | (indices >= outcomes)).any(-1))) is not None:
        raise InputError(f"teacher's indices at row {row} do not all lie below the student's {outcomes} outcomes")
    ordered = indices.sort(-1).values
    if (row := first((ordered[..., 1:] == ordered[..., :-1]).any(-1))) is not None:
        raise InputError(f"teacher's indices at row {row} repeat an outcome")
    shares = log_probs.double().exp()
    total = shares.sum(-1)
    if log_rest is not None:
        check_tensor(log_rest, "teacher's log-probability of the rest")
        if log_rest.shape != total.shape:
            raise InputError(f"teacher's rest has shape {tuple(log_rest.shape)}, not {tuple(total.shape)}")
        total = total + log_rest.double().exp()
    rounding = torch.finfo(log_probs.dtype).eps * (1 + (shares * log_probs.double().abs().clamp(max=1e3)).sum(-1))
    if (row := first(total > 1 + _SLACK + rounding)) is not None:
        raise InputError(
            f"teacher's shares at row {row} sum to {float(total[row]):.6g}, more than 1: pass log-probabilities"
        )
    if log_rest is None and indices.shape[-1] < outcomes and (infinite or log_probs.dtype.itemsize < 4):
        lost = 1 - total < _RESOLVED * rounding
        if (row := first(lost)) is not None:
            raise InputError(
                f"teacher's shares at row {row} sum to {float(total[row]):.9g}: what is left of 1 is rounding, so pass "
                "the log-probability of the rest as a third tensor, or tail='renormalize'"
            )
