"""The variational information bottleneck: predict well from a code that costs little."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from kullback._core.errors import InputError
from kullback.arrays._backend import inspectable

from ._logits import wide
from ._reduction import check_reduction, reduced
from ._rows import check_labels, check_logits, check_number, kept_rows
from .latent_kl import latent_kl


def information_bottleneck(
    *,
    logits: Tensor,
    labels: Tensor,
    posterior: Any,
    prior: Any,
    beta: float,
    mask: Tensor | None = None,
    ignore_index: int = -100,
    weight: float | Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Cross-entropy of the labels plus β times the divergence of the code from its prior, in nats.

    .. math:: -\log q(y|z) + β·D(q(z|x) ‖ r(z))

    An upper bound, but for a constant, on −I(z; y) + β·I(z; x).

    Parameters
    ----------
    logits : Tensor
        (…, classes), of the decoder.
    labels : Tensor of int
        One for each row; those equal to `ignore_index` are left out.
    posterior, prior : torch.distributions.Distribution
        Of the code, batch shape (…, dimensions), as in `latent_kl`.
    beta : float
        Price of a nat of code.
    mask, weight, reduction
        As in `distillation`.

    References
    ----------
    A. A. Alemi et al., Deep variational information bottleneck (ICLR 2017), eq. 16.
    """
    check_reduction(reduction)
    check_logits(logits, "logits")
    check_number(beta, "beta", least=0)
    shape = logits.shape[:-1]
    kept = kept_rows(shape, logits.device, mask, labels, ignore_index)
    x = logits.to(wide(logits.dtype))
    if kept is not None:  # first of all: rows left out may hold anything
        x, labels = torch.where(kept[..., None], x, 0.0), torch.where(kept, labels, 0)
    if inspectable(labels):
        check_labels(labels, logits.shape[-1])
    nll = cross_entropy(x.flatten(0, -2), labels.flatten(), reduction="none").reshape(shape)
    code = latent_kl(posterior, prior, reduction="none")
    if code.shape != shape:
        raise InputError(f"posterior has rows {tuple(code.shape)} and logits {tuple(shape)}")
    return reduced(nll + beta * code, mask=kept, weight=weight, reduction=reduction)
