"""Fitting in the direction D(P‖Q): maximum likelihood, moment matching; one kind of family a file.

Each file offers `fits(name) -> bool`, whether it fits what is called so, and `fit(name, target, options)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from numbers import Real
from types import ModuleType
from typing import Any

import numpy as np

from kullback._core.errors import InputError, InputTypeError
from kullback._core.progress import Progress, reporter
from kullback.matching.arguments import checked_tolerance, generator
from kullback.matching.match import Match

from .options import Options
from .target import read_target


@cache
def _kinds() -> list[ModuleType]:
    found = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return [module for module in found if hasattr(module, "fits")]


def fit_forward(
    family: Any,
    to: Any,
    *,
    weights: Any = None,
    fixed: dict[str, float] | None = None,
    restarts: int = 10,
    tolerance: float = 1e-7,
    progress: bool | Progress | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Match:
    """Find the member Q of a family with the least D(P‖Q), P being a sample or a distribution object.

    Parameters
    ----------
    family : str or class
        See `kullback.fit`.
    to : array of shape (n,) or (n, d), tensor, data frame, or distribution object
        P: draws of it, or itself.
    weights : array of shape (n,), optional
        Weights of the draws.
    fixed : dict of str to float, optional
        Parameters that are not fitted.
    restarts : int, default 10
        Starts of a mixture's EM; the best is kept.
    tolerance : float, default 1e-7
        The largest slope of D at which a fit has converged, in nats per unit of a parameter in which D bends by
        about 1.
    progress : bool or callable, optional
        True shows a bar once 2 s have passed.
    rng : numpy.random.Generator, int or None, default 0
        Of starts and of rows held out.
    """
    wanted = family.strip().lower() if isinstance(family, str) else family
    if not isinstance(wanted, str | type | list | tuple):
        raise InputTypeError(f"family must be a name, a class or a list of them, got {type(family).__name__}")
    kind = next((module for module in _kinds() if module.fits(wanted)), None)
    if kind is None:
        raise InputError(f"there is no family {family!r}: use {', '.join(known())}")
    if isinstance(restarts, bool) or not isinstance(restarts, int) or restarts < 1:
        raise InputError(f"restarts must be a whole number of at least 1, got {restarts!r}")
    kept = _fixed(fixed)
    close, random = checked_tolerance(tolerance), generator(rng)
    target = read_target(to, weights)
    with reporter(progress, "fit") as told:
        options = Options(kept, restarts, close, told, random)
        found: Match = kind.fit(wanted, target, options)
    if target.law is not None and np.isinf(found.after.value):
        raise InputError(f"D(P‖Q) is infinite for {family!r}: P has heavier tails, or mass where no member has any")
    return found


def _fixed(fixed: Any) -> dict[str, float]:
    if fixed is None:
        return {}
    if not isinstance(fixed, Mapping):
        raise InputTypeError(f"fixed must map names of parameters to numbers, got {type(fixed).__name__}")
    for name, value in fixed.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise InputTypeError(f"fixed[{name!r}] must be a number, got {value!r}")
    return {str(name): float(value) for name, value in fixed.items()}


def known() -> list[str]:
    """The names that can be fitted."""
    return sorted({name for module in _kinds() for name in module.names()})
