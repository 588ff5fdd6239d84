"""The measures of distribution objects: closed forms or `NoClosedForm`, never an approximation."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kullback._core.errors import InputError, InputTypeError, NoClosedForm, NotANumber
from kullback._core.units import nats_per_unit
from kullback.arrays._backend import Array, finish, inspectable, nowhere, quiet, without_gradient

from . import _exponential
from ._batches import in_blocks
from ._domain import apart, covers
from ._exponential import ExponentialFamily
from ._family import Family, knows, together
from ._registry import ClosedForm, find, infinite, nearest, zero
from ._structure import Structure
from .adapters import adapt

Law = Family


def measure(name: str, values: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Apply the measure called `name` to distribution objects.

    `values` are the sides, and an order after them; `options` are what its function for arrays takes by name alone.
    """
    if name not in MEASURES:
        has = ", ".join(MEASURES)
        raise NoClosedForm(f"{name} has no closed form for distribution objects; those that have are {has}")
    options = dict(options)
    values = list(values)
    unit = nats_per_unit(options.pop("base", None)) if name not in _WITHOUT_UNIT else 1.0
    if options:
        what = ", ".join(sorted(options))
        raise InputTypeError(f"{name} of distribution objects takes no {what}: that is for arrays of probabilities")
    order = [values.pop()] if name in _WITH_ORDER else []
    laws = [adapt(value) for value in values]
    if len(laws) == 2:
        laws = list(paired(*laws))
    with quiet(laws[0].xp):
        try:
            value = MEASURES[name](*laws, *order)
        except (ValueError, TypeError, RuntimeError):
            # Libraries refuse shapes in words of their own.
            _check_batches(laws)
            raise
        return finish(laws[0].xp, value if unit == 1.0 else value / unit, laws[0].dtype)


def paired(p: Law, q: Law) -> tuple[Law, Law]:
    """Return two distributions of events of one shape, in one array library."""
    check_events(p, q)
    return together(p, q)


def _check_batches(laws: Sequence[Law]) -> None:
    """Refuse batches whose shapes do not broadcast: asked only where something went wrong, as it takes its time."""
    shapes = [law.batch_shape for law in laws]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise InputError(
            f"P is a batch of shape {shapes[0]} and Q of shape {shapes[1]}: batches have shapes that broadcast"
        ) from error


def check_events(p: Law, q: Law) -> None:
    """Refuse distributions over events of different shapes."""
    if p.event_shape != q.event_shape:
        raise InputError(
            f"P is over events of shape {p.event_shape} and Q of shape {q.event_shape}: a divergence compares "
            f"distributions over the same events, and these are {p.label} and {q.label}"
        )


def kl(p: Law, q: Law) -> Array:
    """D(P‖Q) in nats, of distributions in one array library."""
    p, q = p.beside(q), q.beside(p)
    form = find(type(p), type(q))
    if apart(p.domain, q.domain) or (form is None and _lies_apart(p, q)):
        return infinite(p, q)
    if form is None:
        if _all_equal(p, q):
            return zero(p, q)
        raise NoClosedForm(refusal(p, q))
    return _checked(p, q, in_blocks(functools.partial(_computed, form), p, q))


def _computed(form: ClosedForm, p: Law, q: Law) -> Array:
    value = form.compute(p, q)
    if not form.finite or (p.domain.fixed and q.domain.fixed):
        return value
    covered = covers(q, p)
    if covered is True or nowhere(p.xp, ~covered):
        return value
    return p.xp.where(covered, value, p.xp.full_like(value, math.inf))


def _checked(p: Law, q: Law, value: Array) -> Array:
    """Return a value that is a divergence: 0 of equal laws, and no number that rounding has made NaN or negative."""
    xp, seen = p.xp, without_gradient(value)
    if not inspectable(seen) or 0 in seen.shape or float(xp.min(seen) if seen.ndim else seen) >= 0:
        return value
    wrong = ~(seen >= 0)
    same = _equal(p, q)
    value = xp.where(wrong & same, xp.zeros_like(value), value)
    wrong = wrong & ~same & ~_has_nan(p) & ~_has_nan(q)
    if not bool(xp.any(wrong)):
        return value
    wrong, seen = xp.broadcast_to(wrong, seen.shape), xp.reshape(seen, (-1,))
    at = int(xp.argmax(xp.astype(xp.reshape(wrong, (-1,)), xp.int8)))
    where = f" at index {tuple(int(i) for i in np.unravel_index(at, wrong.shape))}" if wrong.shape else ""
    raise NotANumber(
        f"the closed form of {p.label}‖{q.label} comes to {float(seen[at]):.3g}{where}: floats do not hold what it is "
        "made of for parameters this extreme; kullback.estimate(P, Q) computes it numerically and states its error"
    )


def _all_equal(p: Law, q: Law) -> bool:
    same = _equal(p, q)
    return bool(inspectable(same) and p.xp.all(same))


def _equal(p: Law, q: Law) -> Any:
    """Where two laws of one family have the same parameters."""
    ours, theirs = p.given, q.given
    if type(p) is not type(q) or isinstance(p, Structure) or not ours or ours.keys() != theirs.keys():
        return p.xp.asarray(False)
    return functools.reduce(operator.and_, (_over_events(p, name, a == theirs[name]) for name, a in ours.items()))


def _has_nan(law: Law) -> Any:
    parts = [~_over_events(law, name, a == a) for name, a in law.given.items() if name in law.parameters]
    return functools.reduce(operator.or_, parts) if parts else law.xp.asarray(False)


def _over_events(law: Law, name: str, holds: Array) -> Array:
    """Whether something holds for all numbers of every value of a parameter."""
    ndim = law.parameters[name].rule.event_ndim
    return law.xp.all(holds, axis=tuple(range(-ndim, 0))) if ndim else holds


def _lies_apart(p: Law, q: Law) -> bool:
    """Whether every P of the batch is known to have mass where its Q has none."""
    # A law known by its density alone stays in NumPy, and need not be of the other's library.
    if p.xp is not q.xp or p.domain.space != q.domain.space or p.domain.space not in ("reals", "integers"):
        return False
    covered = covers(q, p)
    if isinstance(covered, bool):
        return not covered
    return inspectable(covered) and not bool(p.xp.any(covered))


def refusal(p: Law, q: Law) -> str:
    """Say that there is no closed form, what the nearest ones are, and what to do."""
    near = nearest(type(p), type(q))
    known = f" (the nearest pairs that have one: {', '.join(near)})" if near else ""
    return (
        f"no closed form of D(P‖Q) is known for {p.label}‖{q.label}{known}; "
        "kullback.estimate(P, Q) computes it numerically and states its error"
    )


def entropy(p: Law) -> Array:
    """Return the entropy in nats; of a density, the differential entropy."""
    p = p.beside(p)
    if not knows(p, "entropy"):
        raise NoClosedForm(f"no closed form of the entropy of {p.label} is known")
    return p.entropy()


def cross_entropy(p: Law, q: Law) -> Array:
    """H(P, Q) = H(P) + D(P‖Q)."""
    return entropy(p) + kl(p, q)


def jeffreys(p: Law, q: Law) -> Array:
    """D(P‖Q) + D(Q‖P)."""
    return kl(p, q) + kl(q, p)


def renyi(p: Law, q: Law, order: float) -> Array:
    """Return the Rényi divergence of an order above 0, for two members of one exponential family."""
    order = _order(order)
    if order == 1:
        return kl(p, q)
    p, q = p.beside(q), q.beside(p)
    if type(p) is not type(q) or not isinstance(p, ExponentialFamily) or not isinstance(q, ExponentialFamily):
        raise NoClosedForm(
            f"no closed form of the Rényi divergence is known for {p.label}‖{q.label}: "
            "there is one for two members of an exponential family"
        )
    return _exponential.renyi(p, q, order, kl)


def _order(order: Any, *, closed: bool = False) -> float:
    """Return an order as a number."""
    try:
        number = float(order)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"order must be one number for distribution objects, got {order!r}") from error
    if not (0 < number < math.inf or (closed and number == 0)):
        raise InputError(f"order must be above 0 and finite for distribution objects, got {order!r}")
    return number


def tsallis(p: Law, q: Law, order: float) -> Array:
    """Tsallis relative entropy, from that of Rényi."""
    order = _order(order)
    if order == 1:
        return kl(p, q)
    return p.xp.expm1((order - 1) * renyi(p, q, order)) / (order - 1)


def alpha_divergence(p: Law, q: Law, order: float) -> Array:
    """α-divergence (Cichocki and Amari), from that of Rényi."""
    order = _order(order, closed=True)
    return kl(p, q) if order == 1 else kl(q, p) if order == 0 else tsallis(p, q, order) / order


def hellinger(p: Law, q: Law) -> Array:
    """Hellinger distance, √(1 − ∫√(p·q))."""
    return p.xp.sqrt(-p.xp.expm1(-0.5 * renyi(p, q, 0.5)))


def chi2(p: Law, q: Law) -> Array:
    """Pearson's χ², ∫(p − q)²/q."""
    return p.xp.expm1(renyi(p, q, 2.0))


MEASURES: dict[str, Callable[..., Array]] = {
    f.__name__: f for f in (kl, entropy, cross_entropy, jeffreys, renyi, tsallis, alpha_divergence, hellinger, chi2)
}
_WITH_ORDER = ("renyi", "tsallis", "alpha_divergence")
_WITHOUT_UNIT = ("hellinger", "chi2", "tsallis", "alpha_divergence")
