"""Laws whose probabilities are c_j·x^j over their sum, near x = 0, where they are all but certain of j = 0."""

from __future__ import annotations

from kullback.arrays._backend import Array, Namespace, device
from kullback.arrays._numeric import blocked_sum

from ._numeric import exp_gap, log_ratio, weighed_gap


def small_power_series_divergence(xp: Namespace, x: Array, y: Array, coefficients: list[float]) -> Array:
    r"""Return D of the law at x > 0 to that at y > 0: that of the measures not normalised, less that of their totals.

    .. math:: T(x)\,D = \sum_j c_j\left[x^j \log\frac{x^j}{y^j} - x^j + y^j\right]
              - \left[T(x)\log\frac{T(x)}{T(y)} - T(x) + T(y)\right], \quad T(x) = \sum_j c_j x^j

    Neither bracket loses digits where x is near to y, nor does their difference where x is small: then the first
    outweighs the second.
    """
    c = xp.asarray(coefficients[1:], dtype=x.dtype, device=device(x))
    j = xp.arange(1, len(coefficients), dtype=x.dtype, device=device(x))
    ratio = j * log_ratio(xp, y, x)[..., None]
    p, q = x[..., None] ** j, y[..., None] ** j
    never = xp.zeros_like(ratio) != 0
    gap = blocked_sum(xp, c * weighed_gap(xp, p, q, ratio, never, never))
    total = coefficients[0] + blocked_sum(xp, c * p)
    wide = ratio > 1
    step = blocked_sum(xp, c * xp.where(wide, q - p, p * xp.expm1(xp.where(wide, xp.zeros_like(ratio), ratio))))
    return (gap - total * exp_gap(xp, xp.log1p(step / total))) / total
