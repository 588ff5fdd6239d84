r"""Into Gumbel's distribution of maxima, from families with a moment generating function.

With z = (x − μ)/β, D(P‖Q) is M − 1 − log M for M = E_P[e^{−z}], and what is left at the best μ, which depends on the
scales alone.
"""

from __future__ import annotations

import math

from kullback.arrays._backend import Array, Namespace
from kullback.distributions._numeric import exp_gap, log_gap, log_ratio, stirling_rest, stirling_slope
from kullback.distributions._registry import closed_form
from kullback.distributions._special import LOG_2PI
from kullback.distributions.families.gamma import Gamma
from kullback.distributions.families.laplace import Laplace
from kullback.distributions.families.logistic import Logistic
from kullback.distributions.families.normal import Normal
from kullback.distributions.families.weibull import Gumbel


@closed_form(
    Normal,
    Gumbel,
    formula=r"\log\frac{β}{σ\sqrt{2πe}} + \frac{μ_P-μ_Q}{β} + \exp\left(\frac{μ_Q-μ_P}{β} + \frac{σ^2}{2β^2}\right)",
    source="torch.distributions.kl; from the moment generating function",
)
def _normal(p: Normal, q: Gumbel) -> Array:
    xp = p.xp
    ratio = p.scale / q.scale
    of_scales = 0.5 * exp_gap(xp, 2 * log_ratio(xp, p.scale, q.scale)) + (1 - 0.5 * LOG_2PI)
    return _with_moment(xp, (q.loc - p.loc) / q.scale, 0.5 * ratio * ratio, of_scales)


@closed_form(
    Gamma,
    Gumbel,
    formula=r"\log(βr) + (k-1)ψ(k) - \log Γ(k) - k + \frac{k/r-μ}{β} + e^{μ/β}\left(1 + \frac{1}{βr}\right)^{-k}",
    source="torch.distributions.kl; from the moment generating function",
)
def _gamma(p: Gamma, q: Gumbel) -> Array:
    xp, k = p.xp, p.concentration
    t = 1 / (q.scale * p.rate)
    slope = stirling_slope(xp, k)
    of_shape = 1 - 0.5 * LOG_2PI - stirling_rest(xp, k) + (k - 1) * slope
    of_scales = k * log_gap(xp, t) - xp.log(t) - 0.5 * xp.log(k) + of_shape
    return _with_moment(xp, q.loc / q.scale, -k * xp.log1p(t), of_scales)


def _with_moment(
    xp: Namespace, shift: Array, log_moment: Array, of_scales: Array, infinite: Array | bool = False
) -> Array:
    """D from the two parts of log M and what is left; inf where M is, and where its logarithm leaves the floats."""
    over = (xp.abs(shift) == math.inf) | (xp.abs(log_moment) == math.inf)
    log_mean = xp.where(over, xp.zeros_like(shift), shift) + xp.where(over, xp.zeros_like(log_moment), log_moment)
    value = exp_gap(xp, log_mean) + of_scales
    return xp.where(over | infinite, xp.full_like(value, math.inf), value)


@closed_form(
    Laplace,
    Gumbel,
    formula=r"\log\frac{β}{2eb} + \frac{μ_P-μ_Q}{β} + \frac{e^{(μ_Q-μ_P)/β}}{1 - b^2/β^2} \text{ for } b < β",
    source="from the moment generating function",
)
def _laplace(p: Laplace, q: Gumbel) -> Array:
    xp, ratio = p.xp, p.scale / q.scale
    infinite = ratio >= 1
    ratio = xp.where(infinite, xp.full_like(ratio, 0.5), ratio)
    room = xp.where(infinite, 0.5 * xp.ones_like(ratio), (q.scale - p.scale) / q.scale) * (1 + ratio)
    return _with_moment(xp, (q.loc - p.loc) / q.scale, -xp.log(room), -xp.log(2 * ratio * room), infinite)


@closed_form(
    Logistic,
    Gumbel,
    formula=r"\log\frac{β}{e^2s} + \frac{μ_P-μ_Q}{β} + e^{(μ_Q-μ_P)/β}\,\frac{πs/β}{\sin(πs/β)} \text{ for } s < β",
    source="from the moment generating function",
)
def _logistic(p: Logistic, q: Gumbel) -> Array:
    xp, ratio = p.xp, p.scale / q.scale
    infinite = ratio >= 1
    # sin(πr) = sin(π(1 − r)), from the smaller of the two.
    rest = (q.scale - p.scale) / q.scale
    ratio, rest = (xp.where(infinite, xp.full_like(x, 0.5), x) for x in (ratio, rest))
    log_sine = xp.log(xp.sin(math.pi * xp.where(ratio < rest, ratio, rest)))
    log_moment = xp.log(math.pi * ratio) - log_sine
    return _with_moment(xp, (q.loc - p.loc) / q.scale, log_moment, math.log(math.pi) - 1 - log_sine, infinite)
