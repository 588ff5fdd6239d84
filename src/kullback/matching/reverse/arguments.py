"""What a caller may pass: read, checked, and turned into what the fit works with."""

from __future__ import annotations

import importlib
import pkgutil
import re
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kullback._core.errors import InputError, InputTypeError
from kullback.matching.arguments import checked_tolerance

from . import families

_STARTS = 8
_SPREAD = 2.0  # of the random starting points, in unconstrained coordinates


def family_of(family: Any) -> tuple[str, int | None]:
    """Return the name of a family and the number in brackets behind it."""
    known = sorted(m.name for m in pkgutil.iter_modules(families.__path__) if not m.name.startswith("_"))
    if not isinstance(family, str):
        raise InputTypeError(f"family must be the name of one, {', '.join(known)}, got {type(family).__name__}")
    parts = re.fullmatch(r"\s*([a-z]+)\s*(?:\(\s*(\d+)\s*\))?\s*", family)
    if parts is None or parts[1] not in known:
        raise InputError(
            f"family {family!r} cannot be fitted to a log-density: it is one of {', '.join(known)}, with a number in "
            "brackets for 'lowrank(rank)', 'mixture(components)' and 'flow(couplings)'"
        )
    return parts[1], None if parts[2] is None else int(parts[2])


def family_file(name: str) -> ModuleType:
    """Return the file of a family."""
    return importlib.import_module(f"{families.__name__}.{name}")


def target_of(to: Any, dim: int | None, support: Any) -> tuple[Any, int, Any]:
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


def limits(tolerance: Any, most_draws: Any, most_steps: Any) -> tuple[float, int, int]:
    """Return the numbers that say when to stop."""
    try:
        draws, steps = int(most_draws), int(most_steps)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"most_draws and most_steps must be numbers, got {most_draws!r}, {most_steps!r}"
        ) from error
    if draws < 1 or draws & (draws - 1):
        raise InputError(f"most_draws must be a power of 2, got {most_draws!r}")
    if steps < 1:
        raise InputError(f"most_steps must be at least 1, got {most_steps!r}")
    return checked_tolerance(tolerance), draws, steps


def starts_of(start: Any, dim: int, free: int, onto: Any, rng: np.random.Generator) -> Tensor:
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
