"""The ladder: a closed form where there is one, else quadrature or a sum, else draws; always with an error."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ._core.divergence import Divergence
from ._core.errors import InputError, InputTypeError, NoClosedForm, NotANumber
from ._core.extras import require
from .arrays._backend import quiet, without_gradient
from .distributions import measures
from .distributions._domain import apart
from .distributions._family import Family
from .distributions.adapters import adapt
from .distributions.foreign import Foreign
from .distributions.numeric import DoesNotApply
from .distributions.numeric._side import Side, side
from .distributions.numeric.cubature import cubature
from .distributions.numeric.mixtures import are_mixtures, bounds, bounds_of, variational
from .distributions.numeric.montecarlo import Progress, montecarlo
from .distributions.numeric.quadrature import quadrature
from .distributions.numeric.series import series

METHODS = ("auto", "closed form", "quadrature", "series", "cubature", "Monte Carlo", "variational", "bounds")
_BOUNDED: dict[str, Callable[[Side, Side, float | None, float], Divergence]] = {
    "quadrature": quadrature,
    "series": series,
    "cubature": cubature,
    "variational": variational,
    "bounds": bounds,
}
_LINE = {"reals", "circle"}
_SILENT = 2.0


def estimate(
    P: Any,
    Q: Any,
    *,
    method: str = "auto",
    confidence: float = 0.95,
    tolerance: float | None = None,
    rng: int | np.random.Generator | None = None,
    progress: bool | Progress | None = None,
) -> Divergence:
    r"""Compute D(P‖Q) of two distribution objects, with its error.

    The first of these that applies answers:

    1. the closed form (`kullback.kl`), whose error is 0;
    2. ∞, where P's support leaves Q's;
    3. of densities on the line, quadrature of q·φ(p/q), φ(x) = x·log x − x + 1; of integers, its sum; both with a
       bound on the error;
    4. of densities of two or three numbers, cubature where it converges, with a bound on the error;
    5. Monte Carlo from draws of P and of Q, with a standard error.

    Parameters
    ----------
    P, Q : distribution object
        Of scipy.stats (frozen, or of the new infrastructure), torch.distributions, numpyro.distributions or
        kullback.distributions, or a fitted GaussianMixture of scikit-learn. P is the truth, Q the model of it. They
        may be of different libraries.
    method : str
        "auto", or one rung by its name: "closed form", "quadrature", "series", "cubature", "Monte Carlo"; for mixtures
        of Gaussians also "variational" (Hershey and Olsen's approximation, with bounds as the interval) and "bounds".
    confidence : float
        Coverage of the interval. That of a bound on the error holds at any.
    tolerance : float, optional
        The error wanted, in nats. Monte Carlo doubles its draws until the standard error is within it, or 2^22 draws
        are made; the others refine. A caveat says where it was not reached.
    rng : int or numpy.random.Generator, optional
        Seed or source of the draws of Monte Carlo.
    progress : bool or callable, optional
        True shows a bar once 2 s have passed; a callable is called with the draws made and those that seem needed.

    Returns
    -------
    Divergence
        The value in nats, its `error` (a bound, or for Monte Carlo the standard error), the `interval`, the `method`
        that answered and `caveats`, sentences on what was cut, left out or not reached.

    Raises
    ------
    InputTypeError
        If P or Q is no distribution object.
    InputError
        If they are over different events, are batches, or the method named does not exist or does not apply.

    Examples
    --------
    >>> import scipy.stats
    >>> import kullback as kb
    >>> d = kb.estimate(scipy.stats.gumbel_r(0, 1), scipy.stats.skewnorm(3, -1, 2))
    >>> d.method, round(d.value, 6), d.error < 1e-12
    ('quadrature', 0.02008, True)
    """
    name = _method(method)
    if not 0 < _number("confidence", confidence) < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence!r}")
    if tolerance is not None and not 0 < _number("tolerance", tolerance) < math.inf:
        raise InputError(f"tolerance must be a finite number above 0, got {tolerance!r}")
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise InputTypeError(f"progress must be True, False or a function, got {progress!r}")
    draws = _generator(rng)
    p, q = _law(P, "P"), _law(Q, "Q")
    _check(p, q)
    p, q = p.beside(q), q.beside(p)
    # Libraries warn of the overflows and logarithms of 0 that are looked for here.
    with warnings.catch_warnings(), _reporter(progress) as report:
        warnings.simplefilter("ignore", RuntimeWarning)
        options = tolerance, float(confidence), draws, report
        return _automatic(p, q, *options) if name == "auto" else _named(name, p, q, *options)


def _method(method: Any) -> str:
    wanted = str(method).replace("_", " ").lower()
    for name in METHODS:
        if name.lower() == wanted:
            return name
    raise InputError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name} must be a number, got {value!r}") from error


def _generator(rng: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"rng must be a whole number of at least 0, a numpy.random.Generator or None, got {rng!r}"
        ) from error


def _law(thing: Any, name: str) -> Family:
    try:
        return adapt(thing)
    except InputTypeError as error:
        raise InputTypeError(f"{name}: {error}") from error


def _check(p: Family, q: Family) -> None:
    for name, law in (("P", p), ("Q", q)):
        if law.batch_shape:
            raise InputError(
                f"{name} is a batch of shape {law.batch_shape}: estimate takes one distribution at a time; "
                "kullback.kl takes batches where there is a closed form"
            )
    measures.check_events(p, q)


def _automatic(
    p: Family, q: Family, tolerance: float | None, confidence: float, rng: np.random.Generator, report: Progress | None
) -> Divergence:
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


def _named(
    name: str,
    p: Family,
    q: Family,
    tolerance: float | None,
    confidence: float,
    rng: np.random.Generator,
    report: Progress | None,
) -> Divergence:
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


@contextmanager
def _reporter(progress: bool | Progress | None) -> Any:
    if progress is None or progress is False:
        yield None
    elif progress is not True:
        yield progress
    else:
        bars = require("rich.progress", extra="tables", purpose="show a progress bar")
        with bars.Progress(transient=True, auto_refresh=True, disable=False) as shown:
            task = shown.add_task("draws of P", visible=False)

            def report(done: int, total: int) -> None:
                late = (shown.get_time() - (shown.tasks[0].start_time or 0.0)) > _SILENT
                shown.update(task, completed=done, total=total, visible=late)

            yield report
