"""From a family's name and a log-density to a Match: the options, the order of work, and the words."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pkgutil
import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError
from kullback._core.progress import Progress, reporter

from . import families
from .approximation import Approximation
from .density import Density
from .draws import even
from .engine import Progressed, minimise
from .importance import weigh
from .reading import check_slope, read
from .result import Variational, divergence, panels
from .start import NEGLIGIBLE, Place, explored, judged, places
from .support import bijector

_STARTS = 8
_SPREAD = 2.0  # of the random starting points, in unconstrained coordinates
_WIDE = 3.0  # times the fit's own spread: where modes are looked for once more
_MOST_DRAWS = 2**16
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
    rng: int | np.random.Generator | None = 0,
    progress: bool | Progress | None = None,
) -> Variational:
    """Fit; see `kullback.fit`, which documents the arguments."""
    name, argument = _family(family)
    law, dim, support = _target(to, dim, support)
    tolerance, most_draws = _limits(tolerance, most_draws)
    draws = np.random.default_rng(rng)
    onto = bijector(support, dim)
    free = dim if onto is None else int(onto.inverse_shape((dim,))[0])
    starts = _starts(start, dim, free, onto, draws)
    function, note = read(law, starts[0] if onto is None else onto(starts[0]))
    density = Density(function, onto, dim, note)
    check_slope(density, starts)
    found = places(density, starts, draws)
    with reporter(progress, "draws") as report:
        options = {"tolerance": tolerance, "most_draws": most_draws, "rng": draws, "report": report}
        went, begun = _fitted(name, argument, density, found, options)
        for _ in range(_RESTARTS):
            known, found = found, _further(density, went.best, found, draws)
            if went.interrupted or not _better(found[len(known) :], went):
                break
            found.sort(key=lambda place: -place.elbo)
            went, begun = _fitted(name, argument, density, found, options)
    return _told(went, begun, density, found, tolerance, draws)


def _fitted(
    name: str, argument: int | None, density: Density, found: list[Place], options: dict[str, Any]
) -> tuple[Progressed, Approximation]:
    """Return the fit, and the member that it started from."""
    family = importlib.import_module(f"{families.__name__}.{name}")
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
    wide = fit.draws(_WIDE * even(_STARTS, fit.evaluation_noise, rng))
    found = explored(density, wide, known)
    draws = even(2048, density.free, rng)
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


def _told(
    went: Progressed,
    begun: Approximation,
    density: Density,
    known: list[Place],
    tolerance: float,
    rng: np.random.Generator,
) -> Variational:
    """Weigh start and result on fresh draws, and say what they tell."""
    fit = went.best
    weighed = weigh(fit, density, known, rng)
    first = weigh(begun, density, [], rng)
    caveats = [sentence for sentence in (weighed.missed, density.note) if sentence]
    trusted = weighed.trusted
    x, old = density.place(weighed.u), density.place(first.u)
    log_weights = weighed.log_weights if trusted else None
    return Variational(
        result=_distribution(fit, density),
        before=divergence(weighed, first.elbo, first.elbo_error, own=False),
        after=divergence(weighed, weighed.elbo, weighed.elbo_error, own=True),
        converged=went.converged,
        reason=went.reason,
        iterations=went.steps,
        max_error=went.judged.remaining,
        tolerance=tolerance,
        khat=weighed.khat,
        history=tuple(went.history),
        caveats=tuple(caveats),
        draw=lambda: panels(old, x, log_weights),
        elbo=weighed.elbo,
        elbo_error=weighed.elbo_error,
        log_evidence=weighed.log_evidence if trusted else None,
        log_evidence_error=weighed.log_evidence_error if trusted else None,
        draws=x,
        log_weights=log_weights,
    )


def _distribution(fit: Approximation, density: Density) -> Any:
    law = fit.distribution()
    return law if density.bijector is None else torch.distributions.TransformedDistribution(law, [density.bijector])


def _family(family: Any) -> tuple[str, int | None]:
    known = sorted(m.name for m in pkgutil.iter_modules(families.__path__) if not m.name.startswith("_"))
    if not isinstance(family, str):
        raise InputTypeError(f"family must be the name of one, {', '.join(known)}, got {type(family).__name__}")
    parts = re.fullmatch(r"\s*([a-z]+)\s*(?:\(\s*(\d+)\s*\))?\s*", family)
    if parts is None or parts[1] not in known:
        raise InputError(
            f"family {family!r} cannot be fitted to a log-density: it is one of {', '.join(known)}, with a number in "
            "brackets for 'lowrank(rank)', 'mixture(components)' and 'flow(transforms)'"
        )
    return parts[1], None if parts[2] is None else int(parts[2])


def _target(to: Any, dim: int | None, support: Any) -> tuple[Any, int, Any]:
    """Return the log-density, its dim and support; a distribution object knows the last two itself."""
    if isinstance(to, torch.distributions.Distribution):
        if to.batch_shape or len(to.event_shape) != 1:
            raise InputError(
                f"the target has batch shape {tuple(to.batch_shape)} and event shape {tuple(to.event_shape)}: one "
                "distribution of vectors is wanted; see torch.distributions.Independent"
            )
        if dim is not None and dim != to.event_shape[0]:
            raise InputError(f"dim is {dim} and the target has events of {to.event_shape[0]} numbers: leave dim out")
        return to.log_prob, int(to.event_shape[0]), _own_support(to) if support is None else support
    if dim is None:
        raise InputError("dim is missing: a log-density does not tell how many numbers it takes; pass dim=")
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        raise InputTypeError(f"dim must be a whole number, got {dim!r}")
    if dim < 1:
        raise InputError(f"dim must be at least 1, got {dim}")
    return to, int(dim), support


def _own_support(law: Any) -> Any:
    support = law.support
    while isinstance(support, torch.distributions.constraints.independent):
        support = support.base_constraint
    return support


def _limits(tolerance: Any, most_draws: Any) -> tuple[float, int]:
    try:
        tolerance, draws = float(tolerance), int(most_draws)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"tolerance and most_draws must be numbers, got {tolerance!r} and {most_draws!r}"
        ) from error
    if not 0 < tolerance < math.inf:
        raise InputError(f"tolerance must be a finite number of nats above 0, got {tolerance}")
    if draws < 1 or draws & (draws - 1):
        raise InputError(f"most_draws must be a power of 2, got {most_draws!r}")
    return tolerance, draws


def _starts(start: Any, dim: int, free: int, onto: Any, rng: np.random.Generator) -> Tensor:
    """Return starting points in unconstrained coordinates: the caller's, then random ones about the first."""
    if start is None:
        own = torch.zeros(1, free, dtype=torch.float64)
    else:
        own = torch.atleast_2d(torch.as_tensor(np.asarray(start, dtype=np.float64)))
        if own.ndim != 2 or own.shape[1] != dim:
            raise InputError(f"start has shape {tuple(np.shape(start))}: points are vectors of {dim} numbers")
        wrong = ~torch.isfinite(own).all(-1)
        if onto is not None:
            wrong |= ~onto.codomain.check(own).view(len(own), -1).all(-1)
        if wrong.any():
            raise InputError(f"start is outside the support, or not finite, at row {int(wrong.nonzero()[0, 0])}")
        own = own if onto is None else onto.inv(own)
    more = max(_STARTS - len(own), 0)
    return torch.cat([own, own[:1] + _SPREAD * torch.from_numpy(rng.standard_normal((more, free)))])
