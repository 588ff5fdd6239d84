"""Independent parts: batches read as one event, and products of named components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kullback._core.errors import InputError, NoClosedForm
from kullback.arrays._backend import Array
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._structure import Structure, adopt, entropy, expanded, kl
from kullback.distributions.families.low_rank_normal import DiagonalNormal
from kullback.distributions.families.normal import Normal

CHAIN_RULE = "Cover and Thomas (2006), Elements of Information Theory, theorem 2.5.3"


@family
class Independent(Structure):
    r"""A batch of independent distributions, whose last dimensions are read as one event.

    .. math:: p(x) = \prod_i p_i(x_i)

    Parameters
    ----------
    base : distribution
        The batch.
    ndims : int
        How many of its last batch dimensions an event has.
    """

    domain = Domain("vectors")
    base: Any
    ndims: int = 1

    def __post_init__(self) -> None:
        base = adopt(self, "base")
        if isinstance(base, Independent):
            object.__setattr__(self, "ndims", self.ndims + base.ndims)
            object.__setattr__(self, "base", base.base)
        super().__post_init__()

    def check(self) -> None:
        if not 0 <= self.ndims <= len(self.base.batch_shape):
            raise InputError(
                f"{type(self).__name__}: ndims is {self.ndims}, and the batch has shape {self.base.batch_shape}"
            )

    @property
    def parts(self) -> tuple[Family, ...]:
        return (self.base,)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        shape = tuple(self.base.batch_shape)
        return shape[: len(shape) - self.ndims]

    @property
    def event_shape(self) -> tuple[int, ...]:
        shape = self.base.batch_shape
        return (*shape[len(shape) - self.ndims :], *self.base.event_shape)

    def _sum(self, value: Array) -> Array:
        return self.xp.sum(value, axis=tuple(range(-self.ndims, 0))) if self.ndims else value

    def log_density(self, x: Array) -> Array:
        return self._sum(self.base.log_density(x))

    def entropy(self) -> Array:
        return self._sum(self.xp.broadcast_to(entropy(self.base), self.base.batch_shape))

    def mean(self) -> Array:
        return self.base.mean()

    def variance(self) -> Array:
        return self.base.variance()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return np.asarray(self.base.sample(rng, count))


@closed_form(Independent, Independent, formula=r"\sum_i D(P_i‖Q_i)", source=CHAIN_RULE)
def _independent(p: Independent, q: Independent) -> Array:
    if p.ndims != q.ndims:
        raise NoClosedForm(
            f"P reads {p.ndims} batch dimensions of {type(p.base).__name__} as one event and Q {q.ndims} of "
            f"{type(q.base).__name__}: give both the same parts"
        )
    return p._sum(kl(_whole(p), q.base))


def _whole(law: Independent) -> Family:
    return expanded(law.base, law.base.batch_shape) if law.ndims and not isinstance(law.base, Structure) else law.base


@seen_as(Independent, DiagonalNormal)
def _as_diagonal(law: Independent) -> DiagonalNormal:
    base = law.base
    if not isinstance(base, Normal) or law.ndims != 1:
        raise NoClosedForm(
            f"no closed form is known for independent {type(base).__name__} against a multivariate normal "
            "distribution; kullback.estimate(P, Q) computes it numerically and states its error"
        )
    return law.like(DiagonalNormal, loc=base.mean(), scale=base.scale + 0 * base.loc)


@family
class Product(Structure):
    r"""Independent components of any kinds, in order or by name; an event has one value for each.

    .. math:: p(x_1, …, x_k) = \prod_i p_i(x_i)

    Parameters
    ----------
    components : sequence or mapping of distributions
        By name, if a mapping.
    """

    domain = Domain("products")
    components: Any
    names: Any = None

    def __post_init__(self) -> None:
        from kullback.distributions.adapters import adapt

        given = self.components
        if isinstance(given, Mapping):
            object.__setattr__(self, "names", tuple(given))
            given = tuple(given.values())
        laws = tuple(adapt(law) for law in given)
        if not laws:
            raise InputError("Product: components is empty: a product has at least one")
        object.__setattr__(self, "components", laws)
        super().__post_init__()

    @property
    def parts(self) -> tuple[Family, ...]:
        parts: tuple[Family, ...] = self.components
        return parts

    @property
    def event_shape(self) -> Any:
        return tuple(part.event_shape for part in self.parts)

    def _values(self, x: Any) -> list[Array]:
        return [x[name] for name in self.names] if self.names is not None else list(x)

    def log_density(self, x: Any) -> Array:
        return sum(part.log_density(value) for part, value in zip(self.parts, self._values(x), strict=True))

    def entropy(self) -> Array:
        return sum(entropy(part) for part in self.parts)


@closed_form(Product, Product, formula=r"\sum_i D(P_i‖Q_i)", source=CHAIN_RULE)
def _product(p: Product, q: Product) -> Array:
    ours, theirs = p.parts, q.parts
    if p.names != q.names and (p.names is None or q.names is None or set(p.names) != set(q.names)):
        raise InputError(f"the components of P are called {p.names} and those of Q {q.names}")
    if p.names is not None:
        theirs = tuple(theirs[q.names.index(name)] for name in p.names)
    if len(ours) != len(theirs):
        raise InputError(f"P has {len(ours)} components and Q {len(theirs)}")
    return sum(kl(a, b) for a, b in zip(ours, theirs, strict=True))


@recognise("torch", "Independent")
@recognise("numpyro", "Independent")
def _of_object(law: Any) -> Family:
    found = Independent(law.base_dist, int(law.reinterpreted_batch_ndims))
    return found.base if found.ndims == 0 else found
