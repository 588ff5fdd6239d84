"""What distributions made of others share: their parts are adapted, moved and measured by the rules of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array

from ._family import Family, family


@family
class Structure(Family):
    """A distribution made of others, its `parts`."""

    def __post_init__(self) -> None:
        self._adopt()
        self.check()

    def _adopt(self) -> None:
        parts = self.parts
        object.__setattr__(self, "xp", parts[0].xp)
        object.__setattr__(self, "dtype", parts[0].dtype)

    @property
    def parts(self) -> tuple[Family, ...]:
        """The distributions that this one is made of."""
        raise NotImplementedError

    @property
    def given(self) -> dict[str, Array]:
        """The parameters of the parts."""
        return {f"{i}.{name}": a for i, part in enumerate(self.parts) for name, a in part.given.items()}

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(part.batch_shape for part in self.parts))

    @property
    def discrete(self) -> bool:
        return any(part.discrete for part in self.parts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.parts))})"


def adopt(law: Structure, name: str) -> Family:
    """Replace a field that holds a distribution object by the member of a family that it is."""
    from .adapters import adapt

    adapted = adapt(getattr(law, name))
    object.__setattr__(law, name, adapted)
    return adapted


def kl(p: Family, q: Family) -> Array:
    """D of two parts; it raises `NoClosedForm`, which names them, where there is none."""
    from . import measures

    if p.event_shape != q.event_shape:
        raise InputError(f"a part of P has events of shape {p.event_shape} and that of Q {q.event_shape}")
    return measures.kl(p, q)


def entropy(law: Family) -> Array:
    """Entropy of a part."""
    from . import measures

    return measures.entropy(law)


def expanded(law: Family, shape: tuple[int, ...]) -> Family:
    """Return a batch of a shape that the batch of a distribution broadcasts to."""
    return _each(law, lambda x, ndim: law.xp.broadcast_to(x, (*shape, *x.shape[x.ndim - ndim :])))


def first(law: Family) -> Family:
    """Return the first of the last dimension of a batch."""
    full = expanded(law, law.batch_shape)
    return _each(full, lambda x, ndim: x[(..., 0, *(slice(None),) * ndim)])


def _each(law: Family, change: Any) -> Family:
    values = {name: change(x, law.parameters[name].rule.event_ndim) for name, x in law.given.items()}
    return law.like(type(law), **values)
