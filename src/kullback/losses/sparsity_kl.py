"""Sparse activations: the divergence of a wanted rate from the mean activation of every unit."""

from __future__ import annotations

import torch
from torch import Tensor

from kullback._core.errors import InputError
from kullback.arrays._backend import inspectable
from kullback.arrays.measures import kl

from ._logits import wide
from ._reduction import check_reduction, reduced
from ._rows import check_number, check_tensor


def sparsity_kl(activations: Tensor, rate: float, *, reduction: str = "sum", validate: bool = True) -> Tensor:
    r"""Divergence D(Bernoulli(ρ)‖Bernoulli(ρ̂ⱼ)) of every unit, ρ̂ⱼ its mean activation over the batch, in nats.

    Parameters
    ----------
    activations : Tensor
        (…, units), in [0, 1]; the mean is over all axes but the last.
    rate : float
        ρ, strictly between 0 and 1.
    reduction : {"sum", "mean", "none"}
        Over units; the sum is usual.
    validate : bool, default True
        Look whether activations lie in [0, 1].

    Returns
    -------
    Tensor
        A scalar, or one value for each unit.

    Raises
    ------
    InputError
        If the rate or an activation is out of range.

    References
    ----------
    A. Ng, Sparse autoencoder, CS294A lecture notes (2011), section 3.
    """
    check_reduction(reduction)
    check_tensor(activations, "activations")
    if activations.ndim < 2 or activations.numel() == 0:
        raise InputError(f"activations have shape {tuple(activations.shape)}, not (…, units) of at least one row")
    if not 0 < check_number(rate, "rate") < 1:
        raise InputError(f"rate must lie strictly between 0 and 1, got {rate}")
    if validate and inspectable(activations):
        wrong = (activations < 0) | (activations > 1)
        if wrong.any():
            place = tuple(int(i) for i in wrong.nonzero()[0])
            raise InputError(f"activations must lie in [0, 1], got {activations[place].item()} at {place}")
    means = activations.to(wide(activations.dtype)).flatten(0, -2).mean(0)
    seen = torch.stack([means, 1 - means], -1)
    wanted = torch.tensor([rate, 1 - rate], dtype=seen.dtype, device=seen.device).expand_as(seen)
    return reduced(kl(wanted, seen), reduction=reduction)
