"""Distributions of torch.distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.distributions._domain import Domain, integers, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import maker
from kullback.distributions.foreign import Foreign

LIBRARY = "torch.distributions"


def recognises(thing: Any) -> bool:
    """Whether this is a distribution of torch."""
    from torch.distributions import Distribution

    return isinstance(thing, Distribution)


def adapt(thing: Any) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    for cls in type(thing).__mro__:
        make = maker("torch", cls.__name__) if cls.__module__.startswith("torch.distributions") else None
        # What a maker does not know, as a mixture of many, it leaves to its density.
        if make is not None and (law := make(thing)) is not None:
            return law
    return by_density(thing)


def by_density(thing: Any) -> Family:
    """Return a distribution known by its density and draws alone."""
    import torch

    def log_density(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        points = torch.as_tensor(x)
        # With its own checks on, torch refuses points outside the support; with them off, it makes up values.
        inside = thing.support.check(points)
        values = torch.full(inside.shape, -torch.inf, dtype=torch.float64)
        with torch.no_grad():
            values[inside] = _log_prob(thing, points[inside]).double().cpu()
        found: np.ndarray[Any, Any] = values.numpy()
        return found

    def draw(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(int(rng.integers(2**63)))
            draws: np.ndarray[Any, Any] = thing.sample((count,)).double().cpu().numpy()
            return draws

    return Foreign(
        name=f"torch.distributions.{type(thing).__name__}",
        log_density_of=log_density,
        draw=draw,
        shape=tuple(thing.event_shape),
        where=_domain(thing),
        marks=_marks(thing),
        batch=tuple(thing.batch_shape),
        precision=_precision(thing),
    )


def _precision(thing: Any) -> float:
    """Return that of its draws, which have the dtype of its parameters where they are not whole numbers."""
    import torch

    with torch.random.fork_rng(devices=[]):
        dtype = thing.sample().dtype
    return float(torch.finfo(dtype if dtype.is_floating_point else torch.get_default_dtype()).eps)


def _log_prob(thing: Any, points: Any) -> Any:
    try:
        return thing.log_prob(points)
    except RuntimeError:
        # Matrices of float32 do not multiply vectors of float64.
        return thing.log_prob(points.to(thing.sample().dtype))


def _marks(thing: Any) -> tuple[float, ...]:
    """Return the mean of a number, where a symmetric density may have a kink."""
    if thing.event_shape or thing.batch_shape:
        return ()
    try:
        mean = float(thing.mean)
    except (NotImplementedError, AttributeError, RuntimeError):
        return ()
    return (mean,) if np.isfinite(mean) else ()


def _domain(thing: Any) -> Domain:
    support = thing.support
    if thing.event_shape:
        return Domain("counts" if support.is_discrete else "vectors")
    while not hasattr(support, "lower_bound") and hasattr(support, "base_constraint"):
        support = support.base_constraint
    low, high = (
        float(np.max(np.asarray(getattr(support, end, limit))))
        for end, limit in (("lower_bound", -np.inf), ("upper_bound", np.inf))
    )
    return integers(low, high) if thing.support.is_discrete else reals(low, high)
