"""D(P‖Q) in two or three dimensions, by the trapezoidal rule where it converges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kullback._core.divergence import Divergence

from . import DoesNotApply
from ._panels import Sums
from ._result import concluded, unreached
from ._side import Floats, Side
from ._tails import Rest
from ._terms import GAP, PLAIN, UNKNOWN, VOID, Terms, components

NAME = "cubature"
_POINTS = 1 << 20
_STEPS = tuple(0.4 / 2**k for k in range(8))
_AGREES = 1e-6
_WIDEST = 18.0
_NOTHING = -36.0


def cubature(p: Side, q: Side, tolerance: float | None = None, confidence: float = 0.95) -> Divergence:
    r"""Return D(P‖Q) of two densities on the plane or in space, with a bound on its error.

    The trapezoidal rule converges exponentially for smooth densities that vanish at the edge of the grid (Trefethen and
    Weideman, 2014). The grid is even in u, where x = μ + L·sinh(u) with the mean μ of draws of P and the Cholesky
    factor L of their covariance, so that power-law tails are within it. Its step is halved until two steps agree; the
    error is their difference.

    Parameters
    ----------
    p, q : Side
        The distributions; P can be sampled.
    tolerance : float, optional
        The error wanted; by default 1e-6 of D.
    confidence : float
        What the interval is said to hold at; a bound holds at any.

    Raises
    ------
    DoesNotApply
        If events are not vectors of two or three numbers, or the rule does not converge, as it does not across edges.
    """
    shape, spaces = p.law.event_shape, {p.law.domain.space, q.law.domain.space}
    if len(shape) != 1 or shape[0] not in (2, 3) or spaces != {"vectors"} or p.law.discrete or q.law.discrete:
        raise DoesNotApply("cubature is for densities of vectors of 2 or 3 numbers")
    if not p.can_be_sampled:
        raise DoesNotApply(f"{p.name} cannot be sampled to see where its mass is")
    terms = Terms(p, q)
    centre, factor = _whitening(p)
    widths = _widths(terms, centre, factor)
    sums: list[tuple[Floats, Floats]] = []
    good: Divergence | None = None
    for step in _STEPS:
        axes = [step * np.arange(-math.ceil(w / step), math.ceil(w / step) + 1) for w in widths]
        if math.prod(a.size for a in axes) > _POINTS:
            break
        sums.append(_trapezoid(terms, centre, factor, axes, step))
        if sums[-1][0][UNKNOWN] > 0:
            terms.refuse_unknown(float(sums[-1][0][UNKNOWN]))
        if sums[-1][0][VOID] > 0:
            raise DoesNotApply("Q's density is 0 where P has mass, or underflows there")
        if len(sums) < 3:
            continue
        (last, floor), before, first = sums[-1], sums[-2][0], sums[-3][0]
        error, earlier = np.abs(last - before), np.abs(before - first)
        size = min(abs(last[GAP]), abs(last[PLAIN]))
        # That the differences fall is what tells convergence from an accident.
        if np.any((earlier[:2] <= 0.01 * size + 4 * floor[:2]) & (error[:2] <= _AGREES * size + 4 * floor[:2])):
            good = concluded(NAME, confidence, (terms, Sums(last[None], error[None], floor[None]), Rest()), whole=False)
            wanted = tolerance if tolerance is not None else _AGREES * good.value
            if good.error <= max(wanted, 4 * float(np.max(floor[:2]))):
                break
    if good is None or good.caveats:
        raise DoesNotApply(f"the rule does not converge to {_AGREES:g} of D within {_POINTS} points")
    return replace(good, caveats=unreached(good.error, tolerance))


def _whitening(p: Side) -> tuple[Floats, Floats]:
    draws = p.draw(np.random.default_rng(0), 4096)
    draws = draws[np.isfinite(draws).all(axis=1)]
    # Of the middle half, so that tails without a variance do not matter; about one standard deviation of a Gaussian.
    centre = np.median(draws, axis=0)
    distance = np.abs(draws - centre)
    inner = draws[(distance <= 2 * np.median(distance, axis=0)).all(axis=1)]
    covariance = np.atleast_2d(np.cov(inner.T))
    try:
        return np.asarray(centre), np.asarray(np.linalg.cholesky(covariance))
    except np.linalg.LinAlgError as error:
        raise DoesNotApply("P's mass lies on a line or a plane") from error


def _grid(centre: Floats, factor: Floats, u: Floats) -> tuple[Floats, Floats]:
    x = centre + np.sinh(u) @ factor.T
    jacobian = np.sum(np.log(np.cosh(u)), axis=-1) + math.log(abs(np.prod(np.diag(factor))))
    return x, jacobian


def _widths(terms: Terms, centre: Floats, factor: Floats) -> list[float]:
    """Return how far along each axis of u, to either side, anything matters."""
    size = centre.size
    line = np.linspace(-_WIDEST, _WIDEST, 145)
    # Along the axes and the diagonals between them.
    directions = [v for v in np.ndindex(*(3,) * size) if any(c != 1 for c in v)]
    widths = np.full(size, 3.0)
    for v in directions:
        way = np.array(v) - 1.0
        x, log_w = _grid(centre, factor, line[:, None] * way)
        log_p, log_q, _ = terms.known(x)
        with np.errstate(all="ignore"):
            weight = log_w + log_p + np.log1p(np.abs(np.nan_to_num(log_q - log_p, posinf=0, neginf=0)))
        alive = np.abs(line[weight > _NOTHING])
        if alive.size:
            widths = np.where(way != 0, np.maximum(widths, alive.max() + 0.5), widths)
    if np.any(widths >= _WIDEST):
        raise DoesNotApply("the tails reach too far for a grid")
    return [float(w) for w in widths]


def _trapezoid(terms: Terms, centre: Floats, factor: Floats, axes: list[Floats], step: float) -> tuple[Floats, Floats]:
    u = np.stack([m.ravel() for m in np.meshgrid(*axes, indexing="ij")], axis=-1)
    x, log_w = _grid(centre, factor, u)
    log_p, log_q, unknown = terms.known(x)
    values, rounding = components(log_p, log_q, log_w + len(axes) * math.log(step), terms.precision, unknown)
    return np.sum(values, axis=1), np.sum(rounding, axis=1)
