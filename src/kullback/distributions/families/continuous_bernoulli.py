"""The continuous Bernoulli distribution: an exponential one cut to [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import INSIDE_UNIT, REAL
from kullback.distributions._domain import reals
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._numeric import log_ratio
from kullback.distributions._recognise import recognise, was_checked
from kullback.distributions._registry import closed_form
from kullback.distributions._tilt import log_sinhc, tilt_entropy, tilt_gap, tilt_shift, tilt_variance


@family
class ContinuousBernoulli(ExponentialFamily):
    r"""Continuous Bernoulli distribution.

    .. math:: p(x) = C(λ) λ^x (1 - λ)^{1 - x}, \quad 0 < x < 1

    Parameters
    ----------
    probs : array
        λ, above 0 and below 1; ½ for the uniform distribution.
    logits : array
        log(λ/(1 − λ)), in place of `probs`.
    """

    domain = reals(0, 1)
    one_of = (("probs", "logits"),)
    probs: Any = parameter(INSIDE_UNIT, default=None)
    logits: Any = parameter(REAL, default=None)

    @property
    def tilt(self) -> Array:
        """Natural parameter, log(λ/(1 − λ))."""
        if self.logits is not None:
            return self.logits
        # 2λ − 1 has no rounding error near λ = ½, where 1 − λ has.
        return log_ratio(self.xp, self.probs, 1 - self.probs, 2 * (self.probs - 0.5))

    def log_density(self, x: Array) -> Array:
        eta = self.tilt
        return eta * (x - 0.5) - log_sinhc(self.xp, eta)

    def entropy(self) -> Array:
        return tilt_entropy(self.xp, self.tilt)

    def mean(self) -> Array:
        return 0.5 + tilt_shift(self.xp, self.tilt)

    def variance(self) -> Array:
        return tilt_variance(self.xp, self.tilt)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        eta = np.asarray(self.tilt)
        share = rng.random((count, *self.batch_shape))
        # Drawn from the heavy end, so that nothing overflows.
        size = np.maximum(np.abs(eta), 1e-8)
        near_end = -np.log1p(share * np.expm1(-size)) / size
        return np.asarray(np.where(np.abs(eta) < 1e-8, share, np.where(eta > 0, 1 - near_end, near_end)))

    def natural(self) -> tuple[Array, ...]:
        return (self.tilt,)

    def from_natural(self, natural: tuple[Array, ...]) -> ContinuousBernoulli:
        return self.like(ContinuousBernoulli, logits=natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] == natural[0]


@closed_form(
    ContinuousBernoulli,
    ContinuousBernoulli,
    formula=r"\log\frac{C(λ_P)}{C(λ_Q)} + μ_P\log\frac{λ_P}{λ_Q} + (1-μ_P)\log\frac{1-λ_P}{1-λ_Q}, "
    r"\quad μ_P = E_P X",
    source="Loaiza-Ganem and Cunningham (2019), The continuous Bernoulli: fixing a pervasive error in variational "
    "autoencoders",
)
def _kl(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Array:
    xp = p.xp
    if p.probs is None or q.probs is None:
        return tilt_gap(xp, p.tilt, q.tilt, q.tilt - p.tilt)
    others = log_ratio(xp, 1 - q.probs, 1 - p.probs, p.probs - q.probs)
    return tilt_gap(xp, p.tilt, q.tilt, log_ratio(xp, q.probs, p.probs) - others)


def _make(law: Any) -> ContinuousBernoulli:
    # The parameter that it was made of has all the digits.
    name = "probs" if "probs" in law.__dict__ else "logits"
    values = {name: getattr(law, name)}
    return ContinuousBernoulli.trusted(**values) if was_checked(law) else ContinuousBernoulli(**values)


recognise("torch", "ContinuousBernoulli")(_make)
