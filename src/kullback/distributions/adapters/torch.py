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
        with torch.no_grad():
            values: np.ndarray[Any, Any] = thing.log_prob(torch.as_tensor(x)).double().numpy()
            return values

    def draw(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(int(rng.integers(2**63)))
            draws: np.ndarray[Any, Any] = thing.sample((count,)).double().numpy()
            return draws

    return Foreign(
        name=f"torch.distributions.{type(thing).__name__}",
        log_density_of=log_density,
        draw=draw,
        shape=tuple(thing.event_shape),
        where=_domain(thing),
    )


def _domain(thing: Any) -> Domain:
    support = thing.support
    low = float(getattr(support, "lower_bound", -np.inf))
    high = float(getattr(support, "upper_bound", np.inf))
    if thing.event_shape:
        return Domain("counts" if support.is_discrete else "vectors")
    return integers(low, high) if support.is_discrete else reals(low, high)
