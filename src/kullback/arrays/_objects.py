"""The measures of arrays answer for distribution objects too: recognised here, computed two floors up."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from kullback._core import late

from ._backend import is_torch

_F = TypeVar("_F", bound=Callable[..., Any])
_HOMES = ("scipy.stats", "torch.distributions", "numpyro.distributions", "kullback.distributions")


def is_distribution(x: Any) -> bool:
    """Whether `x` is a distribution object of a library that has them."""
    if isinstance(x, np.ndarray) or is_torch(x):
        return False
    return any(cls.__module__.startswith(_HOMES) for cls in type(x).__mro__)


def or_distributions(measure: _F) -> _F:
    """Let a measure of arrays take distribution objects, by the closed form where there is one."""

    @functools.wraps(measure)
    def either(*values: Any, **options: Any) -> Any:
        if any(is_distribution(v) for v in values or options.values()):
            return late.use("measures of distributions")(measure.__name__, values, options)
        return measure(*values, **options)

    return either  # type: ignore[return-value]
