"""Lengths of normal vectors: chi, half-normal, Rayleigh, Maxwell and Nakagami distributions."""

from __future__ import annotations

from typing import Any

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._numeric import exp_gap, log_ratio
from kullback.distributions._power_of_gamma import GammaPower, PowerOfGamma
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form, seen_as


@family
class Chi(GammaPower, ExponentialFamily):
    r"""Chi distribution with a scale.

    .. math:: p(x) = \frac{2^{1-ν/2}}{σ\,Γ(ν/2)} \left(\frac{x}{σ}\right)^{ν-1} e^{-x^2/2σ^2}, \quad x > 0

    Parameters
    ----------
    df : array
        Degrees of freedom ν, above 0.
    scale : array
        Scale σ, above 0; 1 unless given.
    """

    domain = reals(0)
    df: Any = parameter(POSITIVE)
    scale: Any = parameter(POSITIVE, default=1.0)

    def power_of_gamma(self) -> PowerOfGamma:
        return self.like(PowerOfGamma, concentration=0.5 * self.df, power=2.0, scale=self.scale, rate=0.5)

    def natural(self) -> tuple[Array, ...]:
        return self.df, -0.5 / (self.scale * self.scale)

    def from_natural(self, natural: tuple[Array, ...]) -> Chi:
        return self.like(Chi, df=natural[0], scale=self.xp.sqrt(-0.5 / natural[1]))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return (natural[0] > 0) & (natural[1] < 0)


@family
class Nakagami(GammaPower, ExponentialFamily):
    r"""Nakagami distribution.

    .. math:: p(x) = \frac{2m^m}{Γ(m)\,s} \left(\frac{x}{s}\right)^{2m-1} e^{-mx^2/s^2}, \quad x > 0

    Parameters
    ----------
    concentration : array
        Shape m, above 0.
    scale : array
        Root mean square s = √Ω, above 0.
    """

    domain = reals(0)
    concentration: Any = parameter(POSITIVE)
    scale: Any = parameter(POSITIVE)

    def power_of_gamma(self) -> PowerOfGamma:
        m = self.concentration
        return self.like(PowerOfGamma, concentration=m, power=2.0, scale=self.scale, rate=m)

    def natural(self) -> tuple[Array, ...]:
        return self.concentration, -self.concentration / (self.scale * self.scale)

    def from_natural(self, natural: tuple[Array, ...]) -> Nakagami:
        return self.like(Nakagami, concentration=natural[0], scale=self.xp.sqrt(-natural[0] / natural[1]))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return (natural[0] > 0) & (natural[1] < 0)


class _Length(GammaPower, ExponentialFamily):
    """The length of a normal vector of a fixed number of dimensions."""

    dimensions = 1.0
    scale: Any

    def power_of_gamma(self) -> PowerOfGamma:
        return self.like(PowerOfGamma, concentration=self.dimensions / 2, power=2.0, scale=self.scale, rate=0.5)

    def natural(self) -> tuple[Array, ...]:
        return (-0.5 / (self.scale * self.scale),)

    def from_natural(self, natural: tuple[Array, ...]) -> Any:
        return self.like(type(self), scale=self.xp.sqrt(-0.5 / natural[0]))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < 0


@family
class HalfNormal(_Length):
    r"""Half-normal distribution.

    .. math:: p(x) = \frac{\sqrt2}{σ\sqrtπ} e^{-x^2/2σ^2}, \quad x > 0

    Parameters
    ----------
    scale : array
        Standard deviation σ of the normal distribution that it is the upper half of, above 0.
    """

    domain = reals(0)
    dimensions = 1.0
    scale: Any = parameter(POSITIVE)


@family
class Rayleigh(_Length):
    r"""Rayleigh distribution.

    .. math:: p(x) = \frac{x}{σ^2} e^{-x^2/2σ^2}, \quad x > 0

    Parameters
    ----------
    scale : array
        Scale σ, above 0.
    """

    domain = reals(0)
    dimensions = 2.0
    scale: Any = parameter(POSITIVE)


@family
class Maxwell(_Length):
    r"""Maxwell distribution.

    .. math:: p(x) = \sqrt{\frac2π} \frac{x^2}{σ^3} e^{-x^2/2σ^2}, \quad x > 0

    Parameters
    ----------
    scale : array
        Scale σ, above 0.
    """

    domain = reals(0)
    dimensions = 3.0
    scale: Any = parameter(POSITIVE)


def _of_scales(p: Any, q: Any) -> Array:
    return 0.5 * p.dimensions * exp_gap(p.xp, 2 * log_ratio(p.xp, p.scale, q.scale))


for _kind, _formula in (
    (HalfNormal, r"\frac12\left[\frac{σ_P^2}{σ_Q^2} - 1 - \log\frac{σ_P^2}{σ_Q^2}\right]"),
    (Rayleigh, r"\frac{σ_P^2}{σ_Q^2} - 1 - \log\frac{σ_P^2}{σ_Q^2}"),
    (Maxwell, r"\frac32\left[\frac{σ_P^2}{σ_Q^2} - 1 - \log\frac{σ_P^2}{σ_Q^2}\right]"),
):
    seen_as(_kind, PowerOfGamma)(_kind.power_of_gamma)
    closed_form(
        _kind, _kind, formula=_formula, source="Gil, Alajaji and Linder (2013), Rényi divergence measures, table 2"
    )(_of_scales)

seen_as(Chi, PowerOfGamma)(Chi.power_of_gamma)
seen_as(Nakagami, PowerOfGamma)(Nakagami.power_of_gamma)


recognise_alike(HalfNormal)


@recognise("scipy", "halfnorm")
def _half_normal_of_scipy(scale: Any) -> HalfNormal:
    return HalfNormal(scale=scale)


@recognise("scipy", "rayleigh")
def _rayleigh_of_scipy(scale: Any) -> Rayleigh:
    return Rayleigh(scale=scale)


@recognise("scipy", "maxwell")
def _maxwell_of_scipy(scale: Any) -> Maxwell:
    return Maxwell(scale=scale)


@recognise("scipy", "chi")
def _chi_of_scipy(df: Any, scale: Any) -> Chi:
    return Chi(df=df, scale=scale)


@recognise("scipy", "nakagami")
def _nakagami_of_scipy(nu: Any, scale: Any) -> Nakagami:
    return Nakagami(concentration=nu, scale=scale)
