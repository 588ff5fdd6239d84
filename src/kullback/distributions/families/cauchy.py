"""The Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, within
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form

# Beyond this, squares might overflow and what they are added to is lost in their last bit.
_FAR = 1e100


@family
class Cauchy(Family):
    r"""Cauchy distribution.

    .. math:: p(x) = \frac{1}{πγ\left[1 + (x - x_0)^2/γ^2\right]}

    Parameters
    ----------
    loc : array
        Median :math:`x_0`.
    scale : array
        Half the interquartile range γ, above 0.
    """

    domain = reals()
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        z = (x - self.loc) / self.scale
        return -self.xp.log1p(z * z) - self.xp.log(self.scale) - math.log(math.pi)

    def entropy(self) -> Array:
        return math.log(4 * math.pi) + self.xp.log(self.scale) + 0 * self.loc

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = rng.standard_cauchy((count, *self.batch_shape))
        result: np.ndarray[Any, Any] = np.asarray(self.loc) + np.asarray(self.scale) * draws
        return result


@closed_form(
    Cauchy,
    Cauchy,
    formula=r"\log\frac{(γ_P + γ_Q)^2 + (x_P - x_Q)^2}{4 γ_P γ_Q}",
    source="Chyzak and Nielsen (2019), A closed-form formula for the Kullback-Leibler divergence between Cauchy "
    "distributions",
)
def _kl(p: Cauchy, q: Cauchy) -> Array:
    # (γ_P + γ_Q)² = 4·γ_P·γ_Q + (γ_P − γ_Q)²: what is added to 1 is a square of distances.
    xp = p.xp
    middle = 2 * xp.sqrt(p.scale) * xp.sqrt(q.scale)
    scales, locs = xp.abs(p.scale - q.scale), xp.abs(p.loc - q.loc)
    a, b = scales / middle, locs / middle
    if within(xp, -1.0, _FAR, a, b):
        return xp.log1p(a * a + b * b)
    far = (a > _FAR) | (b > _FAR)
    larger, smaller = xp.where(scales > locs, scales, locs), xp.where(scales > locs, locs, scales)
    zero = xp.zeros_like(larger)
    a, b = xp.where(far, zero, a), xp.where(far, zero, b)
    ratio = smaller / xp.where(far, larger, xp.ones_like(larger))
    apart = 2 * (xp.log(xp.where(far, larger, middle)) - xp.log(middle)) + xp.log1p(xp.where(far, ratio * ratio, zero))
    return xp.where(far, apart, xp.log1p(a * a + b * b))


recognise_alike(Cauchy)


@recognise("scipy", "cauchy")
def _of_scipy(loc: Any, scale: Any) -> Cauchy:
    return Cauchy(loc=loc, scale=scale)
