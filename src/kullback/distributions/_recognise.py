"""Which objects of other libraries are which family: said beside the family, used by the adapters."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from kullback.arrays._backend import at_once

from ._family import Family

Maker = Callable[..., Family | None]

_makers: dict[tuple[str, str], list[Maker]] = {}


def recognise(library: str, *names: str) -> Callable[[Maker], Maker]:
    """Register how an object of a library becomes a family.

    Parameters
    ----------
    library : {"scipy", "torch", "numpyro"}
        For scipy.stats, a maker takes shape parameters, `scale` and, if it is a parameter of its own, `loc`, by name
        (the new infrastructure: all parameters by name; multivariate ones: the object itself); for the others it takes
        the object.
    names : str
        Names of the distributions: of the class, or in scipy.stats of the object ("norm", "gamma", …).

    Notes
    -----
    A maker may decline an object by returning None. Several makers of one name, which take the same arguments, are
    asked in the order of the names of their files, whichever was imported first; in one file, from top to bottom.
    """

    def register(maker: Maker) -> Maker:
        for name in names:
            known = _makers.setdefault((library, name), [])
            if known and wanted(known[0]) != wanted(maker):
                raise ValueError(
                    f"{library} {name}: {maker.__module__} takes other arguments than {known[0].__module__}"
                )
            known.append(maker)
            known.sort(key=lambda made: made.__module__)
        return maker

    return register


def recognise_alike(family: type[Family], *, libraries: tuple[str, ...] = ("torch", "numpyro"), name: str = "") -> None:
    """Register a family whose namesake in torch or NumPyro has parameters of the same names."""

    def make(law: Any) -> Family:
        values = values_of(law, *family.parameters)
        return family.trusted(**values) if was_checked(law) else family(**values)

    make.__module__ = family.__module__
    for library in libraries:
        recognise(library, name or family.__name__)(make)


def values_of(law: Any, *names: str) -> dict[str, Any]:
    """Return parameters of a distribution object, all of its library: NumPyro keeps the numbers it is given."""
    values = {name: getattr(law, name) for name in names}
    if not type(law).__module__.startswith("numpyro"):
        return values
    jax = sys.modules["jax"]
    with at_once():
        return {name: v if isinstance(v, jax.Array) else jax.numpy.asarray(v) for name, v in values.items()}


def was_checked(law: Any) -> bool:
    """Whether a distribution object has checked its own parameters."""
    return bool(getattr(law, "_validate_args", False))


@cache
def wanted(make: Maker) -> frozenset[str]:
    """Names of the arguments of a maker."""
    return frozenset(inspect.signature(make).parameters)


def maker(library: str, name: str) -> Maker | None:
    """Return what turns such an object into a family; None where nothing does."""
    makers = _makers.get((library, name), [])
    return makers[0] if len(makers) == 1 else _first_of(tuple(makers)) if makers else None


@cache
def _first_of(makers: tuple[Maker, ...]) -> Maker:
    """Return what asks the next maker where one declines."""

    @wraps(makers[0])
    def make(*values: Any, **named: Any) -> Family | None:
        found = (maker(*values, **named) for maker in makers)
        return next((law for law in found if law is not None), None)

    return make
