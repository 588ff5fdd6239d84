"""Which objects of other libraries are which family: said beside the family, used by the adapters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from ._family import Family

Maker = Callable[..., Family]

_makers: dict[tuple[str, str], Maker] = {}


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
    """

    def register(maker: Maker) -> Maker:
        for name in names:
            _makers[library, name] = maker
        return maker

    return register


def recognise_alike(family: type[Family], *, libraries: tuple[str, ...] = ("torch", "numpyro"), name: str = "") -> None:
    """Register a family whose namesake in torch or NumPyro has parameters of the same names."""

    def make(law: Any) -> Family:
        values = {n: getattr(law, n) for n in family.parameters}
        return family.trusted(**values) if was_checked(law) else family(**values)

    for library in libraries:
        recognise(library, name or family.__name__)(make)


def was_checked(law: Any) -> bool:
    """Whether a distribution object has checked its own parameters."""
    return bool(getattr(law, "_validate_args", False))


@cache
def wanted(make: Maker) -> frozenset[str]:
    """Names of the arguments of a maker."""
    return frozenset(inspect.signature(make).parameters)


def maker(library: str, name: str) -> Maker | None:
    """Return what turns such an object into a family; None where nothing does."""
    return _makers.get((library, name))
