"""Frozen distributions of scipy.stats, of the old infrastructure and of the new."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from kullback.distributions._domain import Domain, integers, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import maker, wanted
from kullback.distributions.foreign import Foreign

LIBRARY = "scipy.stats"


def recognises(thing: Any) -> bool:
    """Whether this is a distribution of scipy.stats, with its parameters."""
    modules = {cls.__module__ for cls in type(thing).__mro__}
    return any(m.startswith("scipy.stats") for m in modules) and (hasattr(thing, "rvs") or hasattr(thing, "sample"))


def adapt(thing: Any) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    if hasattr(thing, "dist") and hasattr(thing.dist, "_parse_args"):
        return _frozen(thing)
    name = type(thing).__name__
    make = maker("scipy", name)
    if hasattr(thing, "sample"):
        parameters = dict(getattr(thing, "_original_parameters", {}))
        if make is not None and parameters and thing._variable.domain is not None:
            return make(**parameters)
        return _new_foreign(thing)
    if make is not None:
        return make(thing)
    return _multivariate_foreign(thing)


def _frozen(thing: Any) -> Family:
    dist = thing.dist
    shapes, loc, scale = dist._parse_args(*thing.args, **thing.kwds)
    values = dict(zip((dist.shapes or "").replace(" ", "").split(","), shapes, strict=False)) if shapes else {}
    make = maker("scipy", dist.name)
    if make is not None:
        if "loc" in wanted(make):
            values["loc"] = loc
        elif np.any(np.asarray(loc) != 0):
            return _frozen_foreign(thing)
        if "scale" in wanted(make):
            values["scale"] = scale
        return make(**values)
    return _frozen_foreign(thing)


def _frozen_foreign(thing: Any) -> Family:
    discrete = hasattr(thing.dist, "pmf")
    low, high = (float(np.max(end)) for end in thing.support())
    return Foreign(
        name=f"scipy.stats.{thing.dist.name}",
        log_density_of=thing.logpmf if discrete else thing.logpdf,
        draw=lambda rng, count: thing.rvs(size=count, random_state=rng),
        where=integers(low, high) if discrete else reals(low, high),
    )


def _new_foreign(thing: Any) -> Family:
    low, high = (float(end) for end in thing.support())
    discrete = hasattr(sys.modules["scipy.stats"], "Binomial") and "Discrete" in "".join(
        cls.__name__ for cls in type(thing).__mro__
    )
    return Foreign(
        name=f"scipy.stats.{type(thing).__name__}",
        log_density_of=thing.logpmf if discrete else thing.logpdf,
        draw=lambda rng, count: thing.sample(count, rng=rng),
        where=integers(low, high) if discrete else reals(low, high),
    )


def _multivariate_foreign(thing: Any) -> Family:
    discrete = hasattr(thing, "logpmf")
    shape = np.shape(thing.rvs(random_state=np.random.default_rng(0)))
    return Foreign(
        name=f"scipy.stats.{type(thing).__name__}",
        log_density_of=thing.logpmf if discrete else thing.logpdf,
        draw=lambda rng, count: np.reshape(thing.rvs(size=count, random_state=rng), (count, *shape)),
        shape=shape,
        where=Domain("counts" if discrete else "vectors"),
    )
