"""Options that every match takes, checked."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from kullback._core.errors import InputError, InputTypeError


def checked_tolerance(value: Any) -> float:
    """A finite number above 0."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise InputTypeError(f"tolerance must be a number, got {value!r}")
    if not 0 < float(value) < math.inf:
        raise InputError(f"tolerance must be finite and above 0, got {value!r}")
    return float(value)


def generator(rng: Any) -> np.random.Generator:
    """The source of random numbers of a seed, a generator, or None."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"rng must be a seed, a numpy.random.Generator or None, got {rng!r}") from error
