"""A distribution object that belongs to no family we know: it has a density and can be sampled, and no closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array

from ._domain import Domain, reals
from ._family import Family, family, numpy_namespace


@family
class Foreign(Family):
    """A distribution known only by its log-density, its domain and its draws, all in NumPy and float64.

    Parameters
    ----------
    name : str
        What to call it.
    log_density_of : callable
        From an array of events, the logarithms of their densities; of integers with an offset, from the integers.
    draw : callable
        From a NumPy generator and a count, draws along the first axis, without such an offset.
    shape : tuple of int
        Shape of an event.
    where : Domain
        Its support.
    marks : tuple of float
        Points of the line where its density may have a kink or a pole.
    places : sequence of (float, float)
        Of a mixture on the line, location and scale of every component.
    batch : tuple of int
        Shape of the batch, () for one distribution.
    precision : float
        Spacing at 1 of the floats that its log-densities are computed in.
    """

    domain = Domain("unknown")
    name: str = ""
    log_density_of: Any = None
    draw: Any = None
    shape: tuple[int, ...] = ()
    where: Domain = reals()
    marks: tuple[float, ...] = ()
    places: Any = ()
    batch: tuple[int, ...] = ()
    precision: float = 2.0**-52

    def __post_init__(self) -> None:
        object.__setattr__(self, "xp", numpy_namespace())
        object.__setattr__(self, "dtype", np.float64)
        object.__setattr__(self, "domain", self.where)

    @property
    def label(self) -> str:
        return self.name

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.batch

    @property
    def event_shape(self) -> tuple[int, ...]:
        return self.shape

    def log_density(self, x: Array) -> Array:
        return np.asarray(self.log_density_of(np.asarray(x)), dtype=np.float64)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return np.asarray(self.draw(rng, count), dtype=np.float64)

    def __repr__(self) -> str:
        return self.name
