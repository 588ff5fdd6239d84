"""Student's t distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback.arrays._backend import Array
from kullback.distributions._constraints import POSITIVE, REAL
from kullback.distributions._domain import reals
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._gamma_sums import NEAR_RATIO, NEAR_SHIFT, log_growth, log_growth_beyond_first
from kullback.distributions._numeric import log_gap, log_ratio
from kullback.distributions._recognise import recognise, recognise_alike
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._shape import half_step, half_step_gap, half_step_slope
from kullback.distributions.families.cauchy import Cauchy


@family
class StudentT(Family):
    r"""Student's t distribution, with a location and a scale.

    .. math::

        p(x) = \frac{Γ\left(\frac{ν+1}{2}\right)}{Γ\left(\frac{ν}{2}\right)\sqrt{πν}\,σ}
        \left(1 + \frac{(x - μ)^2}{νσ^2}\right)^{-(ν+1)/2}

    Parameters
    ----------
    df : array
        Degrees of freedom ν, above 0.
    loc : array
        Median μ.
    scale : array
        Scale σ, above 0.

    Notes
    -----
    Of two of them D has 12 digits for ν_P ≥ 1; below, fewer where the medians lie more than e^40 scales apart.
    """

    domain = reals()
    df: Any = parameter(POSITIVE)
    loc: Any = parameter(REAL)
    scale: Any = parameter(POSITIVE)

    @property
    def log_peak(self) -> Array:
        """Logarithm of the density at the median, times σ."""
        return half_step(self.xp, self.df / 2) - 0.5 * math.log(2 * math.pi)

    def log_density(self, x: Array) -> Array:
        z = (x - self.loc) / self.scale
        return self.log_peak - self.xp.log(self.scale) - (self.df + 1) / 2 * self.xp.log1p(z * z / self.df)

    def entropy(self) -> Array:
        # ψ((ν+1)/2) − ψ(ν/2) is the slope of half_step, and that of ½·log(ν/2), which it leaves out.
        slope = half_step_slope(self.xp, self.df / 2) + 1 / self.df
        return (self.df + 1) / 2 * slope - self.log_peak + self.xp.log(self.scale) + 0 * self.loc

    def mean(self) -> Array:
        shape = self.loc + 0 * self.scale + 0 * self.df
        return self.xp.where(self.df + 0 * shape > 1, shape, self.xp.full_like(shape, math.nan))

    def variance(self) -> Array:
        xp, df = self.xp, self.df + 0 * self.loc + 0 * self.scale
        value = self.scale * self.scale * df / xp.where(df > 2, df - 2, xp.ones_like(df))
        value = xp.where(df > 2, value, xp.full_like(value, math.inf))
        return xp.where(df > 1, value, xp.full_like(value, math.nan))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws = rng.standard_t(np.asarray(self.df), (count, *self.batch_shape))
        result: np.ndarray[Any, Any] = np.asarray(self.loc) + np.asarray(self.scale) * draws
        return result


@closed_form(
    StudentT,
    StudentT,
    formula=r"\log\frac{p(μ_P)}{q(μ_Q)} + \frac{ν_Q+1}{2}\,E_P\log\left(1 + \frac{(X-μ_Q)^2}{ν_Qσ_Q^2}\right) "
    r"- \frac{ν_P+1}{2}\left[ψ\left(\tfrac{ν_P+1}{2}\right) - ψ\left(\tfrac{ν_P}{2}\right)\right]",
    source="Bouhlel and Rousseau (2023), Exact Rényi and Kullback-Leibler divergences between multivariate "
    "t-distributions, whose series are of the integral taken here",
)
def _kl(p: StudentT, q: StudentT) -> Array:
    # 1 + (X − μ_Q)²/(ν_Qσ_Q²) is Y/W, with l = ν_Pσ_P²/(ν_Qσ_Q²) and s = (μ_P − μ_Q)/(σ_P√ν_P).
    xp = p.xp
    shift = (p.loc - q.loc) / p.scale / xp.sqrt(p.df)
    log_l = log_ratio(xp, p.df, q.df) + 2 * log_ratio(xp, p.scale, q.scale) + 0 * shift
    zero = xp.zeros_like(log_l)
    shift, df, other = shift + zero, p.df + zero, q.df + zero
    half, slope = zero + 0.5, half_step_slope(xp, df / 2) + 1 / df
    near = (xp.abs(log_l) <= NEAR_RATIO) & (xp.abs(shift) <= NEAR_SHIFT)
    excess = xp.expm1(xp.where(near, log_l, zero))
    beyond = log_growth_beyond_first(xp, df / 2, half, excess, xp.where(near, shift, zero))
    close = half_step_gap(xp, df / 2, other / 2) + (other + 1) / 2 * beyond
    close = close + 0.5 * log_gap(xp, excess) + 0.5 * excess * (other - df) / (df + 1)
    log_far = xp.where(near, zero, log_l)
    grown = log_growth(xp, df / 2, half, log_far, xp.where(near, zero, shift))
    peaks = p.log_peak - q.log_peak - 0.5 * log_ratio(xp, other, df)
    apart = peaks - (df + 1) / 2 * slope + (other + 1) / 2 * grown - 0.5 * log_far
    value = xp.where(near, close, apart)
    # Rounding may leave a sum that is 0 by less than it.
    return xp.where(value > 0, value, 0 * value)


@seen_as(Cauchy, StudentT)
def _cauchy(law: Cauchy) -> StudentT:
    return law.like(StudentT, df=1.0, loc=law.loc, scale=law.scale)


recognise_alike(StudentT)


@recognise("scipy", "t")
def _of_scipy(df: Any, loc: Any, scale: Any) -> StudentT:
    return StudentT(df=df, loc=loc, scale=scale)
