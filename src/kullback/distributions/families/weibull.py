"""The distributions of extremes: Weibull, Fréchet (inverse Weibull) and Gumbel, all one up to log and inverse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, Namespace
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._gamma import lgamma_gap_by
from kullback.distributions._numeric import exp_gap, log_ratio, ratio_gap
from kullback.distributions._power_of_gamma import GammaPower, PowerOfGamma
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._special import EULER

_BAUCKHAGE = "Bauckhage (2013), Computing the Kullback-Leibler divergence between two Weibull distributions"


@family
class Weibull(GammaPower):
    r"""Weibull distribution.

    .. math:: p(x) = \frac{c}{λ} \left(\frac{x}{λ}\right)^{c-1} e^{-(x/λ)^c}, \quad x > 0

    Parameters
    ----------
    scale : array
        Scale λ, above 0.
    concentration : array
        Shape c, above 0.
    """

    domain = reals(0)
    scale: Any = parameter(POSITIVE)
    concentration: Any = parameter(POSITIVE)

    def power_of_gamma(self) -> PowerOfGamma:
        return self.like(PowerOfGamma, concentration=1.0, power=self.concentration, scale=self.scale, rate=1.0)


@family
class Frechet(GammaPower):
    r"""Fréchet distribution, that of the inverse of a Weibull variable.

    .. math:: p(x) = \frac{c}{s} \left(\frac{x}{s}\right)^{-c-1} e^{-(x/s)^{-c}}, \quad x > 0

    Parameters
    ----------
    scale : array
        Scale s, above 0.
    concentration : array
        Shape c, above 0.
    """

    domain = reals(0)
    scale: Any = parameter(POSITIVE)
    concentration: Any = parameter(POSITIVE)

    def power_of_gamma(self) -> PowerOfGamma:
        return self.like(PowerOfGamma, concentration=1.0, power=-self.concentration, scale=self.scale, rate=1.0)


@family
class Gumbel(Family):
    r"""Gumbel distribution of maxima.

    .. math:: p(x) = \frac1β e^{-z - e^{-z}}, \quad z = \frac{x - μ}{β}

    Parameters
    ----------
    loc : array
        Mode μ.
    scale : array
        Scale β, above 0.
    """

    domain = reals()
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        z = (x - self.loc) / self.scale
        return -z - self.xp.exp(-z) - self.xp.log(self.scale)

    def entropy(self) -> Array:
        return self.xp.log(self.scale) + (1 + EULER) + 0 * self.loc

    def mean(self) -> Array:
        return self.loc + EULER * self.scale

    def variance(self) -> Array:
        return math.pi**2 / 6 * self.scale * self.scale + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.gumbel(np.asarray(self.loc), np.asarray(self.scale), (count, *self.batch_shape))


@family
class GumbelMin(Family):
    r"""Gumbel distribution of minima, that of the negative of a Gumbel variable.

    .. math:: p(x) = \frac1β e^{z - e^{z}}, \quad z = \frac{x - μ}{β}

    Parameters
    ----------
    loc : array
        Mode μ.
    scale : array
        Scale β, above 0.
    """

    domain = reals()
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        return _negated(self).log_density(-x)

    def entropy(self) -> Array:
        return _negated(self).entropy()

    def mean(self) -> Array:
        return self.loc - EULER * self.scale

    def variance(self) -> Array:
        return _negated(self).variance()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return -_negated(self).sample(rng, count)


def _negated(law: GumbelMin) -> Gumbel:
    return law.like(Gumbel, loc=-law.loc, scale=law.scale)


seen_as(GumbelMin, Gumbel, bijection="negative")(_negated)


def _extremes(xp: Namespace, shift: Array, a: Array, b: Array) -> Array:
    """D of Gumbel distributions, from (μ_Q − μ_P)/β_Q, β_P and β_Q: PowerOfGamma's formula for shapes of 1."""
    excess = (a - b) / b
    gap = lgamma_gap_by(xp, 2 + 0 * excess, excess)
    return exp_gap(xp, shift + excess * (1 - EULER) + gap) + gap + ratio_gap(xp, a, b)


@closed_form(
    Gumbel,
    Gumbel,
    formula=r"\log\frac{β_Q}{β_P} + γ\left(\frac{β_P}{β_Q} - 1\right) "
    r"+ e^{(μ_Q-μ_P)/β_Q}\,Γ\left(\frac{β_P}{β_Q} + 1\right) - 1 + \frac{μ_P-μ_Q}{β_Q}",
    source=_BAUCKHAGE,
)
def _gumbel(p: Gumbel, q: Gumbel) -> Array:
    return _extremes(p.xp, (q.loc - p.loc) / q.scale, p.scale, q.scale)


@closed_form(
    Gumbel,
    GumbelMin,
    formula=r"\log\frac{β_Q}{β_P} - 1 - γ - \frac{μ_P-μ_Q+γβ_P}{β_Q} "
    r"+ e^{(μ_P-μ_Q)/β_Q}\,Γ\left(1 - \frac{β_P}{β_Q}\right)",
    source="from the moment generating function; inf for β_P ≥ β_Q",
)
def _opposite(p: Gumbel, q: GumbelMin) -> Array:
    xp = p.xp
    ratio = p.scale / q.scale
    finite = ratio < 1
    ratio = xp.where(finite, ratio, xp.full_like(ratio, 0.5))
    # As for two Gumbel distributions, with ε = −β_P/β_Q − 1.
    excess = -ratio - 1
    gap = lgamma_gap_by(xp, 2 + 0 * excess, excess)
    mean = exp_gap(xp, (p.loc - q.loc) / q.scale + excess * (1 - EULER) + gap)
    value = mean + gap + excess - xp.log(ratio)
    return xp.where(finite, value, xp.full_like(value, math.inf))


@closed_form(
    GumbelMin,
    Gumbel,
    formula=r"\log\frac{β_Q}{β_P} - 1 - γ + \frac{μ_P-μ_Q-γβ_P}{β_Q} "
    r"+ e^{(μ_Q-μ_P)/β_Q}\,Γ\left(1 - \frac{β_P}{β_Q}\right)",
    source="from the moment generating function; inf for β_P ≥ β_Q",
)
def _opposite_negated(p: GumbelMin, q: Gumbel) -> Array:
    return _opposite(_negated(p), q.like(GumbelMin, loc=-q.loc, scale=q.scale))


def _weibull(p: Any, q: Any) -> Array:
    ratio = log_ratio(p.xp, p.scale, q.scale)
    shift = q.concentration * (ratio if isinstance(p, Weibull) else -ratio)
    return _extremes(p.xp, shift, q.concentration, p.concentration)


for _kind, _sign in ((Weibull, ""), (Frechet, "-")):
    seen_as(_kind, PowerOfGamma)(_kind.power_of_gamma)
    closed_form(
        _kind,
        _kind,
        formula=r"\log\frac{c_P}{c_Q} + \left(\frac{c_Q}{c_P} - 1\right)γ "
        rf"+ e^{{{_sign}c_Q\log(λ_P/λ_Q)}}\,Γ\left(\frac{{c_Q}}{{c_P}} + 1\right) - 1 "
        rf"- ({_sign}c_Q)\log\frac{{λ_P}}{{λ_Q}}",
        source=_BAUCKHAGE,
    )(_weibull)

recognise_alike(Weibull)
recognise_alike(Gumbel)


@recognise("scipy", "weibull_min")
def _weibull_of_scipy(c: Any, scale: Any) -> Weibull:
    return Weibull(scale=scale, concentration=c)


@recognise("scipy", "invweibull")
def _frechet_of_scipy(c: Any, scale: Any) -> Frechet:
    return Frechet(scale=scale, concentration=c)


@recognise("scipy", "gumbel_r")
def _gumbel_of_scipy(loc: Any, scale: Any) -> Gumbel:
    return Gumbel(loc=loc, scale=scale)


@recognise("scipy", "gumbel_l")
def _gumbel_min_of_scipy(loc: Any, scale: Any) -> GumbelMin:
    return GumbelMin(loc=loc, scale=scale)
