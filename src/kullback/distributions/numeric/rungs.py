"""The rungs of the ladder in their order: closed form, supports, quadrature or a sum, cubature, draws, bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, NoClosedForm, NotANumber
from kullback._core.progress import Progress
from kullback.arrays._backend import quiet, without_gradient
from kullback.distributions import measures
from kullback.distributions._domain import apart
from kullback.distributions._family import Family
from kullback.distributions.foreign import Foreign

from . import DoesNotApply
from ._side import Side, side
from .cubature import cubature
from .mixtures import are_mixtures, bounds, bounds_of, variational
from .montecarlo import montecarlo
from .quadrature import quadrature
from .series import series

METHODS = ("auto", "closed form", "quadrature", "series", "cubature", "Monte Carlo", "variational", "bounds")
_BOUNDED: dict[str, Callable[[Side, Side, float | None, float], Divergence]] = {
    "quadrature": quadrature,
    "series": series,
    "cubature": cubature,
    "variational": variational,
    "bounds": bounds,
}
_LINE = {"reals", "circle"}


def climbed(
    p: Family, q: Family, tolerance: float | None, confidence: float, rng: np.random.Generator, report: Progress | None
) -> Divergence:
    """Return what the first rung that applies answers."""
    exact = _closed_form(p, q)
    if exact is not None and math.isfinite(exact):
        return Divergence(exact, method="closed form")
    outside = _outside(p, q)
    if exact == math.inf:
        # The supports say why, where it is by them.
        return outside or Divergence(exact, method="closed form")
    found = outside or _computed(p, q, tolerance, confidence, rng, report)
    if exact is not None:
        text = f"{_of_nan(p, q)}, so this was computed without it."
        found = replace(found, caveats=(text, *found.caveats))
    return found


def _of_nan(p: Family, q: Family) -> str:
    return f"The closed form of {p.label}‖{q.label} comes to NaN for these parameters"


def _computed(
    p: Family, q: Family, tolerance: float | None, confidence: float, rng: np.random.Generator, report: Progress | None
) -> Divergence:
    a, b = side(p), side(q)
    reasons = []
    for rung in (quadrature, series, cubature):
        try:
            return rung(a, b, tolerance, confidence)
        except DoesNotApply as reason:
            reasons.append(str(reason))
    try:
        found = montecarlo(a, b, tolerance, confidence, rng, report)
    except DoesNotApply as reason:
        if not are_mixtures(a, b):
            # What quadrature or a series found is said where they are for such events.
            tried = reasons[0] if a.on_the_line and b.on_the_line else reasons[1] if a.of_integers else ""
            raise DoesNotApply(f"{tried}; {reason}" if tried else str(reason)) from reason
        found = bounds(a, b, tolerance, confidence)
        return replace(found, caveats=(f"Only bounds are known: {reason}.", *found.caveats))
    return _within_bounds(found, a, b, confidence) if are_mixtures(a, b) else found


def named(
    name: str,
    p: Family,
    q: Family,
    tolerance: float | None,
    confidence: float,
    rng: np.random.Generator,
    report: Progress | None,
) -> Divergence:
    """Return what the rung of that name answers, or say why it does not apply."""
    if name == "closed form":
        exact = _closed_form(p, q)
        if exact is None:
            raise InputError(f"method 'closed form' does not apply: {_refusal(p, q)}")
        if math.isnan(exact):
            raise InputError(f"{_of_nan(p, q)}: method='auto' computes it numerically and states its error")
        return Divergence(exact, method="closed form")
    found = _outside(p, q)
    if found is not None:
        return found
    try:
        if name == "Monte Carlo":
            return montecarlo(side(p), side(q), tolerance, confidence, rng, report)
        return _BOUNDED[name](side(p), side(q), tolerance, confidence)
    except DoesNotApply as reason:
        raise InputError(f"method {name!r} does not apply: {reason}") from reason


def _refusal(p: Family, q: Family) -> str:
    if not (isinstance(p, Foreign) or isinstance(q, Foreign)):
        return measures.refusal(p, q)
    return f"no closed form of D(P‖Q) is known for {p.label}‖{q.label}; method='auto' computes it numerically"


def _closed_form(p: Family, q: Family) -> float | None:
    """Return the closed form in the precision that it is computed in; None where there is none."""
    if isinstance(p, Foreign) or isinstance(q, Foreign):
        return None
    try:
        p, q = measures.paired(p, q)
        with quiet(p.xp):
            return float(without_gradient(measures.kl(p, q)))
    except NoClosedForm:
        return None
    except NotANumber:
        return math.nan


def _outside(p: Family, q: Family) -> Divergence | None:
    """Return ∞ where the supports alone say so; None where they do not."""
    spaces = {p.domain.space, q.domain.space}
    if p.discrete != q.discrete:
        text = "P has a density and Q has probabilities: P's mass lies where Q has none."
        if p.discrete:
            text = "P has probabilities and Q has a density, which gives no number any mass."
        return Divergence(math.inf, method="supports", caveats=(text,))
    if apart(p.domain, q.domain):
        text = f"P's values are whole numbers + {p.domain.offset:g} and Q's + {q.domain.offset:g}: none is of both."
        return Divergence(math.inf, method="supports", caveats=(text,))
    if not (len(spaces) == 1 or spaces <= _LINE or isinstance(p, Foreign) or isinstance(q, Foreign)):
        raise InputError(f"P is over {p.domain.space} and Q over {q.domain.space}: their densities do not compare")
    a, b = side(p), side(q)
    if not a.reaches_its_ends:
        return None
    leaves = np.ravel((a.lowest < b.lowest) | (b.highest < a.highest))
    if not leaves.any():
        return None
    k = int(np.argmax(leaves))
    ends = (float(np.broadcast_to(e, leaves.shape).flat[k]) for e in (a.lowest, a.highest, b.lowest, b.highest))
    text = "P's support, from {:g} to {:g}, leaves Q's, from {:g} to {:g}".format(*ends)
    text += f", at number {k} of an event." if p.event_shape else "."
    return Divergence(math.inf, method="supports", caveats=(text,))


def _within_bounds(found: Divergence, a: Side, b: Side, confidence: float) -> Divergence:
    """Cut an estimate to the bounds that the components of mixtures give, and say so."""
    known = bounds_of(a, b)
    low, high = found.interval or (found.value, found.value)
    if known.lower <= low and high <= known.upper:
        return found

    def cut(value: float) -> float:
        return min(max(value, known.lower), known.upper)

    value, ends = cut(found.value), (cut(low), cut(high))
    contradicted = high < known.lower or low > known.upper
    if contradicted:
        # The bounds are then all that is known.
        ends = known.lower, known.upper
    within = f"the bounds by the mixtures' components, {known.lower:.6g} and {known.upper:.6g}"
    text = f"The interval of the draws, {low:.6g} to {high:.6g}, was cut to {within}."
    if contradicted:
        text = f"The draws, with {found.value:.6g}, contradict {within}, to which the value was cut."
    elif value != found.value:
        text = f"The average of the draws, {found.value:.6g}, and its interval were cut to {within}."
    farthest = max(value - known.lower, known.upper - value)
    error = farthest if contradicted else min(found.error, farthest)
    return replace(
        found, value=value, error=error, interval=ends, confidence=confidence, caveats=(*found.caveats, text)
    )
