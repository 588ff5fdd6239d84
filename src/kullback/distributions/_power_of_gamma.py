r"""Positive distributions of which a power is gamma distributed, and D between any two of them.

With Y = rate·(X/scale)^power of shape k, so that y^τ, τ = power_Q/power_P, is what Q sees of P's y,

.. math:: D = k_Q\,(e^x - 1 - x) + R, \quad x = \log\frac{E_P[y_Q]}{k_Q}, \quad
          R = S(k_P, k_Q) + k_Q\,G(k_P + 1, k_P + τ) + tε + ε - \log|1 + ε|

with t = k_Q/k_P − 1, ε = τ − 1, G the gap of log Γ and S that of its Stirling rest: R is what is left when Q's scale
is the best there is. Both parts are at least 0. D is inf where E_P[y_Q] is, at k_P + τ ≤ 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, Namespace, nowhere
from kullback.arrays._numeric import polynomial

from ._constraints import POSITIVE, Rule
from ._domain import reals
from ._family import Family, family, parameter
from ._gamma import lgamma_gap_by, log_gamma_normality, trigamma
from ._numeric import exp_gap, log_ratio, series_gap, stirling_gap
from ._registry import closed_form
from ._special import special

NONZERO = Rule("a finite number other than 0", lambda xp, x: xp.isfinite(x) & (x != 0))
_LARGE = 10
# Of ((1 + u)·log(1 + u) − u − u²/2)/u³, for u up to 1/8 in size.
_ENTROPY_REST = [(-1) ** n / (n * (n - 1)) for n in range(3, 22)]


@family
class PowerOfGamma(Family):
    """The distribution of X where rate·(X/scale)^power has a gamma distribution of unit rate.

    More parameters than needed, so that its members are seen as such without rounding.
    """

    domain = reals(0)
    concentration: Any = parameter(POSITIVE)
    power: Any = parameter(NONZERO)
    scale: Any = parameter(POSITIVE)
    rate: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        """Logarithm of the density at x."""
        f, k = special(self.xp), self.concentration
        z = x / self.scale
        logs = f.xlogy(self.power * k - 1, z) + self.xp.log(self.xp.abs(self.power) / self.scale)
        return logs + f.xlogy(k, self.rate) - self.rate * z**self.power - f.lgamma(k)

    def entropy(self) -> Array:
        """Differential entropy."""
        f, k = special(self.xp), self.concentration
        of_log = f.lgamma(k) - k * f.digamma(k) + k - self.xp.log(self.xp.abs(self.power))
        return of_log + self.log_mean()

    def mean(self) -> Array:
        """Mean."""
        return self.xp.exp(self.log_mean() + self.power_gap(1.0))

    def variance(self) -> Array:
        """Variance."""
        xp, mean, second = self.xp, self.mean(), self.power_gap(2.0)
        first = xp.where(second < math.inf, self.power_gap(1.0), xp.zeros_like(second))
        return mean * mean * xp.expm1(second - 2 * first)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        """Draws along the first axis."""
        k, power, scale, rate = (np.asarray(x) for x in self.given.values())
        draws: np.ndarray[Any, Any] = scale * (rng.gamma(k, 1.0, (count, *self.batch_shape)) / rate) ** (1 / power)
        return draws

    def log_mean(self) -> Array:
        """E log X."""
        f = special(self.xp)
        logs = f.digamma(self.concentration) - self.xp.log(self.rate)
        return self.xp.log(self.scale) + logs / self.power

    def log_variance(self) -> Array:
        """Variance of log X."""
        return trigamma(self.xp, self.concentration) / (self.power * self.power)

    def normality(self) -> Array:
        """D from log X to the normal of its moments."""
        return log_gamma_normality(self.xp, self.concentration) + 0 * self.power * self.scale * self.rate

    def power_gap(self, power: float) -> Array:
        """Log E X^power − power·E log X; inf where the moment is."""
        xp = self.xp
        step = power / self.power
        finite = self.concentration + step > 0
        gap = lgamma_gap_by(xp, self.concentration, xp.where(finite, step, xp.zeros_like(step)))
        return xp.where(finite, gap, xp.full_like(gap, math.inf))


class GammaPower(Family):
    """A family whose members are all of them powers of gamma variables: all that it has comes from there."""

    def power_of_gamma(self) -> PowerOfGamma:
        """Return the same distribution as a power of a gamma variable."""
        raise NotImplementedError

    def log_density(self, x: Array) -> Array:
        """Logarithm of the density at x."""
        return self.power_of_gamma().log_density(x)

    def entropy(self) -> Array:
        """Differential entropy."""
        return self.power_of_gamma().entropy()

    def mean(self) -> Array:
        """Mean."""
        return self.power_of_gamma().mean()

    def variance(self) -> Array:
        """Variance."""
        return self.power_of_gamma().variance()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        """Draws along the first axis."""
        return self.power_of_gamma().sample(rng, count)


@closed_form(
    PowerOfGamma,
    PowerOfGamma,
    formula=r"\log\frac{|p_P|\,a_Q^{d_Q}\,Γ(k_Q)}{|p_Q|\,a_P^{d_P}\,Γ(k_P)} "
    r"+ (d_P - d_Q)\left(\log a_P + \frac{ψ(k_P)}{p_P}\right) "
    r"+ \left(\frac{a_P}{a_Q}\right)^{p_Q}\frac{Γ(k_P + p_Q/p_P)}{Γ(k_P)} - k_P, \quad d = kp",
    source="Bauckhage (2014), Computing the Kullback-Leibler divergence between two generalized gamma distributions",
)
def kl(p: PowerOfGamma, q: PowerOfGamma) -> Array:
    """D(P‖Q)."""
    xp, k1, k2 = p.xp, p.concentration, q.concentration
    excess = (q.power - p.power) / p.power
    finite = k1 + q.power / p.power > 0
    excess = xp.where(finite, excess, xp.zeros_like(excess))
    gap = lgamma_gap_by(xp, k1 + 1, excess)
    log_mean_ratio = (
        q.power * log_ratio(xp, p.scale, q.scale)
        + (log_ratio(xp, q.rate, p.rate) - log_ratio(xp, k2, k1))
        + excess * (special(xp).digamma(k1 + 1) - xp.log(p.rate))
        + gap
    )
    log_size = log_ratio(xp, xp.abs(q.power), xp.abs(p.power))
    value = k2 * exp_gap(xp, log_mean_ratio) + shape_gap(xp, k1, k2, excess, log_size, gap)
    return xp.where(finite, value, xp.full_like(value, math.inf))


def entropy_rest(xp: Namespace, u: Array) -> Array:
    """(1 + u)·log(1 + u) − u − u²/2, of the third order in u."""
    near = xp.abs(u) <= 0.125
    v, w = xp.where(near, u, xp.zeros_like(u)), xp.where(near, xp.ones_like(u), u)
    return xp.where(near, v * v * v * polynomial(v, _ENTROPY_REST), (1 + w) * xp.log1p(w) - w - 0.5 * w * w)


def shape_gap(xp: Namespace, k1: Array, k2: Array, excess: Array, log_size: Array, gap: Array) -> Array:
    """R of the module's formula, from ε, log|1 + ε| and G(k_P + 1, k_P + 1 + ε)."""
    large = (k1 >= _LARGE) & (k2 >= _LARGE)
    value = _shape_gap_of_any(xp, k1, k2, excess, log_size, gap)
    if not nowhere(xp, large):
        value = xp.where(large, _shape_gap_of_large(xp, k1, k2, excess, log_size, large), value)
    # Rounding may leave a sum that is 0 by −1e-17.
    return xp.where(value > 0, value, 0 * value)


def _shape_gap_of_any(xp: Namespace, k1: Array, k2: Array, excess: Array, log_size: Array, gap: Array) -> Array:
    sizes = xp.where(excess > -1, exp_gap(xp, log_size), excess - log_size)
    return stirling_gap(xp, k1, k2) + k2 * gap + (k2 - k1) / k1 * excess + sizes


def _shape_gap_of_large(xp: Namespace, k1: Array, k2: Array, excess: Array, log_size: Array, large: Array) -> Array:
    """Both log-gammas are nearly normal: the gap of their variances first, then what is left, of 1/k."""
    t = (k2 - k1) / k1
    a = xp.where(large, k1, xp.full_like(t, float(_LARGE)))
    b = xp.where(large, k2, xp.full_like(t, float(_LARGE)))
    e = xp.where(large, excess, xp.zeros_like(t + excess))
    u = e / (a + 1)
    powers = (a + 1) * entropy_rest(xp, u) - 0.5 * (e / a) * (e / (a + 1)) + stirling_gap(xp, a + 1, a + 1 + e, e)
    variances = xp.where(large, _log_variance_ratio(xp, k1, k2, excess, log_size), xp.zeros_like(e))
    return 0.5 * exp_gap(xp, variances) + b * powers + series_gap(xp, a, b, b - a)


def _log_variance_ratio(xp: Namespace, k1: Array, k2: Array, e: Array, log_size: Array) -> Array:
    """Log of k2·(1 + ε)²/k1, also near 1."""
    t = (k2 - k1) / k1
    difference = t + (2 * e + e * e) * (1 + t)
    near = xp.abs(difference) <= 0.5
    far = log_ratio(xp, k2, k1) + 2 * log_size
    return xp.where(near, xp.log1p(xp.where(near, difference, xp.zeros_like(difference))), far)
