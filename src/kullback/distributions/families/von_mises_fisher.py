"""The von Mises-Fisher distribution, of directions in any dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, Namespace, device
from kullback.distributions._constraints import DIRECTION, NONNEGATIVE
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._linear import constant, sum_of_squares
from kullback.distributions._numeric import exp_gap
from kullback.distributions._recognise import recognise
from kullback.distributions._registry import closed_form


@family
class VonMisesFisher(Family):
    r"""Von Mises-Fisher distribution, of directions: vectors of length 1.

    .. math:: p(x) = \frac{κ^{n/2-1}}{(2π)^{n/2} I_{n/2-1}(κ)} \exp(κ\,μ^\top x)

    Parameters
    ----------
    loc : array
        Mean direction μ, of length 1 and n ≥ 2 coordinates.
    concentration : array
        κ, at least 0.
    """

    domain = Domain("sphere")
    loc: Any = parameter(DIRECTION)
    concentration: Any = parameter(NONNEGATIVE)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1],)

    @property
    def along(self) -> Along:
        """The distribution of the cosine μᵀx."""
        return Along(self.xp, self.concentration, self.loc.shape[-1])

    def _log_area(self) -> float:
        """Logarithm of the area of the sphere of one dimension less."""
        half: float = 0.5 * (self.loc.shape[-1] - 1)
        return math.log(2) + half * math.log(math.pi) - math.lgamma(half)

    def log_density(self, x: Array) -> Array:
        miss = 0.5 * sum_of_squares(self.xp, x - self.loc)
        return -self.concentration * miss - self.along.log_mass() - self._log_area()

    def entropy(self) -> Array:
        along = self.along
        return self.concentration * along.mean_miss() + along.log_mass() + self._log_area() + 0 * self.loc[..., 0]

    def mean(self) -> Array:
        return self.along.mean()[..., None] * self.loc

    def variance(self) -> Array:
        along, squares = self.along, self.loc * self.loc
        across = along.mean_across() / (self.loc.shape[-1] - 1)
        return squares * along.variance()[..., None] + (1 - squares) * across[..., None]

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        from scipy.stats import vonmises_fisher

        shape, n = self.batch_shape, self.loc.shape[-1]
        loc = np.broadcast_to(np.asarray(self.loc), (*shape, n)).reshape(-1, n)
        concentration = np.broadcast_to(np.asarray(self.concentration), shape).ravel()
        # SciPy has no uniform distribution under this name: that of so small a κ is it.
        draws = [
            vonmises_fisher(m / np.linalg.norm(m), max(k, 1e-300)).rvs(count, random_state=rng)
            for m, k in zip(loc, concentration, strict=True)
        ]
        return np.stack(draws, axis=1).reshape(count, *shape, n)


class Along:
    r"""The cosine t of the angle to the mean direction, of density proportional to (1 − t²)^((n−3)/2)·exp(κt).

    With t = tanh v the integrals are of smooth functions that fall off at both ends, on which the trapezoidal rule is
    exact to rounding (Trefethen and Weideman, 2014, The exponentially convergent trapezoidal rule); all their terms
    are positive.
    """

    def __init__(self, xp: Namespace, concentration: Array, n: int) -> None:
        self.xp, self.concentration, self.n = xp, concentration, n
        step = min(0.12, 0.35 / math.sqrt(n - 1))
        reach = math.ceil((38 / (n - 1) + 9 / math.sqrt(n - 1)) / step)
        kappa = constant(concentration)
        slope = 2 / ((n - 1) + xp.sqrt((n - 1.0) ** 2 + 4 * kappa * kappa))
        peak = xp.log1p(kappa * slope) - 0.5 * xp.log((n - 1) * slope)
        grid = step * xp.astype(xp.arange(-reach, reach + 1, device=device(concentration)), concentration.dtype)
        v = peak[..., None] + grid
        size = xp.abs(v)
        # Near one end of the line, 1 − |t| is what has the digits: e^(−2|v|) is at most 1.
        small = xp.exp(-2 * size)
        short = 2 * small / (1 + small)
        self.miss = xp.where(v < 0, 2 - short, short)
        self.across = short * (2 - short)
        log_cosh = size + xp.log1p(small) - math.log(2)
        self._logs = -concentration[..., None] * self.miss - (n - 1) * log_cosh
        top = constant(xp.max(self._logs, axis=-1, keepdims=True))
        weights = xp.exp(self._logs - top)
        total = xp.sum(weights, axis=-1, keepdims=True)
        self.weights = weights / total
        self._log_total = (xp.log(total) + top)[..., 0] + math.log(step)

    def log_mass(self) -> Array:
        """Logarithm of the integral of (1 − t²)^((n−3)/2)·exp(κ(t − 1))."""
        return self._log_total

    def expect(self, values: Array) -> Array:
        """Mean of a function of t, given at the nodes."""
        return self.xp.sum(self.weights * values, axis=-1)

    def mean_miss(self) -> Array:
        """E (1 − t)."""
        return self.expect(self.miss)

    def mean_across(self) -> Array:
        """E (1 − t²)."""
        return self.expect(self.across)

    def mean(self) -> Array:
        """E t, by parts: no difference of two halves."""
        return self.concentration * self.mean_across() / (self.n - 1)

    def variance(self) -> Array:
        """Variance of t."""
        off = self.miss - self.mean_miss()[..., None]
        return self.expect(off * off)


@closed_form(
    VonMisesFisher,
    VonMisesFisher,
    formula=r"\log\frac{C(κ_P)}{C(κ_Q)} + (κ_P - κ_Q\,μ_P^\top μ_Q)\frac{I_{n/2}(κ_P)}{I_{n/2-1}(κ_P)},\ "
    r"C(κ) = \frac{κ^{n/2-1}}{(2π)^{n/2}I_{n/2-1}(κ)}",
    source="Diethe (2015), A note on the Kullback-Leibler divergence for the von Mises-Fisher distribution",
)
def _kl(p: VonMisesFisher, q: VonMisesFisher) -> Array:
    xp, change = p.xp, q.concentration - p.concentration
    ours = p.like(VonMisesFisher, loc=p.loc, concentration=p.concentration + 0 * change).along
    turn = q.concentration * ours.mean() * (0.5 * sum_of_squares(xp, p.loc - q.loc))
    # The gap of the log-normaliser is log E exp((κ_Q − κ_P)(t − E t)), whose exponent has mean 0.
    centred = ours.mean_miss()[..., None] - ours.miss
    size, kappa = xp.abs(constant(change)), constant(p.concentration)
    near = (size * xp.sqrt(constant(ours.variance())) <= 1) & ((size <= 0.5 * kappa) | (size <= 1))
    step = xp.where(near, change, xp.zeros_like(change))
    # Where a weight is too small for a number, the power may be too large for one.
    power = xp.where(ours.weights > 0, step[..., None] * centred, xp.zeros_like(centred))
    close = xp.log1p(ours.expect(exp_gap(xp, power)))
    theirs = Along(xp, q.concentration + 0 * change, ours.n)
    apart = theirs.log_mass() - ours.log_mass() + ours.mean_miss() * change
    return turn + xp.where(near, close, apart)


@recognise("scipy", "vonmises_fisher_frozen")
def _of_scipy(law: Any) -> VonMisesFisher:
    return VonMisesFisher(loc=np.asarray(law.mu, float), concentration=float(law.kappa))
