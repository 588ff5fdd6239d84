"""The inverse gamma distribution, and Lévy's, which is one."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array, inspectable
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import exp_gap, log_ratio
from kullback.distributions._power_of_gamma import GammaPower, PowerOfGamma
from kullback.distributions._recognise import recognise, recognise_alike, values_of
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions.families.gamma import Gamma
from kullback.distributions.structures.transformed import Affine


@family
class InverseGamma(GammaPower, ExponentialFamily):
    r"""Inverse gamma distribution, that of 1/X for a gamma variable X.

    .. math:: p(x) = \frac{β^α}{Γ(α)} x^{-α-1} e^{-β/x}, \quad x > 0

    Parameters
    ----------
    concentration : array
        Shape α, above 0.
    rate : array
        Rate β of the gamma distribution, the scale of this one, above 0.
    """

    domain = reals(0)
    concentration: Any = parameter(POSITIVE)
    rate: Any = parameter(POSITIVE)

    def power_of_gamma(self) -> PowerOfGamma:
        return self.like(PowerOfGamma, concentration=self.concentration, power=-1.0, scale=self.rate, rate=1.0)

    def natural(self) -> tuple[Array, ...]:
        return self.concentration, -self.rate

    def from_natural(self, natural: tuple[Array, ...]) -> InverseGamma:
        return self.like(InverseGamma, concentration=natural[0], rate=-natural[1])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return (natural[0] > 0) & (natural[1] < 0)


@seen_as(InverseGamma, Gamma, bijection="inverse")
def _inverse(law: InverseGamma) -> Gamma:
    return law.like(Gamma, concentration=law.concentration, rate=law.rate)


seen_as(InverseGamma, PowerOfGamma)(InverseGamma.power_of_gamma)


@family
class Levy(GammaPower, ExponentialFamily):
    r"""Lévy distribution that starts at 0, that of the inverse square of a normal variable.

    .. math:: p(x) = \sqrt{\frac{c}{2π}}\, x^{-3/2} e^{-c/2x}, \quad x > 0

    Parameters
    ----------
    scale : array
        Scale c, above 0.
    """

    domain = reals(0)
    scale: Any = parameter(POSITIVE)

    def power_of_gamma(self) -> PowerOfGamma:
        return self.like(PowerOfGamma, concentration=0.5, power=-1.0, scale=self.scale, rate=0.5)

    def natural(self) -> tuple[Array, ...]:
        return (-0.5 * self.scale,)

    def from_natural(self, natural: tuple[Array, ...]) -> Levy:
        return self.like(Levy, scale=-2 * natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < 0


seen_as(Levy, PowerOfGamma)(Levy.power_of_gamma)


@closed_form(
    Levy,
    Levy,
    formula=r"\frac12\left[\frac{c_Q}{c_P} - 1 - \log\frac{c_Q}{c_P}\right]",
    source="Nawa and Nadarajah (2024), Exact expressions for Kullback-Leibler divergence for univariate distributions",
)
def _levy(p: Levy, q: Levy) -> Array:
    return 0.5 * exp_gap(p.xp, log_ratio(p.xp, q.scale, p.scale))


recognise_alike(InverseGamma)


@recognise("scipy", "invgamma")
def _of_scipy(a: Any, scale: Any) -> InverseGamma:
    return InverseGamma(concentration=a, rate=scale)


@recognise("numpyro", "Levy")
def _levy_of_numpyro(law: Any) -> Family | None:
    base = Levy(**values_of(law, "scale"))
    if not inspectable(law.loc):
        return None
    return Affine(base, np.asarray(law.loc)) if np.any(np.asarray(law.loc) != 0) else base


@recognise("scipy", "levy")
def _levy_of_scipy(scale: Any) -> Levy:
    return Levy(scale=scale)
