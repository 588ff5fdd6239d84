"""Expectation propagation: a Gaussian for a Gaussian prior times many factors, each of one direction of x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, stats

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, InputTypeError
from kullback._core.progress import Progress, reporter

from .arguments import checked_tolerance
from .features import Floats
from .match import Match
from .rows import as_matrix

_NODES = 128
_ROUNDS = 500
_DAMPING = 0.8
_TOLERANCE = 1e-8
_LEAST = 0.2  # damping below which nothing is tried
_LOG_2PI = float(np.log(2 * np.pi))

LogFactor = Callable[[Floats], Any]


@dataclass(frozen=True, eq=False, repr=False)
class Propagation(Match):
    """A Gaussian with the moments of its tilted distributions, and the evidence that they add up to.

    Parameters
    ----------
    log_evidence : float
        EP's estimate of log Z = log ∫ prior × factors; it has no error bar.
    """

    log_evidence: float = float("nan")


def expectation_propagation(
    log_factors: LogFactor,
    directions: Any,
    *,
    mean: Any = None,
    covariance: Any = None,
    tolerance: float = _TOLERANCE,
    progress: bool | Progress | None = None,
) -> Propagation:
    r"""Approximate p(x) ∝ N(x; m, S) ∏ᵢ tᵢ(aᵢ·x) by a Gaussian Q, by expectation propagation.

    Every factor is replaced by a Gaussian one so that, with the others replaced, the mean and variance of aᵢ·x agree
    with those under the true factor: each is the minimum of a forward divergence D(Q₋ᵢ tᵢ‖Q).

    Parameters
    ----------
    log_factors : callable
        From s of shape (n, g) to log tᵢ(s_{ig}) of that shape, factor i along the first axis.
    directions : array of shape (n, d)
        aᵢ.
    mean, covariance : array of shape (d,) and (d, d), optional
        m and S; 0 and the identity if not given.
    tolerance : float, default 1e-8
        How far the tilted mean and standard deviation of any aᵢ·x may be from Q's, in its standard deviations.
    progress : bool or callable, optional
        True shows a bar once 2 s have passed.

    Returns
    -------
    Propagation
        A `Match` whose `result` is a frozen `scipy.stats.multivariate_normal`. `before` and `after` are the sums over
        factors of D(tilted‖Q) along aᵢ, for the prior and for the result: what no Gaussian of the moments removes.

    Raises
    ------
    InputError
        If shapes do not agree, S is not positive definite, or a factor is NaN, inf or 0 wherever its Gaussian has mass.

    References
    ----------
    Minka (2001), "Expectation propagation for approximate Bayesian inference", Uncertainty in Artificial Intelligence.
    """
    tolerance = checked_tolerance(tolerance)
    if not callable(log_factors):
        raise InputTypeError(f"log_factors must be callable, got {type(log_factors).__name__}")
    a = as_matrix(directions, "directions")
    d = a.shape[1]
    m = np.zeros(d) if mean is None else as_matrix(mean, "mean")[:, 0]
    s = np.eye(d) if covariance is None else as_matrix(covariance, "covariance")
    if m.shape != (d,) or s.shape != (d, d):
        raise InputError(f"directions have {d} columns: mean must be ({d},), got {m.shape}; covariance {s.shape}")
    try:
        precision = np.linalg.inv(np.linalg.cholesky(s))
    except np.linalg.LinAlgError:
        raise InputError("covariance must be positive definite") from None
    prior = _Natural(precision.T @ precision, precision.T @ precision @ m)
    factors = _Factors(log_factors, a)
    with reporter(progress, "expectation propagation") as told:
        found = _propagated(prior, factors, tolerance, told)
    return found


@dataclass(frozen=True)
class _Natural:
    """A Gaussian by its precision and precision times mean."""

    precision: Floats
    shift: Floats

    def moments(self) -> tuple[Floats, Floats]:
        """Mean and covariance."""
        factor = linalg.cho_factor(self.precision, lower=True)
        return np.asarray(linalg.cho_solve(factor, self.shift)), np.asarray(
            linalg.cho_solve(factor, np.eye(len(self.shift)))
        )

    def log_normaliser(self) -> float:
        """Log of ∫ exp(−½ xᵀΛx + ηᵀx) dx."""
        factor = np.linalg.cholesky(self.precision)
        z = linalg.solve_triangular(factor, self.shift, lower=True)
        return float(z @ z / 2 - np.log(np.diag(factor)).sum() + len(z) / 2 * _LOG_2PI)


@dataclass(frozen=True)
class _Tilted:
    """Mass, mean, variance and D(tilted‖Gaussian of the same moments) of a cavity times its factor, for every i."""

    log_mass: Floats
    mean: Floats
    variance: Floats
    excess: Floats


class _Factors:
    """The factors along their directions, integrated by Gauss and Hermite's rule about where they are thought to be."""

    def __init__(self, log_factors: LogFactor, directions: Floats) -> None:
        self._log, self.a = log_factors, directions
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        self._nodes, self._log_weights = nodes, np.log(weights) - np.log(weights.sum())

    def along(self, mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of every aᵢ·x."""
        return self.a @ mean, np.einsum("ij,jk,ik->i", self.a, covariance, self.a)

    def tilted(self, cavity: tuple[Floats, Floats], about: tuple[Floats, Floats]) -> _Tilted:
        """Moments of cavity × factor; the nodes are spread as the Gaussian that was last thought to be both."""
        (m, v), (centre, width) = cavity, about
        s = centre[:, None] + np.sqrt(width)[:, None] * self._nodes
        logs = np.asarray(self._log(s), dtype=float)
        if logs.shape != s.shape:
            raise InputError(f"log_factors gave shape {logs.shape} for points of shape {s.shape}")
        odd = np.isnan(logs) | np.isposinf(logs)
        if odd.any():
            i, g = (int(k) for k in np.argwhere(odd)[0])
            raise InputError(
                f"log_factors is {logs[i, g]} for factor {i} at s = {s[i, g]:g} ({int(odd.sum())} such values)"
            )
        ratio = _log_normal(s, m, v) - _log_normal(s, centre, width)
        terms = logs + ratio + self._log_weights
        top = terms.max(axis=1)
        if np.isneginf(top).any():
            i = int(np.argmin(top))
            raise InputError(
                f"factor {i} is 0 wherever a{i}·x is thought to be, around {centre[i]:g}: start nearer to it"
            )
        share = np.exp(terms - top[:, None])
        mass = share.sum(axis=1)
        share /= mass[:, None]
        mean = (share * s).sum(axis=1)
        variance = (share * (s - mean[:, None]) ** 2).sum(axis=1)
        log_mass = top + np.log(mass)
        density = logs + _log_normal(s, m, v) - log_mass[:, None]
        gap = density - _log_normal(s, mean, np.maximum(variance, 1e-300))
        excess = np.where(share > 0, share * np.where(share > 0, gap, 0.0), 0.0).sum(axis=1)
        return _Tilted(log_mass, mean, variance, np.maximum(excess, 0.0))


def _log_normal(s: Floats, m: Floats, v: Floats) -> Floats:
    return np.asarray(-((s - m[:, None]) ** 2) / (2 * v[:, None]) - np.log(v)[:, None] / 2 - _LOG_2PI / 2)


def _propagated(prior: _Natural, factors: _Factors, tolerance: float, told: Progress | None) -> Propagation:
    n = len(factors.a)
    tau, nu = np.zeros(n), np.zeros(n)
    start = prior.moments()
    line = factors.along(*start)
    tilted = first = factors.tilted(line, line)
    gap, best, damping, history, count, interrupted = np.inf, (np.inf, tau, nu, tilted), _DAMPING, [], 0, False
    try:
        for count in range(1, _ROUNDS + 1):
            if told is not None:
                told(count, _ROUNDS)
            proposal = _sites(tilted, *_cavity(*line, tau, nu))
            moved = _moved(prior, factors, (tau, nu), proposal, damping)
            if moved is None:
                damping /= 2
                if damping < _LEAST / 64:
                    break
                continue
            tau, nu, line, tilted = moved
            scale = np.sqrt(line[1])
            gap = float(
                max(np.abs((tilted.mean - line[0]) / scale).max(), np.abs(np.sqrt(tilted.variance) / scale - 1).max())
            )
            history.append(float(tilted.excess.sum()))
            if gap < best[0]:
                best = (gap, tau, nu, tilted)
            elif gap > 2 * best[0]:
                damping = max(damping / 2, _LEAST)
            if gap <= tolerance / 10:
                break
    except KeyboardInterrupt:
        interrupted = True
    gap, tau, nu, tilted = best
    posterior = _posterior(prior, factors.a, tau, nu)
    mean, covariance = posterior.moments()
    evidence = _evidence(prior, posterior, factors, tau, nu, tilted) if np.isfinite(gap) else float("nan")
    converged = gap <= tolerance and not interrupted
    told_by = "Σ D(tilted‖Gaussian) over the factors, by quadrature"
    return Propagation(
        result=stats.multivariate_normal(mean, covariance),
        before=Divergence(float(first.excess.sum()), method=told_by),
        after=Divergence(float(tilted.excess.sum()), method=told_by),
        converged=converged,
        reason="It was interrupted: these are the best sites until then."
        if interrupted
        else "Every factor's mean and variance are those of the Gaussian."
        if converged
        else "The sites do not settle: a factor is far from a Gaussian, or has two tops.",
        iterations=count,
        max_error=gap,
        tolerance=tolerance,
        history=tuple(history),
        caveats=("The divergences are along each factor's direction; of Q as a whole EP tells none.",),
        log_evidence=evidence,
    )


def _posterior(prior: _Natural, a: Floats, tau: Floats, nu: Floats) -> _Natural:
    return _Natural(prior.precision + (a * tau[:, None]).T @ a, prior.shift + a.T @ nu)


def _cavity(mean: Floats, variance: Floats, tau: Floats, nu: Floats) -> tuple[Floats, Floats]:
    precision = 1 / variance - tau
    return (mean / variance - nu) / precision, 1 / precision


def _sites(tilted: _Tilted, m: Floats, v: Floats) -> tuple[Floats, Floats]:
    return 1 / tilted.variance - 1 / v, tilted.mean / tilted.variance - m / v


def _moved(
    prior: _Natural, factors: _Factors, old: tuple[Floats, Floats], proposal: tuple[Floats, Floats], damping: float
) -> tuple[Floats, Floats, tuple[Floats, Floats], _Tilted] | None:
    """The sites part of the way to the proposal; None where that leaves no Gaussian."""
    tau, nu = ((1 - damping) * o + damping * p for o, p in zip(old, proposal, strict=True))
    try:
        mean, covariance = _posterior(prior, factors.a, tau, nu).moments()
    except np.linalg.LinAlgError:
        return None
    line = factors.along(mean, covariance)
    m, v = _cavity(*line, tau, nu)
    if not (np.isfinite(v).all() and v.min() > 0):
        return None
    return tau, nu, line, factors.tilted((m, v), line)


def _evidence(
    prior: _Natural, posterior: _Natural, factors: _Factors, tau: Floats, nu: Floats, tilted: _Tilted
) -> float:
    """Minka (2001), equation 3.19: the Gaussian's normaliser times every factor's mass over its site's."""
    m, v = _cavity(*factors.along(*posterior.moments()), tau, nu)
    joint = 1 / v + tau
    sites = (m / v + nu) ** 2 / (2 * joint) - m**2 / (2 * v) - np.log1p(v * tau) / 2
    return float(posterior.log_normaliser() - prior.log_normaliser() + (tilted.log_mass - sites).sum())
