"""The half-Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form


@family
class HalfCauchy(Family):
    r"""Half-Cauchy distribution, that of the size of a Cauchy variable around 0.

    .. math:: p(x) = \frac{2}{πs\,(1 + x^2/s^2)}, \quad x > 0

    Parameters
    ----------
    scale : array
        Scale s, above 0.
    """

    domain = reals(0)
    scale: Any = parameter(POSITIVE)

    def log_density(self, x: Array) -> Array:
        z = x / self.scale
        return math.log(2 / math.pi) - self.xp.log(self.scale) - self.xp.log1p(z * z)

    def entropy(self) -> Array:
        return self.xp.log(2 * math.pi * self.scale)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws: np.ndarray[Any, Any] = np.abs(rng.standard_cauchy((count, *self.batch_shape))) * np.asarray(self.scale)
        return draws


@closed_form(
    HalfCauchy,
    HalfCauchy,
    formula=r"\log\frac{(s_P + s_Q)^2}{4s_Ps_Q}",
    source="Chyzak and Nielsen (2019), A closed-form formula for the Kullback-Leibler divergence between Cauchy "
    "distributions: folded at 0, both lose the same",
)
def _kl(p: HalfCauchy, q: HalfCauchy) -> Array:
    xp = p.xp
    # log(1 + d²) with d² = (s_P − s_Q)²/4s_Ps_Q; far apart, log((1 + r)²/4r) with r the smaller over the larger.
    larger, smaller = xp.where(p.scale > q.scale, p.scale, q.scale), xp.where(p.scale > q.scale, q.scale, p.scale)
    share = smaller / larger
    near = share > 0.5
    inner = xp.where(near, share, xp.ones_like(share))
    far = 2 * xp.log1p(share) - 2 * math.log(2) + xp.log(larger) - xp.log(smaller)
    difference = xp.where(near, (larger - smaller) / larger, xp.zeros_like(share))
    return xp.where(near, xp.log1p(difference * difference / (4 * inner)), far)


recognise_alike(HalfCauchy)


@recognise("scipy", "halfcauchy")
def _of_scipy(scale: Any) -> HalfCauchy:
    return HalfCauchy(scale=scale)
