"""Images of distributions under one bijection, which leaves their divergence as it was."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from kullback._core.errors import InputError, NoClosedForm
from kullback.arrays._backend import Array, inspectable
from kullback.distributions._domain import Domain, bound, lattice, reals
from kullback.distributions._family import Family, family
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form
from kullback.distributions._structure import Structure, adopt, entropy, kl
from kullback.distributions.families.cauchy import Cauchy
from kullback.distributions.families.gamma import Exponential
from kullback.distributions.families.laplace import Laplace
from kullback.distributions.families.logistic import Logistic
from kullback.distributions.families.logit_normal import LogitNormal
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.normal import Normal
from kullback.distributions.families.student_t import StudentT

INVARIANCE = "Kullback (1959), chapter 2, corollary 4.1"
_LIBRARIES = {"numpyro": "numpyro", "torch": "torch"}
_SYMMETRIC = (Normal, Laplace, Cauchy, Logistic, StudentT)
# What a bijection makes of a normal distribution.
_OF_NORMAL: dict[str, type[Family]] = {"ExpTransform": LogNormal, "SigmoidTransform": LogitNormal}
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
        _refuse_many_to_one(self.base, self.transforms)
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

    def beside(self, other: Family) -> Family:
        if isinstance(other, Transformed) and _same_chain(self, other):
            return self
        return _plainer(self.base, self.transforms) or self

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


def _refuse_many_to_one(base: Family, transforms: tuple[Any, ...]) -> None:
    """Refuse what libraries call bijections, and is none with this parameter or from this distribution."""
    for k, one in enumerate(transforms):
        name = type(one).__name__
        if name == "AffineTransform" and _is_known(one.scale) and np.any(np.asarray(one.scale) == 0):
            raise InputError("AffineTransform has a scale of 0, which takes all numbers to one: it must not be 0")
        lower = bound(base, base.domain.lower)
        if name == "PowerTransform" and k == 0 and _is_known(lower) and np.any(np.asarray(lower) < 0):
            raise InputError(
                f"PowerTransform is a bijection of the numbers above 0, and {base.label} has mass below: transform a "
                "distribution of numbers above 0"
            )


def _is_known(value: Any) -> bool:
    return isinstance(value, (int, float)) or inspectable(value)


def _same_chain(p: Transformed, q: Transformed) -> bool:
    return len(p.transforms) == len(q.transforms) and all(map(_same, p.transforms, q.transforms))


def _plainer(base: Family, transforms: tuple[Any, ...]) -> Family | None:
    """Return the image as a member of a known family; None where it is of none."""
    law: Family | None = base
    for one in transforms:
        name = type(one).__name__
        if law is None or law.event_shape:
            return None
        if name == "AffineTransform":
            law = moved(law, one.loc, one.scale)
        elif isinstance(law, Normal) and name in _OF_NORMAL:
            law = law.like(_OF_NORMAL[name], loc=law.loc, scale=law.scale)
        else:
            return None
    return law


def moved(law: Family, loc: Any, scale: Any) -> Family | None:
    """Return the distribution of loc + scale·X as a member of the family of X; None where it is not in it."""
    given, names, xp = law.given, set(law.parameters), law.xp
    loc, scale = (xp.asarray(v, dtype=next(iter(given.values())).dtype) for v in (loc, scale))
    if {"loc", "scale"} <= names and law.domain == reals():
        if not isinstance(law, _SYMMETRIC) and not (inspectable(scale) and bool(xp.all(scale > 0))):
            return None
        given |= {"loc": loc + scale * given["loc"], "scale": xp.abs(scale) * given["scale"]}
        return law.like(type(law), **given)
    of_scale = "scale" in names and "loc" not in names and law.domain == reals(0.0)
    if of_scale and inspectable(scale) and bool(xp.all(scale > 0)) and inspectable(loc) and bool(xp.all(loc == 0)):
        return law.like(type(law), **given | {"scale": scale * given["scale"]})
    return None


@closed_form(Transformed, Transformed, formula=r"D(P_X‖Q_X),\ P = T(P_X),\ Q = T(Q_X)", source=INVARIANCE)
def _transformed(p: Transformed, q: Transformed) -> Array:
    if not _same_chain(p, q):
        raise NoClosedForm(
            f"P is the image of {type(p.base).__name__} by {_names(p)} and Q of {type(q.base).__name__} by "
            f"{_names(q)};"
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
class Affine(Structure):
    """The distribution of c + s·X.

    Parameters
    ----------
    base : distribution
        That of X, a number.
    loc : array
        The shift c.
    scale : array
        The factor s, above 0; of integers 1.
    """

    domain = Domain("affine")
    base: Any
    loc: Any = 0.0
    scale: Any = 1.0

    def __post_init__(self) -> None:
        adopt(self, "base")
        super().__post_init__()
        for name in ("loc", "scale"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), float))
        if not np.all(np.isfinite(self.loc)):
            raise InputError(f"{type(self).__name__}: loc must be a finite number, got {self.loc}")
        if not (np.all(np.isfinite(self.scale)) and np.all(self.scale > 0)):
            raise InputError(f"{type(self).__name__}: scale must be a finite number above 0, got {self.scale}")
        if self.base.discrete and np.any(self.scale != 1):
            raise InputError(f"{type(self).__name__}: scale must be 1 for {self.base.label}, got {self.scale}")
        space = self.base.domain.space
        offset = lattice(self.base.domain.offset + self.loc, "loc")[1] if space == "integers" else 0.0
        low, high = (np.max(np.asarray(bound(self.base, e)) * self.scale + self.loc) for e in _ends(self.base))
        object.__setattr__(self, "domain", Domain(space, float(low), float(high), offset))

    @property
    def parts(self) -> tuple[Family, ...]:
        return (self.base,)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.base.batch_shape, np.shape(self.loc), np.shape(self.scale))

    def beside(self, other: Family) -> Family:
        if self.domain.space != "circle" or isinstance(other, Affine):
            return self
        # A range of the circle beside the circle itself: the same direction, whatever range it is told in.
        base: Family = self.base
        turned = base.xp.asarray(self.loc) + base.given["loc"]
        return base.like(type(base), **base.given | {"loc": turned})

    def _back(self, x: Array) -> Array:
        xp = self.base.xp
        return (x - xp.asarray(self.loc)) / xp.asarray(self.scale)

    def support(self) -> tuple[Any, Any]:
        low, high = self.base.support()
        return low * self.scale + self.loc, high * self.scale + self.loc

    def log_density(self, x: Array) -> Array:
        return self.base.log_density(self._back(x)) - self.base.xp.log(self.base.xp.asarray(self.scale))

    def entropy(self) -> Array:
        xp = self.base.xp
        return entropy(self.base) + xp.log(xp.asarray(self.scale)) + 0 * xp.asarray(self.loc)

    def mean(self) -> Array:
        xp = self.base.xp
        return xp.asarray(self.loc) + xp.asarray(self.scale) * self.base.mean()

    def variance(self) -> Array:
        scale = self.base.xp.asarray(self.scale)
        return scale * scale * self.base.variance() + 0 * self.base.xp.asarray(self.loc)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return np.asarray(self.base.sample(rng, count) * self.scale + self.loc)


def _ends(law: Family) -> tuple[Any, Any]:
    return law.domain.lower, law.domain.upper


@closed_form(Affine, Affine, formula=r"D(P_X‖Q_X),\ P = c + s\,P_X,\ Q = c + s\,Q_X", source=INVARIANCE)
def _affine(p: Affine, q: Affine) -> Array:
    if isinstance(p.base, Exponential) and isinstance(q.base, Exponential):
        return _begun_later(p, q, p.loc - q.loc)
    if np.any(p.loc != q.loc) or np.any(p.scale != q.scale):
        raise NoClosedForm(
            f"P is a moved {type(p.base).__name__} and Q a moved {type(q.base).__name__}, by different loc or scale: "
            "there is a closed form for equal ones; kullback.estimate(P, Q) computes it numerically"
        )
    value = kl(p.base, q.base)
    return p.xp.broadcast_to(value, np.broadcast_shapes(tuple(value.shape), p.batch_shape, q.batch_shape))


@closed_form(
    Affine,
    Exponential,
    formula=r"D(P_X‖Q) + λ_Q\,c,\ P = c + P_X \text{ exponential}, c \ge 0",
    source="By the lack of memory of the exponential distribution",
)
def _affine_exponential(p: Affine, q: Exponential) -> Array:
    if not isinstance(p.base, Exponential):
        raise NoClosedForm(
            f"no closed form is known for a shifted {type(p.base).__name__} against an exponential distribution; "
            "kullback.estimate(P, Q) computes it numerically"
        )
    return _begun_later(p, Affine(q), p.loc)


def _begun_later(p: Affine, q: Affine, by: np.ndarray[Any, Any]) -> Array:
    """D of exponential distributions that begin at different numbers: infinite where P begins earlier."""
    xp = p.xp
    ours, theirs = (a.base.like(Exponential, rate=a.base.rate / xp.asarray(a.scale)) for a in (p, q))
    value = kl(ours, theirs) + theirs.rate * xp.asarray(np.maximum(by, 0.0))
    early = xp.asarray(by < 0) & (value == value)
    return xp.where(early, xp.full_like(value, float("inf")), value)


@recognise("torch", "TransformedDistribution")
@recognise("numpyro", "TransformedDistribution")
def _of_object(law: Any) -> Family | None:
    if not hasattr(law, "base_dist"):
        return None
    return Transformed(law.base_dist, tuple(law.transforms), law)
