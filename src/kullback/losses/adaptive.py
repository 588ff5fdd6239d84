"""A coefficient that keeps the divergence near a target."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from ._rows import check_number

_MOST = 0.2  # relative error beyond which a step grows no further


class AdaptiveCoefficient:
    """Coefficient of a KL penalty, raised where the divergence is above its target and lowered below it.

    Parameters
    ----------
    target : float
        The divergence wanted, in nats; above 0.
    horizon : float
        Steps in which the coefficient may change by a factor of about e^0.2.
    value : float, default 0.2
        Where it begins.

    References
    ----------
    D. M. Ziegler et al., Fine-tuning language models from human preferences (2019), section 2.2.
    """

    def __init__(self, target: float, horizon: float, value: float = 0.2) -> None:
        self.target = check_number(target, "target", above=0)
        self.horizon = check_number(horizon, "horizon", above=0)
        self.value = check_number(value, "value", above=0)

    def update(self, divergence: Any, steps: float = 1) -> float:
        """Move the coefficient after so many steps at a divergence, and return it."""
        one = isinstance(divergence, Tensor) and divergence.numel() == 1
        seen = check_number(divergence.item() if one else divergence, "divergence")
        error = min(max(seen / self.target - 1, -_MOST), _MOST)
        # e^x in place of 1 + x: the same for small steps, and never 0, from which there is no way back.
        self.value *= math.exp(error * check_number(steps, "steps", above=0) / self.horizon)
        return self.value

    def __float__(self) -> float:
        return self.value

    def state_dict(self) -> dict[str, float]:
        """Return what a checkpoint keeps."""
        return {"target": self.target, "horizon": self.horizon, "value": self.value}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Take up what a checkpoint kept."""
        self.__init__(**state)  # type: ignore[misc]
