"""Distribution objects of other libraries, recognised without importing what is not imported; one library a file.

Each file offers `LIBRARY`, the module whose being imported makes such objects possible, `recognises(thing)` and
`adapt(thing)`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from functools import cache
from types import ModuleType
from typing import Any

from kullback._core.errors import InputTypeError
from kullback.distributions._family import Family
from kullback.distributions._registry import load

ACCEPTED = "scipy.stats, torch.distributions, numpyro.distributions and kullback.distributions"


@cache
def _adapters() -> list[ModuleType]:
    load()
    return [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if m.name[0] != "_"]


def adapt(thing: Any) -> Family:
    """Return a distribution object as a member of a family.

    Raises
    ------
    InputTypeError
        If it is no distribution object.
    """
    if isinstance(thing, Family):
        load()
        return thing
    for adapter in _adapters():
        if adapter.LIBRARY in sys.modules and adapter.recognises(thing):
            law: Family = adapter.adapt(thing)
            return law
    if isinstance(thing, type):
        raise InputTypeError(f"{thing.__name__} is a class: make a distribution of it, with parameters")
    raise InputTypeError(f"a {type(thing).__name__} is not a distribution object; accepted are those of {ACCEPTED}")
