"""The Gaussian copula: marginals of any kind, joined as the coordinates of a normal distribution are."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import NoClosedForm
from kullback.arrays._backend import Array, inspectable, without_gradient
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form
from kullback.distributions._structure import Structure, adopt, kl
from kullback.distributions.families.multivariate_normal import MultivariateNormal
from kullback.distributions.families.normal import Normal


@family
class GaussianCopula(Structure):
    r"""Marginals F_i joined by a Gaussian copula: Φ⁻¹(F_i(x_i)) are normal, of correlation R.

    Parameters
    ----------
    marginals : distribution
        A batch; its last dimension is that of the event.
    normal : distribution
        The multivariate normal distribution of mean 0 with the correlations R.

    Notes
    -----
    Where P and Q have the same marginals, D(P‖Q) is that of the normal distributions; where the marginals are normal,
    both are multivariate normal. In general it is not D of the copulas plus D of the marginals, and has no closed form.
    The value does not depend on marginals that are the same, so nothing is differentiated by them.
    """

    domain = Domain("copulas")
    marginals: Any
    normal: Any

    def __post_init__(self) -> None:
        adopt(self, "marginals")
        adopt(self, "normal")
        super().__post_init__()

    @property
    def parts(self) -> tuple[Family, ...]:
        return (self.normal, self.marginals)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.normal.batch_shape, self.marginals.batch_shape[:-1])

    @property
    def event_shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.normal.event_shape
        return shape


@closed_form(
    GaussianCopula,
    GaussianCopula,
    formula=r"\frac12\left[\operatorname{tr}(R_Q^{-1}R_P) - n - \log\frac{|R_P|}{|R_Q|}\right],\ "
    r"F_{P,i} = F_{Q,i}",
    source="Kullback (1959), chapter 2, corollary 4.1, and chapter 9",
)
def _kl(p: GaussianCopula, q: GaussianCopula) -> Array:
    if isinstance(p.marginals, Normal) and isinstance(q.marginals, Normal):
        return kl(_as_normal(p), _as_normal(q))
    if not _equal_laws(p.marginals, q.marginals):
        raise NoClosedForm(
            f"no closed form is known of Gaussian copulas whose marginals differ ({type(p.marginals).__name__} and "
            f"{type(q.marginals).__name__}); kullback.estimate(P, Q) computes it numerically and states its error"
        )
    return kl(p.normal, q.normal)


def _equal_laws(p: Family, q: Family) -> bool:
    ours, theirs = p.given, q.given
    known = bool(ours) and type(p) is type(q) and ours.keys() == theirs.keys()
    return known and all(_equal(a, theirs[name]) for name, a in ours.items())


def _equal(a: Array, b: Array) -> bool:
    a, b = without_gradient(a), without_gradient(b)
    return bool(inspectable(a) and inspectable(b) and (a == b).all())


def _as_normal(law: GaussianCopula) -> MultivariateNormal:
    marginals = law.marginals
    factor = marginals.scale[..., None] * law.normal.scatter.factor
    return law.like(MultivariateNormal, loc=marginals.mean(), scale_tril=factor)


@recognise("numpyro", "GaussianCopula")
def _of_numpyro(law: Any) -> GaussianCopula:
    return GaussianCopula(law.marginal_dist, law.base_dist)
