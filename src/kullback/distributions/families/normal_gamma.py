"""A normal distribution whose precision is gamma distributed, of a number or a vector, and its variance form."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE, POSITIVE_DEFINITE, REAL, VECTOR
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._linear import Scatter, relative, sum_of_squares
from kullback.distributions._numeric import ratio_gap
from kullback.distributions._registry import closed_form, find, seen_as
from kullback.distributions._special import LOG_2PI, special

from .gamma import Gamma

_SOURCE = "Soch and Allefeld (2016), Kullback-Leibler divergence for the normal-gamma distribution"


def _between(p: Any, q: Any) -> Array:
    form = find(Gamma, Gamma)
    assert form is not None
    return form.compute(p.precision_law, q.precision_law)


@family
class NormalGamma(Family):
    r"""Normal-gamma distribution of x and its precision τ: an event is (x, τ).

    .. math:: τ \sim \mathrm{Gamma}(α, β), \quad x \mid τ \sim \mathrm{Normal}(μ, 1/(λτ))

    Parameters
    ----------
    loc : array
        Mean μ of x.
    pseudo_count : array
        λ, above 0: how many observations the mean is worth.
    concentration : array
        Shape α, above 0.
    rate : array
        Rate β, above 0.
    """

    domain = Domain("vector and number")
    loc: Any = parameter(REAL)
    pseudo_count: Any = parameter(POSITIVE)
    concentration: Any = parameter(POSITIVE)
    rate: Any = parameter(POSITIVE)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def precision_law(self) -> Gamma:
        """The distribution of the precision."""
        return self.like(Gamma, concentration=self.concentration, rate=self.rate)

    def log_density(self, x: Array) -> Array:
        value, precision = x[..., 0], x[..., 1]
        weight = self.pseudo_count * precision
        inner = 0.5 * (self.xp.log(weight) - LOG_2PI - weight * (value - self.loc) ** 2)
        return inner + self.precision_law.log_density(precision)

    def entropy(self) -> Array:
        log_precision = special(self.xp).digamma(self.concentration) - self.xp.log(self.rate)
        inner = 0.5 * (1 + LOG_2PI - self.xp.log(self.pseudo_count) - log_precision)
        return inner + self.precision_law.entropy() + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        precision = self.precision_law.sample(rng, count)
        spread = 1 / np.sqrt(np.asarray(self.pseudo_count) * precision)
        value = np.asarray(self.loc) + spread * rng.normal(size=(count, *self.batch_shape))
        return np.stack(np.broadcast_arrays(value, precision), axis=-1)


@closed_form(
    NormalGamma,
    NormalGamma,
    formula=r"\frac12\left[\frac{α_P}{β_P}λ_Q(μ_P-μ_Q)^2 + \frac{λ_Q}{λ_P} - 1 - \log\frac{λ_Q}{λ_P}\right] "
    r"+ D(\mathrm{Gamma}_P‖\mathrm{Gamma}_Q)",
    source=_SOURCE,
)
def _kl(p: NormalGamma, q: NormalGamma) -> Array:
    shift = (p.loc - q.loc) ** 2 * (q.pseudo_count * (p.concentration / p.rate))
    return 0.5 * (shift + ratio_gap(p.xp, q.pseudo_count, p.pseudo_count)) + _between(p, q)


@family
class NormalInverseGamma(Family):
    r"""Normal-inverse-gamma distribution of x and its variance σ²: an event is (x, σ²).

    .. math:: 1/σ^2 \sim \mathrm{Gamma}(α, β), \quad x \mid σ^2 \sim \mathrm{Normal}(μ, σ^2/λ)

    Parameters
    ----------
    loc : array
        Mean μ of x.
    pseudo_count : array
        λ, above 0: how many observations the mean is worth.
    concentration : array
        Shape α, above 0.
    rate : array
        Scale β of the variance, the rate of the precision; above 0.
    """

    domain = Domain("vector and number")
    loc: Any = parameter(REAL)
    pseudo_count: Any = parameter(POSITIVE)
    concentration: Any = parameter(POSITIVE)
    rate: Any = parameter(POSITIVE)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (2,)

    def log_density(self, x: Array) -> Array:
        precision = 1 / x[..., 1]
        image = self.xp.stack([x[..., 0] + 0 * precision, precision], axis=-1)
        return _by_precision(self).log_density(image) + 2 * self.xp.log(precision)

    def entropy(self) -> Array:
        log_precision = special(self.xp).digamma(self.concentration) - self.xp.log(self.rate)
        return _by_precision(self).entropy() - 2 * log_precision

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = _by_precision(self).sample(rng, count)
        draws[..., 1] = 1 / draws[..., 1]
        return draws


def _by_precision(law: NormalInverseGamma) -> NormalGamma:
    return law.like(NormalGamma, **law.given)


seen_as(NormalInverseGamma, NormalGamma, bijection="variance of precision")(_by_precision)


@family
class MultivariateNormalGamma(Family):
    r"""Normal-gamma distribution of a vector x and a factor τ of its precision: an event is (x₁, …, xₙ, τ).

    .. math:: τ \sim \mathrm{Gamma}(α, β), \quad x \mid τ \sim \mathrm{Normal}(μ, (τΛ)^{-1})

    Parameters
    ----------
    loc : array
        Mean μ of x.
    precision_matrix : array
        Λ, symmetric and positive definite.
    concentration : array
        Shape α, above 0.
    rate : array
        Rate β, above 0.
    """

    domain = Domain("vector and number")
    loc: Any = parameter(VECTOR)
    precision_matrix: Any = parameter(POSITIVE_DEFINITE)
    concentration: Any = parameter(POSITIVE)
    rate: Any = parameter(POSITIVE)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1] + 1,)

    @property
    def precision_law(self) -> Gamma:
        """The distribution of the factor of the precision."""
        return self.like(Gamma, concentration=self.concentration, rate=self.rate)

    @property
    def scatter(self) -> Scatter:
        """Λ⁻¹, by its inverse."""
        return Scatter(self.xp, inverse=self.precision_matrix)

    def log_density(self, x: Array) -> Array:
        value, precision = x[..., :-1], x[..., -1]
        squares = sum_of_squares(self.xp, self.scatter.whiten(value - self.loc))
        scale = self.loc.shape[-1] * (self.xp.log(precision) - LOG_2PI) - self.scatter.log_det()
        return 0.5 * (scale - precision * squares) + self.precision_law.log_density(precision)

    def entropy(self) -> Array:
        log_precision = special(self.xp).digamma(self.concentration) - self.xp.log(self.rate)
        inner = self.loc.shape[-1] * (1 + LOG_2PI - log_precision) + self.scatter.log_det()
        return 0.5 * inner + self.precision_law.entropy() + 0 * self.loc[..., 0]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        precision = np.broadcast_to(self.precision_law.sample(rng, count), (count, *self.batch_shape))[..., None]
        noise = rng.normal(size=(count, *self.batch_shape, self.loc.shape[-1], 1))
        value = np.asarray(self.loc) + (np.asarray(self.scatter.factor) @ noise)[..., 0] / np.sqrt(precision)
        return np.concatenate([value, precision], axis=-1)


@closed_form(
    MultivariateNormalGamma,
    MultivariateNormalGamma,
    formula=r"\frac12\left[\frac{α_P}{β_P}(μ_P-μ_Q)^\top Λ_Q(μ_P-μ_Q) + \operatorname{tr}(Λ_QΛ_P^{-1}) - n "
    r"- \log\frac{|Λ_Q|}{|Λ_P|}\right] + D(\mathrm{Gamma}_P‖\mathrm{Gamma}_Q)",
    source=_SOURCE,
)
def _vector(p: MultivariateNormalGamma, q: MultivariateNormalGamma) -> Array:
    shift = sum_of_squares(p.xp, q.scatter.whiten(p.loc - q.loc)) * (p.concentration / p.rate)
    return 0.5 * (shift + relative(p.scatter, q.scatter).gap()) + _between(p, q)
