"""Two passes of one model should agree: the symmetric divergence between them (R-Drop)."""

from __future__ import annotations

from torch import Tensor

from . import _logits
from ._reduction import check_reduction, reduced
from ._rows import check_alike, check_logits


def consistency(
    a: Tensor, b: Tensor, *, mask: Tensor | None = None, weight: float | Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    r"""Mean of the two divergences between two passes of a model, in nats; gradients go to both.

    .. math:: \tfrac12 (D(p_a ‖ p_b) + D(p_b ‖ p_a))

    Parameters
    ----------
    a, b : Tensor
        Logits, (…, outcomes), of the same inputs under two dropout masks or augmentations.
    mask, weight, reduction
        As in `distillation`.

    Returns
    -------
    Tensor
        A scalar, or one value for each row.

    References
    ----------
    X. Liang et al., R-Drop: regularized dropout for neural networks (NeurIPS 2021), eq. 2.
    """
    check_reduction(reduction)
    check_logits(a, "a")
    check_logits(b, "b")
    check_alike(a, b, ("a", "b"))
    values = sum(_logits.divergence(x, y, "forward", 0.0, 1.0, 0.0) for x, y in ((a, b), (b, a))) / 2
    return reduced(values, mask=mask, weight=weight, reduction=reduction)
