"""The divergence rate of sequences of symbols: extra nats a symbol, given what came before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError

from .dependence import inflation
from .discrete import Counts, estimate_counts
from .intervals import one_sided, two_sided
from .reading import read

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

HIGHEST = 5  # order that is tried
_MOST_PARTS = 64
_SPARSE = 0.01  # share of P's symbols after contexts that Q hardly shows, beyond which the upper end is not promised
_FEW = 2  # symbols after a context, on either side, from which its divergence is estimated


def estimate_rate(x: Any, y: Any, *, order: int | None = None, confidence: float = 0.95) -> Divergence:
    """Estimate the divergence rate lim D(P(X₁…X_t)‖Q(X₁…X_t))/t of two stationary Markov chains, in nats a symbol.

    For chains of order k it is Σ_s π(s) D(P(·|s)‖Q(·|s)), s the k symbols before and π their shares in P (Rached,
    Alajaji & Campbell 2004, "The Kullback-Leibler divergence rate between Markov sources", IEEE Transactions on
    Information Theory 50). Every context's divergence is estimated from its counts, which are those of independent
    draws given how often it was visited, as `kullback.compare` does for a column; to their errors is added that of the
    shares, over whose successive visits the chain is followed.

    Parameters
    ----------
    x, y : array or list of numbers or text, or list of such arrays
        A sequence of symbols in order, or several independent ones.
    order : int, optional
        Symbols of the past that matter; by default the larger of the two that BIC chooses (Csiszár & Shields 2000),
        up to 5.
    confidence : float
        Of the interval.

    Returns
    -------
    Divergence
        With a part for every context, where there are no more than 64. Where P visits contexts that Q hardly shows,
        only a lower bound is promised.

    Raises
    ------
    InputError
        If a sequence is too short for the order, or a symbol is missing.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence}")
    if order is not None and not (isinstance(order, int | np.integer) and order >= 0):
        raise InputError(f"order must be a whole number of at least 0, got {order!r}")
    runs_x, runs_y, names = _coded(_runs(x, "x"), _runs(y, "y"))
    size = len(names)
    tested = HIGHEST if order is None else order
    for side, runs in (("x", runs_x), ("y", runs_y)):
        least = (tested if order is not None else 1) + 2 * _FEW
        if sum(map(len, runs)) < least:
            raise InputError(f"{side} has {sum(map(len, runs))} symbols: order {tested} needs at least {least}")
    chosen = max(_order(runs_x, size), _order(runs_y, size)) if order is None else int(order)
    return _rate(_Contexts.of(runs_x, runs_y, chosen, size), names, order is None, confidence)


@dataclass(frozen=True)
class _Contexts:
    """Which context every symbol follows, and which symbol it is."""

    order: int
    labels: Ints  # of every context, its symbols
    before_x: Ints
    next_x: Ints
    before_y: Ints
    next_y: Ints

    @classmethod
    def of(cls, x: list[Ints], y: list[Ints], order: int, size: int) -> _Contexts:
        past_x, next_x = _windows(x, order)
        past_y, next_y = _windows(y, order)
        for side, after in (("x", next_x), ("y", next_y)):
            if len(after) < _FEW:
                raise InputError(f"no sequence of {side} is longer than the order {order}: name a lower one")
        labels, place = np.unique(np.concatenate([past_x, past_y]), axis=0, return_inverse=True)
        place = place.ravel()
        return cls(order, labels, place[: len(next_x)], next_x, place[len(next_x) :], next_y)


def _rate(contexts: _Contexts, names: list[str], searched: bool, confidence: float) -> Divergence:
    size, count = len(names), len(contexts.labels)
    n = len(contexts.next_x)
    table_x, table_y = (
        np.bincount(before * size + after, minlength=count * size).reshape(count, size)
        for before, after in ((contexts.before_x, contexts.next_x), (contexts.before_y, contexts.next_y))
    )
    visits, shown = table_x.sum(axis=1), table_y.sum(axis=1)
    value, null, slope_part, unknown, open_above = np.zeros(count), 0.0, 0.0, 0, False
    for s in np.flatnonzero(visits):
        if visits[s] < _FEW or shown[s] < _FEW:
            unknown += int(visits[s])
            continue
        found = estimate_counts(Counts.of(table_x[s], table_y[s]))
        value[s] = found.value
        weight = (visits[s] / n) ** 2
        null += weight * found.null_variance
        slope_part += weight * found.variance_slope * max(found.value, 0.0)
        open_above |= found.at_least and visits[s] > _SPARSE * n
    parts = visits / n * value
    rate = float(parts.sum())
    along = value[contexts.before_x]
    shares = float(along.var()) * inflation(along) / n
    error = float(np.sqrt(null + slope_part + shares))
    how = ", chosen by BIC" if searched else ""
    method = f"Markov chains of order {contexts.order}{how}, counts in {int((visits > 0).sum())} contexts"
    caveats = []
    if searched and contexts.order == HIGHEST:
        caveats.append(f"the highest order tried, {HIGHEST}, was chosen: the past may matter for longer")
    if unknown:
        caveats.append(f"{unknown / n:.2%} of P's symbols follow a context that one of the sequences hardly shows")
    interval = two_sided(rate, error, confidence, float(np.sqrt(null)))
    if open_above or unknown > _SPARSE * n:
        caveats.append(
            "some contexts or symbols are too rare for their ratio to be known: only a lower bound is promised"
        )
        interval = (one_sided(rate, error, confidence), float("inf"))
    named = {}
    if rate > 0 and 1 < count <= _MOST_PARTS:
        named = {
            "after " + " ".join(names[symbol] for symbol in label): float(part)
            for label, part, seen in zip(contexts.labels, parts, visits, strict=True)
            if seen
        }
    return Divergence(max(rate, 0.0), error, interval, confidence, method, named, tuple(caveats))


def _runs(data: Any, side: str) -> list[NDArray[Any]]:
    """The sequences of a side as columns of symbols."""
    several = isinstance(data, list | tuple) and data and not np.isscalar(data[0])
    runs = []
    for number, run in enumerate(data if several else [data]):
        columns = list(read(run, f"{side}[{number}]" if several else side).values())
        if len(columns) != 1:
            raise InputError(f"{side} has {len(columns)} columns: a sequence is one column of symbols")
        symbols = columns[0]
        gone = np.array([v is None for v in symbols]) if symbols.dtype == object else np.isnan(symbols)
        if gone.any():
            raise InputError(f"{side} has no symbol at row {int(np.flatnonzero(gone)[0])}: cut the sequence there")
        runs.append(symbols)
    return runs


def _coded(x: list[NDArray[Any]], y: list[NDArray[Any]]) -> tuple[list[Ints], list[Ints], list[str]]:
    """Symbols by number, and their names."""
    if len({run.dtype == object for run in (*x, *y)}) > 1:
        raise InputError("x holds text and y numbers, or the reverse: make both alike")
    symbols, place = np.unique(np.concatenate([*x, *y]), return_inverse=True)
    cuts = np.cumsum([len(run) for run in (*x, *y)])[:-1]
    runs = [part.astype(np.intp) for part in np.split(place, cuts)]
    names = [s if isinstance(s, str) else f"{s:g}" for s in symbols]
    return runs[: len(x)], runs[len(x) :], names


def _windows(runs: list[Ints], order: int) -> tuple[Ints, Ints]:
    """The past of every symbol that has one so long, and the symbol."""
    past, after = [], []
    for run in runs:
        if len(run) > order:
            windows = np.lib.stride_tricks.sliding_window_view(run, order + 1)
            past.append(windows[:, :-1])
            after.append(windows[:, -1])
    if not past:
        return np.empty((0, order), dtype=np.intp), np.empty(0, dtype=np.intp)
    return np.concatenate(past), np.concatenate(after)


def _order(runs: list[Ints], size: int) -> int:
    """The order of least BIC, all orders judged on the same symbols."""
    best, least = 0, np.inf
    highest = min(HIGHEST, max(map(len, runs)) - 1)
    past, after = _windows(runs, highest)
    for order in range(highest + 1):
        _, context = np.unique(past[:, highest - order :], axis=0, return_inverse=True)
        context = context.ravel()
        _, pair = np.unique(context * size + after, return_inverse=True)
        joint, single = np.bincount(pair), np.bincount(context)
        likelihood = float(special.xlogy(joint, joint).sum() - special.xlogy(single, single).sum())
        # Free shares of the contexts seen: all that could come after each.
        cost = -2 * likelihood + len(single) * (size - 1) * np.log(len(after))
        if cost < least:
            best, least = order, cost
    return best
