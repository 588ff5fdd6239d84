"""What every estimator returns, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimate of D(P‖Q) from samples.

    Attributes
    ----------
    value : float
        Nats; it may be slightly negative where P and Q are close.
    error : float
        Standard error.
    interval : (float, float)
        At the confidence asked for; an upper end of inf says "at least".
    on_x, on_y : ndarray or None
        log p/q at the rows of x and y, each from a fit that did not see the row: what `auto` compares.
    formula : {"fixed", "learnt", "none"}
        Whether log p/q had a form given beforehand, one with learnt directions, or none.
    noise : float or None
        Standard error were P = Q, where it is known.
    parts : mapping of str to float
        Named contributions that sum to `value`; empty where there are none.
    caveats : tuple of str
        Whole sentences.
    """

    value: float
    error: float
    interval: tuple[float, float]
    on_x: Floats | None = None
    on_y: Floats | None = None
    formula: Literal["fixed", "learnt", "none"] = "fixed"
    noise: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    @property
    def loss(self) -> float:
        """Held-out logistic loss of log p/q, both samples weighing alike; log 2 where nothing was learnt."""
        if self.on_x is None or self.on_y is None:
            return float("nan")
        return float(np.logaddexp(0, -self.on_x).mean() + np.logaddexp(0, self.on_y).mean()) / 2
