"""Distributions of NumPyro."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.distributions._domain import Domain, integers, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import maker
from kullback.distributions.foreign import Foreign

LIBRARY = "numpyro.distributions"


def recognises(thing: Any) -> bool:
    """Whether this is a distribution of NumPyro."""
    from numpyro.distributions import Distribution

    return isinstance(thing, Distribution)


def adapt(thing: Any) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    for cls in type(thing).__mro__:
        make = maker("numpyro", cls.__name__) if cls.__module__.startswith("numpyro.distributions") else None
        # What a maker does not know, as a mixture of many, it leaves to its density.
        if make is not None and (law := make(thing)) is not None:
            return law
    return by_density(thing)


def by_density(thing: Any) -> Family:
    """Return a distribution known by its density and draws alone."""
    import jax

    return Foreign(
        name=f"numpyro.distributions.{type(thing).__name__}",
        log_density_of=lambda x: np.asarray(thing.log_prob(jax.numpy.asarray(x)), dtype=np.float64),
        draw=lambda rng, count: np.asarray(thing.sample(jax.random.key(int(rng.integers(2**32))), (count,))),
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
