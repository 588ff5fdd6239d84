"""Divergences made of powers: α-divergence, Tsallis and Rényi, sums of the one term `Pair.gap`."""

from __future__ import annotations

import math
from typing import Any

from kullback._core.errors import InputError, InputTypeError

from ._backend import Array
from ._numeric import log_sum_exp
from ._objects import or_distributions
from ._rows import Rows, measure


@or_distributions
def alpha_divergence(
    p: Any, q: Any, order: float, *, axis: Any = -1, form: Any = "probs", normalize: bool = False
) -> Any:
    r"""α-divergence: one family that holds most others.

    .. math:: D_α(p‖q) = \frac{\sum_i p_i^α q_i^{1-α} - 1}{α (α - 1)}

    Order 1 is D(p‖q), 0 is D(q‖p) (both limits), 2 is χ²(p‖q)/2, −1 is χ²(q‖p)/2, 1/2 is 4·hellinger².

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
    order : float
        α, any real number.
    axis : int or tuple of int, default -1
        The axis (or axes) of the outcomes, counted in the broadcast shape. Both arrays have it in full.
    form : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What the arrays hold; log forms never leave log space, and may hold -inf.
    normalize : bool, default False
        Divide each row by its sum first; then counts are welcome too.

    Returns
    -------
    scalar or array
        Of the inputs' library, device and dtype, without `axis`.

    Raises
    ------
    InputError
        If a row is negative anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or shapes do not fit.
    InputTypeError
        If an array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    References
    ----------
    A. Cichocki and S. Amari, Families of alpha- beta- and gamma-divergences: flexible and robust measures of
    similarities, Entropy 12 (2010).

    Examples
    --------
    >>> import kullback as kb
    >>> float(kb.alpha_divergence([0.5, 0.5], [0.25, 0.75], 2))
    0.16666666666666666
    """
    order = _real(order)
    options = {"axis": axis, "form": form, "normalize": normalize, "kernel": _kernel(order)}
    return measure(lambda rows: rows.sum(rows.pair.gap(order)), (p, q), **options)


@or_distributions
def tsallis(p: Any, q: Any, order: float, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    r"""Tsallis relative entropy.

    .. math:: \frac{\sum_i p_i^α q_i^{1-α} - 1}{α - 1}

    Order 1 is D(p‖q) (the limit); order 0 is the mass that q has where p has none.

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
    order : float
        α, at least 0.
    axis : int or tuple of int, default -1
        The axis (or axes) of the outcomes, counted in the broadcast shape. Both arrays have it in full.
    form : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What the arrays hold; log forms never leave log space, and may hold -inf.
    normalize : bool, default False
        Divide each row by its sum first; then counts are welcome too.

    Returns
    -------
    scalar or array
        Of the inputs' library, device and dtype, without `axis`.

    Raises
    ------
    InputError
        If a row is negative anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or shapes do not fit.
    InputTypeError
        If an array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    References
    ----------
    C. Tsallis, Generalized entropy-based criterion for consistent testing, Phys. Rev. E 58 (1998).

    Examples
    --------
    >>> import kullback as kb
    >>> round(float(kb.tsallis([0.5, 0.5], [0.25, 0.75], 2)), 12)
    0.333333333333
    """
    order = _not_negative(order)

    def formula(rows: Rows) -> Array:
        if order == 0:
            return rows.sum(rows.pair.q_alone())
        return order * rows.sum(rows.pair.gap(order))

    return measure(formula, (p, q), axis=axis, form=form, normalize=normalize, kernel=_kernel(order))


@or_distributions
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
    r"""Rényi divergence.

    .. math:: D_α(p‖q) = \frac{1}{α - 1} \log \sum_i p_i^α q_i^{1-α}

    Order 1 is D(p‖q) (the limit), order 0 is −log of q's mass on p's support, order inf is the largest log(p/q).

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
    order : float
        α, from 0 to inf.
    axis : int or tuple of int, default -1
        The axis (or axes) of the outcomes, counted in the broadcast shape. Both arrays have it in full.
    base : float, optional
        Base of the logarithm: 2 for bits; natural (nats) by default.
    form : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What the arrays hold; log forms never leave log space, and may hold -inf.
    normalize : bool, default False
        Divide each row by its sum first; then counts are welcome too.

    Returns
    -------
    scalar or array
        Of the inputs' library, device and dtype, without `axis`.

    Raises
    ------
    InputError
        If a row is negative anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or shapes do not fit.
    InputTypeError
        If an array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    References
    ----------
    T. van Erven and P. Harremoës, Rényi divergence and Kullback-Leibler divergence, IEEE Trans. Inf. Theory 60 (2014).

    Examples
    --------
    >>> import kullback as kb
    >>> float(kb.renyi([0.5, 0.5], [0.25, 0.75], float("inf"), base=2))
    1.0
    """
    order = _not_negative(order, infinite=True)
    options = {"axis": axis, "base": base, "form": form, "normalize": normalize, "kernel": _kernel(order)}
    return measure(lambda rows: _renyi(rows, order), (p, q), **options)


def _renyi(rows: Rows, order: float) -> Array:
    # An infinite outcome, or one that a maximum passes over, must not hide a NaN.
    return _renyi_of_numbers(rows, order) + rows.sum(0 * (rows.pair.p + rows.pair.q))


def _renyi_of_numbers(rows: Rows, order: float) -> Array:
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


def _kernel(order: float) -> str | None:
    """Name the kernel of an order: the limit 1 is the Kullback-Leibler divergence itself."""
    return "kl" if order == 1 else None


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
