"""One side of a divergence as the numerical rungs see it: log-densities and draws in NumPy and float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import array_api_compat.numpy as xp
import numpy as np

from kullback.arrays._backend import in_numpy
from kullback.distributions._domain import lattice
from kullback.distributions._family import Family, knows, rebuilt
from kullback.distributions.foreign import Foreign
from kullback.distributions.structures.independent import Independent
from kullback.distributions.structures.transformed import Affine

from . import DoesNotApply

Floats = np.ndarray[Any, np.dtype[np.float64]]
_NUMBERS = ("reals", "integers", "circle")
EPS = float(np.finfo(np.float64).eps)
# Draws that show where the mass is: their ranks, of 127. A mode with a tenth of the mass is missed once in 1e6 times.
_DRAWS = 127
_RANKS = (0, 6, 31, 63, 95, 120, 126)
# A component has to be so many times as wide as floats are apart.
_RESOLVED = 16
# Of up to so many components each gets its own points, in scales from its location.
_FEW = 32
_WITHIN = np.array([-3.0, 0.0, 3.0])


@dataclass(frozen=True)
class Side:
    """A distribution by its log-density, support and draws.

    Parameters
    ----------
    law : Family
        The distribution, with parameters in NumPy.
    low, high : float
        Ends of the support of numbers; infinite for events of other kinds.
    lowest, highest : array
        Ends of the support of each number of an event.
    """

    law: Family
    low: float
    high: float
    lowest: Floats
    highest: Floats

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return self.law.label

    @property
    def precision(self) -> float:
        """Spacing at 1 of the floats that log-densities are computed in."""
        return self.law.precision if isinstance(self.law, Foreign) else EPS

    @property
    def reaches_its_ends(self) -> bool:
        """Whether the ends are those of its support, not only around it, number by number of an event."""
        return self.law.domain.known and self.law.domain.space in (*_NUMBERS, "vectors")

    @property
    def on_the_line(self) -> bool:
        """Whether events are real numbers with a density."""
        return self.law.domain.space in ("reals", "circle") and not self.law.event_shape

    @property
    def of_integers(self) -> bool:
        """Whether events are integers."""
        return self.law.domain.space == "integers" and not self.law.event_shape

    def log_density(self, x: Floats) -> Floats:
        """Log-density at x, −inf outside the support."""
        with np.errstate(all="ignore"):
            values = np.asarray(self.law.log_density(x), dtype=np.float64)
        outside = (x < self.lowest) | (x > self.highest)
        if outside.any():
            values = np.where(outside.any(axis=tuple(range(values.ndim, outside.ndim))), -np.inf, values)
        return values

    @property
    def can_be_sampled(self) -> bool:
        """Whether it gives draws."""
        return knows(self.law, "sample")

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """Return draws along the first axis."""
        with np.errstate(all="ignore"):
            return np.asarray(self.law.sample(rng, count), dtype=np.float64)

    def landmarks(self, count: int = _DRAWS) -> Floats:
        """Numbers that show where the mass is, in order, inside the support: some of its draws, and what is known."""
        found: list[Floats] = [np.asarray(self.marks())]
        if self.places.size:
            found.append(_around(self.places))
        if self.can_be_sampled:
            draws = np.sort(self.draw(np.random.default_rng(0), count))
            found.append(draws[list(_RANKS)] if count == _DRAWS else draws[:: max(1, count // 128)])
        elif knows(self.law, "mean") and knows(self.law, "variance"):
            centre, width = float(self.law.mean()), math.sqrt(float(self.law.variance()))
            found.append(centre + width * np.array([-3.0, -1.0, 0.0, 1.0, 3.0]))
        else:
            found.append(self._searched())
        points = np.unique(np.concatenate(found))
        return points[(points > self.low) & (points < self.high) & np.isfinite(points)]

    def marks(self) -> tuple[float, ...]:
        """Points where the density may have a kink or a pole."""
        if isinstance(self.law, Foreign):
            return tuple(m for m in self.law.marks if self.low < m < self.high)
        given = self.law.given.get("loc")
        return (float(given),) if given is not None and self.low < float(given) < self.high else ()

    @property
    def places(self) -> Floats:
        """Location and scale of every component of a mixture, in rows."""
        given = self.law.places if isinstance(self.law, Foreign) else ()
        return np.asarray(given, dtype=np.float64).reshape(-1, 2)

    def refuse_unresolved(self) -> None:
        """Raise where a component is narrower than floats are apart, so that neither draws nor nodes show it."""
        location, scale = self.places.T
        unresolved = np.flatnonzero(scale < _RESOLVED * EPS * np.abs(location))
        if unresolved.size:
            k = int(unresolved[0])
            raise DoesNotApply(
                f"{self.name} has a component at {location[k]:.6g} of scale {scale[k]:.3g}, which floats do not "
                "resolve there"
            )

    def _searched(self) -> Floats:
        """Look for the mass on a grid of all magnitudes, away from the ends of the support."""
        steps = np.geomspace(1e-12, 1e12, 193)
        ends = [e for e in (self.low, self.high) if math.isfinite(e)] or [0.0]
        grid = np.unique(np.concatenate([e + s * steps for e in ends for s in (-1, 1)]))
        grid = grid[(grid > self.low) & (grid < self.high)]
        weight = self.log_density(grid) + np.log(np.gradient(grid))
        if np.isnan(weight).all():
            raise DoesNotApply(f"{self.name}'s log-density is not a number anywhere that it was looked at")
        best = int(np.nanargmax(weight))
        return grid[max(0, best - 8) : best + 9]


def _around(places: Floats) -> Floats:
    """Return points that show every component, given by location and scale, and no more than the narrowest need."""
    location, scale = places[np.isfinite(places).all(axis=1) & (places[:, 1] > 0)].T
    if location.size <= _FEW:
        return np.asarray((location[:, None] + scale[:, None] * _WITHIN).ravel())
    found = np.zeros(0)
    octave = np.floor(np.log2(scale))
    for k in np.unique(octave):
        # From narrow to wide, on a grid as coarse as the scale: what has a point beside it already is shown.
        step = 2.0**k
        points = location[octave == k, None] + step * _WITHIN
        points = np.unique(np.concatenate([np.round(points / step) * step, points[:, 1:2]], axis=1))
        points = points[np.diff(points, prepend=-np.inf) > 0.75 * step]
        at = np.searchsorted(found, points)
        around = np.concatenate([[-np.inf], found, [np.inf]])
        clear = np.minimum(points - around[at], around[at + 1] - points) > step
        found = np.sort(np.concatenate([found, points[clear]]))
    return found


def side(law: Family) -> Side:
    """Return a distribution as a side, with its parameters moved to NumPy and out of any graph."""
    law = _in_numpy(law)
    if isinstance(law, Affine) and law.domain.offset:
        # Of integers and an offset, by the integers.
        law = Affine(law.base, lattice(law.loc)[0])
    # Each number of an event has its own ends.
    low, high = (law.base if isinstance(law, Independent) else law).support()
    lowest, highest = (np.asarray(e, dtype=np.float64) for e in (low, high))
    if law.event_shape:
        shape = law.event_shape if isinstance(law, Independent) else lowest.shape
        return Side(law, -math.inf, math.inf, *(np.broadcast_to(e, shape) for e in (lowest, highest)))
    return Side(law, float(lowest), float(highest), lowest, highest)


def _in_numpy(law: Family) -> Family:
    if isinstance(law, Foreign):
        return law

    def move(value: Any, _: int) -> Floats:
        return np.asarray(in_numpy(value), dtype=np.float64)

    return rebuilt(law, xp, np.dtype(np.float64), move, _in_numpy)
