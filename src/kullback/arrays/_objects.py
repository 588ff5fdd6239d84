"""The measures of arrays answer for distribution objects too: recognised here, computed on the floor above."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from kullback._core import late
from kullback._core.errors import InputTypeError

from ._backend import is_torch

_F = TypeVar("_F", bound=Callable[..., Any])
_HOMES = ("scipy.stats", "torch.distributions", "numpyro.distributions", "kullback.distributions")


def is_distribution(x: Any) -> bool:
    """Whether `x` is a distribution object of a library that has them."""
    if isinstance(x, np.ndarray) or is_torch(x):
        return False
    return any(cls.__module__.startswith(_HOMES) for cls in type(x).__mro__)


def _named(options: dict[str, Any]) -> bool:
    """Whether a side that is given by name is a distribution object."""
    return any(is_distribution(options[side]) for side in ("p", "q") if side in options)


def or_distributions(measure: _F) -> _F:
    """Let a measure of arrays take distribution objects, by the closed form where there is one."""

    @functools.wraps(measure)
    def either(*values: Any, **options: Any) -> Any:
        if any(is_distribution(v) for v in values[:2]) or (options and _named(options)):
            try:
                bound = signature().bind(*values, **options)
            except TypeError as error:
                raise InputTypeError(f"{measure.__name__}: {error}") from None
            return late.use("measures of distributions")(measure.__name__, bound.args, bound.kwargs)
        return measure(*values, **options)

    @functools.cache
    def signature() -> inspect.Signature:
        return inspect.signature(measure)

    return either  # type: ignore[return-value]
