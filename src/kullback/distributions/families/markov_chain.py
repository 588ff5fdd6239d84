"""Markov chains: paths of a given length, or without end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.arrays._backend import Array, Namespace, device, inspectable, without_gradient
from kullback.arrays._numeric import safe_log
from kullback.arrays._rows import Side
from kullback.distributions._constraints import PROBABILITIES, Rule, _sum_to_one
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._outcomes import divergence, entropy, pick
from kullback.distributions._registry import closed_form

TRANSITIONS = Rule(
    "rows of probabilities that sum to 1",
    lambda xp, x: xp.all(_sum_to_one(xp, x), axis=-1),
    event_ndim=2,
    lower=0.0,
    upper=1.0,
)
# Paths of up to this many steps are followed one by one, longer ones by doubling.
_ONE_BY_ONE = 64
# Doublings after which any chain of numbers in float64 has settled: 2^64 steps.
_DOUBLINGS = 64


@family
class MarkovChain(Family):
    r"""Markov chain over states numbered from 0.

    .. math:: P(x_0, …, x_n) = μ(x_0) \prod_{t=1}^{n} A(x_{t-1}, x_t)

    Parameters
    ----------
    initial : array
        Probabilities μ of the first state, along the last axis.
    transition : array
        Probabilities A of the next state, along the last axis, given the state before, along the last but one.
    steps : int, optional
        Number n of transitions of a path. Without it paths have no end, and what is measured is a rate: nats per step
        in the long run.

    Notes
    -----
    The rate averages over where the chain started from `initial` spends its time: the limit of the mean of the
    distributions of its first n states. That limit exists for every chain. If the chain is periodic it is the
    stationary distribution; if there are several closed classes of states, each weighs what the chain is likely to end
    in it. States that are left for ever do not count, unless Q forbids a transition there: then P's paths are
    impossible under Q, and the rate is infinite, as it is where Q forbids a first state.
    """

    domain = Domain("paths")
    initial: Any = parameter(PROBABILITIES)
    transition: Any = parameter(TRANSITIONS)
    steps: int | None = None

    def check(self) -> None:
        rows, columns = self.transition.shape[-2:]
        if rows != columns or self.initial.shape[-1] != columns:
            raise InputError(
                f"MarkovChain: transition must be square and as large as initial, got shapes "
                f"{tuple(self.transition.shape)} and {tuple(self.initial.shape)}"
            )
        if self.steps is not None and (not isinstance(self.steps, (int, np.integer)) or self.steps < 0):
            raise InputError(f"MarkovChain: steps must be a whole number of at least 0, got {self.steps!r}")

    @property
    def event_shape(self) -> tuple[int, ...]:
        return () if self.steps is None else (int(self.steps) + 1,)

    @property
    def discrete(self) -> bool:
        return True

    def log_density(self, x: Array) -> Array:
        xp = self.xp
        log = pick(xp, safe_log(xp, self.initial), x[..., 0])
        of_steps = safe_log(xp, self.transition)
        for t in range(1, x.shape[-1]):
            rows = xp.stack([pick(xp, of_steps[..., i, :], x[..., t]) for i in range(of_steps.shape[-2])], axis=-1)
            log = log + pick(xp, rows, x[..., t - 1])
        return log

    def entropy(self) -> Array:
        """Entropy of a path, or its rate per step."""
        xp = self.xp
        of_rows = entropy(Side(xp, self.transition, "probs", False))
        if self.steps is None:
            return xp.sum(settled(xp, self.initial, self.transition) * of_rows, axis=-1)
        of_first = entropy(Side(xp, self.initial, "probs", False))
        return of_first + xp.sum(visits(xp, self.initial, self.transition, int(self.steps)) * of_rows, axis=-1)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        if self.steps is None:
            raise InputError("MarkovChain: a path without end cannot be drawn: give steps")
        shape = (count, *self.batch_shape)
        first = np.broadcast_to(np.cumsum(np.asarray(self.initial), axis=-1), (*shape, self.initial.shape[-1]))
        size = self.transition.shape[-1]
        edges = np.broadcast_to(np.cumsum(np.asarray(self.transition), axis=-1), (*shape, size, size))
        path = [np.sum(rng.random((*shape, 1)) * first[..., -1:] >= first, axis=-1)]
        for _ in range(int(self.steps)):
            row = np.take_along_axis(edges, path[-1][..., None, None], axis=-2)[..., 0, :]
            path.append(np.sum(rng.random((*shape, 1)) * row[..., -1:] >= row, axis=-1))
        return np.stack(path, axis=-1)


def visits(xp: Namespace, initial: Array, transition: Array, steps: int) -> Array:
    """Return how often each state is left within so many steps, in expectation."""
    row = initial[..., None, :]
    if steps <= _ONE_BY_ONE:
        total = 0 * (row @ transition)
        for _ in range(steps):
            total = total + row
            row = row @ transition
        return total[..., 0, :]
    # The sum of the first n powers, from the leading bit of n down; rows are kept at sum 1, where rounding would leave.
    power, total = transition, _one(xp, transition) + 0 * transition
    for bit in bin(steps)[3:]:
        total = total + power @ total
        power = _stochastic(xp, power @ power)
        if bit == "1":
            total = total + power
            power = _stochastic(xp, power @ transition)
    return (row @ total)[..., 0, :]


def settled(xp: Namespace, initial: Array, transition: Array) -> Array:
    """Return the share of time spent in each state in the long run.

    A chain that rests at every other step spends its time in the same states, and has no period: its powers converge.
    """
    power = 0.5 * (transition + _one(xp, transition))
    for _ in range(_DOUBLINGS):
        last, power = power, _stochastic(xp, power @ power)
        # Relative, so that what leaks slowly is not taken for settled; the next doubling squares what is left.
        if inspectable(power) and bool(xp.all(without_gradient(xp.abs(power - last)) <= 1e-12 * power)):
            break
    return (initial[..., None, :] @ power)[..., 0, :]


def _one(xp: Namespace, like: Array) -> Array:
    return xp.eye(like.shape[-1], dtype=like.dtype, device=device(like))


def _stochastic(xp: Namespace, power: Array) -> Array:
    return power / xp.sum(power, axis=-1, keepdims=True)


def reached(xp: Namespace, initial: Array, transition: Array, steps: int) -> Array:
    """Return which states are left within so many steps, however unlikely."""
    possible = xp.astype(transition > 0, transition.dtype)
    row = xp.astype(initial > 0, transition.dtype)[..., None, :] + 0 * possible[..., :1, :]
    for _ in range(min(steps, transition.shape[-1]) - 1):
        row = xp.astype(row + row @ possible > 0, row.dtype)
    return row[..., 0, :] > 0


@closed_form(
    MarkovChain,
    MarkovChain,
    formula=r"D(μ_P‖μ_Q) + \sum_i E_P[\text{times } i \text{ is left}]\, D(A_P(i)‖A_Q(i)); "
    r"\quad \text{without end: } \sum_i π_i\, D(A_P(i)‖A_Q(i)) \text{ per step}",
    source="Kullback (1959), chapter 2, by the chain rule; the rate: Rached, Alajaji and Campbell (2004)",
)
def _kl(p: MarkovChain, q: MarkovChain) -> Array:
    xp = p.xp
    of_first = divergence(Side(xp, p.initial, "probs", False), Side(xp, q.initial, "probs", False))
    of_rows = divergence(Side(xp, p.transition, "probs", False), Side(xp, q.transition, "probs", False))
    size = p.transition.shape[-1]
    if p.steps == 0:
        return of_first + 0 * xp.sum(xp.where(of_rows < math.inf, of_rows, xp.zeros_like(of_rows)), axis=-1)
    forbidden = of_rows == math.inf
    finite = xp.where(forbidden, xp.zeros_like(of_rows), of_rows)
    if p.steps is None:
        value = xp.sum(settled(xp, p.initial, p.transition) * finite, axis=-1)
        ever = reached(xp, p.initial, p.transition, size)
        impossible = of_first == math.inf
    else:
        value = of_first + xp.sum(visits(xp, p.initial, p.transition, int(p.steps)) * finite, axis=-1)
        ever = reached(xp, p.initial, p.transition, int(p.steps))
        impossible = xp.zeros_like(value) != 0
    impossible = impossible | xp.any(ever & forbidden, axis=-1)
    return xp.where(impossible, xp.full_like(value, math.inf), value)
