"""Distributions of NumPyro."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from kullback.arrays._backend import inspectable
from kullback.distributions._domain import Domain, integers, lattice
from kullback.distributions._family import Family
from kullback.distributions._recognise import recognise
from kullback.distributions.foreign import Foreign

from ._density import adapted, domain, marks, places, support

LIBRARY = "numpyro.distributions"
_LEAST = 4096


def recognises(thing: Any) -> bool:
    """Whether this is a distribution of NumPyro."""
    from numpyro.distributions import Distribution

    return isinstance(thing, Distribution)


def adapt(thing: Any) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    return adapted(thing, "numpyro", by_density)


@recognise("numpyro", "Delta")
def _of_point(thing: Any) -> Family | None:
    """Return the mass at one event, which is a probability; None for a batch of them."""
    if thing.batch_shape or not inspectable(thing.v):
        return None
    at = np.asarray(thing.v, dtype=np.float64)
    log_mass = float(np.asarray(thing.log_density))
    where = Domain("counts")
    if not at.shape:
        at, offset = lattice(at)
        where = integers(float(at), float(at), offset)

    def log_density(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        there = x == at
        return np.where(np.all(there, axis=tuple(range(there.ndim - at.ndim, there.ndim))), log_mass, -np.inf)

    return Foreign(
        name="numpyro.distributions.Delta",
        log_density_of=log_density,
        draw=lambda rng, count: np.broadcast_to(at, (count, *at.shape)),
        shape=at.shape,
        where=where,
    )


def by_density(thing: Any) -> Family:
    """Return a distribution known by its density and draws alone."""
    import jax

    within = support(thing)

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
            values = jax.numpy.where(within(points), thing.log_prob(points), -np.inf)
        return np.asarray(values, dtype=np.float64)[: flat.shape[0]].reshape(shape)

    return Foreign(
        name=f"numpyro.distributions.{type(thing).__name__}",
        log_density_of=log_density,
        draw=lambda rng, count: np.asarray(thing.sample(jax.random.key(int(rng.integers(2**32))), (count,))),
        shape=tuple(thing.event_shape),
        where=domain(thing),
        marks=marks(thing),
        places=places(thing),
        batch=tuple(thing.batch_shape),
        precision=float(np.finfo(jax.numpy.result_type(float)).eps),
    )
