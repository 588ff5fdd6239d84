"""Torch distributions as the losses take them: of floats wide enough to be worked with."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor
from torch.distributions import Categorical, Distribution

from kullback._core.errors import InputError, InputTypeError

from ._logits import wide


def law(given: Any, name: str) -> Any:
    """Return a distribution whose numbers of half precision are float32; gradients go through."""
    if not isinstance(given, Distribution):
        raise InputTypeError(f"{name} must be a torch distribution, got {type(given).__name__}")
    return _widened(given)


def _widened(given: Distribution) -> Distribution:
    found: dict[str, Any] = {}
    for key, value in vars(given).items():
        if isinstance(value, Distribution):
            found[key] = _widened(value)
        elif isinstance(value, Tensor) and value.dtype.is_floating_point and value.dtype.itemsize < 4:
            found[key] = value.to(wide(value.dtype))
    if all(found[key] is vars(given)[key] for key in found):
        return given
    # Not by its constructor: many are made of any of several parameters.
    out = copy.copy(given)
    vars(out).update(found)
    return out


def check_rows_and_dimensions(posterior: Any) -> None:
    """Refuse a vector of categorical laws, of which nothing tells rows from dimensions."""
    if isinstance(posterior, Categorical) and len(posterior.batch_shape) == 1:
        count = posterior.batch_shape[0]
        raise InputError(
            f"posterior is {count} categorical laws, which may be {count} rows or {count} dimensions of one: give its "
            f"logits the shape ({count}, 1, outcomes), or (1, {count}, outcomes)"
        )
