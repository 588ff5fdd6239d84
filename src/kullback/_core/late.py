"""Capabilities that lower floors offer but upper rooms provide.

`Divergence.plot` belongs to the noun, the chart to the report. So that no import runs up the floors, the lower
floor asks for a capability by name, and the package root, which sees every room, says which room provides it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

_providers: dict[str, str] = {}


def provide(capability: str, target: str) -> None:
    """Say that `capability` is provided by ``"module:attribute"``, imported on first use."""
    _providers[capability] = target


def use(capability: str) -> Callable[..., Any]:
    """Return the callable that provides `capability`."""
    module, _, attribute = _providers[capability].partition(":")
    provider: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return provider
