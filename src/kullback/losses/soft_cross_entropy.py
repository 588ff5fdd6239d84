"""Cross-entropy with soft targets: H(p, q) = H(p) + D(p‖q)."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback.arrays._backend import inspectable
from kullback.arrays._checks import check_rows, tolerance
from kullback.arrays.entropies import Decomposition, entropy

from . import _logits
from ._reduction import as_mask, check_reduction, reduced
from ._rows import check_alike, check_logits, check_number, check_tensor


class _SoftCrossEntropy:
    """The loss, and its decomposition."""

    def __call__(
        self,
        *,
        target: Tensor,
        logits: Tensor,
        label_smoothing: float = 0.0,
        class_weight: Tensor | None = None,
        mask: Tensor | None = None,
        weight: float | Tensor | None = None,
        reduction: str = "mean",
        validate: bool = True,
    ) -> Tensor:
        r"""Cross-entropy of a target distribution with a model's, in nats.

        .. math:: H(p, q) = -\sum_i c_i p_i \log q_i,\quad q = \mathrm{softmax}(logits)

        It exceeds D(p‖q) by H(p), which does not depend on q: minimising either moves q alike. `decompose` gives both.

        Parameters
        ----------
        target : Tensor
            Probabilities p, (…, outcomes).
        logits : Tensor
            (…, outcomes); −inf masks an outcome.
        label_smoothing : float, default 0
            ε: the target becomes (1 − ε)·p + ε/K on the K outcomes of a row that are not masked.
        class_weight : Tensor, optional
            c, (outcomes,), at least 0: what each outcome's term is multiplied by; one of 0 does not count, even
            masked. The sum is then no cross-entropy, and has no decomposition.
        mask, weight, reduction, validate
            As in `distillation`; `validate` looks whether targets are distributions on outcomes that are not masked.
            Without it a share of a masked outcome makes the loss infinite.

        Returns
        -------
        Tensor
            A scalar, or one value for each row.

        Raises
        ------
        InputError
            If shapes differ, a class weight is negative, or a kept row of `target` is negative anywhere, does not sum
            to 1, or gives a share to an outcome that the logits mask.

        References
        ----------
        C. Szegedy et al., Rethinking the inception architecture for computer vision (CVPR 2016), section 7 (smoothing).
        """
        p, x = _prepared(target, logits, label_smoothing, mask, reduction, validate)
        if class_weight is not None:
            p = p * _class_weights(class_weight, logits, validate).to(p)
        if validate and inspectable(target):
            _check_masked(p, x)
        some = p != 0
        terms = torch.where(some, p * torch.where(some, torch.log_softmax(x, -1), 0.0), 0.0)
        return reduced(-terms.sum(-1), mask=mask, weight=weight, reduction=reduction)

    def decompose(
        self,
        *,
        target: Tensor,
        logits: Tensor,
        label_smoothing: float = 0.0,
        mask: Tensor | None = None,
        weight: float | Tensor | None = None,
        reduction: str = "mean",
        validate: bool = True,
    ) -> Decomposition:
        """Return H(p), D(p‖q) and H(p, q), each differentiable; H(p, q) is the sum of the other two."""
        p, x = _prepared(target, logits, label_smoothing, mask, reduction, validate)
        if validate and inspectable(target):
            _check_masked(p, x)
        some = p > 0
        log_p = torch.where(some, torch.log(torch.where(some, p, 1.0)), -torch.inf)
        parts = entropy(p, normalize=True), _logits.divergence(log_p, x, "forward", 0.0, 1.0, 0.0)
        h, d = (reduced(part, mask=mask, weight=weight, reduction=reduction) for part in parts)
        return Decomposition(h, d, h + d)


def _prepared(
    target: Tensor, logits: Tensor, smoothing: float, mask: Tensor | None, reduction: str, validate: bool
) -> tuple[Tensor, Tensor]:
    check_reduction(reduction)
    check_tensor(target, "target", "probabilities")
    check_logits(logits, "logits")
    check_alike(target, logits, ("target", "logits"))
    if not 0 <= check_number(smoothing, "label_smoothing") <= 1:
        raise InputError(f"label_smoothing must lie between 0 and 1, got {smoothing}")
    if validate and inspectable(target):
        check_target(target, mask)
    dtype = _logits.wide(logits.dtype)
    p, x = target.to(dtype), logits.to(dtype)
    if mask is not None:  # rows left out may hold anything
        kept = as_mask(mask, x.shape[:-1], x.device)[..., None]
        p, x = torch.where(kept, p, 1 / p.shape[-1]), torch.where(kept, x, 0.0)
    if smoothing:
        open_ = x > -torch.inf
        p = (1 - smoothing) * p + torch.where(open_, smoothing / open_.sum(-1, keepdim=True), 0.0)
    return p, x


def _class_weights(given: Tensor, logits: Tensor, validate: bool) -> Tensor:
    check_tensor(given, "class_weight")
    if given.shape != logits.shape[-1:]:
        raise InputError(f"class_weight has shape {tuple(given.shape)}, not ({logits.shape[-1]},)")
    if validate and inspectable(given) and not bool((given >= 0).all()):
        place = int((~(given >= 0)).nonzero()[0])
        raise InputError(f"class_weight must be at least 0, got {given[place].item()} at {place}")
    return given


def _check_masked(p: Tensor, x: Tensor) -> None:
    """Refuse shares of outcomes that logits mask, which no training can give."""
    closed = (p > 0) & (x == -torch.inf)
    if closed.any():
        *row, outcome = (int(i) for i in closed.nonzero()[0])
        raise InputError(
            f"target gives {p[(*row, outcome)].item():.6g} to outcome {outcome} of row {tuple(row)}, which the logits "
            "mask: unmask it, or leave the row out with mask="
        )


def check_target(target: Tensor, mask: Tensor | None) -> None:
    """Refuse rows that are not distributions, but for those that the mask leaves out."""
    rows = target if mask is None else target[mask.expand(target.shape[:-1])]
    eps = max(float(torch.finfo(target.dtype).eps), 2.0**-52)
    check_rows(xp, rows.double(), "target", "probs", tolerance(eps, target.shape[-1], "probs"))


soft_cross_entropy: Any = _SoftCrossEntropy()
