"""Distributions of NumPyro."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from kullback.distributions._domain import Domain, integers, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import maker
from kullback.distributions.foreign import Foreign

LIBRARY = "numpyro.distributions"
_LEAST = 4096


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

    def log_density(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        event = tuple(thing.event_shape)
        shape = x.shape[: x.ndim - len(event)]
        flat = x.reshape(-1, *event)
        # JAX compiles for every new shape: a few sizes serve for all.
        size = max(_LEAST, 1 << (flat.shape[0] - 1).bit_length())
        points = jax.numpy.asarray(np.concatenate([flat, np.repeat(flat[:1], size - flat.shape[0], axis=0)]))
        with warnings.catch_warnings():
            # Points outside the support are told of; their values are replaced.
            warnings.simplefilter("ignore", UserWarning)
            values = jax.numpy.where(thing.support(points), thing.log_prob(points), -np.inf)
        return np.asarray(values, dtype=np.float64)[: flat.shape[0]].reshape(shape)

    return Foreign(
        name=f"numpyro.distributions.{type(thing).__name__}",
        log_density_of=log_density,
        draw=lambda rng, count: np.asarray(thing.sample(jax.random.key(int(rng.integers(2**32))), (count,))),
        shape=tuple(thing.event_shape),
        where=_domain(thing),
        marks=_marks(thing),
        batch=tuple(thing.batch_shape),
        precision=float(np.finfo(jax.numpy.result_type(float)).eps),
    )


def _marks(thing: Any) -> tuple[float, ...]:
    """Return the mean of a number, where a symmetric density may have a kink."""
    if thing.event_shape or thing.batch_shape:
        return ()
    try:
        mean = float(thing.mean)
    except (NotImplementedError, AttributeError, TypeError):
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
