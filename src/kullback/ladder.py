"""The ladder: a closed form where there is one, else quadrature or a sum, else draws; always with an error."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._core.divergence import Divergence
from ._core.errors import InputError, InputTypeError, NoClosedForm
from ._core.extras import require
from .arrays._backend import quiet, without_gradient
from .distributions import measures
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
    5. Monte Carlo from draws of P, with a standard error.

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
        are made; the others refine.
    rng : int or numpy.random.Generator, optional
        Seed or source of the draws of Monte Carlo.
    progress : bool or callable, optional
        True shows a bar once 2 s have passed; a callable is called with the draws made and those that seem needed.

    Returns
    -------
    Divergence
        The value in nats, its `error` (a bound, or for Monte Carlo the standard error), the `interval`, the `method`
        that answered and `caveats`.

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
    if not 0 < float(confidence) < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence!r}")
    if tolerance is not None and not 0 < float(tolerance) < math.inf:
        raise InputError(f"tolerance must be a finite number above 0, got {tolerance!r}")
    p, q = _law(P, "P"), _law(Q, "Q")
    _check(p, q)
    # Libraries warn of the overflows and logarithms of 0 that are looked for here.
    with warnings.catch_warnings(), _reporter(progress) as report:
        warnings.simplefilter("ignore", RuntimeWarning)
        options = tolerance, float(confidence), np.random.default_rng(rng), report
        return _automatic(p, q, *options) if name == "auto" else _named(name, p, q, *options)


def _method(method: Any) -> str:
    wanted = str(method).replace("_", " ").lower()
    for name in METHODS:
        if name.lower() == wanted:
            return name
    raise InputError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")


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
    if p.event_shape != q.event_shape:
        raise InputError(
            f"P is over events of shape {p.event_shape} and Q of shape {q.event_shape}: a divergence compares "
            "distributions over the same events"
        )


def _automatic(
    p: Family, q: Family, tolerance: float | None, confidence: float, rng: np.random.Generator, report: Progress | None
) -> Divergence:
    found = _closed_form(p, q) or _outside(p, q)
    if found is not None:
        return found
    a, b = side(p), side(q)
    for rung in (quadrature, series, cubature):
        try:
            return rung(a, b, tolerance, confidence)
        except DoesNotApply:
            continue
    found = montecarlo(a, b, tolerance, confidence, rng, report)
    return _within_bounds(found, a, b) if are_mixtures(a, b) else found


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
        found = _closed_form(p, q)
        if found is None:
            raise InputError(f"method 'closed form' does not apply: {measures.refusal(p, q)}")
        return found
    found = _outside(p, q)
    if found is not None:
        return found
    try:
        if name == "Monte Carlo":
            return montecarlo(side(p), side(q), tolerance, confidence, rng, report)
        return _BOUNDED[name](side(p), side(q), tolerance, confidence)
    except DoesNotApply as reason:
        raise InputError(f"method {name!r} does not apply: {reason}") from reason


def _closed_form(p: Family, q: Family) -> Divergence | None:
    """Return the closed form in the precision that it is computed in; None where there is none."""
    if isinstance(p, Foreign) or isinstance(q, Foreign):
        return None
    try:
        p, q = measures.paired(p, q)
        with quiet(p.xp):
            value = float(without_gradient(measures.kl(p, q)))
    except NoClosedForm:
        return None
    return None if math.isnan(value) else Divergence(value, method="closed form")


def _outside(p: Family, q: Family) -> Divergence | None:
    """Return ∞ where the supports alone say so; None where they do not."""
    spaces = {p.domain.space, q.domain.space}
    if p.discrete != q.discrete:
        text = "P has a density and Q has probabilities: P's mass lies where Q has none."
        if p.discrete:
            text = "P has probabilities and Q has a density, which gives no number any mass."
        return Divergence(math.inf, method="supports", caveats=(text,))
    if not (len(spaces) == 1 or spaces <= _LINE or isinstance(p, Foreign) or isinstance(q, Foreign)):
        raise InputError(f"P is over {p.domain.space} and Q over {q.domain.space}: their densities do not compare")
    a, b = side(p), side(q)
    if p.event_shape or (b.low <= a.low and a.high <= b.high):
        return None
    text = f"P's support, from {a.low:g} to {a.high:g}, leaves Q's, from {b.low:g} to {b.high:g}."
    return Divergence(math.inf, method="supports", caveats=(text,))


def _within_bounds(found: Divergence, a: Side, b: Side) -> Divergence:
    """Cut an estimate to the bounds that the components of mixtures give."""
    known = bounds_of(a, b)
    if found.interval is None or (known.lower <= found.interval[0] and found.interval[1] <= known.upper):
        return found

    def cut(value: float) -> float:
        return min(max(value, known.lower), known.upper)

    low, high = found.interval
    caveats = found.caveats
    if high < known.lower or low > known.upper:
        caveats = (*caveats, "The draws contradict the bounds by the mixtures' components, to which the value was cut.")
    return Divergence(
        cut(found.value), found.error, (cut(low), cut(high)), found.confidence, method=found.method, caveats=caveats
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
