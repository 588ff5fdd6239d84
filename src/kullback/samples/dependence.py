"""How much longer the error of a mean is where rows follow one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def inflation(series: Floats) -> float:
    """Variance of the mean of a stationary series over that of independent draws with its spread; at least 1.

    Twice the sum of autocorrelations, less one, over pairs of neighbours as long as pairs are positive and falling
    (Geyer 1992, "Practical Markov chain Monte Carlo", Statistical Science 7, initial monotone sequence).
    """
    n = len(series)
    centred = series - series.mean()
    square = float(centred @ centred)
    if square <= 0 or n < 4:
        return 1.0
    spectrum = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    correlation = np.fft.irfft(spectrum)[:n] / square
    pairs = correlation[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    pairs = np.minimum.accumulate(pairs[: ends[0] if len(ends) else len(pairs)])
    return max(2 * float(pairs.sum()) - 1, 1.0)
