"""The generalized gamma distribution, of which a power is gamma distributed."""

from __future__ import annotations

from typing import Any

from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._family import family, parameter
from kullback.distributions._power_of_gamma import NONZERO, GammaPower, PowerOfGamma
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import seen_as
from kullback.distributions.families.gamma import Gamma


@family
class GeneralizedGamma(GammaPower):
    r"""Generalized gamma distribution (Stacy, 1962); for negative powers, its inverse.

    .. math:: p(x) = \frac{|p|}{a\,Γ(k)} \left(\frac{x}{a}\right)^{pk-1} e^{-(x/a)^p}, \quad x > 0

    Parameters
    ----------
    concentration : array
        Shape k of the gamma variable (X/a)^p, above 0.
    power : array
        The power p, not 0.
    scale : array
        Scale a, above 0.
    """

    domain = reals(0)
    concentration: Any = parameter(POSITIVE)
    power: Any = parameter(NONZERO)
    scale: Any = parameter(POSITIVE)

    def power_of_gamma(self) -> PowerOfGamma:
        return self.like(PowerOfGamma, concentration=self.concentration, power=self.power, scale=self.scale, rate=1.0)


seen_as(GeneralizedGamma, PowerOfGamma)(GeneralizedGamma.power_of_gamma)


def gamma_as_power(law: Gamma) -> PowerOfGamma:
    """Return a gamma distribution as a power of a gamma variable."""
    return law.like(PowerOfGamma, concentration=law.concentration, power=1.0, scale=1.0, rate=law.rate)


seen_as(Gamma, PowerOfGamma)(gamma_as_power)


@recognise("scipy", "gengamma")
def _of_scipy(a: Any, c: Any, scale: Any) -> GeneralizedGamma:
    return GeneralizedGamma(concentration=a, power=c, scale=scale)
