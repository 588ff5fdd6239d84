"""D(P‖Q) by draws of P: terms at least 0 where they serve, an interval, and whether their tail lets it be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from kullback._core.divergence import Divergence
from kullback._core.progress import Progress
from kullback.distributions.families.gaussian_mixture import GaussianMixture
from kullback.distributions.families.low_rank_normal import DiagonalNormal, LowRankMultivariateNormal
from kullback.distributions.families.multivariate_normal import MultivariateNormal
from kullback.distributions.structures.independent import Independent

from . import DoesNotApply
from ._pareto import shape_of_tail
from ._result import unreached
from ._side import EPS, Floats, Side

NAME = "Monte Carlo"
DRAWS = 1 << 16
BUDGET = 1 << 22
# Past this k̂ averages settle too slowly to be trusted; past ½ their variance is infinite, past ¼ that of the variance.
_HEAVY, _NO_VARIANCE, _LIGHT = 0.7, 0.5, 0.25
# Past this share of draws that say nothing, the others do not stand for all.
_LEFT_OUT = 0.01
_FILLS = (MultivariateNormal, LowRankMultivariateNormal, DiagonalNormal, GaussianMixture)
_NUMBERS = ("reals", "integers", "circle")


@dataclass
class _Draws:
    """Log(q/p) at draws of P that it is known of, how many were made, and how many left out, by reason."""

    d: Floats = field(default_factory=lambda: np.zeros(0))
    made: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def add(self, p: Side, q: Side, rng: np.random.Generator, count: int) -> None:
        """Make more draws."""
        draws = p.draw(rng, count)
        log_p, log_q = p.log_density(draws), q.log_density(draws)
        kept = np.ones(count, dtype=bool)
        # A draw rounded onto a pole of a density says nothing of the ratio; NaN says that a library gave up.
        for why, wrong in (
            (f"{p.name}'s log-density is not a number there", np.isnan(log_p)),
            (f"{q.name}'s log-density is not a number there", np.isnan(log_q)),
            (f"{p.name}'s density is infinite there, as at a pole that draws round to", np.isposinf(log_p)),
            (f"{q.name}'s density is infinite there, as at a pole that draws round to", np.isposinf(log_q)),
            (f"{p.name}'s own density is 0 there", np.isneginf(log_p)),
        ):
            if number := int(np.sum(wrong & kept)):
                self.left_out[why] = self.left_out.get(why, 0) + number
            kept &= ~wrong
        self.made += count
        self.d = np.concatenate([self.d, log_q[kept] - log_p[kept]])
        if self.made - self.d.size > _LEFT_OUT * self.made:
            raise DoesNotApply(
                f"{self.told()}: more than {100 * _LEFT_OUT:g}%, so the others do not stand for all of P"
            )

    def told(self) -> str:
        """Say how many were left out, and why."""
        reasons = "; ".join(f"{why} ({count})" for why, count in self.left_out.items())
        return f"{self.made - self.d.size} of {self.made} draws of P were left out because {reasons}"


@dataclass
class _Average:
    """What is averaged: −d + c·(r − 1), d = log r, r = q/p at draws of P."""

    terms: Floats
    slope: float
    missed: float = 0.0

    @property
    def deviation(self) -> float:
        """Standard error of the average."""
        return float(np.std(self.terms, ddof=1)) / math.sqrt(self.terms.size)

    @property
    def bias(self) -> float:
        """Bound on what mass of Q that no draw has shown does: E_P[r] = 1 − missed."""
        return abs(self.slope) * self.missed

    @property
    def error(self) -> float:
        """Standard error and bias."""
        return self.deviation + self.bias


def montecarlo(
    p: Side,
    q: Side,
    tolerance: float | None = None,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    progress: Progress | None = None,
) -> Divergence:
    r"""Estimate D(P‖Q) from draws of P.

    With r = q/p, E_P[−log r] = E_P[−log r + c·(r − 1)] for any c where Q has no mass outside P's support, since then
    E_P[r] = 1. c = 1 makes every term at least 0 and of the order of (r − 1)² near P = Q; c = 0 is the plain average;
    the c that makes the variance least is estimated. The one with the least variance among them is averaged; c = 0
    where Q may have mass outside P's support or the weights r have a tail that is too heavy. Where draws of Q alone say
    that it has none, n of them bound it by −log(1 − confidence)/n, and c times that is added to error and interval.

    Parameters
    ----------
    p, q : Side
        The distributions; P can be sampled.
    tolerance : float, optional
        The standard error wanted: draws are doubled until it is reached, up to 2^22 of them.
    confidence : float
        Coverage of the interval.
    rng : numpy.random.Generator, optional
        Where the draws come from.
    progress : callable, optional
        Called with the number of draws made and of those that seem to be needed.

    Raises
    ------
    DoesNotApply
        If P cannot be sampled, or the log-densities at more than 1% of its draws say nothing.

    Notes
    -----
    The interval is the normal one after Hall's transformation, which takes the skewness out of the t statistic.

    References
    ----------
    Owen (2013), Monte Carlo theory, methods and examples, section 8.9 (control variates); Schulman (2020),
    Approximating KL divergence (the terms with c = 1); Hall (1992), On the removal of skewness by transformation.
    """
    if not p.can_be_sampled:
        raise DoesNotApply(f"{p.name} cannot be sampled")
    rng = np.random.default_rng() if rng is None else rng
    missed = _mass_outside(p, q, rng, confidence)
    drawn = _Draws()
    drawn.add(p, q, rng, DRAWS)
    while True:
        outside = int(np.sum(drawn.d == -np.inf))
        if outside:
            text = f"{outside} of {drawn.made} draws of P lie where Q's density is 0."
            return Divergence(math.inf, method=_named(drawn.made), caveats=(text, *_left_out(drawn)))
        average = _average(drawn.d, missed)
        error = average.error
        if tolerance is None or error <= tolerance or drawn.made >= BUDGET:
            break
        total = int(min(BUDGET, max(2 * drawn.made, drawn.made * (error / tolerance) ** 2)))
        if progress is not None:
            progress(drawn.made, total)
        drawn.add(p, q, rng, min(drawn.made, BUDGET - drawn.made))
    if progress is not None:
        progress(drawn.made, drawn.made)
    return _concluded(drawn, average, tolerance, confidence)


def _left_out(drawn: _Draws) -> tuple[str, ...]:
    return (f"{drawn.told()}: what they contribute is not known.",) if drawn.left_out else ()


def _mass_outside(p: Side, q: Side, rng: np.random.Generator, confidence: float) -> float | None:
    """Bound the mass that Q has outside P's support: 0 where that is known to be none; None where it may be any."""
    spaces = p.law.domain.space, q.law.domain.space
    if spaces[0] in _NUMBERS:
        return 0.0 if p.low <= q.low and q.high <= p.high and spaces[0] == spaces[1] else None
    if spaces == ("vectors", "vectors") and _fills_its_box(p) and not q.law.discrete:
        return 0.0 if np.all(p.lowest <= q.lowest) and np.all(q.highest <= p.highest) else None
    if not q.can_be_sampled or not np.all(p.log_density(q.draw(rng, DRAWS)) > -np.inf):
        return None
    # So much of it n draws miss with a probability of 1 − confidence.
    return -math.log1p(-confidence) / DRAWS


def _fills_its_box(p: Side) -> bool:
    """Whether P's density is above 0 between the lowest and the highest of each number."""
    law = p.law
    return isinstance(law, _FILLS) or (isinstance(law, Independent) and law.base.domain.space == "reals")


def _average(d: Floats, missed: float | None) -> _Average:
    """Choose c: 0, 1 or the fitted one, whichever has the least error."""
    plain = _Average(-d, 0.0)
    if missed is None:
        return plain
    with np.errstate(over="ignore"):
        excess = np.expm1(d)
    if not np.isfinite(excess).all() or not shape_of_tail(excess) < _LIGHT:
        return plain
    variance = float(np.var(excess))
    fitted = float(np.mean(d * (excess - np.mean(excess)))) / variance if variance > 0 else 1.0
    candidates = [plain, _Average(excess - d, 1.0, missed), _Average(fitted * excess - d, fitted, missed)]
    return min(candidates, key=lambda a: a.error)


def _concluded(drawn: _Draws, average: _Average, tolerance: float | None, confidence: float) -> Divergence:
    d, mean, error = drawn.d, float(np.mean(average.terms)), average.error
    weights = np.exp(d - np.max(d))
    effective = float(np.sum(weights)) ** 2 / float(np.sum(weights * weights))
    # Of each part of the terms: their sum has the heavier tail, but turns from one to the other where k̂ would look.
    tail = max(shape_of_tail(-d), shape_of_tail(np.expm1(d)) if average.slope else -math.inf)
    caveats = [*_left_out(drawn)]
    if mean < -8 * EPS * float(np.mean(np.abs(d))):
        caveats.append(f"The average of the draws, {mean:.3g}, is below 0, where no divergence is: it was set to 0.")
        error = max(error, -mean)
    if tail > _NO_VARIANCE:
        how = "their average cannot be trusted" if tail > _HEAVY else "the interval may be too narrow"
        caveats.append(f"The tail of the averaged terms is heavy (Pareto k̂ = {tail:.2f}): {how}.")
    if average.slope and effective < 0.001 * d.size:
        caveats.append(f"The weights q/p of {d.size} draws are worth {effective:.0f} even ones.")
    caveats += unreached(error, tolerance, f" with {drawn.made} draws")
    low, high = _interval(average.terms, average.deviation, confidence)
    # Mass that was missed takes c·missed off the average.
    low, high = (low, high + average.bias) if average.slope > 0 else (low - average.bias, high)
    low = max(low, 0.0)
    return Divergence(
        max(mean, 0.0),
        error,
        (low, max(high, low) if mean >= 0 else max(high, error)),
        confidence,
        method=_named(drawn.made),
        caveats=tuple(caveats),
    )


def _interval(terms: Floats, error: float, confidence: float) -> tuple[float, float]:
    mean = float(np.mean(terms))
    z = float(ndtri(0.5 + 0.5 * confidence))
    deviation = error * math.sqrt(terms.size)
    # Skewness over √n, of samples this large at most about 1.
    skew = float(np.mean(((terms - mean) / deviation) ** 3)) / math.sqrt(terms.size) if deviation > 0 else 0.0

    def studentised(z: float) -> float:
        """Return the t whose transform t + γt²/3 + γ²t³/27 + γ/6, with γ = skew, is z."""
        return 3 / skew * (math.cbrt(1 + skew * (z - skew / 6)) - 1) if abs(skew) > 1e-6 else z

    return mean - error * studentised(z), mean - error * studentised(-z)


def _named(count: int) -> str:
    return f"{NAME}, {count} draws"
