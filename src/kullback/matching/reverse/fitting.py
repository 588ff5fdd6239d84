"""From a family's name and a log-density to a Match: the order of work."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback._core.progress import Progress, reporter
from kullback.matching.arguments import generator

from .approximation import Approximation
from .arguments import family_file, family_of, limits, starts_of, target_of
from .batches import Batches
from .density import Density
from .draws import even
from .engine import Progressed, minimise
from .reading import check_slope, read
from .result import Variational
from .start import NEGLIGIBLE, Place, explored, judged, places
from .stochastic import minimise_noisy
from .support import bijector
from .telling import told, told_noisy

_WIDE = 3.0  # times the fit's own spread: where modes are looked for once more
_EXPLORERS = 8
_JUDGES = 2048  # draws to tell the ELBO of a new place
_MOST_DRAWS = 2**16
_MOST_STEPS = 2**15
_TOLERANCE = 0.005  # nats
_RESTARTS = 2  # at most, where a better mode comes to light
_ROUGHLY = 10  # tolerances: for a fit that is but the start of another


def fit_reverse(
    family: Any,
    to: Any,
    *,
    dim: int | None = None,
    support: Any = None,
    start: Any = None,
    tolerance: float = _TOLERANCE,
    most_draws: int = _MOST_DRAWS,
    stochastic: bool = False,
    most_steps: int = _MOST_STEPS,
    rng: int | np.random.Generator | None = 0,
    progress: bool | Progress | None = None,
) -> Variational:
    """Fit; see `kullback.fit`, which documents the arguments."""
    name, argument = family_of(family)
    law, dim, support = target_of(to, dim, support)
    tolerance, most_draws, most_steps = limits(tolerance, most_draws, most_steps)
    draws = generator(rng)
    onto = bijector(support, dim)
    free = dim if onto is None else int(onto.inverse_shape((dim,))[0])
    starts = starts_of(start, dim, free, onto, draws)
    if stochastic:
        law = Batches(law)
    function, note = read(law, starts[0] if onto is None else onto(starts[0]))
    density = Density(function, onto, dim, note)
    check_slope(density, starts)
    found = places(density, starts, draws)
    if isinstance(law, Batches):
        begun = family_file(name).begin(found, argument, draws)
        with reporter(progress, "steps") as report:
            noisy = minimise_noisy(
                begun, density, law, tolerance=tolerance, most_steps=most_steps, rng=draws, report=report
            )
        return told_noisy(noisy, begun, density, law, tolerance, draws)
    with reporter(progress, "draws") as report:
        options = {"tolerance": tolerance, "most_draws": most_draws, "rng": draws, "report": report}
        went, begun = _fitted(name, argument, density, found, options)
        for _ in range(0 if went.interrupted else _RESTARTS):
            try:
                known, found = found, _further(density, went.best, found, draws)
            except KeyboardInterrupt:
                went.interrupted, went.converged = True, False
                went.reason = "Interrupted while other modes were looked for: this is the best so far."
                break
            if not _better(found[len(known) :], went):
                break
            found.sort(key=lambda place: -place.elbo)
            again, then = _fitted(name, argument, density, found, options)
            if again.judged.elbo > went.judged.elbo:
                went, begun = again, then
            if again.interrupted:
                break
    return told(went, begun, density, found, tolerance, draws)


def _fitted(
    name: str, argument: int | None, density: Density, found: list[Place], options: dict[str, Any]
) -> tuple[Progressed, Approximation]:
    """Return the fit, and the member that it started from."""
    family = family_file(name)
    first = getattr(family, "FIRST", None)
    if first is None:
        begun: Approximation = family.begin(found, argument, options["rng"])
        _enough_draws(name, begun, options["most_draws"])
        return minimise(begun, density, **options), begun
    earlier, begun = _fitted(first, None, density, found, options | {"tolerance": _ROUGHLY * options["tolerance"]})
    law = earlier.best.distribution()
    place = Place(law.mean, law.scale_tril, earlier.judged.elbo)
    member = family.begin([place, *found], argument, options["rng"])
    _enough_draws(name, member, options["most_draws"])
    if earlier.interrupted:
        return dataclasses.replace(earlier, best=member), begun
    went = minimise(member, density, **options)
    went.steps, went.history = went.steps + earlier.steps, earlier.history + went.history
    return went, begun


def _further(density: Density, fit: Approximation, known: list[Place], rng: np.random.Generator) -> list[Place]:
    """Return the places known and those of modes found from wide draws of a fit."""
    wide = fit.draws(_WIDE * even(_EXPLORERS, fit.evaluation_noise, rng))
    found = explored(density, wide, known)
    draws = even(_JUDGES, density.free, rng)
    return found[: len(known)] + [judged(density, place, draws) for place in found[len(known) :]]


def _better(places: list[Place], went: Progressed) -> bool:
    """Whether a mode was found that the fit should have started from, or have a component for."""
    near = NEGLIGIBLE if went.best.strata > 1 else 0.0
    return any(place.elbo > went.judged.elbo - near and math.isfinite(place.log_mass) for place in places)


def _enough_draws(name: str, begun: Approximation, most_draws: int) -> None:
    if most_draws < begun.least_draws:
        raise InputError(
            f"most_draws must be at least {begun.least_draws} for {name!r} of this many coordinates, got {most_draws}"
        )
