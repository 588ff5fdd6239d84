"""Images of distributions under one bijection, which leaves their divergence as it was."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from kullback._core.errors import InputError, NoClosedForm
from kullback.arrays._backend import Array
from kullback.distributions._domain import Domain, bound
from kullback.distributions._family import Family, family
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form
from kullback.distributions._structure import Structure, adopt, entropy, kl

INVARIANCE = "Kullback (1959), chapter 2, corollary 4.1"
_LIBRARIES = {"numpyro": "numpyro", "torch": "torch"}
_NOT_BIJECTIVE = ("AbsTransform", "SoftmaxTransform")


@family
class Transformed(Structure):
    """The distribution of T(X), T a chain of bijections of torch or NumPyro.

    Parameters
    ----------
    base : distribution
        That of X.
    transforms : tuple
        The bijections, the first one first.
    law : object
        The object of the other library, which knows density and draws.
    """

    domain = Domain("images")
    base: Any
    transforms: Any = ()
    law: Any = None

    def __post_init__(self) -> None:
        adopt(self, "base")
        object.__setattr__(self, "transforms", tuple(_links(self.transforms)))
        super().__post_init__()
        if self.law is not None:
            object.__setattr__(self, "domain", self._known().domain)

    @property
    def parts(self) -> tuple[Family, ...]:
        return (self.base,)

    def _known(self) -> Family:
        """Return what the other library knows of the image."""
        library = type(self.law).__module__.split(".")[0]
        adapter = importlib.import_module(f"kullback.distributions.adapters.{_LIBRARIES.get(library, 'torch')}")
        known: Family = adapter.by_density(self.law)
        return known

    def log_density(self, x: Array) -> Array:
        return self._known().log_density(x)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return self._known().sample(rng, count)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.law.event_shape) if self.law is not None else tuple(self.base.event_shape)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(self.law.batch_shape) if self.law is not None else tuple(self.base.batch_shape)


def _links(transforms: Any) -> list[Any]:
    """Take chains of transforms apart."""
    flat: list[Any] = []
    for one in transforms:
        flat += _links(one.parts) if type(one).__name__ == "ComposeTransform" else [one]
    return flat


@closed_form(Transformed, Transformed, formula=r"D(P_X‖Q_X),\ P = T(P_X),\ Q = T(Q_X)", source=INVARIANCE)
def _transformed(p: Transformed, q: Transformed) -> Array:
    if len(p.transforms) != len(q.transforms) or not all(map(_same, p.transforms, q.transforms)):
        raise NoClosedForm(
            f"P is the image of {type(p.base).__name__} by {_names(p)}, "
            f"Q of {type(q.base).__name__} by {_names(q)}, and "
            " a divergence is kept by one bijection of both; kullback.estimate(P, Q) computes it numerically"
        )
    return kl(p.base, q.base)


def _names(law: Transformed) -> str:
    return ", ".join(type(t).__name__ for t in law.transforms) or "nothing"


def _same(a: Any, b: Any) -> bool:
    bijective = getattr(a, "bijective", type(a).__name__ not in _NOT_BIJECTIVE)
    if not bijective or type(a) is not type(b):
        return False
    # NumPyro's == takes arrays for equal where they are one and the same.
    return a is b or bool(np.all(np.asarray(a.eq(b) if hasattr(a, "eq") else a == b)))


@family
class Shifted(Structure):
    """The distribution of X + c.

    Parameters
    ----------
    base : distribution
        That of X, a number.
    loc : array
        The shift c.
    """

    domain = Domain("shifted")
    base: Any
    loc: Any = 0.0

    def __post_init__(self) -> None:
        adopt(self, "base")
        super().__post_init__()
        object.__setattr__(self, "loc", np.asarray(self.loc, float))
        if not np.all(np.isfinite(self.loc)):
            raise InputError(f"Shifted: loc must be a finite number, got {self.loc}")
        low, high = (np.max(np.asarray(bound(self.base, e)) + self.loc) for e in _ends(self.base))
        object.__setattr__(self, "domain", Domain(self.base.domain.space, float(low), float(high)))

    @property
    def parts(self) -> tuple[Family, ...]:
        return (self.base,)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.base.batch_shape, np.shape(self.loc))

    def _at(self) -> Array:
        return self.base.xp.asarray(self.loc)

    def log_density(self, x: Array) -> Array:
        return self.base.log_density(x - self._at())

    def entropy(self) -> Array:
        return entropy(self.base) + 0 * self._at()

    def mean(self) -> Array:
        return self.base.mean() + self._at()

    def variance(self) -> Array:
        return self.base.variance() + 0 * self._at()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return np.asarray(self.base.sample(rng, count) + self.loc)


def _ends(law: Family) -> tuple[Any, Any]:
    return law.domain.lower, law.domain.upper


@closed_form(Shifted, Shifted, formula=r"D(P_X‖Q_X),\ P = P_X + c,\ Q = Q_X + c", source=INVARIANCE)
def _shifted(p: Shifted, q: Shifted) -> Array:
    if np.any(p.loc != q.loc):
        raise NoClosedForm(
            f"P is a shifted {type(p.base).__name__} and Q a shifted {type(q.base).__name__}, by different loc: "
            "there is a closed form for equal ones; kullback.estimate(P, Q) computes it numerically"
        )
    value = kl(p.base, q.base)
    shape = np.broadcast_shapes(tuple(value.shape), np.shape(p.loc), np.shape(q.loc))
    return p.xp.broadcast_to(value, shape)


@recognise("torch", "TransformedDistribution")
@recognise("numpyro", "TransformedDistribution")
def _of_object(law: Any) -> Family | None:
    if not hasattr(law, "base_dist"):
        return None
    return Transformed(law.base_dist, tuple(law.transforms), law)
