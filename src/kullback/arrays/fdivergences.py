"""The families of f-divergences and of Rényi, all sums of the one term `Pair.gap`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kullback._core.errors import InputError, InputTypeError

from ._backend import Array
from ._numeric import log_sum_exp, root
from ._rows import Rows, measure
from .generators import GENERATORS, Generator


def total_variation(p: Any, q: Any, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    return measure(
        lambda rows: rows.sum(GENERATORS["total_variation"].term(rows.pair)),
        (p, q),
        axis=axis,
        form=form,
        normalize=normalize,
        kernel="total_variation",
    )


def hellinger(p: Any, q: Any, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    return measure(
        lambda rows: root(rows.xp, rows.sum(rows.pair.gap(0.5)) / 4), (p, q), axis=axis, form=form, normalize=normalize
    )


def chi2(p: Any, q: Any, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    return measure(
        lambda rows: rows.sum(GENERATORS["pearson"].term(rows.pair)),
        (p, q),
        axis=axis,
        form=form,
        normalize=normalize,
        kernel="chi2",
    )


def alpha_divergence(
    p: Any, q: Any, order: float, *, axis: Any = -1, form: Any = "probs", normalize: bool = False
) -> Any:
    order = _real(order)
    return measure(lambda rows: rows.sum(rows.pair.gap(order)), (p, q), axis=axis, form=form, normalize=normalize)


def tsallis(p: Any, q: Any, order: float, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    order = _not_negative(order)

    def formula(rows: Rows) -> Array:
        if order == 0:
            return rows.sum(rows.pair.q_alone())
        return order * rows.sum(rows.pair.gap(order))

    return measure(formula, (p, q), axis=axis, form=form, normalize=normalize)


def renyi(
    p: Any,
    q: Any,
    order: float,
    *,
    axis: Any = -1,
    base: float | None = None,
    form: Any = "probs",
    normalize: bool = False,
) -> Any:
    order = _not_negative(order, infinite=True)
    return measure(lambda rows: _renyi(rows, order), (p, q), axis=axis, base=base, form=form, normalize=normalize)


def _renyi(rows: Rows, order: float) -> Array:
    xp, pair = rows.xp, rows.pair
    if order == 0:
        outside = rows.sum(pair.q_alone())
        inside = rows.sum(pair.q - pair.q_alone())
        return -xp.where(outside < 0.5, xp.log1p(-xp.where(outside < 0.5, outside, 0 * outside)), xp.log(inside))
    if order == 1:
        return rows.sum(pair.gap())
    alone = xp.any(pair.q_is_zero & ~pair.p_is_zero, axis=-1)
    if order == math.inf:
        widest = xp.max(xp.where(pair.p_is_zero, pair.fill(-math.inf), pair.log_ratio), axis=-1)
        widest = xp.where(widest < 0, xp.zeros_like(widest), widest)
        return xp.where(alone, xp.full_like(widest, math.inf), widest)
    # Far apart, the logarithm of the sum of p·(p/q)^(α−1), in log space; near, log1p of what that sum is beyond 1.
    exponent = pair.log_p + (order - 1) * pair.log_ratio
    top, rest = log_sum_exp(xp, xp.where(pair.live, exponent, pair.fill(-math.inf)))
    log_sum = (top + rest)[..., 0]
    far = xp.abs(log_sum) > 0.5
    if order < 1:
        log_sum = log_sum - rows.sum(pair.only(far[..., None]).dips())
    # Far rows leave the near form altogether: nothing of theirs may overflow into a gradient.
    beyond = order * (order - 1) * rows.sum(pair.only(~far[..., None]).gap(order))
    value = xp.where(far, log_sum, xp.log1p(xp.where(far, xp.zeros_like(beyond), beyond))) / (order - 1)
    return xp.where(alone, xp.full_like(value, math.inf), value) if order > 1 else value


def f_divergence(
    p: Any,
    q: Any,
    generator: str | Generator | Callable[[Array], Array],
    *,
    axis: Any = -1,
    form: Any = "probs",
    normalize: bool = False,
) -> Any:
    if isinstance(generator, str):
        if generator not in GENERATORS:
            raise InputError(f"generator must be one of {', '.join(GENERATORS)}, or a callable, got {generator!r}")
        generator = GENERATORS[generator]
    elif not isinstance(generator, Generator):
        if not callable(generator):
            raise InputTypeError(f"generator must be a name or a callable f(x), got {type(generator).__name__}")
        generator = Generator.of(generator)
    term = generator.term
    return measure(lambda rows: rows.sum(term(rows.pair)), (p, q), axis=axis, form=form, normalize=normalize)


def _real(order: Any, infinite: bool = False) -> float:
    try:
        value = float(order)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"order must be a number, got {order!r}") from error
    if math.isnan(value) or (math.isinf(value) and not infinite):
        raise InputError(f"order must be a {'' if infinite else 'finite '}number, got {order!r}")
    return value


def _not_negative(order: Any, infinite: bool = False) -> float:
    value = _real(order, infinite)
    if value < 0:
        raise InputError(f"order must be at least 0, got {order!r}; alpha_divergence takes negative orders")
    return value
