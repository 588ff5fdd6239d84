"""Frozen distributions of scipy.stats, of the old infrastructure and of the new."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.distributions._domain import Domain, integers, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import Maker, maker, wanted
from kullback.distributions.foreign import Foreign

LIBRARY = "scipy.stats"


def recognises(thing: Any) -> bool:
    """Whether this is a distribution of scipy.stats, with its parameters."""
    modules = {cls.__module__ for cls in type(thing).__mro__}
    known = any(hasattr(thing, sampler) for sampler in ("rvs", "sample", "resample"))
    return any(m.startswith("scipy.stats") for m in modules) and known


def adapt(thing: Any) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    if hasattr(thing, "dist") and hasattr(thing.dist, "_parse_args"):
        return _frozen(thing) or _frozen_foreign(thing)
    if hasattr(thing, "resample"):
        return _kernel_density(thing)
    make = maker("scipy", type(thing).__name__)
    if hasattr(thing, "sample"):
        return (_of_new_infrastructure(thing, make) if make is not None else None) or _new_foreign(thing)
    return (make(thing) if make is not None else None) or _multivariate_foreign(thing)


def _of_new_infrastructure(thing: Any, make: Maker) -> Family | None:
    if hasattr(thing, "components"):
        return make(thing)
    parameters = dict(getattr(thing, "_original_parameters", {}))
    return make(**parameters) if parameters and thing._variable.domain is not None else None


def _frozen(thing: Any) -> Family | None:
    dist = thing.dist
    make = maker("scipy", dist.name)
    if make is None:
        return None
    shapes, loc, scale = dist._parse_args(*thing.args, **thing.kwds)
    values = dict(zip((dist.shapes or "").replace(" ", "").split(","), shapes, strict=False)) if shapes else {}
    if "loc" in wanted(make):
        values["loc"] = loc
    elif np.any(np.asarray(loc) != 0):
        return None
    if "scale" in wanted(make):
        values["scale"] = scale
    elif np.any(np.asarray(scale) != 1):
        return None
    return make(**values)


def _frozen_foreign(thing: Any) -> Family:
    discrete = hasattr(thing.dist, "pmf")
    shapes, loc, scale = thing.dist._parse_args(*thing.args, **thing.kwds)
    batch = np.broadcast_shapes(*(np.shape(a) for a in (*shapes, loc, scale)))
    low, high = (float(np.max(end)) for end in thing.support())
    return Foreign(
        name=f"scipy.stats.{thing.dist.name}",
        log_density_of=thing.logpmf if discrete else thing.logpdf,
        draw=lambda rng, count: thing.rvs(size=count, random_state=rng),
        where=integers(low, high) if discrete else reals(low, high),
        marks=() if batch else (float(np.asarray(loc).item()),),
        batch=batch,
    )


def _new_foreign(thing: Any) -> Family:
    low, high = thing.support()
    batch = np.broadcast_shapes(np.shape(low), np.shape(high))
    low, high = float(np.max(low)), float(np.max(high))
    discrete = any("Discrete" in cls.__name__ for cls in type(thing).__mro__)
    return Foreign(
        name=f"scipy.stats.{type(thing).__name__}",
        log_density_of=thing.logpmf if discrete else thing.logpdf,
        draw=lambda rng, count: thing.sample(count, rng=rng),
        where=integers(low, high) if discrete else reals(low, high),
        marks=() if batch or discrete else (float(thing.median()),),
        batch=batch,
    )


def _kernel_density(thing: Any) -> Family:
    shape = () if thing.d == 1 else (thing.d,)
    return Foreign(
        name="scipy.stats.gaussian_kde",
        log_density_of=lambda x: thing.logpdf(np.reshape(x, (-1, thing.d)).T).reshape(x.shape[: x.ndim - len(shape)]),
        draw=lambda rng, count: thing.resample(count, seed=rng).T.reshape(count, *shape),
        shape=shape,
        where=Domain("vectors") if shape else reals(),
    )


def _multivariate_foreign(thing: Any) -> Family:
    discrete = hasattr(thing, "logpmf")
    shape = np.shape(thing.rvs(size=2, random_state=np.random.default_rng(0)))[1:]
    log_density = thing.logpmf if discrete else thing.logpdf
    # These take events along the last axis, the others along the first.
    last = type(thing).__name__ in ("dirichlet_frozen", "wishart_frozen", "invwishart_frozen")
    return Foreign(
        name=f"scipy.stats.{type(thing).__name__.removesuffix('_frozen')}",
        log_density_of=(lambda x: log_density(np.moveaxis(x, 0, -1))) if last else log_density,
        draw=lambda rng, count: np.reshape(thing.rvs(size=count, random_state=rng), (count, *shape)),
        shape=shape,
        where=Domain("counts" if discrete else "vectors"),
    )
