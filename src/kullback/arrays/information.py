"""Measures of joint distributions: mutual information and the chain rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, InputTypeError

from ._backend import Array, Namespace, quiet
from ._checks import check_flag, check_known
from ._numeric import blocked_sum, log_sum_exp, safe_log, two_product
from ._pair import Pair
from ._rows import Rows, Side, measure, pair, prepare


def mutual_information(
    joint: Any,
    *,
    axis: tuple[Any, Any] = (-2, -1),
    given: Any = None,
    base: float | None = None,
    form: str = "probs",
    normalize: bool = False,
) -> Any:
    r"""Mutual information I(X; Y), or I(X; Y | Z): what a joint distribution tells beyond its margins.

    .. math:: I(X; Y | Z) = \sum_{xyz} p(x,y,z) \log \frac{p(x,y,z)\,p(z)}{p(x,z)\,p(y,z)}

    Parameters
    ----------
    joint : array
        Probabilities that sum to 1 over all of `axis` and `given`; the other axes are a batch.
    axis : pair of (int or tuple of int), default (-2, -1)
        The axes of X and of Y.
    given : int or tuple of int, optional
        The axes of Z.
    base : float, optional
        Base of the logarithm: 2 for bits; natural (nats) by default.
    form : {"probs", "log_probs", "logits"}, default "probs"
        What the array holds; log forms never leave log space, and may hold -inf.
    normalize : bool, default False
        Divide each joint by its sum first; then counts are welcome too.

    Returns
    -------
    scalar or array
        Of the input's library, device and dtype, without the axes named.

    Raises
    ------
    InputError
        If a joint is negative anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or the axes are not there.
    InputTypeError
        If the array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    Notes
    -----
    The products under the logarithm are subtracted exactly, so that a faint dependence is seen for what it is; where
    they would underflow, their logarithms are.

    References
    ----------
    C. E. Shannon, A mathematical theory of communication, Bell Syst. Tech. J. 27 (1948), sec. 12.

    Examples
    --------
    >>> import kullback as kb
    >>> import numpy as np
    >>> round(float(kb.mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]]), base=2)), 12)
    1.0
    """
    if not (isinstance(axis, tuple) and len(axis) == 2):
        raise InputTypeError(f"axis must be the two axes (or tuples of axes) of X and of Y, got {axis!r}")
    groups = [_group(each) for each in (*axis, () if given is None else given)]
    counts = [len(group) for group in groups]
    if 0 in counts[:2]:
        raise InputError(f"X and Y need at least one axis each, got {axis!r}")
    return measure(
        lambda rows: _mutual_information(rows, counts),
        (joint,),
        ("joint",),
        axis=tuple(a for group in groups for a in group),
        base=base,
        form=form,
        normalize=normalize,
    )


def _group(axis: Any) -> tuple[Any, ...]:
    return axis if isinstance(axis, tuple) else (axis,)


def _mutual_information(rows: Rows, counts: list[int]) -> Array:
    """Σ of gap(p(x,y,z), p(x,z)·p(y,z)/p(z)); that second product may underflow where its logarithm does not."""
    xp, side = rows.xp, rows.sides[0]
    x, y = counts[0], counts[0] + counts[1]
    sizes = [math.prod(part) for part in (rows.lengths[:x], rows.lengths[x:y], rows.lengths[y:])]
    joint = xp.reshape(side.p, (*side.p.shape[:-1], *sizes))
    zero, one = xp.zeros_like(joint), xp.ones_like(joint)
    scale = _lift(xp, _margins(joint, xp.sum)[2])
    scaled = joint * scale
    p_xz, p_yz, p_z = _margins(scaled, xp.sum)
    some = xp.where(p_z != 0, p_z, xp.ones_like(p_z))
    together, together_error = two_product(xp, scaled, p_z + zero)
    apart, apart_error = two_product(xp, p_xz + zero, p_yz + zero)
    difference = (together - apart) + (together_error - apart_error)

    if side.form == "probs":
        log_joint = safe_log(xp, scaled)
        log_xz, log_yz, log_z = (safe_log(xp, margin) for margin in (p_xz, p_yz, p_z))
    else:
        log_joint = xp.reshape(side.log, joint.shape)
        log_xz, log_yz, log_z = _margins(log_joint, partial(_log_sum, xp))
    impossible = (log_xz == -math.inf) | (log_yz == -math.inf)
    log_apart = xp.where(impossible, zero - math.inf, log_xz + log_yz - log_z)
    # The errors of products are exact as long as they are not subnormal.
    info = xp.finfo(joint.dtype)
    safe = float(info.smallest_normal) / float(info.eps) ** 2
    formed = (together >= safe) & (apart >= safe)
    near = Pair(xp, *(xp.where(formed, *each) for each in ((together, one), (apart, one), (difference, zero))))
    pair = Pair(
        xp,
        joint,
        p_xz / some * p_yz / scale,
        difference / some / scale,
        log_p=None if side.form == "probs" else log_joint,
        log_q=log_apart,
        log_ratio=xp.where(formed, near.log_ratio, log_joint - log_apart),
        smooth=side.form != "probs",
    )
    return rows.sum(xp.reshape(pair.gap(), side.p.shape))


def _margins(joint: Array, total: Callable[..., Array]) -> tuple[Array, Array, Array]:
    """Return the margins over (x, z), (y, z) and z of a joint of (x, y, z)."""
    p_xz = total(joint, axis=-2, keepdims=True)
    return p_xz, total(joint, axis=-3, keepdims=True), total(p_xz, axis=-3, keepdims=True)


def _log_sum(xp: Namespace, x: Array, axis: int, keepdims: bool) -> Array:
    """Logarithm of the sum of exponentials along one axis, which always stays: called as `xp.sum` is."""
    top, rest = log_sum_exp(xp, xp.moveaxis(x, axis, -1))
    return xp.moveaxis(top + rest, -1, axis)


def _lift(xp: Namespace, p_z: Array) -> Array:
    """Powers of 2 that lift a rare condition, so that the squares of its probabilities do not underflow."""
    exponent = round(math.log2(float(xp.finfo(p_z.dtype).max)))
    scale = xp.ones_like(p_z)
    for _ in range(2):
        scale = xp.where(p_z * scale < 2.0 ** (-exponent // 4), scale * 2.0 ** (exponent // 2 - 1), scale)
    return scale


def chain_rule(
    p_joint: Any, q_joint: Any, axes: Sequence[int] | None = None, *, form: Any = "probs", normalize: bool = False
) -> Divergence:
    r"""Divergence of joint distributions, part by part: the first variable, then each given those before it.

    .. math:: D(p(x, y)‖q(x, y)) = D(p(x)‖q(x)) + \sum_x p(x)\,D(p(y|x)‖q(y|x))

    Parameters
    ----------
    p_joint, q_joint : array
        Joint probabilities: one axis a variable.
    axes : sequence of int, optional
        Every axis once: the order in which the variables are taken, on which the parts depend and the value does not.
    form : {"probs", "log_probs", "logits"} or a pair of them, default "probs"
        What the arrays hold; log forms never leave log space, and may hold -inf.
    normalize : bool, default False
        Divide each row by its sum first; then counts are welcome too.

    Returns
    -------
    Divergence
        In nats; its parts are named "axis i" and "axis j given i, …".

    Raises
    ------
    InputError
        If a joint is negative or NaN anywhere, does not sum to 1 (or, with `normalize`, sums to 0), or shapes do not
        fit.
    InputTypeError
        If an array is not of real numbers, or of integers without `normalize`, or an option is of the wrong type.

    Notes
    -----
    If p is a product and q is one, the parts are the divergences of the factors: divergence is additive. Parts are
    made of rounded margins, and so are right to about 1e-16 over the relative distance of p from q, while `kl` is right
    to a few ulp at any distance.

    References
    ----------
    T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed. (2006), theorem 2.5.3.

    Examples
    --------
    >>> import kullback as kb
    >>> import numpy as np
    >>> joint = np.array([[0.4, 0.1], [0.1, 0.4]])
    >>> kb.chain_rule(joint, np.full((2, 2), 0.25)).parts["axis 1 given 0"].__round__(4)
    0.1927
    """
    ndim = len(getattr(p_joint, "shape", ())) or _depth(p_joint)
    order = tuple(range(ndim)) if axes is None else tuple(axes)
    if sorted(a % ndim if -ndim <= a < ndim else ndim for a in order) != list(range(ndim)):
        raise InputError(f"axes must name every axis of the joint once, got {axes!r} for {ndim} axes")
    names = ("p_joint", "q_joint")
    normalize = check_flag(normalize, "normalize")
    rows = prepare((p_joint, q_joint), names, axis=order, form=form, normalize=normalize)
    xp = rows.xp
    for side, name in zip(rows.sides, names, strict=True):
        check_known(xp, rows.restore(side.given), name)
    parts: dict[str, float] = {}
    with quiet(xp):
        joint = rows.pair
        for i in range(len(rows.lengths)):
            given = ", ".join(str(a) for a in rows.axes[:i])
            name = f"axis {rows.axes[i]}" + (f" given {given}" if given else "")
            parts[name] = float(_conditional(xp, joint, rows.lengths, i))
    return Divergence(math.fsum(parts.values()), method="chain rule", parts=parts)


def _depth(nested: Any) -> int:
    """Count the dimensions of a nested sequence."""
    return 1 + _depth(nested[0]) if isinstance(nested, (list, tuple)) else 0


def _conditional(xp: Any, joint: Pair, lengths: tuple[int, ...], i: int) -> Array:
    """D(p(x_i | x_<i) ‖ q(x_i | x_<i)), averaged over p(x_<i); later axes are summed away, differences first."""
    before, here = math.prod(lengths[:i]), lengths[i]
    p, q, difference = (
        xp.sum(xp.reshape(x, (before, here, -1)), axis=-1) for x in (joint.p, joint.q, joint.difference)
    )
    if i == 0:
        return blocked_sum(xp, Pair(xp, p, q, difference).gap())[0]
    first, second = (Side(xp, x, "probs", normalize=True) for x in (p, q))
    terms = blocked_sum(xp, pair(first, second).gap())
    weight = xp.sum(p, axis=-1)
    # Where p has no mass the condition never happens; where only q has none, an earlier part is already infinite.
    happens = (weight != 0) & (xp.sum(q, axis=-1) != 0)
    zero = xp.zeros_like(terms)
    return blocked_sum(xp, xp.where(happens, weight * xp.where(happens, terms, zero), zero))
