"""Random generators: one way in for seeds."""

from __future__ import annotations

import numpy as np

from .errors import InputTypeError

Seed = None | int | np.random.Generator


def generator(rng: Seed) -> np.random.Generator:
    """Return a NumPy generator from a seed, a generator (returned as it is) or None (fresh entropy)."""
    if rng is None or (isinstance(rng, (int, np.integer, np.random.Generator)) and not isinstance(rng, bool)):
        return np.random.default_rng(rng)
    raise InputTypeError(f"rng must be None, an integer seed or a numpy Generator, got {type(rng).__name__}")
