"""Frozen distributions of scipy.stats, of the old infrastructure and of the new."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import InputTypeError
from kullback.distributions._domain import Domain, integers, lattice, reals
from kullback.distributions._family import Family
from kullback.distributions._recognise import maker, wanted
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.normal import Normal
from kullback.distributions.foreign import Foreign
from kullback.distributions.structures.transformed import Affine, moved

LIBRARY = "scipy.stats"


def recognises(thing: Any) -> bool:
    """Whether this is a distribution of scipy.stats, with its parameters."""
    modules = {cls.__module__ for cls in type(thing).__mro__}
    known = any(hasattr(thing, sampler) for sampler in ("rvs", "sample", "resample"))
    return any(m.startswith("scipy.stats") for m in modules) and known


def adapt(thing: Any) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    if hasattr(thing, "dist") and hasattr(thing.dist, "_parse_args"):
        return _of_values(thing.dist, thing) if hasattr(thing.dist, "xk") else _frozen(thing) or _frozen_foreign(thing)
    kinds = {cls.__name__ for cls in type(thing).__mro__}
    if "rv_sample" in kinds:
        return _of_values(thing)
    if kinds & {"rv_generic", "multi_rv_generic"}:
        name = getattr(thing, "name", None) or type(thing).__name__.removesuffix("_gen")
        raise InputTypeError(f"scipy.stats.{name} has no parameters yet: freeze it, as scipy.stats.{name}(…)")
    if hasattr(thing, "resample"):
        return _kernel_density(thing)
    if hasattr(thing, "sample"):
        return _of_new_infrastructure(thing) or _new_foreign(thing)
    make = maker("scipy", type(thing).__name__)
    return (make(thing) if make is not None else None) or _multivariate_foreign(thing)


def _of_new_infrastructure(thing: Any) -> Family | None:
    kind = type(thing).__name__
    if kind == "ShiftedScaledDistribution":
        return _moved(adapt(thing._dist), np.asarray(thing.loc), np.asarray(thing.scale))
    if kind == "MonotonicTransformedDistribution":
        base = adapt(thing._dist)
        by_exp = getattr(thing, "_repr_pattern", "").startswith("exp(")
        return base.like(LogNormal, **base.given) if by_exp and isinstance(base, Normal) else None
    # What was made of an object of the old infrastructure has the name and the shape parameters of that.
    old = kind == "CustomDistribution"
    make = maker("scipy", repr(thing).partition("(")[0].lower() if old else kind)
    if make is None:
        return None
    if hasattr(thing, "components"):
        return make(thing)
    values = dict(getattr(thing, "_original_parameters", {}))
    if old:
        values |= {name: value for name, value in (("loc", 0.0), ("scale", 1.0)) if name in wanted(make)}
    return make(**values) if values.keys() == wanted(make) else None


def _moved(base: Family, loc: Any, scale: Any) -> Family | None:
    if isinstance(base, Affine):
        loc, scale = loc + scale * base.loc, scale * base.scale
        base = base.base
    found = None if isinstance(base, Foreign) else moved(base, loc, scale)
    return found or (Affine(base, loc, scale) if np.all(scale > 0) and not isinstance(base, Foreign) else None)


def _frozen(thing: Any) -> Family | None:
    dist = thing.dist
    make = maker("scipy", dist.name)
    if make is None:
        return None
    shapes, loc, scale = dist._parse_args(*thing.args, **thing.kwds)
    values = dict(zip((dist.shapes or "").replace(" ", "").split(","), shapes, strict=False)) if shapes else {}
    if "loc" in wanted(make):
        values["loc"] = loc
    if "scale" in wanted(make):
        values["scale"] = scale
    law = make(**values)
    loc = 0.0 if "loc" in wanted(make) else loc
    scale = 1.0 if "scale" in wanted(make) else scale
    moves = np.any(np.asarray(loc) != 0) or np.any(np.asarray(scale) != 1)
    return Affine(law, loc, scale) if law is not None and moves else law


def _frozen_foreign(thing: Any) -> Family:
    discrete = hasattr(thing.dist, "pmf")
    shapes, loc, scale = thing.dist._parse_args(*thing.args, **thing.kwds)
    batch = np.broadcast_shapes(*(np.shape(a) for a in (*shapes, loc, scale)))
    offset = 0.0
    if discrete:
        whole, offset = lattice(loc, "loc")
        if offset:
            # Where it is not given by name, loc is what follows the shapes.
            args = thing.args if "loc" in thing.kwds else thing.args[:-1]
            thing = thing.dist(*args, **thing.kwds | {"loc": whole})
    low, high = (float(np.max(end)) for end in thing.support())
    return Foreign(
        name=f"scipy.stats.{thing.dist.name}",
        log_density_of=thing.logpmf if discrete else thing.logpdf,
        draw=lambda rng, count: thing.rvs(size=count, random_state=rng),
        where=integers(low, high, offset) if discrete else reals(low, high),
        marks=() if batch else (float(np.asarray(loc).item()),),
        batch=batch,
    )


def _of_values(dist: Any, frozen: Any = None) -> Family:
    """Return a distribution of listed values."""
    loc = float(frozen.kwds.get("loc", frozen.args[0] if frozen.args else 0.0)) if frozen is not None else 0.0
    values, probs = np.asarray(dist.xk, dtype=np.float64) + loc, np.asarray(dist.pk, dtype=np.float64)
    whole, offset = lattice(values)
    order = np.argsort(whole)

    def log_density(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        at = np.minimum(np.searchsorted(whole[order], x), whole.size - 1)
        with np.errstate(divide="ignore"):
            return np.where(whole[order][at] == x, np.log(probs[order][at]), -np.inf)

    return Foreign(
        name="scipy.stats.rv_discrete of listed values",
        log_density_of=log_density,
        draw=lambda rng, count: rng.choice(whole, size=count, p=probs / np.sum(probs)),
        where=integers(float(whole.min()), float(whole.max()), offset),
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
        places=[(float(c.mean()), float(c.standard_deviation())) for c in getattr(thing, "components", ())],
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
        places=() if shape else [(x, float(np.sqrt(thing.covariance.item()))) for x in thing.dataset[0].tolist()],
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
        where=Domain("counts" if discrete else "vectors", known=type(thing).__name__ == "multivariate_t_frozen"),
    )
