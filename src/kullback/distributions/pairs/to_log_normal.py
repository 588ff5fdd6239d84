r"""Into the log-normal distributions, from positive families that know the first two moments of log X.

.. math:: D(P‖Q) = D(N(m, v)‖N(μ, σ^2)) + \left[\tfrac12\log(2πe·v) - H(\log X)\right]

with m and v the mean and the variance of log X: the bracket depends on the shape of P alone.
"""

from __future__ import annotations

from typing import Any

from kullback.arrays._backend import Array
from kullback.distributions._family import Family
from kullback.distributions._numeric import exp_gap, log_ratio
from kullback.distributions._power_of_gamma import PowerOfGamma
from kullback.distributions._registry import closed_form
from kullback.distributions.families.lognormal import LogNormal
from kullback.distributions.families.pareto import Lomax, Pareto


def into_log_normal(p: Any, q: LogNormal) -> Array:
    """D(P‖Q) of a positive distribution that knows the moments of its logarithm."""
    xp = p.xp
    shift = (p.log_mean() - q.loc) / q.scale
    variances = exp_gap(xp, log_ratio(xp, p.log_variance(), q.scale * q.scale))
    return 0.5 * (shift * shift + variances) + p.normality()


_FAMILIES: tuple[type[Family], ...] = (PowerOfGamma, Pareto, Lomax)
for _family in _FAMILIES:
    closed_form(
        _family,
        LogNormal,
        formula=r"\log(σ\sqrt{2π}) + E_P[\log x] + \frac{E_P[(\log x - μ)^2]}{2σ^2} - H(P)",
        source="from the moments of log X under P",
    )(into_log_normal)
