r"""Into the generalized gamma distributions and all that they hold, from positive families that know their moments.

With y = rate·(x/scale)^power, which Q holds to be gamma distributed of shape k, g = log E_P[y] − E_P[log y] and H the
entropy under P of log y,

.. math:: D(P‖Q) = k\,(e^x - 1 - x) + \tfrac12\,(2gk - 1 - \log 2gk) + \mathrm{rest}(k)
          + \left[\tfrac12 \log(2πe·2g) - H\right], \quad x = \log\frac{E_P[y]}{k}

where rest is Stirling's. The bracket depends on the shape of P alone, and is 0 for a log-normal one.
"""

from __future__ import annotations

import math
from typing import Any

from kullback.arrays._backend import Array
from kullback.distributions._family import Family
from kullback.distributions._gamma import lgamma_gap_by
from kullback.distributions._numeric import exp_gap, log_ratio, ratio_gap, stirling_rest
from kullback.distributions._power_of_gamma import GammaPower, PowerOfGamma, shape_gap
from kullback.distributions._registry import closed_form
from kullback.distributions._special import EULER, LOG_2PI
from kullback.distributions.families.chi import Chi, HalfNormal, Maxwell, Nakagami, Rayleigh
from kullback.distributions.families.gamma import Exponential, Gamma
from kullback.distributions.families.generalized_gamma import gamma_as_power
from kullback.distributions.families.inverse_gamma import InverseGamma, Levy
from kullback.distributions.families.inverse_gaussian import InverseGaussian
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.pareto import Lomax, Pareto

FORMULA = (
    r"\log\frac{Γ(k)}{|p|} + pk\log a - (pk - 1)\,E_P[\log x] + \frac{E_P[x^p]}{a^p} - H(P)"
)  # fmt: skip
_SOURCE = "from the moments of P and Stacy (1962), A generalization of the gamma distribution"


def _log_mean_ratio(p: Any, q: PowerOfGamma, gap: Array) -> Array:
    """Log of E[y]/k."""
    xp = p.xp
    return q.power * (p.log_mean() - xp.log(q.scale)) + xp.log(q.rate / q.concentration) + gap


def apart_from_shape(p: Any, q: PowerOfGamma, gap: Array) -> Array:
    """D(P‖Q) but for the bracket."""
    xp, k = p.xp, q.concentration
    means = k * exp_gap(xp, _log_mean_ratio(p, q, gap))
    return means + 0.5 * exp_gap(xp, xp.log(2 * gap * k)) + stirling_rest(xp, k)


@closed_form(LogNormal, PowerOfGamma, formula=FORMULA, source=_SOURCE)
def _log_normal(p: LogNormal, q: PowerOfGamma) -> Array:
    return apart_from_shape(p, q, p.power_gap(q.power))


@closed_form(Pareto, PowerOfGamma, formula=FORMULA, source=_SOURCE)
def _pareto(p: Pareto, q: PowerOfGamma) -> Array:
    xp = p.xp
    gap = p.power_gap(q.power)
    finite = gap < math.inf
    gap = xp.where(finite, gap, xp.ones_like(gap))
    share = q.power / p.alpha
    value = apart_from_shape(p, q, gap) + 0.5 * (LOG_2PI - 1 + xp.log(2 * gap / (share * share)))
    return xp.where(finite, value, xp.full_like(value, math.inf))


@closed_form(
    Pareto,
    Exponential,
    formula=r"\frac{α\,m λ}{α-1} - \log\frac{mλ}{α} - 1 - \frac1α \text{ for } α > 1",
    source="torch.distributions.kl; from the mean and the entropy of P",
)
def _pareto_exponential(p: Pareto, q: Exponential) -> Array:
    xp, finite = p.xp, p.alpha > 1
    a = xp.where(finite, p.alpha, xp.full_like(p.alpha, 2.0))
    excess = a - 1
    means = ratio_gap(xp, q.rate * p.scale, excess / a)
    value = means + (xp.log(a) - log_ratio(xp, excess, a) - 1 / a)
    return xp.where(finite, value, xp.full_like(value, math.inf))


@closed_form(Lomax, PowerOfGamma, formula=FORMULA, source=_SOURCE)
def _lomax(p: Lomax, q: PowerOfGamma) -> Array:
    # X/s is E/G of an exponential variable and a gamma one of shape α: what D is for E alone, and what G adds.
    xp, k = p.xp, q.concentration
    finite = (p.alpha > q.power) & (q.power > -1)
    power = xp.where(finite, q.power, xp.zeros_like(p.alpha + q.power))
    added = lgamma_gap_by(xp, p.alpha + 0 * power, -power)
    excess = power - 1
    gap = lgamma_gap_by(xp, 2 + 0 * excess, excess)
    # Of E: its own gap, from 1 to 1 + p, is G(2, 1 + p) + ε + γ… by the step from 1 to 2.
    own = gap + excess + EULER
    log_size = xp.log(xp.abs(xp.where(finite, q.power, xp.ones_like(power))))
    means = k * exp_gap(xp, power * (p.log_mean() - xp.log(q.scale)) + xp.log(q.rate / k) + own + added)
    value = means + shape_gap(xp, xp.ones_like(k + excess), k, excess, log_size, gap) + k * added - p.heavier()
    return xp.where(finite, value, xp.full_like(value, math.inf))


def _register_inverse_gaussian(family: type[Family], power: int) -> None:
    @closed_form(InverseGaussian, family, formula=FORMULA, source=_SOURCE)
    def compute(p: InverseGaussian, q: Any) -> Array:
        view = q.power_of_gamma() if isinstance(q, GammaPower) else gamma_as_power(q)
        gap = p.power_gap(power)
        own = p.power_gap(1)
        # H(log X) = ½·log(2πe·μ/λ) − g₁/2.
        shape = 0.5 * (p.xp.log(2 * gap * p.concentration / p.loc) + own) - math.log(abs(power))
        return apart_from_shape(p, view, gap) + shape


for _family, _power in (
    (Gamma, 1), (InverseGamma, -1), (Levy, -1), (Chi, 2), (Nakagami, 2), (HalfNormal, 2), (Rayleigh, 2), (Maxwell, 2),
):  # fmt: skip
    _register_inverse_gaussian(_family, _power)
