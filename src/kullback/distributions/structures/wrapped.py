"""What NumPyro and torch wrap around distributions without making others of them: shapes, masks, mixtures of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import NoClosedForm
from kullback.arrays._backend import Array, inspectable
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form
from kullback.distributions._structure import Structure, adopt, expanded, first, kl
from kullback.distributions.foreign import Foreign


@family
class Masked(Structure):
    """A batch of distributions of which some are left out of account: their divergences count as 0.

    Parameters
    ----------
    base : distribution
        The batch.
    mask : array
        True for those that count.
    """

    domain = Domain("masked")
    base: Any
    mask: Any = True

    def __post_init__(self) -> None:
        adopt(self, "base")
        object.__setattr__(self, "mask", np.asarray(self.mask, bool))
        super().__post_init__()

    @property
    def parts(self) -> tuple[Family, ...]:
        return (self.base,)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.base.event_shape)


@closed_form(Masked, Masked, formula=r"D(P_i‖Q_i)\ \text{where the mask is true},\ 0\ \text{elsewhere}", source="")
def _masked(p: Masked, q: Masked) -> Array:
    if p.mask.shape != q.mask.shape or np.any(p.mask != q.mask):
        raise NoClosedForm(
            f"the masks of P ({type(p.base).__name__}) and Q ({type(q.base).__name__}) differ: what one leaves out "
            "has no divergence from what the other keeps"
        )
    value = kl(p.base, q.base)
    mask = p.xp.asarray(p.mask)
    return p.xp.where(mask, value, p.xp.zeros_like(value))


@recognise("numpyro", "MaskedDistribution")
def _of_masked(law: Any) -> Family | None:
    if not isinstance(law._mask, bool) and not inspectable(law._mask):
        return None
    return Masked(law.base_dist, np.broadcast_to(np.asarray(law._mask), law.batch_shape))


@recognise("numpyro", "ExpandedDistribution")
def _of_expanded(law: Any) -> Family | None:
    from kullback.distributions.adapters import adapt

    base = adapt(law.base_dist)
    # Only these are known to repeat what they were given: the parts of others have batches of their own.
    return None if isinstance(base, (Structure, Foreign)) else expanded(base, tuple(law.batch_shape))


@recognise("torch", "MixtureSameFamily")
def _of_torch_mixture(law: Any) -> Family | None:
    return _only_component(law.component_distribution, law.mixture_distribution)


@recognise("numpyro", "MixtureSameFamily")
def _of_numpyro_mixture(law: Any) -> Family | None:
    return _only_component(law.component_distribution, law.mixing_distribution)


def _only_component(components: Any, weights: Any) -> Family | None:
    """Return the component of a mixture of one; nothing is known in closed form of mixtures of more."""
    from kullback.distributions.adapters import adapt

    if weights.probs.shape[-1] != 1:
        return None
    base = adapt(components)
    return None if isinstance(base, (Structure, Foreign)) else first(base)
