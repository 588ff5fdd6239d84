"""Kullback-Leibler divergence, the entropies around it, and the symmetric measures made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from kullback._core.errors import InputError

from ._backend import Array
from ._objects import or_distributions
from ._pair import against_mixture
from ._rows import Rows, measure, pair


@or_distributions
def kl(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    r"""Kullback-Leibler divergence D(p‖q): the extra nats per draw for coding p with a code made for q.

    .. math:: D(p‖q) = \sum_i p_i \log \frac{p_i}{q_i} = \sum_i q_i\,φ(p_i/q_i), \quad φ(x) = x \log x - x + 1

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
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
    NoClosedForm
        If p and q are distribution objects without a closed form.

    Notes
    -----
    p and q may also be two distribution objects, of scipy.stats (frozen), torch.distributions, numpyro.distributions or
    kullback.distributions: then D(p‖q) is their closed form (`kullback.closed_forms` lists them), batches broadcast,
    and of the options only `base` applies.

    The second sum is what is computed, without cancellation in any term: never negative, and right to a few ulp however
    near p is to q. Where p and q sum to 1 only up to rounding, to a and b say, the first sum is off by
    (a − 1)·D + a·log(a/b) from the divergence D of the exactly normalised arrays, the second by (a − 1)·D + b·φ(a/b),
    which is about (a − 1)·D + (a − b)²/2.
    0·log 0 = 0; p > 0 where q = 0 gives inf; a NaN gives NaN. Half precision is computed in float32 or wider, float32
    on a CPU in float64 (in JAX, in float32).

    References
    ----------
    S. Kullback and R. A. Leibler, On information and sufficiency, Ann. Math. Statist. 22 (1951).

    Examples
    --------
    >>> import kullback as kb
    >>> round(float(kb.kl([0.5, 0.5], [0.25, 0.75])), 12)
    0.143841036226
    >>> round(float(kb.kl([3, 1], [1, 1], normalize=True, base=2)), 12)
    0.188721875541
    >>> float(kb.kl([1000.0, 0.0], [0.0, 1000.0], form="logits"))
    1000.0
    """
    return measure(_kl, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="kl")


def _kl(rows: Rows) -> Array:
    return rows.sum(rows.pair.gap())


def generalized_kl(p: Any, q: Any, *, axis: Any = -1, base: float | None = None) -> Any:
    r"""Kullback-Leibler divergence of measures that need not sum to 1 (I-divergence).

    .. math:: D(p‖q) = \sum_i p_i \log \frac{p_i}{q_i} - p_i + q_i

    Parameters
    ----------
    p, q : array
        Finite measures, at least 0, along `axis`; the other axes broadcast. Counts are welcome.
    axis : int or tuple of int, default -1
        The axis (or axes) of the outcomes, counted in the broadcast shape. Both arrays have it in full.
    base : float, optional
        Base of the logarithm: 2 for bits; natural (nats) by default.

    Returns
    -------
    scalar or array
        Of the inputs' library, device and dtype, without `axis`.

    Raises
    ------
    InputError
        If an entry is negative or infinite, or shapes do not fit.
    InputTypeError
        If an array is not of real numbers.

    References
    ----------
    I. Csiszár, Why least squares and maximum entropy? An axiomatic approach to inference for linear inverse problems,
    Ann. Statist. 19 (1991).

    Examples
    --------
    >>> import kullback as kb
    >>> round(float(kb.generalized_kl([3.0, 0.0], [1.0, 2.0])), 12)
    3.295836866004
    """
    return measure(_kl, (p, q), axis=axis, base=base, measures=True, kernel="kl")


def contributions(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    """Terms q·φ(p/q) of the divergence, one an outcome: each at least 0, together D(p‖q).

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
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
    array
        Of the broadcast shape of p and q, in their dtype.

    Raises
    ------
    InputError
        If a row is negative anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or shapes do not fit.
    InputTypeError
        If an array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    Notes
    -----
    The terms p·log(p/q) have the same sum but no sign of their own; these do, and so can be ranked: an outcome adds to
    the divergence as its share in p departs from its share in q, either way.

    Examples
    --------
    >>> import kullback as kb
    >>> kb.contributions([0.5, 0.3, 0.2], [0.5, 0.1, 0.4]).round(4)
    array([0.    , 0.1296, 0.0614])
    """
    return measure(_contributions, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="contributions")


def _contributions(rows: Rows) -> Array:
    return rows.restore(rows.pair.gap())


@or_distributions
def js(
    p: Any,
    q: Any,
    *others: Any,
    weight: float | Sequence[float] | None = None,
    axis: Any = -1,
    base: float | None = None,
    form: Any = "probs",
    normalize: bool = False,
) -> Any:
    r"""Jensen-Shannon divergence of two or more distributions: their mean divergence from their mixture.

    .. math:: \sum_k w_k D(p_k‖m), \quad m = \sum_k w_k p_k

    Parameters
    ----------
    p, q, *others : array
        Probabilities along `axis`; the other axes broadcast.
    weight : float or sequence of float, optional
        Weight of p, the rest being that of q; or one weight each, summing to 1. Equal by default.
    axis : int or tuple of int, default -1
        The axis (or axes) of the outcomes, counted in the broadcast shape. Both arrays have it in full.
    base : float, optional
        Base of the logarithm: 2 for bits; natural (nats) by default.
    form : {"probs", "log_probs", "logits"} or one for each, default "probs"
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

    Notes
    -----
    Differences from the mixture are formed from the differences of the arrays, not from the rounded mixture, so that
    the value is as exact near equality as `kl`. It is at most the entropy of the weights: log 2 for two alike.

    References
    ----------
    J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991).

    Examples
    --------
    >>> import kullback as kb
    >>> float(kb.js([1.0, 0.0], [0.0, 1.0], base=2))
    1.0
    >>> round(float(kb.js([1.0, 0.0], [0.5, 0.5], [0.0, 1.0], weight=(0.25, 0.5, 0.25), base=2)), 12)
    0.5
    """
    values = (p, q, *others)
    weights = _weights(weight, len(values))
    names = ("p", "q") if not others else tuple(f"distribution {i}" for i in range(len(values)))

    def formula(rows: Rows) -> Array:
        first, rest = rows.sides[0], rows.sides[1:]
        to_first = [-pair(first, side).difference for side in rest]
        zero = rows.xp.zeros_like(sum(to_first))
        arrays = [side.p + zero for side in rows.sides]
        smooth = first.form != "probs"
        pairs = against_mixture(rows.xp, arrays, [zero, *to_first], weights, smooth)
        return rows.sum(sum(w * each.gap() for w, each in zip(weights, pairs, strict=True)))

    return measure(
        formula,
        values,
        names,
        axis=axis,
        base=base,
        form=form,
        normalize=normalize,
        kernel="js" if len(values) == 2 else None,
        weight=weights[0],
    )


def _weights(weight: Any, count: int) -> list[float]:
    """Return one weight per distribution, summing to 1."""
    if weight is None:
        return [1 / count] * count
    if isinstance(weight, Real) and count == 2:
        weights = [float(weight), 1 - float(weight)]
    elif isinstance(weight, (str, Real)):
        raise InputError(f"weight must be {count} numbers, one for each distribution, got {weight!r}")
    else:
        weights = [float(w) for w in weight]
    if len(weights) != count or not all(0 <= w <= 1 for w in weights) or abs(math.fsum(weights) - 1) > 1e-9:
        raise InputError(f"weight must be {count} numbers of at least 0 that sum to 1, got {weight!r}")
    return weights


@or_distributions
def jeffreys(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    r"""Jeffreys' divergence, D(p‖q) + D(q‖p).

    .. math:: J(p, q) = \sum_i (p_i - q_i) \log \frac{p_i}{q_i}

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
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

    Notes
    -----
    The population stability index (PSI) of two binned samples is this number.

    References
    ----------
    H. Jeffreys, An invariant form for the prior probability in estimation problems, Proc. R. Soc. A 186 (1946).

    Examples
    --------
    >>> import kullback as kb
    >>> round(float(kb.jeffreys([0.5, 0.5], [0.25, 0.75])), 12)
    0.274653072167
    """
    return measure(_jeffreys, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="jeffreys")


def _jeffreys(rows: Rows) -> Array:
    return rows.sum(rows.pair.gap() + rows.pair.gap(0))
