"""The score interval of a divergence: every D under which the estimate is not surprising."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True)
class Score:
    """An estimate whose law is known for every true divergence.

    Attributes
    ----------
    value : float
        The estimate, in nats; it may be slightly negative.
    null_variance, slope : float
        Its variance where the true divergence is D: null_variance + slope · D.
    scale : float
        1/n + 1/m.
    """

    value: float
    null_variance: float
    slope: float
    scale: float

    @property
    def error(self) -> float:
        """Standard error at the estimate."""
        return float(np.sqrt(self.null_variance + self.slope * max(self.value, 0.0)))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Divergences between whose tails the estimate lies (skewness corrected)."""
        z = float(special.ndtri((1 + confidence) / 2))
        return self._solve(z), self._solve(-z)

    def _surprise(self, divergence: float, z: float) -> float:
        """How far the estimate lies above the `z` quantile of its distribution under a true `divergence`."""
        variance = self.null_variance + self.slope * divergence
        # Third cumulant of a scaled noncentral chi-square with this variance; its inflation as the variance's.
        inflation = self.slope / (2 * self.scale)
        cumulant = 2 * self.scale * self.null_variance + 6 * self.scale**2 * divergence * inflation**2
        quantile = z + (z * z - 1) * cumulant / variance**1.5 / 6  # Cornish-Fisher
        return float(self.value - divergence - quantile * np.sqrt(variance))

    def _solve(self, z: float) -> float:
        """The divergence whose `z` quantile is the estimate, or 0."""
        if self._surprise(0.0, z) <= 0:
            return 0.0
        low, high = 0.0, max(self.value, self.error)
        while self._surprise(high, z) > 0:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self._surprise(middle, z) > 0 else (low, middle)
        return high
