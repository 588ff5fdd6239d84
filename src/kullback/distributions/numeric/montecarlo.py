"""D(P‖Q) by draws of P and of Q: terms at least 0, an interval, and whether their tail lets it be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from kullback._core.divergence import Divergence
from kullback._core.progress import Progress
from kullback.distributions._numeric import exp_gap

from . import DoesNotApply
from ._pareto import shape_of_tail
from ._result import unreached
from ._side import EPS, Floats, Side

NAME = "Monte Carlo"
DRAWS = 1 << 16
BUDGET = 1 << 22
# Past this k̂ averages settle too slowly to be trusted; past ½ their variance is infinite.
_HEAVY, _NO_VARIANCE = 0.7, 0.5
# Past this share of draws that say nothing, the others do not stand for all.
_LEFT_OUT = 0.01
# An average that rests on a smaller share of its draws is told of.
_FEW = 0.001
# Past this log-ratio a weight is 0.
_FARTHEST = 1e3
# Masses this many standard errors from 1 are no accident.
_APART = 5.0


@dataclass
class _Draws:
    """Log(q/p) at draws of one side that it is known of, how many were made, and how many left out, by reason."""

    of: str
    d: Floats = field(default_factory=lambda: np.zeros(0))
    made: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def add(self, p: Side, q: Side, rng: np.random.Generator, count: int) -> None:
        """Make more draws."""
        own = p if self.of == "P" else q
        draws = own.draw(rng, count)
        log_p, log_q = p.log_density(draws), q.log_density(draws)
        kept = np.ones(count, dtype=bool)
        # A draw rounded onto a pole of a density says nothing of the ratio; NaN says that a library gave up.
        for why, wrong in (
            (f"{p.name}'s log-density is not a number there", np.isnan(log_p)),
            (f"{q.name}'s log-density is not a number there", np.isnan(log_q)),
            (f"{p.name}'s density is infinite there, as at a pole that draws round to", np.isposinf(log_p)),
            (f"{q.name}'s density is infinite there, as at a pole that draws round to", np.isposinf(log_q)),
            (f"{own.name}'s own density is 0 there", np.isneginf(log_p if self.of == "P" else log_q)),
        ):
            if number := int(np.sum(wrong & kept)):
                self.left_out[why] = self.left_out.get(why, 0) + number
            kept &= ~wrong
        self.made += count
        self.d = np.concatenate([self.d, log_q[kept] - log_p[kept]])

    @property
    def stand_for_all(self) -> bool:
        """Whether few enough were left out."""
        return self.made - self.d.size <= _LEFT_OUT * self.made

    def told(self) -> str:
        """Say how many were left out, and why."""
        reasons = "; ".join(f"{why} ({count})" for why, count in self.left_out.items())
        return f"{self.made - self.d.size} of {self.made} draws of {self.of} were left out because {reasons}"


@dataclass
class _Average:
    """A sum of averages, each over its own draws: of P's alone, or of P's and of Q's."""

    terms: Sequence[Floats]

    @property
    def value(self) -> float:
        """The sum of the means."""
        return sum(float(np.mean(t)) for t in self.terms)

    @property
    def error(self) -> float:
        """Its standard error, and what an outcome of so little mass that n draws may miss it does: 2/n of a term."""
        seen = sum(float(np.var(t, ddof=1)) / t.size for t in self.terms)
        return math.sqrt(seen + sum((2 * float(np.max(np.abs(t))) / t.size) ** 2 for t in self.terms))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the normal interval after Hall's transformation, which takes the skewness out of the t statistic."""
        z, error = float(ndtri(0.5 + 0.5 * confidence)), self.error
        third = sum(float(np.mean(((t - np.mean(t)) / error) ** 3)) / t.size**2 for t in self.terms) if error else 0.0
        # Of samples this large it is at most about 1.

        def studentised(z: float) -> float:
            """Return the t whose transform t + γt²/3 + γ²t³/27 + γ/6, γ the skewness, is z."""
            return 3 / third * (math.cbrt(1 + third * (z - third / 6)) - 1) if abs(third) > 1e-6 else z

        return self.value - error * studentised(z), self.value - error * studentised(-z)


def montecarlo(
    p: Side,
    q: Side,
    tolerance: float | None = None,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    progress: Progress | None = None,
) -> Divergence:
    r"""Estimate D(P‖Q) from draws of P, and of Q where it can be sampled.

    D = ∫ p·log(p/q) + c·(q − p), whatever c, is split where p = q: with r = q/p,

    .. math:: D = E_P[(c(r - 1) - \log r)\,1_{r \le 1}] + E_Q[(c(1 - 1/r) - \log(r)/r)\,1_{r > 1}]

    No weight exceeds 1, and a mode that the draws of one side miss is seen by those of the other where it has more of
    it. With c = 1 every term is at least 0, those near P = Q are of the order of (r − 1)², and mass of Q where P has
    none counts as what it is; of c = 0 and 1 the one with the lower standard error is taken. Where Q cannot be sampled,
    E_P[−log r] is averaged.

    Parameters
    ----------
    p, q : Side
        The distributions; P can be sampled.
    tolerance : float, optional
        The standard error wanted: draws are doubled until it is reached, up to 2^22 of each side.
    confidence : float
        Coverage of the interval.
    rng : numpy.random.Generator, optional
        Where the draws come from.
    progress : callable, optional
        Called with the number of draws made and of those that seem to be needed.

    Raises
    ------
    DoesNotApply
        If P cannot be sampled, floats do not resolve one of its components, or the log-densities at more than 1% of its
        draws say nothing.

    References
    ----------
    Schulman (2020), Approximating KL divergence (the terms r − 1 − log r); Hesterberg (1995), Weighted average
    importance sampling and defensive mixture distributions (draws of both sides); Hall (1992), On the removal of
    skewness by transformation.
    """
    if not p.can_be_sampled:
        raise DoesNotApply(f"{p.name} cannot be sampled")
    p.refuse_unresolved()
    rng = np.random.default_rng() if rng is None else rng
    of_p, of_q = _Draws("P"), _Draws("Q")
    count = DRAWS
    while True:
        of_p.add(p, q, rng, count)
        if not of_p.stand_for_all:
            raise DoesNotApply(
                f"{of_p.told()}: more than {100 * _LEFT_OUT:g}%, so the others do not stand for all of P"
            )
        outside = int(np.sum(of_p.d == -np.inf))
        if outside:
            text = f"{outside} of {of_p.made} draws of P lie where Q's density is 0."
            return Divergence(math.inf, method=_named(of_p.made), caveats=(text, *_left_out(of_p)))
        if q.can_be_sampled and of_q.stand_for_all:
            of_q.add(p, q, rng, count)
        average = _average(of_p, of_q)
        error = average.error
        if tolerance is None or error <= tolerance or of_p.made >= BUDGET:
            break
        total = int(min(BUDGET, max(2 * of_p.made, of_p.made * (error / tolerance) ** 2)))
        if progress is not None:
            progress(of_p.made, total)
        count = min(of_p.made, BUDGET - of_p.made)
    if progress is not None:
        progress(of_p.made, of_p.made)
    return _concluded(of_p, of_q, average, tolerance, confidence)


def _left_out(drawn: _Draws) -> tuple[str, ...]:
    return (f"{drawn.told()}: what they contribute is not known.",) if drawn.left_out else ()


def _usable(of_q: _Draws) -> bool:
    return of_q.d.size > 0 and of_q.stand_for_all


def _average(of_p: _Draws, of_q: _Draws) -> _Average:
    """Average over the draws of P alone, or over those of both, with c = 0 or 1: whichever has the lower error."""
    if not _usable(of_q):
        return _Average([-of_p.d])
    below, above = np.minimum(of_p.d, 0.0), np.minimum(np.maximum(of_q.d, 0.0), _FARTHEST)
    near = np.minimum(above, 1.0)
    with_c = [
        np.asarray(exp_gap(np, below)),
        np.where(above <= 1, np.exp(-near) * exp_gap(np, near), 1 - np.exp(-above) * (1 + above)),
    ]
    return min(_Average(with_c), _Average([-below, -above * np.exp(-above)]), key=lambda a: a.error)


def _concluded(of_p: _Draws, of_q: _Draws, average: _Average, tolerance: float | None, confidence: float) -> Divergence:
    mean, error, terms = average.value, average.error, average.terms[0]
    caveats = [*_left_out(of_p)]
    if _usable(of_q):
        caveats += [*_left_out(of_q), *_masses(of_p.d, of_q.d)]
    if mean < -8 * EPS * float(np.mean(np.abs(of_p.d))):
        caveats.append(f"The average of the draws, {mean:.3g}, is below 0, where no divergence is: it was set to 0.")
        error = max(error, -mean)
    tail = shape_of_tail(terms)
    if tail > _NO_VARIANCE:
        how = "their average cannot be trusted" if tail > _HEAVY else "the interval may be too narrow"
        caveats.append(f"The tail of the averaged terms is heavy (Pareto k̂ = {tail:.2f}): {how}.")
    squares = float(np.sum(terms * terms))
    effective = float(np.sum(np.abs(terms))) ** 2 / squares if squares > 0 else math.inf
    if effective < _FEW * terms.size:
        caveats.append(f"The average rests on few draws: {terms.size} of P are worth {effective:.0f} even ones.")
    caveats += unreached(error, tolerance, f" with {of_p.made} draws")
    low, high = average.interval(confidence)
    low = max(low, 0.0)
    return Divergence(
        max(mean, 0.0),
        error,
        (low, max(high, low) if mean >= 0 else max(high, error)),
        confidence,
        method=_named(of_p.made),
        caveats=tuple(caveats),
    )


def _masses(of_p: Floats, of_q: Floats) -> list[str]:
    """Say where densities and draws contradict each other: each mass is 1, its parts taken from the draws of both."""
    below, above = of_p <= 0, of_q > 0
    parts = {
        "P": (below.astype(float), np.where(above, np.exp(-np.maximum(of_q, 0.0)), 0.0)),
        "Q": (np.where(below, np.exp(np.minimum(of_p, 0.0)), 0.0), above.astype(float)),
    }
    told = []
    for name, both in parts.items():
        mass = _Average(both)
        if abs(mass.value - 1) > _APART * mass.error + 1e-6:
            told.append(
                f"By the draws of both, {name}'s mass comes to {mass.value:.4g} ± {mass.error:.1g} and not to 1: "
                "a density is not normalised, its draws are not of it, or they miss a mode."
            )
    return told


def _named(count: int) -> str:
    return f"{NAME}, {count} draws"
