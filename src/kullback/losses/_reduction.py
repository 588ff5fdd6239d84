"""From one value a row to the loss: rows kept, weighted and reduced alike by every loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError
from kullback.arrays._backend import inspectable

REDUCTIONS = ("mean", "sum", "none")


def reduced(values: Tensor, *, mask: Tensor | None = None, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Reduce one value for each row.

    Parameters
    ----------
    values : Tensor
        One value for each row, of any shape.
    mask : Tensor of bool, optional
        Which rows are kept; the others weigh nothing, whatever they hold. Broadcasts to the rows.
    weight : float or Tensor, optional
        Of every row, at least 0. Broadcasts to the rows.
    reduction : {"mean", "sum", "none"}
        "mean" is Σ weight·value / Σ weight over the kept rows, 0 where there are none.
    """
    weights = row_weights(values.shape, values.dtype, values.device, mask=mask, weight=weight, reduction=reduction)
    # A row of no weight may hold anything, NaN and infinity too.
    weighed = torch.where(weights == 0, 0.0, weights * torch.where(weights == 0, 0.0, values))
    return weighed if reduction == "none" else weighed.sum()


def row_weights(
    shape: torch.Size,
    dtype: torch.dtype,
    device: torch.device,
    *,
    mask: Tensor | None = None,
    weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """What every row's value is multiplied by; for a mean they sum to 1, or are 0 where no row is kept."""
    weights = (
        torch.ones(shape, dtype=dtype, device=device) if weight is None else _weights(weight, shape, dtype, device)
    )
    if mask is not None:
        weights = torch.where(as_mask(mask, shape, device), weights, 0.0)
    if reduction != "mean":
        return weights
    whole = weights.sum()
    return weights / torch.where(whole == 0, 1.0, whole)


def check_reduction(reduction: Any) -> None:
    """Refuse any but the three."""
    if reduction not in REDUCTIONS:
        raise InputError(f"reduction must be one of {', '.join(map(repr, REDUCTIONS))}, got {reduction!r}")


def as_mask(mask: Any, shape: torch.Size, device: torch.device) -> Tensor:
    """Return a mask of the rows' shape, True where they are kept."""
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise InputTypeError(f"mask must be a tensor of bool, True for rows to keep, got {kind}")
    return _spread(mask, shape, "mask").to(device)


def _weights(weight: Any, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> Tensor:
    try:
        given = torch.as_tensor(weight, dtype=dtype, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise InputTypeError(f"weight must be a number or a tensor, got {weight!r}") from None
    weights = _spread(given, shape, "weight")
    if inspectable(weights) and not bool((weights >= 0).all()):
        raise InputError(f"weight must be at least 0, got {weights[~(weights >= 0)][0].item()}")
    return weights


def _spread(x: Tensor, shape: torch.Size, name: str) -> Tensor:
    try:
        return x.expand(shape)
    except RuntimeError:
        raise InputError(f"{name} of shape {tuple(x.shape)} does not broadcast to the rows {tuple(shape)}") from None
