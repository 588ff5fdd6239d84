"""What is summed or integrated: q·φ(p/q) beside p·log(p/q), and both masses, which should come to 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.distributions._numeric import exp_gap

from . import DoesNotApply
from ._side import EPS, Floats, Side

# Where exp underflows: stands for the log-density of Q where its library says −inf inside the support.
UNDERFLOW = -745.0
_NEGLIGIBLE = 40.0
# Components, in order.
GAP, PLAIN, MASS_P, MASS_Q, VOID, UNKNOWN = range(6)

Flags = np.ndarray[Any, np.dtype[np.bool_]]


class Terms:
    """The integrands of D(P‖Q), and what was seen while they were evaluated.

    With d = log(q/p), both Σ p·(e^d − 1 − d), each term at least 0, and Σ −p·d have the value D when both masses are
    1; the first has no cancellation near P = Q and forgives what masses miss of 1, the second needs nothing of Q
    beyond P's mass.
    """

    def __init__(self, p: Side, q: Side) -> None:
        self.p, self.q = p, q
        # Where P's log-density was not a number; where Q's was not, P's mass there is a component.
        self.undefined: float | None = None
        self.unknown: float | None = None
        self.precision = max(p.precision, q.precision)
        self.seen: list[tuple[Floats, Floats, Floats]] = []

    def logs(self, x: Floats) -> tuple[Floats, Floats]:
        """Return log-densities of both, NaN as they come."""
        return np.array(self.p.log_density(x)), np.array(self.q.log_density(x))

    def known(self, x: Floats) -> tuple[Floats, Floats, Flags]:
        """Return log-densities of both, NaN as −inf, and where Q's was NaN and P's is known."""
        log_p, log_q = self.logs(x)
        wrong_p, wrong_q = np.isnan(log_p), np.isnan(log_q)
        unknown = wrong_q & ~wrong_p & (log_p > -np.inf)
        if wrong_p.any() and x.ndim == log_p.ndim:
            self.undefined = float(x[wrong_p][0])
        if unknown.any() and x.ndim == log_p.ndim:
            # The place with the most of P.
            self.unknown = float(x[unknown][np.argmax(log_p[unknown])])
        return np.where(wrong_p, -np.inf, log_p), np.where(wrong_q, -np.inf, log_q), unknown

    def __call__(self, x: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Return the components at x, in rows of nodes, times a weight, and the rounding error of each."""
        log_p, log_q, unknown = self.known(x)
        if np.any(~unknown & (log_q == -np.inf) & (log_p > -np.inf)):
            known = ~unknown
            self.seen.append((x[known], log_p[known], log_q[known]))
        with np.errstate(divide="ignore"):
            log_w = np.log(weight)
        # x is good to half a unit in its last place, which the slopes of the integrands turn into theirs.
        width = np.maximum(np.ptp(x, axis=1), np.maximum(EPS * np.abs(x[:, 0]), 1e-300))
        moved = [EPS * np.abs(x) * (_span(values + log_w) / width)[:, None] for values in (log_p, log_q)]
        return components(log_p, log_q, log_w, self.precision, unknown, *moved)

    def refuse_unknown(self, mass: float) -> None:
        """Raise where P has mass and Q's log-density is not a number."""
        where = "" if self.unknown is None else f", as at {self.unknown:.6g}"
        raise DoesNotApply(
            f"{self.q.name}'s log-density is not a number where P has {mass:.2g} of its mass{where}: D is not known"
        )

    def void_is_a_hole(self) -> bool:
        """Whether Q's density falls to 0 at once, as at an edge; not by underflow, which passes through e^−700."""
        x = np.concatenate([s[0] for s in self.seen])
        log_q = np.concatenate([s[2] for s in self.seen])[np.argsort(x)]
        void = log_q == -np.inf
        beside = np.concatenate([log_q[:-1][void[1:] & ~void[:-1]], log_q[1:][void[:-1] & ~void[1:]]])
        return beside.size == 0 or float(np.max(beside)) > -300


def _span(logs: Floats) -> Floats:
    """Return by how much the logarithms in each row vary, where they are not negligible beside the largest."""
    with np.errstate(invalid="ignore"):
        highest = np.max(np.where(np.isfinite(logs), logs, -np.inf), axis=1, keepdims=True)
        kept = np.clip(logs, highest - _NEGLIGIBLE, highest)
        return np.where(np.isfinite(highest[:, 0]), np.ptp(np.where(np.isfinite(kept), kept, highest), axis=1), 0.0)


def components(
    log_p: Floats,
    log_q: Floats,
    log_w: Floats,
    precision: float,
    unknown: Flags | bool = False,
    moved_p: Floats | float = 0.0,
    moved_q: Floats | float = 0.0,
) -> tuple[Floats, Floats]:
    """Return the components times e^log_w, and the rounding error of each.

    Parameters
    ----------
    log_p, log_q, log_w : array
        Log-densities, and logarithms of weights.
    precision : float
        Relative rounding error of the log-densities.
    unknown : array
        Where log_q is −inf in place of a NaN.
    moved_p, moved_q : array
        Errors of the log-densities beyond that, by that of x.
    """
    with np.errstate(all="ignore"):
        # A pole met exactly weighs nothing.
        pole = np.isposinf(log_p) | np.isposinf(log_q)
        some = (log_p > -np.inf) & ~pole
        void = some & (log_q == -np.inf)
        log_q = np.where(void, np.minimum(log_p, UNDERFLOW), log_q)
        d = np.where(some, log_q - log_p, 0.0)
        p = np.where(some, np.exp(log_p + log_w), 0.0)
        q = np.where(pole, 0.0, np.exp(log_q + log_w))
        plain = -p * d
        near = d <= 1
        gap = np.where(some, np.where(near, p * exp_gap(np, np.where(near, d, 0.0)), q - p + plain), q)
        # Logs are taken to be good to a few units in their last place; each counts by its derivative.
        slack_p = 4 * precision * (1 + np.where(some, np.abs(log_p), 0)) + moved_p
        slack_q = 4 * precision * (1 + np.where(q > 0, np.abs(log_q), 0)) + moved_q
        of_p = np.where(p > 0, np.abs(plain) * slack_p, 0.0)
        of_gap = of_p + np.abs(q - p) * slack_q + EPS * gap
        of_plain = of_p + p * (slack_p + slack_q) + EPS * np.abs(plain)
        rounding = np.stack([of_gap, of_plain, p * slack_p, q * slack_q, 0 * p, 0 * p])
    lost = np.where(void, p, 0.0)
    return np.stack([gap, plain, p, q, np.where(unknown, 0.0, lost), np.where(unknown, lost, 0.0)]), rounding
