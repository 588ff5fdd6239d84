"""Where the density lives: from a constraint to the bijector that carries all of ℝ onto it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
from torch.distributions import Transform, biject_to, constraints

from kullback._core.errors import InputError, InputTypeError

_NAMES = {
    "real": constraints.real,
    "positive": constraints.positive,
    "unit_interval": constraints.unit_interval,
    "simplex": constraints.simplex,
}


def bijector(support: Any, dim: int) -> Transform | None:
    """Return the transform from unconstrained coordinates onto the support; None where all of ℝ^dim is.

    Parameters
    ----------
    support : None, str, torch.distributions.constraints.Constraint, or a list of them, one a coordinate
        "real", "positive", "unit_interval", "simplex", or a constraint of torch.
    dim : int
        Numbers in a point.

    Raises
    ------
    InputError
        If a name is unknown, a list has another length than `dim`, or a constraint has no bijector.
    InputTypeError
        If it is something else.
    """
    if support is None:
        return None
    if isinstance(support, Sequence) and not isinstance(support, str):
        return _by_coordinate(support, dim)
    known = _known(support)
    if known.event_dim > 1:
        raise InputError(f"support {support!r} is of matrices: points are vectors of {dim} numbers")
    return None if known is constraints.real or known is constraints.real_vector else _onto(known, support)


def _by_coordinate(support: Sequence[Any], dim: int) -> Transform | None:
    if len(support) != dim:
        raise InputError(f"support has {len(support)} entries and dim is {dim}: give one constraint a coordinate")
    known = [_known(entry) for entry in support]
    for place, (entry, constraint) in enumerate(zip(support, known, strict=True)):
        if constraint.event_dim:
            raise InputError(f"support[{place}] is {entry!r}, of vectors: give it alone, as support={entry!r}")
    if all(constraint is constraints.real for constraint in known):
        return None
    runs = [list(run) for _, run in groupby(known, key=id)]
    parts = [_onto(run[0], run[0]) for run in runs]
    return torch.distributions.transforms.CatTransform(parts, dim=-1, lengths=[len(run) for run in runs])


def _known(support: Any) -> Any:
    if isinstance(support, constraints.Constraint):
        return support
    if not isinstance(support, str):
        raise InputTypeError(f"support must be a name, a constraint of torch.distributions or a list, got {support!r}")
    if support not in _NAMES:
        raise InputError(f"support {support!r} is unknown: {', '.join(map(repr, _NAMES))}, or a constraint of torch")
    return _NAMES[support]


def _onto(constraint: Any, given: Any) -> Transform:
    try:
        return biject_to(constraint)
    except NotImplementedError as error:
        raise InputError(f"torch has no bijector onto {given!r}: transform the density yourself") from error
