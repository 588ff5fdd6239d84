"""The distribution in the middle of several: of the least mean divergence from them, or to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, InputTypeError
from kullback.arrays import kl
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import Family
from kullback.distributions.adapters import adapt
from kullback.distributions.families.multivariate_normal import MultivariateNormal
from kullback.distributions.families.normal import Normal
from kullback.distributions.numeric._side import side

from .arguments import checked_tolerance
from .features import Floats
from .forward.moments import mixture_moments
from .forward.newton import minimise
from .forward.objects import as_library_has
from .forward.parameters import search_of
from .match import Match

_TOLERANCE = 1e-7


def barycenter(
    distributions: Sequence[Any], weights: Any = None, direction: str = "forward", *, tolerance: float = _TOLERANCE
) -> Match:
    r"""Find the member Q of a family in the middle of members Pᵢ of it.

    "forward" minimises Σ wᵢ D(Pᵢ‖Q): Q has the mean of the expected sufficient statistics, and covers all Pᵢ.
    "reverse" minimises Σ wᵢ D(Q‖Pᵢ): Q has the mean of the natural parameters, the normalised geometric mean
    ∏ pᵢ^{wᵢ} (logarithmic opinion pool), and seeks where all Pᵢ agree.

    Parameters
    ----------
    distributions : sequence of distribution objects
        Pᵢ, all of one exponential family.
    weights : array of shape (n,), optional
        wᵢ, at least 0; divided by their sum. Equal ones if not given.
    direction : {"forward", "reverse"}
    tolerance : float, default 1e-7
        The largest error of a moment, or slope, in nats per unit of a parameter as it is searched.

    Returns
    -------
    Match
        `after` has the weighted divergences as parts; `before` is that of the best of the Pᵢ themselves as Q.

    Raises
    ------
    InputError
        If the distributions are of different families, or not of an exponential one.

    References
    ----------
    Veldhuis (2002), "The centroid of the symmetrical Kullback-Leibler distance", IEEE Signal Processing Letters 9;
    Nielsen & Nock (2009), "Sided and symmetrized Bregman centroids", IEEE Transactions on Information Theory 55.
    """
    if direction not in ("forward", "reverse"):
        raise InputError(f"direction must be 'forward' or 'reverse', got {direction!r}")
    close = checked_tolerance(tolerance)
    try:
        given = list(distributions)
    except TypeError:
        kind = type(distributions).__name__
        raise InputTypeError(f"distributions must be a sequence of distribution objects, got {kind}") from None
    laws = [side(adapt(one)).law for one in given]
    if not laws:
        raise InputError("there are no distributions to be in the middle of")
    family = type(laws[0])
    for i, law in enumerate(laws):
        if type(law) is not family:
            raise InputError(f"distribution {i} is {law.label}, the first {laws[0].label}: give members of one family")
        if not isinstance(law, ExponentialFamily):
            raise InputTypeError(f"{law.label} is no exponential family: the middle of its members is none of them")
        if law.batch_shape:
            raise InputError(f"distribution {i} is a batch of shape {law.batch_shape}")
        if law.event_shape != laws[0].event_shape:
            raise InputError(
                f"distribution {i} has events of shape {law.event_shape}, the first of {laws[0].event_shape}"
            )
        law.same_measure(laws[0])
    w = _weights(weights, len(laws))
    found, slope, steps, history = _reverse(laws, w) if direction == "reverse" else _forward(laws, w, close)
    forward = direction == "forward"
    tried = [_mean_divergence(laws, w, law, forward) for law in laws]
    return Match(
        result=as_library_has(found, given[0]),
        before=min(tried, key=float),
        after=_mean_divergence(laws, w, found, forward),
        converged=slope <= close,
        reason="The mean of the natural parameters, which is exact."
        if not forward
        else "The expected statistics are the mean of those of the distributions.",
        iterations=steps,
        max_error=slope,
        tolerance=close,
        history=history,
    )


def _weights(weights: Any, count: int) -> Floats:
    if weights is None:
        return np.full(count, 1 / count)
    try:
        w = np.asarray(weights, dtype=float)
    except (TypeError, ValueError):
        raise InputTypeError(f"weights must be numbers, got {weights!r}") from None
    if w.shape != (count,):
        raise InputError(f"weights must have shape ({count},), one a distribution; got {w.shape}")
    if not (np.isfinite(w).all() and w.min() >= 0 and w.sum() > 0):
        raise InputError(f"weights must be at least 0 and not all 0, got {w}")
    w = w / w.max()
    return np.asarray(w / w.sum())


def _mean_divergence(laws: list[Any], w: Floats, q: Family, forward: bool) -> Divergence:
    values = [float(kl(p, q) if forward else kl(q, p)) for p in laws]
    sides = [f"P{i}‖Q" if forward else f"Q‖P{i}" for i in range(len(laws))]
    named = zip(w, sides, values, strict=True)
    parts = {f"{weight:.4g} × D({pair})": weight * value for weight, pair, value in named if weight > 0}
    return Divergence(sum(parts.values()), parts=parts)


def _reverse(laws: list[Any], w: Floats) -> tuple[Family, float, int, tuple[float, ...]]:
    natural = [law.natural() for law in laws]
    mixed = tuple(
        np.asarray(sum(weight * part for weight, part in zip(w, parts, strict=True)))
        for parts in zip(*natural, strict=True)
    )
    law = laws[0].from_natural(mixed)
    off = max(_apart(a, b, law.discrete) for a, b in zip(law.natural(), mixed, strict=True))
    return law, off, 0, ()


def _apart(a: Floats, b: Floats, outcomes: bool) -> float:
    """How far natural parameters are from those wanted; log-probabilities of outcomes are so up to a constant."""
    with np.errstate(invalid="ignore"):
        off = np.where(a == b, 0.0, np.asarray(a) - b)
    if outcomes and off.ndim == 1:
        off = off - off.mean()
    return float(np.abs(off).max() / max(np.abs(b[np.isfinite(b)]).max(initial=0.0), 1.0))


def _forward(laws: list[Any], w: Floats, tolerance: float) -> tuple[Family, float, int, tuple[float, ...]]:
    """By the moments of the mixture for Gaussians; else by Newton's method on the mean divergence."""
    if isinstance(laws[0], Normal | MultivariateNormal):
        numbers = isinstance(laws[0], Normal)
        means = np.stack([np.atleast_1d(law.mean()) for law in laws])
        d = means.shape[1]
        spreads = np.stack(
            [
                np.reshape(law.variance() if numbers else law.scatter.factor @ law.scatter.factor.T, (d, d))
                for law in laws
            ]
        )
        mean, spread = mixture_moments(w, means, spreads)
        if numbers:
            return Normal(loc=float(mean[0]), scale=float(np.sqrt(spread[0, 0]))), 0.0, 0, ()
        return MultivariateNormal(loc=mean, covariance_matrix=spread), 0.0, 0, ()
    event = laws[0].event_shape
    counts = {name: value for name, value in laws[0].given.items() if name == "total_count"}
    search = search_of(type(laws[0]), counts, event[-1] if event else 1, tuple(laws[0].given))
    start = sum(weight * search.point(law) for weight, law in zip(w, laws, strict=True))

    def mean_divergence(points: Floats) -> Floats:
        q = search.members(points)
        return np.asarray(sum(weight * np.asarray(kl(p, q)) for weight, p in zip(w, laws, strict=True)))

    found = minimise(mean_divergence, np.asarray(start), tolerance, lambda _: None)
    return search.member(found.at), found.slope, found.iterations, found.history
