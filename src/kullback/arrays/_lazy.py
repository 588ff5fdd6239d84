"""Attributes computed once, on first use; `functools.cached_property` holds a lock that torch.compile cannot trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def lazy(compute: Callable[[Any], Any]) -> Any:
    """Make a property of a method, kept after its first use."""
    kept = f"_{compute.__name__}_kept"

    def get(self: Any) -> Any:
        if not hasattr(self, kept):
            setattr(self, kept, compute(self))
        return getattr(self, kept)

    return property(get, doc=compute.__doc__)
