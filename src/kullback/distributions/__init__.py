"""Distribution objects: families with closed forms, and those of SciPy, torch and NumPyro seen as members of them."""

from __future__ import annotations

from typing import Any

from ._family import Family
from ._registry import ClosedForm, all_families, closed_forms

__all__ = ["ClosedForm", "Family", "all_families", "closed_forms"]


def __getattr__(name: str) -> Any:
    """Return a family by its name: adding a file to families/ adds it here."""
    for found in () if name.startswith("_") else all_families():
        if found.__name__ == name:
            return found
    raise AttributeError(f"module 'kullback.distributions' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *(found.__name__ for found in all_families())]
