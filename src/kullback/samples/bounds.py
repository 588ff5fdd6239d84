"""Lower bounds on D from a critic f that did not see the rows it is averaged over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bound:
    """A bound on D and its standard error."""

    value: float
    error: float


def vouched_for(f: Floats, m: int) -> Floats:
    """The critic cut at log √m: of a larger e^f, a mean over m rows of Q cannot tell the size."""
    cut: Floats = np.minimum(f, np.log(m) / 2)
    return cut


def donsker_varadhan(on_x: Floats, on_y: Floats) -> Bound:
    """E_P f − log E_Q e^f ≤ D (Donsker & Varadhan 1983, Communications on Pure and Applied Mathematics 36)."""
    ratio = np.exp(on_y - on_y.max())
    noise = float(ratio.var() / ratio.mean() ** 2 / len(on_y))
    # The logarithm of a mean is low by half its relative variance, which would raise the bound.
    value = float(on_x.mean() - np.log(ratio.mean()) - on_y.max()) - noise / 2
    return Bound(value, float(np.sqrt(on_x.var() / len(on_x) + noise)))


def nguyen_wainwright_jordan(on_x: Floats, on_y: Floats) -> Bound:
    """E_P f − E_Q e^f + 1 ≤ D (Nguyen, Wainwright & Jordan 2010, IEEE Transactions on Information Theory 56)."""
    ratio = np.exp(on_y)
    value = float(on_x.mean() - ratio.mean() + 1)
    return Bound(value, float(np.sqrt(on_x.var() / len(on_x) + ratio.var() / len(on_y))))
