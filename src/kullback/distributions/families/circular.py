"""Distributions on the circle: von Mises and wrapped Cauchy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._circle import concentration_gap, log_normaliser_rest, mean_length, short_of_one
from kullback.distributions._constraints import INSIDE_UNIT, POSITIVE, REAL
from kullback.distributions._domain import Domain
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import log_gap
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form
from kullback.distributions._special import special
from kullback.distributions.structures.transformed import Affine


@family
class VonMises(ExponentialFamily):
    r"""Von Mises distribution, of angles in radians.

    .. math:: p(x) = \frac{e^{κ\cos(x - μ)}}{2π I_0(κ)}

    Parameters
    ----------
    loc : array
        Mean direction μ.
    concentration : array
        κ, above 0.
    """

    domain = Domain("circle", -math.pi, math.pi)
    loc: Any = parameter(REAL)
    concentration: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        xp, half = self.xp, self.xp.sin((x - self.loc) / 2)
        scaled = xp.log(special(xp).i0e(self.concentration))
        return -2 * self.concentration * half * half - scaled - math.log(2 * math.pi)

    def entropy(self) -> Array:
        xp, k = self.xp, self.concentration
        return math.log(2 * math.pi) + xp.log(special(xp).i0e(k)) + k * short_of_one(xp, k) + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.vonmises(np.asarray(self.loc), np.asarray(self.concentration), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return self.concentration * self.xp.cos(self.loc), self.concentration * self.xp.sin(self.loc)

    def from_natural(self, natural: tuple[Array, ...]) -> VonMises:
        xp, (x, y) = self.xp, natural
        length = xp.sqrt(x * x + y * y)
        # Opposite directions that cancel leave the uniform distribution, which any direction is the mean of.
        least = float(xp.finfo(length.dtype).smallest_normal)
        return self.like(
            VonMises, loc=xp.atan2(y, x), concentration=xp.where(length > 0, length, xp.full_like(length, least))
        )

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] == natural[0]


@closed_form(
    VonMises,
    VonMises,
    formula=r"\log\frac{I_0(κ_Q)}{I_0(κ_P)} + \frac{I_1(κ_P)}{I_0(κ_P)}\left[κ_P - κ_Q\cos(μ_P-μ_Q)\right]",
    source="Kitagawa and Rowley (2022), von Mises-Fisher distributions and their statistical divergence",
)
def _kl(p: VonMises, q: VonMises) -> Array:
    xp = p.xp
    half = xp.sin((p.loc - q.loc) / 2)
    turned = 2 * half * half * q.concentration * mean_length(xp, p.concentration)
    return concentration_gap(xp, p.concentration, q.concentration) + turned


@family
class WrappedCauchy(Family):
    r"""Wrapped Cauchy distribution, of angles in radians.

    .. math:: p(x) = \frac{1 - ρ^2}{2π\left[1 + ρ^2 - 2ρ\cos(x - μ)\right]}

    Parameters
    ----------
    loc : array
        Mean direction μ.
    concentration : array
        Length ρ of the mean of the unit vector, above 0 and below 1.
    """

    domain = Domain("circle", -math.pi, math.pi)
    loc: Any = parameter(REAL)
    concentration: Any = parameter(INSIDE_UNIT)

    @property
    def room(self) -> Array:
        """1 − ρ²."""
        return (1 - self.concentration) * (1 + self.concentration)

    def log_density(self, x: Array) -> Array:
        xp, c, half = self.xp, self.concentration, self.xp.sin((x - self.loc) / 2)
        return xp.log(self.room) - xp.log((1 - c) * (1 - c) + 4 * c * half * half) - math.log(2 * math.pi)

    def entropy(self) -> Array:
        return math.log(2 * math.pi) + self.xp.log(self.room) + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        share = rng.random((count, *self.batch_shape)) - 0.5
        c = np.asarray(self.concentration)
        angle = np.asarray(self.loc) + 2 * np.arctan((1 - c) / (1 + c) * np.tan(np.pi * share))
        return np.asarray(np.remainder(angle + np.pi, 2 * np.pi) - np.pi)


@closed_form(
    WrappedCauchy,
    WrappedCauchy,
    formula=r"\log\frac{1 + ρ_P^2ρ_Q^2 - 2ρ_Pρ_Q\cos(μ_P-μ_Q)}{(1-ρ_P^2)(1-ρ_Q^2)}",
    source="McCullagh (1996), Möbius transformation and Cauchy parameter estimation: the kernel of Poisson is "
    "harmonic, so E log|1 − z̄e^{iX}| is its value at ρe^{iμ}",
)
def _kl_wrapped(p: WrappedCauchy, q: WrappedCauchy) -> Array:
    # The numerator is the denominator and the squared distance of ρ_P·e^(iμ_P) from ρ_Q·e^(iμ_Q).
    xp = p.xp
    half = xp.sin((p.loc - q.loc) / 2)
    radial = p.concentration - q.concentration
    distance = radial * radial + 4 * p.concentration * q.concentration * half * half
    return xp.log1p(distance / p.room / q.room)


@closed_form(
    WrappedCauchy,
    VonMises,
    formula=r"\log I_0(κ) - \log(1-ρ^2) - κρ\cos(μ_P-μ_Q)",
    source="Jammalamadaka and SenGupta (2001), Topics in circular statistics, chapter 2: the first moment is ρe^{iμ}",
)
def _kl_wrapped_von_mises(p: WrappedCauchy, q: VonMises) -> Array:
    xp, c, k = p.xp, p.concentration, q.concentration
    half = xp.sin((p.loc - q.loc) / 2)
    near = k <= 2
    # Both near uniform: the squared distance of ρ·e^(iμ) from (κ/2)·e^(iν), and what is beyond the second order.
    low = xp.where(near, k, xp.ones_like(k))
    square = (c - low / 2) * (c - low / 2) + 2 * c * low * half * half
    inner = xp.where(c < 0.5, c, 0.5 * xp.ones_like(c))
    of_room = xp.where(c < 0.5, log_gap(xp, -inner * inner), -xp.log(p.room) - c * c)
    close = square + log_normaliser_rest(xp, low, of_room)
    short = (1 - c) + 2 * c * half * half
    return xp.where(near, close, xp.log(special(xp).i0e(k)) + k * short - xp.log(p.room))


recognise_alike(VonMises)


@recognise("scipy", "vonmises")
def _of_scipy(kappa: Any, loc: Any) -> VonMises:
    return VonMises(loc=loc, concentration=kappa)


@recognise("scipy", "wrapcauchy")
def _wrapped_of_scipy(c: Any, loc: Any) -> Affine:
    # SciPy's is on the line, from loc to loc + 2π, and so with another loc of another support.
    return Affine(WrappedCauchy(loc=math.pi + 0 * np.asarray(loc, float), concentration=c), np.asarray(loc) + math.pi)
