"""Against overconfidence: D(q‖uniform) of a model's distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from . import _logits
from ._reduction import check_reduction, reduced
from ._rows import check_logits


def confidence_penalty(
    logits: Tensor, *, mask: Tensor | None = None, weight: float | Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    r"""Divergence of a model's distribution from the uniform one on the outcomes that are not masked, in nats.

    .. math:: D(q ‖ u) = \log K - H(q)

    The negative entropy (Pereyra et al. 2017, eq. 3) but for the constant log K, so that it is 0 where q is uniform.

    Parameters
    ----------
    logits : Tensor
        (…, outcomes); −inf masks an outcome.
    mask, weight, reduction
        As in `distillation`.

    Returns
    -------
    Tensor
        A scalar, or one value for each row.

    References
    ----------
    G. Pereyra et al., Regularizing neural networks by penalizing confident output distributions (2017).
    """
    check_reduction(reduction)
    check_logits(logits, "logits")
    uniform = torch.where(logits == -torch.inf, -torch.inf, torch.zeros_like(logits)).detach()
    values = _logits.divergence(logits, uniform, "forward", 0.0, 1.0, 0.0)
    return reduced(values, mask=mask, weight=weight, reduction=reduction)
