"""The Laplace distribution, and the asymmetric one, which has another scale on each side."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, within
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._numeric import exp_gap, log_ratio, ratio_gap
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form, seen_as

# Quotients within this and its reciprocal multiply without over- or underflow.
_FAR = 1e100


@family
class Laplace(Family):
    r"""Laplace distribution.

    .. math:: p(x) = \frac{1}{2b} \exp\left(-\frac{|x - μ|}{b}\right)

    Parameters
    ----------
    loc : array
        Mean μ.
    scale : array
        Mean distance b from it, above 0.
    """

    domain = reals()
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        return -self.xp.abs(x - self.loc) / self.scale - self.xp.log(self.scale) - math.log(2)

    def entropy(self) -> Array:
        return 1 + math.log(2) + self.xp.log(self.scale) + 0 * self.loc

    def mean(self) -> Array:
        return self.loc + 0 * self.scale

    def variance(self) -> Array:
        return 2 * self.scale * self.scale + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.laplace(np.asarray(self.loc), np.asarray(self.scale), (count, *self.batch_shape))


@closed_form(
    Laplace,
    Laplace,
    formula=r"\log\frac{b_Q}{b_P} + \frac{|μ_P-μ_Q|}{b_Q} + \frac{b_P}{b_Q} e^{-|μ_P-μ_Q|/b_P} - 1",
    source="Gil, Alajaji and Linder (2013), Rényi divergence measures for commonly used univariate distributions",
)
def _kl(p: Laplace, q: Laplace) -> Array:
    xp = p.xp
    shift, ratio = xp.abs(p.loc - q.loc), p.scale / q.scale
    steps = shift / p.scale
    # Where a quotient leaves the floats, what is left of the product need not; an infinite gap of the scales is alone.
    if within(xp, 1 / _FAR, _FAR, ratio) and within(xp, -1.0, _FAR, steps):
        return ratio_gap(xp, p.scale, q.scale) + ratio * exp_gap(xp, -steps)
    far = (steps > _FAR) | (ratio > _FAR) | (ratio < 1 / _FAR)
    near = ratio * exp_gap(xp, -xp.where(far, xp.zeros_like(steps), steps))
    ratio = xp.where(xp.isfinite(ratio), ratio, xp.ones_like(ratio))
    beyond = shift / q.scale + ratio * xp.expm1(-steps)
    return ratio_gap(xp, p.scale, q.scale) + xp.where(far, beyond, near)


@family
class AsymmetricLaplace(Family):
    r"""Asymmetric Laplace distribution: exponential on each side of its mode.

    .. math::

        p(x) = \frac{1}{b(κ + 1/κ)}
        \begin{cases} e^{-κ(x - μ)/b} & x \ge μ \\ e^{-(μ - x)/(κb)} & x < μ \end{cases}

    Parameters
    ----------
    loc : array
        Mode μ.
    scale : array
        Scale b, above 0.
    asymmetry : array
        Asymmetry κ, above 0: 1 for the Laplace distribution, more to lean to the left.
    """

    domain = reals()
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)
    asymmetry: Any = parameter(POSITIVE)

    @property
    def right(self) -> Array:
        """Mean distance from the mode, of draws above it."""
        return self.scale / self.asymmetry

    @property
    def left(self) -> Array:
        """Mean distance from the mode, of draws below it."""
        return self.scale * self.asymmetry

    def log_density(self, x: Array) -> Array:
        z = x - self.loc
        return -self.xp.where(z >= 0, z / self.right, -z / self.left) - self.xp.log(self.left + self.right)

    def entropy(self) -> Array:
        return 1 + self.xp.log(self.left + self.right) + 0 * self.loc

    def mean(self) -> Array:
        return self.loc + self.right - self.left

    def variance(self) -> Array:
        return self.right * self.right + self.left * self.left + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        shape = (count, *self.batch_shape)
        right, left = np.asarray(self.right), np.asarray(self.left)
        draws: np.ndarray[Any, Any] = (
            np.asarray(self.loc) + right * rng.exponential(1, shape) - left * rng.exponential(1, shape)
        )
        return draws


@closed_form(
    AsymmetricLaplace,
    AsymmetricLaplace,
    formula=r"\log\frac{r_Q+l_Q}{r_P+l_P} - 1 + \frac{E_P(X-μ_Q)_+}{r_Q} + \frac{E_P(μ_Q-X)_+}{l_Q}, "
    r"\quad r = b/κ,\ l = bκ",
    source="Kotz, Kozubowski and Podgórski (2001), The Laplace distribution and generalizations, chapter 3: moments",
)
def _kl_asymmetric(p: AsymmetricLaplace, q: AsymmetricLaplace) -> Array:
    xp = p.xp
    # The scales of each side, then the share of each side, as of Bernoulli distributions: parts that are at least 0.
    log_asymmetries = log_ratio(xp, p.asymmetry, q.asymmetry)
    log_scales = log_ratio(xp, p.scale, q.scale)
    whole = p.left + p.right
    share_right, share_left = p.right / whole, p.left / whole
    scales = share_right * exp_gap(xp, log_scales - log_asymmetries)
    scales = scales + share_left * exp_gap(xp, log_scales + log_asymmetries)
    squares = p.asymmetry * p.asymmetry
    log_rights = xp.log1p((q.asymmetry - p.asymmetry) * (q.asymmetry + p.asymmetry) / (1 + squares))
    shares = share_right * exp_gap(xp, -log_rights) + share_left * exp_gap(xp, -2 * log_asymmetries - log_rights)
    # What a shift adds: near, the slope and the curvature on the side that it goes to; far, what it is.
    shift = p.loc - q.loc
    distance = xp.abs(shift)
    inner, outer = xp.where(shift >= 0, p.left, p.right), xp.where(shift >= 0, q.right, q.left)
    weight = inner / whole * inner * (1 / q.left + 1 / q.right)
    far = distance > inner
    close = xp.where(far, xp.zeros_like(shift), shift)
    slope = close / whole * (p.scale / q.scale) * -2 * xp.sinh(log_asymmetries)
    near = slope + weight * exp_gap(xp, -xp.abs(close) / inner)
    beyond = distance / outer + weight * xp.expm1(-distance / inner)
    return scales + shares + xp.where(far, beyond, near)


@seen_as(Laplace, AsymmetricLaplace)
def _as_asymmetric(law: Laplace) -> AsymmetricLaplace:
    return law.like(AsymmetricLaplace, loc=law.loc, scale=law.scale, asymmetry=1.0)


recognise_alike(Laplace)
recognise_alike(AsymmetricLaplace, libraries=("numpyro",))


@recognise("scipy", "laplace")
def _of_scipy(loc: Any, scale: Any) -> Laplace:
    return Laplace(loc=loc, scale=scale)


@recognise("scipy", "laplace_asymmetric")
def _asymmetric_of_scipy(kappa: Any, loc: Any, scale: Any) -> AsymmetricLaplace:
    return AsymmetricLaplace(loc=loc, scale=scale, asymmetry=kappa)
