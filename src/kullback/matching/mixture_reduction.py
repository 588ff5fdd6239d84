"""A mixture of Gaussians by one of fewer components: merged by Runnalls' bound, then refined."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import qmc

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, InputTypeError
from kullback.distributions.adapters import adapt
from kullback.distributions.families.gaussian_mixture import GaussianMixture
from kullback.ladder import estimate

from .arguments import checked_tolerance
from .features import Floats
from .forward.families import drawn
from .forward.mixtures import refined
from .forward.target import Target
from .match import Match

_NODES = {1: 200, 2: 40, 3: 12}  # of Gauss and Hermite's rule along each axis
_DRAWS = 9  # powers of two of quasi-random points a component, in more dimensions
_TOLERANCE = 1e-7


def reduce_mixture(mixture: Any, components: int, *, tolerance: float = _TOLERANCE) -> Match:
    """Find a mixture Q of fewer Gaussians with a small D(P‖Q).

    Components are merged two by two, each time those whose merging can raise D the least by the bound of Runnalls;
    then EM over points spread as P is finds the nearest local minimum of D(P‖Q) itself.

    Parameters
    ----------
    mixture : GaussianMixture of kullback, scikit-learn, torch or NumPyro
        P, of k components.
    components : int
        How many Q is to have, below k.
    tolerance : float, default 1e-7
        What a step of EM may still move, in standard deviations of P.

    Returns
    -------
    Match
        `result` is a `kullback.distributions.GaussianMixture`; `before` is D(P‖Q) as merged, with the bound among its
        caveats, `after` as refined.

    Raises
    ------
    InputError
        If `components` is not between 1 and k − 1.

    References
    ----------
    Runnalls (2007), "Kullback-Leibler approach to Gaussian mixture reduction", IEEE Transactions on Aerospace and
    Electronic Systems 43, equation 16.
    """
    tolerance = checked_tolerance(tolerance)
    law = mixture if isinstance(mixture, GaussianMixture) else adapt(mixture)
    if not isinstance(law, GaussianMixture):
        raise InputTypeError(f"mixture must be a mixture of Gaussians, got {law.label}")
    kept = law.weights > 0
    weights, means = law.weights[kept], law.means[kept]
    covariances = np.einsum("kij,klj->kil", law.factors[kept], law.factors[kept])
    if isinstance(components, bool) or not isinstance(components, int | np.integer):
        raise InputTypeError(f"components must be a whole number, got {components!r}")
    if not 1 <= components < len(weights):
        raise InputError(f"components must lie between 1 and {len(weights) - 1}, one less than P has; got {components}")
    merged, bound = _merged(weights, means, covariances, int(components))
    numbers = not law.shape
    first = _law(*merged, numbers=numbers)
    note = f"Merging raised D by at most {bound:.4g} nats (Runnalls' bound)."
    before = _said(estimate(law, first, rng=0), note)
    rows, shares = _points(weights, means, law.factors[kept])
    target = Target(rows[:, 0] if numbers else rows, shares, law, law)
    found = refined(target, merged, tolerance)
    result = first if found is None else found.law
    after = before if found is None else estimate(law, result, rng=0)
    if found is None or after.value > before.value:
        result, after = first, before
    return Match(
        result=result,
        before=before,
        after=after,
        converged=found is not None and found.moved <= tolerance,
        reason="A step of EM over points spread as P moves nothing: a local minimum."
        if found is not None and found.moved <= tolerance
        else "EM did not settle: the merged mixture, or the best until then, is returned.",
        iterations=0 if found is None else found.iterations,
        max_error=np.inf if found is None else found.moved,
        tolerance=tolerance,
        draw=lambda: drawn(target, first, result),
    )


def _said(d: Divergence, note: str) -> Divergence:
    return replace(d, caveats=(*d.caveats, note))


def _law(weights: Floats, means: Floats, covariances: Floats, *, numbers: bool) -> GaussianMixture:
    if numbers:
        return GaussianMixture(weights / weights.sum(), means[:, 0], covariances[:, 0, 0])
    return GaussianMixture(weights / weights.sum(), means, covariances)


def _merged(weights: Floats, means: Floats, covariances: Floats, count: int) -> tuple[tuple[Floats, ...], float]:
    """Merge the cheapest pair until so many are left; the sum of the bounds is one of D."""
    w, m, c = weights.copy(), means.copy(), covariances.copy()
    spent = 0.0
    logs = np.linalg.slogdet(c)[1]
    costs = np.full((len(w), len(w)), np.inf)
    for i in range(len(w) - 1):
        costs[i, i + 1 :] = _cost(w, m, c, logs, i, np.arange(i + 1, len(w)))
    alive = np.ones(len(w), dtype=bool)
    while alive.sum() > count:
        i, j = divmod(int(np.argmin(costs)), len(w))
        spent += float(costs[i, j])
        w[i], m[i], c[i] = (value[0] for value in _pair(w, m, c, i, np.array([j])))
        logs[i] = np.linalg.slogdet(c[i])[1]
        alive[j] = False
        costs[j], costs[:, j] = np.inf, np.inf
        others = np.flatnonzero(alive & (np.arange(len(w)) != i))
        fresh = _cost(w, m, c, logs, i, others)
        costs[np.minimum(i, others), np.maximum(i, others)] = fresh
    return (w[alive], m[alive], c[alive]), spent


def _pair(w: Floats, m: Floats, c: Floats, i: int, j: Any) -> tuple[Floats, Floats, Floats]:
    """Weight, mean and covariance of component i and each of j together."""
    total = w[i] + w[j]
    a, b = w[i] / total, w[j] / total
    apart = m[j] - m[i]
    mean = m[i] + b[:, None] * apart
    spread = a[:, None, None] * c[i] + b[:, None, None] * c[j]
    return total, mean, spread + (a * b)[:, None, None] * apart[:, :, None] * apart[:, None, :]


def _cost(w: Floats, m: Floats, c: Floats, logs: Floats, i: int, j: Any) -> Floats:
    """Runnalls (2007), equation 16: ½[(wᵢ+wⱼ) log|Σᵢⱼ| − wᵢ log|Σᵢ| − wⱼ log|Σⱼ|]."""
    total, _, spread = _pair(w, m, c, i, j)
    found = (total * np.linalg.slogdet(spread)[1] - w[i] * logs[i] - w[j] * logs[j]) / 2
    return np.asarray(np.maximum(found, 0.0))


def _points(weights: Floats, means: Floats, factors: Floats) -> tuple[Floats, Floats]:
    """Points and weights that integrate over P: Gauss and Hermite's of every component, or quasi-random ones."""
    d = means.shape[1]
    if d in _NODES:
        x, v = np.polynomial.hermite_e.hermegauss(_NODES[d])
        grid = np.stack([axis.ravel() for axis in np.meshgrid(*[x] * d, indexing="ij")], axis=1)
        shares = np.prod(np.stack([a.ravel() for a in np.meshgrid(*[v / v.sum()] * d, indexing="ij")]), axis=0)
    else:
        grid = qmc.MultivariateNormalQMC(np.zeros(d), rng=np.random.default_rng(0)).random(2**_DRAWS)
        shares = np.full(len(grid), 1 / len(grid))
    rows = means[:, None, :] + np.einsum("kij,nj->kni", factors, grid)
    return rows.reshape(-1, d), (weights[:, None] * shares).ravel()
