"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array, Namespace
from kullback.distributions._constraints import POSITIVE_VECTOR
from kullback.distributions._domain import Domain
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._numeric import products, relative_entropy, stirling_gap
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form
from kullback.distributions._special import special


@family
class Dirichlet(ExponentialFamily):
    r"""Dirichlet distribution, over probabilities.

    .. math:: p(x) = \frac{Γ(\sum_i α_i)}{\prod_i Γ(α_i)} \prod_i x_i^{α_i-1}, \quad x_i > 0,\ \sum_i x_i = 1

    Parameters
    ----------
    concentration : array
        α, above 0.
    """

    domain = Domain("simplex")
    concentration: Any = parameter(POSITIVE_VECTOR)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.concentration.shape[-1],)

    @property
    def total(self) -> Array:
        """Sum of the concentrations."""
        return self.xp.sum(self.concentration, axis=-1)

    def _log_normaliser(self) -> Array:
        f = special(self.xp)
        return self.xp.sum(f.lgamma(self.concentration), axis=-1) - f.lgamma(self.total)

    def log_density(self, x: Array) -> Array:
        terms = special(self.xp).xlogy(self.concentration - 1, x)
        return self.xp.sum(terms, axis=-1) - self._log_normaliser()

    def entropy(self) -> Array:
        f, a = special(self.xp), self.concentration
        means = f.digamma(a) - f.digamma(self.total)[..., None]
        return self._log_normaliser() - self.xp.sum((a - 1) * means, axis=-1)

    def mean(self) -> Array:
        return self.concentration / self.total[..., None]

    def variance(self) -> Array:
        mean = self.mean()
        return mean * (1 - mean) / (self.total + 1)[..., None]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = rng.gamma(np.asarray(self.concentration), size=(count, *self.concentration.shape))
        return np.asarray(draws / draws.sum(axis=-1, keepdims=True))

    def natural(self) -> tuple[Array, ...]:
        return (self.concentration,)

    def from_natural(self, natural: tuple[Array, ...]) -> Dirichlet:
        return self.like(Dirichlet, concentration=natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return self.xp.all(natural[0] > 0, axis=-1)


@closed_form(
    Dirichlet,
    Dirichlet,
    formula=r"\log\frac{Γ(α_0)}{Γ(β_0)} - \sum_i\left[\log\frac{Γ(α_i)}{Γ(β_i)} "
    r"- (α_i-β_i)(ψ(α_i) - ψ(α_0))\right],\ α_0 = \sum_i α_i",
    source="Penny (2001), Kullback-Liebler divergences of normal, gamma, Dirichlet and Wishart densities",
)
def _kl(p: Dirichlet, q: Dirichlet) -> Array:
    xp, zero = p.xp, 0 * (p.concentration + q.concentration)
    a, b = p.concentration + zero, q.concentration + zero
    change = b - a
    (total, rest), (grown, grown_rest) = _exact_sum(xp, a), _exact_sum(xp, change)
    # Between the means, weighed by the sum of β: a·β₀ − b·α₀ = a·Σ(b − a) − (b − a)·Σa, by exact sums and products.
    cross = products(xp, a, grown, change, total) + (a * grown_rest - change * rest)
    other = xp.sum(b, axis=-1)[..., None]
    means = relative_entropy(xp, b, a * (other / total), -cross / total)
    # Between the shapes: what Stirling's formula leaves out, at least 0 together.
    shapes = stirling_gap(xp, a, b)
    whole = stirling_gap(xp, total[..., 0], other[..., 0], grown[..., 0])
    return xp.sum(means, axis=-1) + (xp.sum(shapes, axis=-1) - whole)


def _exact_sum(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """Sum along the last axis, as a column, and what rounding left out of it (Knuth's two-sum, by halves)."""
    rest = xp.zeros_like(x)
    while x.shape[-1] > 1:
        if x.shape[-1] % 2:
            x, rest = (xp.concat([y, xp.zeros_like(y[..., :1])], axis=-1) for y in (x, rest))
        half = x.shape[-1] // 2
        left, right = x[..., :half], x[..., half:]
        x = left + right
        part = x - left
        error = (left - (x - part)) + (right - part)
        rest = rest[..., :half] + rest[..., half:] + error
    return x, rest


recognise_alike(Dirichlet)


@recognise("scipy", "dirichlet_frozen")
def _of_scipy(law: Any) -> Dirichlet:
    return Dirichlet(concentration=law.alpha)
