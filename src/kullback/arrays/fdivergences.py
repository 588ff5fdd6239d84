"""f-divergences: the one of any generator, and those with names of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kullback._core.errors import InputError, InputTypeError

from ._backend import Array
from ._numeric import root
from ._objects import or_distributions
from ._rows import measure
from .generators import GENERATORS, Generator


@or_distributions
def total_variation(p: Any, q: Any, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    r"""Total variation distance: the most that the two can differ on any event, in [0, 1].

    .. math:: \tfrac12 \sum_i |p_i - q_i|

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
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

    Examples
    --------
    >>> import kullback as kb
    >>> float(kb.total_variation([0.5, 0.5], [0.25, 0.75]))
    0.25
    """
    return measure(
        lambda rows: rows.sum(GENERATORS["total_variation"].term(rows.pair)),
        (p, q),
        axis=axis,
        form=form,
        normalize=normalize,
        kernel="total_variation",
    )


@or_distributions
def hellinger(p: Any, q: Any, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    r"""Hellinger distance, in [0, 1].

    .. math:: H(p, q) = \sqrt{\tfrac12 \sum_i (\sqrt{p_i} - \sqrt{q_i})^2}

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
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

    Notes
    -----
    At p = q the distance has a corner; its gradient there is taken to be 0.

    Examples
    --------
    >>> import kullback as kb
    >>> float(kb.hellinger([1.0, 0.0], [0.0, 1.0]))
    1.0
    """
    return measure(
        lambda rows: root(rows.xp, rows.sum(rows.pair.gap(0.5)) / 4), (p, q), axis=axis, form=form, normalize=normalize
    )


@or_distributions
def chi2(p: Any, q: Any, *, axis: Any = -1, form: Any = "probs", normalize: bool = False) -> Any:
    r"""Pearson's χ² divergence.

    .. math:: χ²(p‖q) = \sum_i \frac{(p_i - q_i)^2}{q_i}

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
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

    Examples
    --------
    >>> import kullback as kb
    >>> float(kb.chi2([0.5, 0.5], [0.25, 0.75]))
    0.3333333333333333
    """
    return measure(
        lambda rows: rows.sum(GENERATORS["pearson"].term(rows.pair)),
        (p, q),
        axis=axis,
        form=form,
        normalize=normalize,
        kernel="chi2",
    )


@or_distributions
def f_divergence(
    p: Any,
    q: Any,
    generator: str | Generator | Callable[[Array], Array],
    *,
    axis: Any = -1,
    form: Any = "probs",
    normalize: bool = False,
) -> Any:
    r"""f-divergence of a named generator, or of any convex function.

    .. math:: D_f(p‖q) = \sum_i q_i f(p_i/q_i)

    Parameters
    ----------
    p, q : array
        The truth and the model of it: probabilities along `axis`, in any float dtype, of any library of the array API;
        the other axes broadcast.
    generator : str, Generator or callable
        A name in `GENERATORS` ("kl", "reverse_kl", "jeffreys", "js", "total_variation", "hellinger", "pearson",
        "neyman"), each computed without cancellation; a `Generator`; or a convex f of an array of ratios with f(1) = 0,
        computed as it stands, and refused where q is 0 and p is not, which it says nothing of.
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

    Notes
    -----
    The named "hellinger" is the squared distance. The conjugates are in `GENERATORS[name].conjugate`.

    References
    ----------
    S. M. Ali and S. D. Silvey, A general class of coefficients of divergence of one distribution from another,
    J. R. Statist. Soc. B 28 (1966).

    Examples
    --------
    >>> import kullback as kb
    >>> round(float(kb.f_divergence([0.5, 0.5], [0.25, 0.75], "pearson")), 12)
    0.333333333333
    >>> round(float(kb.f_divergence([0.5, 0.5], [0.25, 0.75], lambda x: (x - 1) ** 2)), 12)
    0.333333333333
    """
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
