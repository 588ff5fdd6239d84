"""Divergences between mixtures of Gaussians from those between their components: an approximation, and two bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from kullback._core.divergence import Divergence
from kullback.distributions._family import Family
from kullback.distributions._numeric import exp_gap
from kullback.distributions.families.gaussian_mixture import GaussianMixture
from kullback.distributions.families.multivariate_normal import MultivariateNormal
from kullback.distributions.families.normal import Normal

from . import DoesNotApply
from ._result import unreached
from ._side import Floats, Side

_ROUNDS = 200


@dataclass(frozen=True)
class Bounds:
    """What is known of D(P‖Q) from divergences between components."""

    lower: float
    upper: float
    variational: float


def variational(p: Side, q: Side, tolerance: float | None = None, confidence: float = 0.95) -> Divergence:
    r"""Hershey and Olsen's variational approximation of D(P‖Q), with bounds as the interval.

    .. math:: \sum_a π_a \log \frac{\sum_{a'} π_{a'} e^{-D(f_a‖f_{a'})}}{\sum_b ω_b e^{-D(f_a‖g_b)}}

    Parameters
    ----------
    p, q : Side
        Mixtures of Gaussians.
    tolerance : float, optional
        The error wanted: a caveat says where it was not reached, the approximation is what it is.
    confidence : float
        What the interval is said to hold at; bounds hold at any.

    Raises
    ------
    DoesNotApply
        If one of them is no mixture of Gaussians.

    References
    ----------
    Hershey and Olsen (2007), Approximating the Kullback Leibler divergence between Gaussian mixture models, section 7.
    """
    found = bounds_of(p, q)
    value = min(max(found.variational, found.lower), found.upper)
    return _divergence("variational approximation", value, found, tolerance, confidence)


def bounds(p: Side, q: Side, tolerance: float | None = None, confidence: float = 0.95) -> Divergence:
    r"""Lower and upper bound of D(P‖Q), and the middle between them as the value.

    With L(g) = E_P[log g], Jensen's inequality gives L(g) ≤ Σ_a π_a log Σ_b ω_b ∫ f_a·g_b, the variational one
    L(g) ≥ Σ_a π_a (log Σ_b ω_b exp(−D(f_a‖g_b)) − H(f_a)); D = L(p) − L(q) is bounded by both ways round. The upper
    bound is also that of the convexity of D over the best pairing of components, where it is lower.

    Parameters
    ----------
    p, q : Side
        Mixtures of Gaussians.
    tolerance : float, optional
        The error wanted: a caveat says where it was not reached, the bounds are what they are.
    confidence : float
        What the interval is said to hold at; bounds hold at any.

    Raises
    ------
    DoesNotApply
        If one of them is no mixture of Gaussians.

    References
    ----------
    Hershey and Olsen (2007), Approximating the Kullback Leibler divergence between Gaussian mixture models, sections 5
    and 8; Durrieu, Thiran and Kelly (2012), Lower and upper bounds for approximation of the Kullback-Leibler divergence
    between Gaussian mixture models.
    """
    found = bounds_of(p, q)
    return _divergence("bounds", 0.5 * (found.lower + found.upper), found, tolerance, confidence)


def _divergence(method: str, value: float, found: Bounds, tolerance: float | None, confidence: float) -> Divergence:
    error = max(value - found.lower, found.upper - value)
    ends = found.lower, found.upper
    return Divergence(value, error, ends, confidence, method=method, caveats=unreached(error, tolerance))


def are_mixtures(p: Side, q: Side) -> bool:
    """Whether bounds can be had: at least one mixture of Gaussians, and no more than that or a Gaussian."""
    return _as_mixture(p.law) is not None and _as_mixture(q.law) is not None


def bounds_of(p: Side, q: Side) -> Bounds:
    """Return the variational approximation, and the best bounds."""
    f, g = _as_mixture(p.law), _as_mixture(q.law)
    if f is None or g is None:
        other = p if f is None else q
        raise DoesNotApply(f"{other.name} is no mixture of Gaussians")
    # Components without weight count for nothing, and have no logarithm.
    log_w, log_v = np.log(f.weights[f.weights > 0]), np.log(g.weights[g.weights > 0])
    a, b = _Components.of(f), _Components.of(g)
    within, across = _divergences(a, a), _divergences(a, b)
    inner = logsumexp(log_w - within, axis=1)
    outer = logsumexp(log_v - across, axis=1)
    entropy = 0.5 * a.dimension * (1 + math.log(2 * math.pi)) + a.log_scale
    weights = np.exp(log_w)
    self_low, self_high = inner - entropy, logsumexp(log_w + _log_overlap(a, a), axis=1)
    cross_low, cross_high = outer - entropy, logsumexp(log_v + _log_overlap(a, b), axis=1)
    lower = max(0.0, float(weights @ (self_low - cross_high)))
    upper = min(float(weights @ (self_high - cross_low)), _paired(log_w, log_v, across))
    return Bounds(min(lower, upper), max(upper, 0.0), float(weights @ (inner - outer)))


def _as_mixture(law: Family) -> GaussianMixture | None:
    if isinstance(law, GaussianMixture):
        return law
    if isinstance(law, Normal):
        return GaussianMixture([1.0], [float(law.loc)], [float(law.scale) ** 2])
    if isinstance(law, MultivariateNormal):
        factor = np.asarray(law.scatter.factor)
        return GaussianMixture([1.0], np.asarray(law.loc)[None], (factor @ factor.T)[None])
    return None


@dataclass(frozen=True)
class _Components:
    means: Floats
    factors: Floats

    @classmethod
    def of(cls, mixture: GaussianMixture) -> _Components:
        some = mixture.weights > 0
        return cls(mixture.means[some], mixture.factors[some])

    @property
    def dimension(self) -> int:
        return int(self.means.shape[1])

    @property
    def log_scale(self) -> Floats:
        return np.asarray(np.sum(np.log(np.diagonal(self.factors, axis1=1, axis2=2)), axis=1))


def _divergences(a: _Components, b: _Components) -> Floats:
    """D of every component of one from every component of the other."""
    found = np.empty((len(a.means), len(b.means)))
    for j, (mean, factor) in enumerate(zip(b.means, b.factors, strict=True)):
        shifts = solve_triangular(factor, (a.means - mean).T, lower=True)
        for i, other in enumerate(a.factors):
            scales = np.linalg.svd(solve_triangular(factor, other, lower=True), compute_uv=False)
            found[i, j] = 0.5 * float(np.sum(exp_gap(np, 2 * np.log(scales))) + np.sum(shifts[:, i] ** 2))
    return found


def _log_overlap(a: _Components, b: _Components) -> Floats:
    """Log ∫ f·g of every pair: the density of the difference of their means under the sum of their covariances."""
    found = np.empty((len(a.means), len(b.means)))
    for i, j in np.ndindex(*found.shape):
        total = a.factors[i] @ a.factors[i].T + b.factors[j] @ b.factors[j].T
        factor = np.linalg.cholesky(total)
        z = solve_triangular(factor, a.means[i] - b.means[j], lower=True)
        found[i, j] = -0.5 * float(z @ z) - float(np.sum(np.log(np.diag(factor))))
    return found - 0.5 * a.dimension * math.log(2 * math.pi)


def _paired(log_w: Floats, log_v: Floats, across: Floats) -> float:
    """Upper bound by convexity: Σ φ_ab (log φ_ab/ψ_ab + D_ab), φ with row sums π and ψ with column sums ω."""
    log_phi = log_w[:, None] + log_v[None, :]
    best = math.inf
    for _ in range(_ROUNDS):
        log_psi = log_phi - logsumexp(log_phi, axis=0) + log_v
        log_phi = log_psi - across
        log_phi = log_phi - logsumexp(log_phi, axis=1, keepdims=True) + log_w[:, None]
        phi = np.exp(log_phi)
        value = float(np.sum(phi * (np.where(phi > 0, log_phi - log_psi, 0.0) + across)))
        if not value < best - 1e-12 * abs(best if math.isfinite(best) else 1.0):
            break
        best = value
    return max(min(best, value), 0.0)
