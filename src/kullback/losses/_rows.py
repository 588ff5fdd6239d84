"""What every loss asks of its arguments: tensors of logits that belong together, and rows that are kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError

from ._reduction import as_mask


def check_tensor(x: Any, name: str, kind: str = "numbers") -> None:
    """Refuse what is no tensor of floating dtype."""
    if not isinstance(x, Tensor):
        raise InputTypeError(f"{name} must be a torch tensor of {kind}, got {type(x).__name__}")
    if not x.dtype.is_floating_point:
        raise InputTypeError(f"{name} must be of floating dtype, got {x.dtype}")


def check_logits(x: Any, name: str, *, shard: bool = False) -> None:
    """Refuse what are no logits over a last axis; a shard may be empty."""
    check_tensor(x, name, "logits")
    if x.ndim == 0 or (x.shape[-1] == 0 and not shard):
        raise InputError(f"{name} needs outcomes along its last axis, got shape {tuple(x.shape)}")


def check_alike(a: Tensor, b: Tensor, names: tuple[str, str]) -> None:
    """Refuse tensors of different shapes or devices."""
    if a.device != b.device:
        raise InputError(f"{names[0]} is on {a.device} and {names[1]} on {b.device}: move one")
    if a.shape != b.shape:
        raise InputError(f"{names[0]} has shape {tuple(a.shape)} and {names[1]} {tuple(b.shape)}")


def check_number(x: Any, name: str, *, above: float = -math.inf, least: float = -math.inf) -> float:
    """Return a finite number within its bounds."""
    number = isinstance(x, (int, float, np.integer, np.floating, torch.SymInt, torch.SymFloat))
    # Comparisons alone, which a compiler can follow, and which are false of NaN.
    if not (number and not isinstance(x, bool) and -math.inf < x < math.inf and x > above and x >= least):
        bound = f" above {above:g}" if above > -math.inf else f" of at least {least:g}" if least > -math.inf else ""
        raise InputError(f"{name} must be a finite number{bound}, got {x!r}")
    return float(x) if isinstance(x, np.number) else x


def check_whole(x: Any, name: str, *, least: int, most: float = math.inf) -> int:
    """Return a whole number within its bounds."""
    if isinstance(x, bool) or not isinstance(x, (int, np.integer, torch.SymInt)) or not least <= x <= most:
        bound = f"of at least {least}" if most == math.inf else f"between {least} and {most:g}"
        raise InputError(f"{name} must be a whole number {bound}, got {x!r}")
    return x if isinstance(x, torch.SymInt) else int(x)


def kept_rows(
    shape: torch.Size, device: torch.device, mask: Tensor | None, labels: Tensor | None, ignore_index: int
) -> Tensor | None:
    """Which rows count, by mask and labels; None where all do."""
    kept = None if mask is None else as_mask(mask, shape, device)
    if labels is None:
        return kept
    if not isinstance(labels, Tensor):
        raise InputTypeError(f"labels must be a tensor, one for each row, got {type(labels).__name__}")
    if labels.dtype.is_floating_point or labels.dtype == torch.bool:
        raise InputTypeError(f"labels must be whole numbers, got {labels.dtype}")
    if labels.shape != shape:
        raise InputError(f"labels of shape {tuple(labels.shape)} are not one for each row {tuple(shape)}")
    named = labels != ignore_index
    return named if kept is None else kept & named


def check_labels(labels: Tensor, outcomes: int) -> None:
    """Refuse labels of no outcome."""
    wrong = (labels < 0) | (labels >= outcomes)
    if wrong.any():
        raise InputError(f"labels must lie below the {outcomes} outcomes, got {int(labels[wrong][0])}")


def check_outcomes(values: Tensor, kept: Tensor | None, *sides: tuple[str, Tensor]) -> None:
    """Refuse kept rows whose value is NaN because every outcome is masked; NaN in gives NaN out."""
    broken = values.isnan() if kept is None else values.isnan() & kept
    if not broken.any():
        return
    for name, side in sides:
        empty = broken & (side == -torch.inf).all(-1)
        if empty.any():
            row = tuple(int(i) for i in empty.nonzero()[0])
            raise InputError(f"{name} masks every outcome of row {row}: leave such rows out with mask=")
