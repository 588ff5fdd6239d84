"""Checks of input: each refusal names the row, the value and the remedy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import InputError, InputTypeError

from ._backend import Array, Namespace, inspectable, without_gradient
from ._numeric import blocked_sum, log_sum_exp

FORMS = ("probs", "log_probs", "logits")


def check_forms(form: Any, count: int) -> tuple[str, ...]:
    """Return one form per array from a form, or from one for each."""
    forms = (form,) * count if isinstance(form, str) else tuple(form) if isinstance(form, (tuple, list)) else (form,)
    if len(forms) != count:
        raise InputError(f"form must be one name or {count} of them, one for each array, got {form!r}")
    for name in forms:
        if name not in FORMS:
            raise InputError(f"form must be 'probs', 'log_probs' or 'logits', or one for each array, got {name!r}")
    return forms


def check_flag(value: Any, name: str) -> bool:
    """Return a bool, and refuse what is merely true or false."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputTypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_dtype(xp: Namespace, x: Array, name: str, form: str, counts_welcome: bool) -> None:
    """Refuse what is not a real number, and integers where probabilities are meant."""
    if isinstance(x, np.ndarray) and x.dtype.kind not in "iuf":
        raise InputTypeError(f"{name} has dtype {x.dtype}; real numbers are needed: convert with astype(float)")
    if xp.isdtype(x.dtype, "real floating") or _is_narrow(xp, x.dtype):
        return
    if not xp.isdtype(x.dtype, "integral"):
        raise InputTypeError(f"{name} has dtype {x.dtype}; real numbers are needed: convert to a floating dtype")
    if form == "probs" and not counts_welcome:
        raise InputTypeError(
            f"{name} has integer dtype {x.dtype}: pass normalize=True if these are counts, "
            "or convert to a floating dtype if they are probabilities"
        )


def _is_narrow(xp: Namespace, dtype: Any) -> bool:
    """Half types, which some namespaces leave out of their floating kinds."""
    return any(dtype == getattr(xp, narrow, None) for narrow in ("float16", "bfloat16"))


def resolve_axes(axis: Any, shapes: list[tuple[int, ...]], names: list[str]) -> tuple[int, ...]:
    """Return the axes of the distributions, counted in the broadcast shape, that every array has in full."""
    ndim = max(len(shape) for shape in shapes)
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not axes or not all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in axes):
        raise InputTypeError(f"axis must be an integer or a tuple of integers, got {axis!r}")
    if any(not -ndim <= a < ndim for a in axes):
        raise InputError(f"axis {axis} is out of range for arrays of {ndim} dimension{'s' * (ndim != 1)}")
    resolved = tuple(int(a) % ndim for a in axes)
    if len(set(resolved)) != len(resolved):
        raise InputError(f"axis {axis} names one dimension twice")
    for a in resolved:
        lengths = []
        for shape, name in zip(shapes, names, strict=True):
            own = a - (ndim - len(shape))
            if own < 0:
                raise InputError(
                    f"{name} has shape {shape}, which lacks axis {a}: give it {ndim} dimensions like the others"
                )
            lengths.append(shape[own])
        if len(set(lengths)) > 1:
            raise InputError(
                f"{' and '.join(names)} have {' and '.join(map(str, lengths))} outcomes along axis {a}: "
                "distributions over the same outcomes are needed; the axis of the outcomes is never broadcast"
            )
        if lengths[0] == 0:
            raise InputError(f"axis {a} has no outcomes: a distribution needs at least one")
    return resolved


def tolerance(eps: float, n: int, form: str = "probs") -> float:
    """How far from 1 a row of n probabilities may sum when it was normalised with care at machine epsilon `eps`.

    Each entry is rounded once, and the sum it was divided by had about √n roundings, in float32 at least. An entry
    given as its logarithm, of size up to log n where it matters, has a relative error that much larger.
    """
    entries = 4 * eps * (1 + math.log(n) if form == "log_probs" else 1)
    return entries + 2 * math.sqrt(n) * min(eps, 2.0**-23)


def check_rows(xp: Namespace, x: Array, name: str, form: str, slack: float | None) -> None:
    """Refuse rows (along the last axis) that are not distributions.

    `slack` is how far from 1 a row may sum, or None where rows may have any positive, finite sum.
    """
    if not inspectable(x) or 0 in x.shape:
        return
    x = without_gradient(x)
    if form == "probs":
        _refuse(xp, x < 0, x, x.ndim, f"{name} is negative", "probabilities are at least 0")
        sums = blocked_sum(xp, x)
        _refuse(xp, sums == 0, sums, x.ndim, f"{name} sums to 0", "there is nothing to normalise: drop or fill the row")
    else:
        _refuse(xp, x == math.inf, x, x.ndim, f"{name} is inf", f"{form} are below infinity")
        top, rest = log_sum_exp(xp, x)
        sums = xp.exp(top + rest)[..., 0] if form == "log_probs" else top[..., 0]
        nothing = sums == (0 if form == "log_probs" else -math.inf)
        _refuse(xp, nothing, sums, x.ndim, f"{name} is -inf everywhere", "at least one outcome must be possible")
    _refuse(xp, xp.abs(sums) == math.inf, sums, x.ndim, f"{name} sums to inf", "its entries must be finite")
    if slack is not None and form != "logits":
        remedy = "pass form='logits'" if form == "log_probs" else "pass normalize=True"
        _refuse(
            xp, xp.abs(sums - 1) > slack, sums, x.ndim, f"{name} does not sum to 1", f"{remedy} to have it normalised"
        )


def check_measures(xp: Namespace, x: Array, name: str) -> None:
    """Refuse measures with negative or infinite entries."""
    if inspectable(x) and 0 not in x.shape:
        x = without_gradient(x)
        _refuse(xp, x < 0, x, x.ndim, f"{name} is negative", "measures are at least 0")
        _refuse(xp, x == math.inf, x, x.ndim, f"{name} is inf", "measures must be finite")


def check_known(xp: Namespace, x: Array, name: str) -> None:
    """Refuse NaN, where the answer has no place for it."""
    if inspectable(x):
        x = without_gradient(x)
        _refuse(xp, x != x, x, x.ndim, f"{name} is NaN", "a divergence with parts needs every probability")


def _refuse(xp: Namespace, wrong: Array, values: Array, ndim: int, what: str, remedy: str) -> None:
    if not bool(xp.any(wrong)):
        return
    flat = int(xp.argmax(xp.astype(xp.reshape(wrong, (-1,)), xp.int8)))
    where = tuple(int(i) for i in np.unravel_index(flat, wrong.shape))
    value = float(xp.reshape(values, (-1,))[flat])
    raise InputError(f"{what}{_place(where, by_row=wrong.ndim < ndim)} (found {value!r}): {remedy}")


def _place(where: tuple[int, ...], by_row: bool) -> str:
    """Write where an offence was found, as people index it."""
    row, outcome = (where, None) if by_row else (where[:-1], where[-1])
    text = f" in row {row[0] if len(row) == 1 else row}" if row else ""
    return text if outcome is None else f"{text} at outcome {outcome}"
