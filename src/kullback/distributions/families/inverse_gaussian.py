"""The inverse Gaussian (Wald) distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._gamma import expint_scaled
from kullback.distributions._numeric import ratio_gap
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form


@family
class InverseGaussian(ExponentialFamily):
    r"""Inverse Gaussian distribution.

    .. math:: p(x) = \sqrt{\frac{λ}{2πx^3}} \exp\left(-\frac{λ(x - μ)^2}{2μ^2x}\right), \quad x > 0

    Parameters
    ----------
    loc : array
        Mean μ, above 0.
    concentration : array
        Shape λ, above 0; μ³/λ is the variance.
    """

    domain = reals(0)
    loc: Any = parameter(POSITIVE)
    concentration: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        z = (x - self.loc) / self.loc
        xp, shape = self.xp, self.concentration
        return 0.5 * (xp.log(shape) - math.log(2 * math.pi) - 3 * xp.log(x)) - 0.5 * shape * z * z / x

    def entropy(self) -> Array:
        return self.log_mean() + self.log_entropy()

    def mean(self) -> Array:
        return self.loc + 0 * self.concentration

    def variance(self) -> Array:
        return self.loc**3 / self.concentration

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.wald(np.asarray(self.loc), np.asarray(self.concentration), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return -0.5 * self.concentration / (self.loc * self.loc), -0.5 * self.concentration

    def from_natural(self, natural: tuple[Array, ...]) -> InverseGaussian:
        first, second = natural
        return self.like(InverseGaussian, loc=self.xp.sqrt(second / first), concentration=-2 * second)

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        # A first parameter of 0 is Lévy's distribution.
        return (natural[0] < 0) & (natural[1] < 0)

    def _spread(self) -> Array:
        """Log E X − E log X = e^2φ·E₁(2φ), φ = λ/μ."""
        return expint_scaled(self.xp, 2 * self.concentration / self.loc)

    def log_mean(self) -> Array:
        """E log X."""
        return self.xp.log(self.loc) - self._spread()

    def log_entropy(self) -> Array:
        """H(log X)."""
        scale = self.xp.log(self.loc / self.concentration)
        return 0.5 * (1 + math.log(2 * math.pi) + scale - self._spread())

    def power_gap(self, power: int) -> Array:
        """Log E X^power − power·E log X, for powers of −2, −1, 1 and 2 (those of the rest need Bessel functions)."""
        y = self.loc / self.concentration
        excess = {1: 0 * y, -1: y, 2: y, -2: 3 * y * (1 + y)}[power]
        return self.xp.log1p(excess) + power * self._spread()


@closed_form(
    InverseGaussian,
    InverseGaussian,
    formula=r"\frac12\left[\frac{λ_Q}{λ_P} - 1 - \log\frac{λ_Q}{λ_P}\right] "
    r"+ \frac{λ_Q(μ_P-μ_Q)^2}{2μ_Pμ_Q^2}",
    source="Nawa and Nadarajah (2024), Exact expressions for Kullback-Leibler divergence for univariate distributions",
)
def _kl(p: InverseGaussian, q: InverseGaussian) -> Array:
    return between_means(p.loc, q) + 0.5 * ratio_gap(p.xp, q.concentration, p.concentration)


def between_means(mean: Array, q: InverseGaussian) -> Array:
    """D from the inverse Gaussian distribution of Q's shape and another mean."""
    shift = (mean - q.loc) / q.loc
    return 0.5 * (q.concentration / mean) * shift * shift


@recognise("scipy", "invgauss")
def _of_scipy(mu: Any, scale: Any) -> InverseGaussian:
    return InverseGaussian(loc=mu * scale, concentration=scale)


@recognise("scipy", "wald")
def _wald_of_scipy(scale: Any) -> InverseGaussian:
    return InverseGaussian(loc=scale, concentration=scale)
