r"""Into the uniform distribution: how much wider it is than the support of P, and how far P is from even."""

from __future__ import annotations

import math

from kullback.arrays._backend import Array
from kullback.distributions._registry import closed_form
from kullback.distributions._tilt import tilt_gap
from kullback.distributions.families.beta import Beta, between_betas
from kullback.distributions.families.continuous_bernoulli import ContinuousBernoulli
from kullback.distributions.families.kumaraswamy import Kumaraswamy, from_uniform
from kullback.distributions.families.uniform import Triangular, Uniform, log_widths

_FORMULA = r"\log(h - l) - H(P)"
_SOURCE = "Cover and Thomas (2006), Elements of information theory, theorem 8.6.5 and its proof"


def _wider(q: Uniform) -> Array:
    """Logarithm of the width of a uniform distribution over that of [0, 1]."""
    zero = q.xp.zeros_like(q.low)
    return log_widths(q, zero, zero + 1)


@closed_form(Beta, Uniform, formula=_FORMULA, source=_SOURCE)
def _beta(p: Beta, q: Uniform) -> Array:
    return between_betas(p, p.like(Beta, concentration1=1.0, concentration0=1.0)) + _wider(q)


@closed_form(Kumaraswamy, Uniform, formula=_FORMULA, source=_SOURCE)
def _kumaraswamy(p: Kumaraswamy, q: Uniform) -> Array:
    return from_uniform(p, p.concentration1) + _wider(q)


@closed_form(ContinuousBernoulli, Uniform, formula=_FORMULA, source=_SOURCE)
def _continuous_bernoulli(p: ContinuousBernoulli, q: Uniform) -> Array:
    return tilt_gap(p.xp, p.tilt, p.xp.zeros_like(p.tilt), -p.tilt) + _wider(q)


@closed_form(Triangular, Uniform, formula=r"\log\frac{2(h_Q-l_Q)}{h_P-l_P} - \frac12", source=_SOURCE)
def _triangular(p: Triangular, q: Uniform) -> Array:
    return log_widths(q, p.low, p.high) + (math.log(2) - 0.5) + 0 * p.mode
