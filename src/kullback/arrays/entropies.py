"""Entropy and cross-entropy, and how they hold the divergence between them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from kullback._core.units import nats_per_unit

from ._backend import Array
from ._checks import check_flag, check_forms
from ._objects import or_distributions
from ._rows import Rows, Side, by_kernel, measure
from .measures import kl


@or_distributions
def entropy(p: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False) -> Any:
    r"""Shannon entropy H(p): the nats per draw of the best code for p.

    .. math:: H(p) = -\sum_i p_i \log p_i

    Parameters
    ----------
    p : array
        Probabilities along `axis`; the other axes are a batch.
    axis : int or tuple of int, default -1
        The axis (or axes) of the outcomes.
    base : float, optional
        Base of the logarithm: 2 for bits; natural (nats) by default.
    form : {"probs", "log_probs", "logits"}, default "probs"
        What the array holds; log forms never leave log space, and may hold -inf.
    normalize : bool, default False
        Divide each row by its sum first; then counts are welcome too.

    Returns
    -------
    scalar or array
        Of the input's library, device and dtype, without `axis`.

    Raises
    ------
    InputError
        If a row is negative anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or the axis is not there.
    InputTypeError
        If the array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    References
    ----------
    C. E. Shannon, A mathematical theory of communication, Bell Syst. Tech. J. 27 (1948), sec. 6.

    Examples
    --------
    >>> import kullback as kb
    >>> float(kb.entropy([0.5, 0.25, 0.25], base=2))
    1.5
    """
    return measure(_entropy, (p,), ("p",), axis=axis, base=base, form=form, normalize=normalize, kernel="entropy")


def _entropy(rows: Rows) -> Array:
    return rows.sum(_surprise(rows.sides[0], rows.sides[0]))


@or_distributions
def cross_entropy(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Any:
    r"""Cross-entropy H(p, q): the nats per draw for coding p with a code made for q.

    .. math:: H(p, q) = -\sum_i p_i \log q_i = H(p) + D(p‖q)

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

    Examples
    --------
    >>> import kullback as kb
    >>> round(float(kb.cross_entropy([0.5, 0.5], [0.25, 0.75], base=2)), 12)
    1.207518749639
    """
    return measure(_cross_entropy, (p, q), axis=axis, base=base, form=form, normalize=normalize, kernel="cross_entropy")


def _cross_entropy(rows: Rows) -> Array:
    return rows.sum(_surprise(*rows.sides))


def _surprise(weight: Side, outcome: Side) -> Array:
    """Terms −p·log q: 0 where p is 0, inf where only q is 0."""
    xp = weight.xp
    zero = xp.zeros_like(weight.p + outcome.p)
    p, log_q = weight.p + zero, outcome.log + zero
    none, beyond = p == 0, log_q == -math.inf
    terms = -p * xp.where(beyond, zero, log_q)
    if outcome.form != "probs":
        # In log space a masked outcome has no probability, and moves nothing.
        return xp.where(none, zero, -xp.where(none, zero + 1, p) * xp.where(none, zero, log_q))
    if weight is outcome:
        # 0 at 0, where the slope of −p·log p is inf.
        return xp.where(none, xp.sqrt(xp.where(none, p, zero + 1)), terms)
    alone = beyond & ~none
    return xp.where(alone, p / xp.where(alone, outcome.p + zero, zero + 1), terms)


class Decomposition(NamedTuple):
    """The three parts of H(p, q) = H(p) + D(p‖q)."""

    entropy: Any
    divergence: Any
    cross_entropy: Any


@or_distributions
def decompose(
    p: Any, q: Any, *, axis: Any = -1, base: float | None = None, form: Any = "probs", normalize: bool = False
) -> Decomposition:
    """Entropy, divergence and cross-entropy together: H(p, q) = H(p) + D(p‖q).

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
    Decomposition
        Named tuple of `entropy`, `divergence` and `cross_entropy`, each computed for itself.

    Raises
    ------
    InputError
        If a row is negative anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or shapes do not fit.
    InputTypeError
        If an array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    Examples
    --------
    >>> import kullback as kb
    >>> [round(float(part), 4) for part in kb.decompose([0.5, 0.5], [0.25, 0.75], base=2)]
    [1.0, 0.2075, 1.2075]
    """
    forms = check_forms(form, 2)
    unit, normalize = nats_per_unit(base), check_flag(normalize, "normalize")
    # Where one is broadcast to the other, H(p) keeps the shape of p.
    if getattr(p, "shape", None) == getattr(q, "shape", None):
        together = by_kernel("decompose", (p, q), axis, unit, forms, normalize)
        if together is not None:
            return Decomposition(*together)
    same = {"axis": axis, "base": base, "normalize": normalize}
    return Decomposition(
        entropy(p, form=forms[0], **same), kl(p, q, form=forms, **same), cross_entropy(p, q, form=forms, **same)
    )
