"""What the adapters of torch and of NumPyro share, whose distributions are of one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kullback._core.errors import InputTypeError
from kullback.arrays._backend import in_numpy
from kullback.distributions._domain import Domain, integers, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import maker


def adapted(thing: Any, library: str, by_density: Callable[[Any], Family]) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    for cls in type(thing).__mro__:
        make = maker(library, cls.__name__) if cls.__module__.startswith(f"{library}.distributions") else None
        # What a maker does not know, as a mixture of many, it leaves to its density.
        if make is not None and (law := make(thing)) is not None:
            return law
    return by_density(thing)


def support(thing: Any) -> Any:
    """Return the constraint that is the support."""
    try:
        found = thing.support
    except NotImplementedError:
        found = None
    if found is None:
        raise InputTypeError(
            f"a {type(thing).__name__} does not say its support, so that its density cannot be integrated: give its "
            "class a `support`"
        )
    return found


def domain(thing: Any) -> Domain:
    """Return the domain, with the bounds of the support of numbers."""
    found = limits = support(thing)
    while not hasattr(limits, "lower_bound") and hasattr(limits, "base_constraint"):
        limits = limits.base_constraint
    ends = [in_numpy(getattr(limits, end, limit)) for end, limit in (("lower_bound", -np.inf), ("upper_bound", np.inf))]
    kind = type(limits).__name__.strip("_").lower()
    if thing.event_shape:
        if found.is_discrete or kind == "simplex":
            return Domain("counts" if found.is_discrete else "simplex")
        return Domain("vectors", ends[0], ends[1], known=kind == "real" or hasattr(limits, "lower_bound"))
    low, high = (float(np.max(end)) for end in ends)
    return integers(low, high) if found.is_discrete else reals(low, high)


def marks(thing: Any) -> tuple[float, ...]:
    """Return the mean of a number, where a symmetric density may have a kink."""
    if thing.event_shape or thing.batch_shape:
        return ()
    try:
        mean = float(in_numpy(thing.mean))
    except (NotImplementedError, AttributeError, TypeError, RuntimeError):
        return ()
    return (mean,) if np.isfinite(mean) else ()


def places(thing: Any) -> list[tuple[float, float]]:
    """Return mean and standard deviation of every component of a mixture of numbers."""
    parts = getattr(thing, "component_distributions", None) or [getattr(thing, "component_distribution", None)]
    if thing.event_shape or thing.batch_shape or parts == [None]:
        return []
    try:
        pairs = [(np.ravel(in_numpy(c.mean)), np.ravel(np.sqrt(in_numpy(c.variance)))) for c in parts]
    except (NotImplementedError, AttributeError, TypeError, RuntimeError):
        return []
    return [(float(m), float(s)) for means, widths in pairs for m, s in zip(means, widths, strict=True)]
