"""D(P‖Q) by draws of P: terms at least 0 where they serve, an interval, and whether their tail lets it be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from kullback._core.divergence import Divergence

from . import DoesNotApply
from ._pareto import shape_of_tail
from ._side import Floats, Side

NAME = "Monte Carlo"
DRAWS = 1 << 16
BUDGET = 1 << 22
# Past this k̂ averages settle too slowly to be trusted; past ½ their variance is infinite, past ¼ that of the variance.
_HEAVY, _NO_VARIANCE, _LIGHT = 0.7, 0.5, 0.25

Progress = Callable[[int, int], None]


@dataclass
class _Average:
    """What is averaged: −d + c·(r − 1), d = log r, r = q/p at draws of P."""

    terms: Floats
    slope: float


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
    where Q may have mass outside P's support or the weights r have a tail that is too heavy.

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
        If P cannot be sampled.

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
    same = _same_support(p, q, rng)
    d = _log_ratios(p, q, rng, DRAWS)
    total = DRAWS
    while True:
        missed = int(np.sum(d == -np.inf))
        if missed:
            text = f"{missed} of {d.size} draws of P lie where Q's density is 0."
            return Divergence(math.inf, method=_named(d.size), caveats=(text,))
        average = _average(d, same)
        error = float(np.std(average.terms, ddof=1)) / math.sqrt(d.size)
        if tolerance is None or error <= tolerance or d.size >= BUDGET:
            break
        total = int(min(BUDGET, max(2 * d.size, d.size * (error / tolerance) ** 2)))
        if progress is not None:
            progress(d.size, total)
        d = np.concatenate([d, _log_ratios(p, q, rng, min(d.size, BUDGET - d.size))])
    if progress is not None:
        progress(d.size, d.size)
    return _concluded(d, average, error, tolerance, confidence)


def _log_ratios(p: Side, q: Side, rng: np.random.Generator, count: int) -> Floats:
    """Return log(q/p) at draws of P."""
    draws = p.draw(rng, count)
    log_p, log_q = p.log_density(draws), q.log_density(draws)
    d = log_q - log_p
    # A draw rounded onto a pole of a density says nothing of the ratio; NaN says that a library gave up.
    kept = ~(np.isnan(d) | np.isposinf(log_p) | np.isneginf(log_p))
    if not kept.any():
        raise DoesNotApply("the log-densities at draws of P are not numbers")
    return d[kept]


def _same_support(p: Side, q: Side, rng: np.random.Generator) -> bool:
    """Whether Q has no mass outside P's support: known of numbers, seen from draws of Q for others."""
    if p.law.domain.space in ("reals", "integers", "circle"):
        return p.low <= q.low and q.high <= p.high and p.law.domain.space == q.law.domain.space
    if not q.can_be_sampled:
        return False
    # What so many draws do not show biases the estimate by less than its standard error.
    return bool(np.all(p.log_density(q.draw(rng, DRAWS)) > -np.inf))


def _average(d: Floats, same: bool) -> _Average:
    """Choose c: 0, 1 or the fitted one, whichever has the least variance."""
    plain = _Average(-d, 0.0)
    if not same:
        return plain
    with np.errstate(over="ignore"):
        excess = np.expm1(d)
    if not np.isfinite(excess).all() or not shape_of_tail(excess) < _LIGHT:
        return plain
    variance = float(np.var(excess))
    fitted = float(np.mean(d * (excess - np.mean(excess)))) / variance if variance > 0 else 1.0
    candidates = [plain, _Average(excess - d, 1.0), _Average(fitted * excess - d, fitted)]
    return min(candidates, key=lambda a: float(np.var(a.terms)))


def _concluded(d: Floats, average: _Average, error: float, tolerance: float | None, confidence: float) -> Divergence:
    value = max(float(np.mean(average.terms)), 0.0)
    weights = np.exp(d - np.max(d))
    effective = float(np.sum(weights)) ** 2 / float(np.sum(weights * weights))
    # Of each part of the terms: their sum has the heavier tail, but turns from one to the other where k̂ would look.
    tail = max(shape_of_tail(-d), shape_of_tail(np.expm1(d)) if average.slope else -math.inf)
    caveats = []
    if tail > _NO_VARIANCE:
        how = "their average cannot be trusted" if tail > _HEAVY else "the interval may be too narrow"
        caveats.append(f"The tail of the averaged terms is heavy (Pareto k̂ = {tail:.2f}): {how}.")
    if average.slope and effective < 0.001 * d.size:
        caveats.append(f"The weights q/p of {d.size} draws are worth {effective:.0f} even ones.")
    if tolerance is not None and error > tolerance:
        caveats.append(f"The error asked for, {tolerance:.3g}, was not reached with {d.size} draws.")
    return Divergence(
        value,
        error,
        _interval(average.terms, error, confidence),
        confidence,
        method=_named(d.size),
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

    return max(0.0, mean - error * studentised(z)), max(0.0, mean - error * studentised(-z))


def _named(count: int) -> str:
    return f"{NAME}, {count} draws"
