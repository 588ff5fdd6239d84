"""Many labels at once: a Bernoulli distribution for each."""

from __future__ import annotations

import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback.arrays._backend import inspectable

from . import _logits
from ._reduction import as_mask, check_reduction, reduced
from ._rows import check_alike, check_logits, check_tensor


def multilabel_kl(
    *,
    target: Tensor,
    logits: Tensor,
    mask: Tensor | None = None,
    weight: float | Tensor | None = None,
    reduction: str = "mean",
    validate: bool = True,
) -> Tensor:
    r"""Divergence of independent labels: the sum over labels of D(Bernoulli(p)‖Bernoulli(σ(logit))), in nats.

    .. math:: \sum_l p_l \log\frac{p_l}{σ(x_l)} + (1 - p_l) \log\frac{1 - p_l}{1 - σ(x_l)}

    The binary cross-entropy less the targets' entropy, which is 0 for hard targets; the gradients in the logits are
    equal.

    Parameters
    ----------
    target : Tensor
        Probability of every label, (…, labels), in [0, 1].
    logits : Tensor
        (…, labels), log-odds.
    mask, weight, reduction, validate
        As in `distillation`, for rows of labels.

    Returns
    -------
    Tensor
        A scalar, or one value for each row.

    Raises
    ------
    InputError
        If shapes differ or a target is no probability.
    """
    check_reduction(reduction)
    check_tensor(target, "target", "probabilities")
    check_logits(logits, "logits")
    check_alike(target, logits, ("target", "logits"))
    if mask is not None:  # rows left out may hold anything
        kept = as_mask(mask, logits.shape[:-1], logits.device)[..., None]
        target, logits = torch.where(kept, target, 0.5), torch.where(kept, logits, 0.0)
    if validate and inspectable(target):
        wrong = ~((target >= 0) & (target <= 1) | target.isnan())
        if wrong.any():
            place = tuple(int(i) for i in wrong.nonzero()[0])
            raise InputError(f"target must lie in [0, 1], got {target[place].item()} at {place}")
    dtype = _logits.wide(logits.dtype)
    p, x = target.to(dtype), logits.to(dtype)
    of_target = torch.stack([_log(p), _log1p(-p)], -1)
    of_logits = torch.stack([torch.nn.functional.logsigmoid(x), torch.nn.functional.logsigmoid(-x)], -1)
    values = _logits.divergence(of_target, of_logits, "forward", 0.0, 1.0, 0.0).sum(-1)
    return reduced(values, mask=mask, weight=weight, reduction=reduction)


def _log(p: Tensor) -> Tensor:
    some = p != 0
    return torch.where(some, torch.log(torch.where(some, p, 1.0)), -torch.inf)


def _log1p(x: Tensor) -> Tensor:
    some = x != -1
    return torch.where(some, torch.log1p(torch.where(some, x, 0.0)), -torch.inf)
