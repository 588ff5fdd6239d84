"""What every forward fit is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kullback._core.progress import Progress


@dataclass(frozen=True)
class Options:
    """Parameters that stay, starts, the slope that is small enough, whom to tell, and random numbers."""

    fixed: dict[str, float]
    restarts: int
    tolerance: float
    progress: Progress | None
    rng: np.random.Generator

    def tell(self, done: int, total: int) -> None:
        """Say how far it is."""
        if self.progress is not None:
            self.progress(done, total)
