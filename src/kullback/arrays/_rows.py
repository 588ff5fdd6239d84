"""Preparation shared by every measure: arrays in, checked rows in working precision out, results back in kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback._core.units import nats_per_unit

from . import _kernels
from ._backend import Array, Namespace, as_arrays, finish, lives_on_cpu, quiet, working_dtype
from ._checks import check_dtype, check_flag, check_forms, check_measures, check_rows, resolve_axes, tolerance
from ._lazy import lazy
from ._numeric import blocked_sum, log_shares, log_sum_exp, safe_log, two_product
from ._pair import Pair


@dataclass
class Side:
    """One array of distributions along the last axis, in the form it was given."""

    xp: Namespace
    given: Array
    form: str
    normalize: bool

    @lazy
    def total(self) -> Array:
        """Return the sums of the rows of probabilities, as a column."""
        return blocked_sum(self.xp, self.given)[..., None]

    @lazy
    def log_total(self) -> tuple[Array, Array]:
        """Return the log-sum-exp of the rows of a log form, as two columns to be subtracted in turn."""
        return log_sum_exp(self.xp, self.given)

    @lazy
    def log(self) -> Array:
        """Return the logarithms of the probabilities, -inf at 0, from whichever form."""
        if self.form == "probs":
            return log_shares(self.xp, self.given) if self.normalize else safe_log(self.xp, self.given)
        if not self.normalize:
            return self.given
        top, rest = self.log_total
        return (self.given - top) - rest

    @lazy
    def p(self) -> Array:
        """Return the probabilities."""
        if self.form != "probs":
            return _exp(self.xp, self.log)
        return self.given / self.total if self.normalize else self.given


def _exp(xp: Namespace, log: Array) -> Array:
    """Exponential whose gradient at -inf is 0 to every order."""
    some = log != -math.inf
    return xp.where(some, xp.exp(xp.where(some, log, xp.zeros_like(log))), xp.zeros_like(log))


def pair(first: Side, second: Side) -> Pair:
    """Return two sides as a `Pair`, its difference and log-ratio formed without cancellation."""
    xp = first.xp
    if first.form == second.form == "probs":
        if not (first.normalize or second.normalize):
            return Pair(xp, first.p, second.p, first.p - second.p)
        # p/P − q/Q = (p − q·(P/Q))/P, with the rounding error of the product taken back. An error in P/Q itself only
        # scales the whole row, and the divergence feels that in second order.
        product, error = two_product(xp, second.given, first.total / second.total + xp.zeros_like(second.given))
        return Pair(xp, first.p, second.p, ((first.given - product) - error) / first.total)
    ratio = _log_ratio(first, second)
    return Pair(
        xp,
        first.p,
        second.p,
        _difference(xp, first.p, second.p, ratio),
        log_p=first.log,
        log_q=second.log,
        log_ratio=ratio,
    )


def _difference(xp: Namespace, p: Array, q: Array, log_ratio: Array) -> Array:
    """Return p − q from the log-ratio, where there is one and it is small."""
    near = (xp.abs(log_ratio) < 1) & (p != 0) & (q != 0)
    return xp.where(near, -p * xp.expm1(-xp.where(near, log_ratio, xp.zeros_like(log_ratio))), p - q)


def _log_ratio(first: Side, second: Side) -> Array:
    """Log p − log q, 0 where either is -inf; logits are subtracted before they are normalised."""
    xp = first.xp
    if not (first.normalize and second.normalize) or "probs" in (first.form, second.form):
        return _subtract(xp, first.log, second.log)
    (top_p, rest_p), (top_q, rest_q) = first.log_total, second.log_total
    rough = _subtract(xp, first.given, second.given) - (top_p - top_q) - (rest_p - rest_q)
    # What the two normalisers miss of each other by rounding is seen, and taken back, in the rows' sums.
    surplus = blocked_sum(xp, _difference(xp, first.p, second.p, rough))[..., None]
    return rough + xp.log1p(-surplus / blocked_sum(xp, first.p)[..., None])


def _subtract(xp: Namespace, a: Array, b: Array) -> Array:
    zero = xp.zeros_like(a - b)
    both = (a != -math.inf) & (b != -math.inf) & (zero == zero)
    return xp.where(both, a, zero) - xp.where(both, b, zero)


@dataclass
class Rows:
    """The distributions a measure was given, all over the last axis."""

    xp: Namespace
    sides: list[Side]
    dtype: Any
    axes: tuple[int, ...]
    lengths: tuple[int, ...]

    @lazy
    def pair(self) -> Pair:
        """Return the first two distributions as a pair."""
        return pair(self.sides[0], self.sides[1])

    def sum(self, terms: Array) -> Array:
        """Sum over outcomes."""
        return blocked_sum(self.xp, terms)

    def restore(self, terms: Array) -> Array:
        """Put the outcomes of `terms` back on the axes that the caller gave."""
        batch = terms.shape[:-1]
        terms = self.xp.reshape(terms, (*batch, *self.lengths))
        last = tuple(range(len(batch), len(batch) + len(self.axes)))
        return self.xp.moveaxis(terms, last, self.axes)


Formula = Callable[[Rows], Array]


def prepare(
    values: Sequence[Any],
    names: Sequence[str],
    *,
    axis: Any = -1,
    form: Any = "probs",
    normalize: bool = False,
    measures: bool = False,
) -> Rows:
    """Check the arrays and bring them to rows in working precision.

    `measures` says that the arrays need not sum to 1 and are not to be made to.
    """
    names = list(names)
    forms = check_forms(form, len(values))
    xp, arrays = as_arrays(*values)
    for array, name, its_form in zip(arrays, names, forms, strict=True):
        check_dtype(xp, array, name, its_form, normalize or measures)
    axes = resolve_axes(axis, [tuple(a.shape) for a in arrays], names)
    ndim = max(a.ndim for a in arrays)
    try:
        shape = np.broadcast_shapes(*(tuple(a.shape) for a in arrays))
    except ValueError as error:
        shapes = " and ".join(f"{name} {tuple(a.shape)}" for a, name in zip(arrays, names, strict=True))
        raise InputError(f"the shapes of {shapes} do not broadcast") from error
    floats = [a.dtype for a in arrays if not xp.isdtype(a.dtype, "integral")]
    wide = [working_dtype(xp, a.dtype, lives_on_cpu(a)) for a in arrays]
    dtype = xp.result_type(*floats) if floats else wide[0]
    working = xp.result_type(*wide) if len(wide) > 1 else wide[0]

    lengths = tuple(shape[a] for a in axes)
    n = math.prod(lengths)
    sides = []
    for array, name, its_form in zip(arrays, names, forms, strict=True):
        rows = _to_rows(xp, xp.astype(array, working, copy=False), axes, ndim)
        if measures:
            check_measures(xp, rows, name)
        else:
            slack = None
            if not normalize:
                given = array.dtype if array.dtype in floats else working
                # Extended precision is as likely to have come from float64.
                slack = tolerance(max(float(xp.finfo(given).eps), 2.0**-52), n, its_form)
            check_rows(xp, rows, name, its_form, slack)
        sides.append(Side(xp, rows, its_form, normalize or its_form == "logits"))
    return Rows(xp, sides, dtype, axes, lengths)


def _to_rows(xp: Namespace, x: Array, axes: tuple[int, ...], ndim: int) -> Array:
    """Move the outcomes to one last axis."""
    x = xp.reshape(x, (1,) * (ndim - x.ndim) + tuple(x.shape)) if x.ndim < ndim else x
    if axes == (ndim - 1,):
        return x
    x = xp.moveaxis(x, axes, tuple(range(ndim - len(axes), ndim)))
    return xp.reshape(x, (*x.shape[: ndim - len(axes)], -1)) if len(axes) > 1 else x


def measure(
    formula: Formula,
    values: Sequence[Any],
    names: Sequence[str] = ("p", "q"),
    *,
    axis: Any = -1,
    base: float | None = None,
    form: Any = "probs",
    normalize: bool = False,
    measures: bool = False,
    kernel: str | None = None,
    weight: float = 0.5,
) -> Any:
    """Apply a measure's formula to arrays: its compiled kernel where there is one and it can, the formula elsewhere."""
    unit = nats_per_unit(base)
    normalize = check_flag(normalize, "normalize")
    if kernel is not None:
        value = by_kernel(kernel, values, axis, unit, form, normalize, measures, weight)
        if value is not None:
            return value
    rows = prepare(values, names, axis=axis, form=form, normalize=normalize, measures=measures)
    with quiet(rows.xp):
        value = formula(rows)
        return finish(rows.xp, value if unit == 1.0 else value / unit, rows.dtype)


def by_kernel(
    kernel: str,
    values: Sequence[Any],
    axis: Any,
    unit: float,
    form: Any,
    normalize: bool,
    measures: bool = False,
    weight: float = 0.5,
) -> Any:
    """Return what a compiled kernel makes of the arrays, or None where the formula has to be asked."""
    if type(form) is not str:
        forms = check_forms(form, len(values))
        form = forms[0] if len(set(forms)) == 1 else forms
    if form != "probs" and not measures:
        return None
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, np.integer):
        axis = int(axis)
    slack = _any_sum if normalize or measures else tolerance
    return _kernels.reduce(kernel, values, axis, normalize, weight, unit, slack)


def _any_sum(eps: float, n: int) -> float:
    """Tell the kernels that rows may sum to anything."""
    return -1.0
