r"""Ratios of gamma variables, scaled: what Lomax, F and beta prime distributions are, and D between any two of them.

.. math:: p(x) = \frac{(x/s)^{α-1} (1 + x/s)^{-α-β}}{s\,B(α, β)}, \quad x > 0

D is that of beta distributions, and what the scales add to it: E log(1 + X/s_Q), which is E log(W + lZ)/W of gamma
variables of shapes β and α, with l = s_P/s_Q.
"""

from __future__ import annotations

from typing import Any

from kullback.arrays._backend import Array, Namespace

from ._constraints import POSITIVE
from ._domain import reals
from ._family import Family, family, parameter
from ._gamma import lgamma_gap_by
from ._gamma_sums import NEAR_RATIO, log_growth, log_growth_beyond_first
from ._numeric import log_gap, log_ratio, stirling_rest, stirling_slope
from ._registry import closed_form
from ._special import LOG_2PI, special
from .families.beta import Beta, between_betas


@family
class ScaledBetaPrime(Family):
    """The distribution of s·Z/W, of gamma variables of shapes α and β, with s = scale/rate.

    More parameters than needed, so that its members are seen as such without rounding.
    """

    domain = reals(0)
    concentration1: Any = parameter(POSITIVE)
    concentration0: Any = parameter(POSITIVE)
    scale: Any = parameter(POSITIVE)
    rate: Any = parameter(POSITIVE)

    def odds_as_beta(self) -> Beta:
        """Return the distribution of x/(s + x)."""
        return self.like(Beta, concentration1=self.concentration1, concentration0=self.concentration0)


@closed_form(
    ScaledBetaPrime,
    ScaledBetaPrime,
    formula=r"\log\frac{B(α_Q,β_Q)\,s_Q^{α_Q}}{B(α_P,β_P)\,s_P^{α_P}} + (α_P - α_Q)\,E_P\log X "
    r"+ (α_Q + β_Q)\,E_P\log\left(1 + \tfrac{X}{s_Q}\right) - (α_P + β_P)\,E_P\log\left(1 + \tfrac{X}{s_P}\right)",
    source="by definition, with E log(1 + X/s) from the Laplace transform of gamma variables (Frullani's integral)",
)
def _kl(p: ScaledBetaPrime, q: ScaledBetaPrime) -> Array:
    xp = p.xp
    log_l = log_ratio(xp, p.scale, q.scale) - log_ratio(xp, p.rate, q.rate)
    a, b, other_a, other_b, log_l = xp.broadcast_arrays(
        p.concentration1, p.concentration0, q.concentration1, q.concentration0, log_l
    )
    near = xp.abs(log_l) <= NEAR_RATIO
    zero = xp.zeros_like(log_l)
    excess = xp.expm1(xp.where(near, log_l, zero))
    # Of first order in l − 1, and 0 where the shapes are in proportion.
    slope = ((other_b - b) * a - (other_a - a) * b) / (a + b)
    beyond = (other_a + other_b) * log_growth_beyond_first(xp, b, a, excess, zero)
    close = between_betas(p.odds_as_beta(), q.odds_as_beta())
    close = close + other_a * log_gap(xp, excess) + slope * excess + beyond
    far = _apart(xp, a, b, other_a, other_b, xp.where(near, zero, log_l))
    value = xp.where(near, close, far)
    # Rounding may leave a sum that is 0 by less than it.
    return xp.where(value > 0, value, 0 * value)


def _apart(xp: Namespace, a: Array, b: Array, other_a: Array, other_b: Array, log_l: Array) -> Array:
    """D by its terms; of 1/X where that leaves Q the smaller ones."""
    flip = other_a > other_b
    a, b = xp.where(flip, b, a), xp.where(flip, a, b)
    other_a, other_b = xp.where(flip, other_b, other_a), xp.where(flip, other_a, other_b)
    log_l = xp.where(flip, -log_l, log_l)
    f = special(xp)
    logs = f.digamma(a) - f.digamma(b) + log_l
    grown = log_growth(xp, b, a, log_l, xp.zeros_like(log_l))
    # Log B(α_Q, β_Q) by the gap of log Γ from the larger shape on.
    of_q = f.lgamma(other_a) - lgamma_gap_by(xp, other_b, other_a) - f.digamma(other_b) * other_a
    return of_q - other_a * logs + (other_a + other_b) * grown - _own(xp, a) - _own(xp, b) + _own(xp, a + b)


def _own(xp: Namespace, x: Array) -> Array:
    """Log Γ(x) − x·ψ(x) + x."""
    return 0.5 * (LOG_2PI - xp.log(x)) + stirling_rest(xp, x) - x * stirling_slope(xp, x)
