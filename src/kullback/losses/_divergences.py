"""The divergences between a teacher's and a student's distribution, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kullback._core.errors import InputError, InputTypeError
from kullback.arrays._pair import Pair, against_mixture, deformed
from kullback.arrays._rows import Side, pair


@dataclass(frozen=True)
class Kind:
    """A divergence: its terms, of the pair (teacher, student), and what its number in brackets may be.

    Attributes
    ----------
    terms : callable
        The terms, of a `Pair` and the number; they sum to the divergence L.
    slopes : callable
        p·∂L/∂p and q·∂L/∂q of each outcome, of the same: what the gradients in logits are made of. Any multiples of p
        and of q may be added to them.
    parameter : str, optional
        What the number is called; None where there is none.
    default : float
        The number where none is given.
    inside : (float, float)
        The open interval that it must lie in.
    """

    terms: Callable[[Pair, float], Any]
    slopes: Callable[[Pair, float], tuple[Any, Any]]
    parameter: str | None = None
    default: float = 0.0
    inside: tuple[float, float] = (0.0, 1.0)


def _mixture(of: Pair, weight: float) -> list[Pair]:
    """The teacher and the student, each against weight·teacher + (1 − weight)·student."""
    to_first = [of.fill(0.0), -of.difference]
    return against_mixture(of.xp, [of.p, of.q], to_first, [weight, 1 - weight], of.smooth)


def _js(of: Pair, weight: float) -> Any:
    teacher, student = _mixture(of, weight)
    return weight * teacher.gap() + (1 - weight) * student.gap()


def _js_slopes(of: Pair, weight: float) -> tuple[Any, Any]:
    teacher, student = _mixture(of, weight)
    return weight * teacher.p * teacher.log_ratio, (1 - weight) * student.p * student.log_ratio


def _skew_slopes(of: Pair, alpha: float) -> tuple[Any, Any]:
    teacher, student = _mixture(of, alpha)
    # (1 − α)·pq/m, less the multiple of p, and of q, that makes each 0 where both agree.
    of_p, of_q = ((1 - alpha) * a.p * _excess(b) for a, b in ((teacher, student), (student, teacher)))
    return teacher.p * teacher.log_ratio + of_p, -of_q


def _excess(of: Pair) -> Any:
    """p/q − 1."""
    return of.xp.where(of.live, of.xp.expm1(of.log_ratio), of.fill(-1.0))


def _alpha_slopes(of: Pair, order: float) -> tuple[Any, Any]:
    return _slope(of, order), _slope(of.swap(), 1 - order)


def _slope(of: Pair, order: float) -> Any:
    """p·((p/q)^(α−1) − 1)/(α − 1)."""
    live = deformed(of.xp, of.p, of.log_ratio, of.log_p, of.live, order)
    return of.xp.where(of.live, live, of.p / (1 - order) if order < 1 else 0 * of.p)


KINDS = {
    "forward": Kind(lambda of, _: of.gap(), lambda of, _: _alpha_slopes(of, 1)),
    "reverse": Kind(lambda of, _: of.gap(0), lambda of, _: _alpha_slopes(of, 0)),
    "js": Kind(_js, _js_slopes, "weight", 0.5),
    "skew": Kind(lambda of, alpha: _mixture(of, alpha)[0].gap(), _skew_slopes, "alpha", 0.1),
    "reverse_skew": Kind(
        lambda of, alpha: _mixture(of.swap(), alpha)[0].gap(),
        lambda of, alpha: _skew_slopes(of.swap(), alpha)[::-1],
        "alpha",
        0.1,
    ),
    "total_variation": Kind(
        lambda of, _: 0.5 * of.xp.abs(of.difference),
        lambda of, _: (0.5 * of.p * of.xp.sign(of.difference), -0.5 * of.q * of.xp.sign(of.difference)),
    ),
    "alpha": Kind(lambda of, order: of.gap(order), _alpha_slopes, "order", 0.5, (-1e3, 1e3)),
}


def parsed(divergence: Any) -> tuple[str, float]:
    """From ``"js(0.1)"`` to its name and number."""
    if not isinstance(divergence, str):
        raise InputTypeError(f"divergence must be a string such as 'forward' or 'js(0.5)', got {divergence!r}")
    match = re.fullmatch(r"\s*(\w+)\s*(?:\(\s*([^()]*?)\s*\))?\s*", divergence)
    name, given = match.groups() if match else ("", None)
    if name not in KINDS:
        shown = ", ".join(f"{name}({kind.parameter})" if kind.parameter else name for name, kind in KINDS.items())
        raise InputError(f"divergence must be one of {shown}; got {divergence!r}")
    kind = KINDS[name]
    if given is None:
        return name, kind.default
    if kind.parameter is None:
        raise InputError(f"divergence {name!r} takes no number in brackets, got {divergence!r}")
    try:
        number = float(given)
    except ValueError:
        raise InputError(f"the {kind.parameter} of divergence {divergence!r} is not a number") from None
    low, high = kind.inside
    if not low < number < high:
        raise InputError(
            f"the {kind.parameter} of divergence {name!r} must lie strictly between {low} and {high}, got {number}"
        )
    return name, number


def of_logits(xp: Any, teacher: Any, student: Any, name: str, number: float) -> Any:
    """Divergence of every row of logits (…, outcomes): the definition, and the plain twin of the kernels."""
    return xp.sum(KINDS[name].terms(_pair(xp, teacher, student), number), axis=-1)


def gradients_of_logits(xp: Any, teacher: Any, student: Any, name: str, number: float) -> tuple[Any, Any]:
    """Gradients of `of_logits` in both sides, row by row."""
    of = _pair(xp, teacher, student)
    of_p, of_q = KINDS[name].slopes(of, number)
    return of_p - of.p * xp.sum(of_p, axis=-1)[..., None], of_q - of.q * xp.sum(of_q, axis=-1)[..., None]


def _pair(xp: Any, teacher: Any, student: Any) -> Pair:
    return pair(*(Side(xp, side, "logits", True) for side in (teacher, student)))
