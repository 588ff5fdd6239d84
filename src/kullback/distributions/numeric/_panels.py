"""Adaptive quadrature over many panels at once: every pass evaluates all new panels in one call.

A panel is an interval of t. On a straight panel x = t; on a bent one x = anchor ± e^t, so that power laws towards an
end or towards infinity become exponentials, which few nodes integrate to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

# Gauss-Kronrod of 10 and 21 nodes (Piessens et al., 1983, QUADPACK, qk21).
_NODES = np.array([
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
    0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126603103866,
    0.148874338981631210884826001129720, 0.0,
])  # fmt: skip
_KRONROD = np.array([
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
    0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068, 0.149445554002916905664936468389821,
])  # fmt: skip
_GAUSS = np.array([
    0.066671344308688137593568809893332, 0.149451349150580593145863396957658, 0.219086362515982043995534934228163,
    0.269266719309996355091226921569469, 0.295524224714752870173815619188769,
])  # fmt: skip
NODES: Floats = np.concatenate([-_NODES, _NODES[-2::-1]])
KRONROD: Floats = np.concatenate([_KRONROD, _KRONROD[-2::-1]])
GAUSS: Floats = np.zeros(21)
GAUSS[1::2] = np.concatenate([_GAUSS, _GAUSS[::-1]])

_PASSES = 24
_MOST_PANELS = 6000
_SPLIT = 4
_PATIENCE = 3


class Pieces(Protocol):
    """What can be integrated over: nodes in rows, a fine and a coarse rule, and finer pieces."""

    def nodes(self) -> tuple[Floats, Floats]:
        """Return the nodes, and the weight of each that is not the rule's."""

    def rules(self) -> tuple[Floats, Floats]:
        """Return the fine rule and the coarse one."""

    def can_be_split(self) -> np.ndarray[Any, Any]:
        """Where a piece can be cut."""

    def split(self, which: np.ndarray[Any, Any]) -> Pieces:
        """Return each of the chosen pieces in smaller ones."""


@dataclass
class Panels:
    """Intervals [a, b] of t; `sign` is 0 for straight panels, and the side of the anchor for bent ones."""

    a: Floats
    b: Floats
    anchor: Floats
    sign: Floats

    def nodes(self) -> tuple[Floats, Floats]:
        """Return x and |dx/dt| times half the panel's length, a row for each panel."""
        half = 0.5 * (self.b - self.a)[:, None]
        t = 0.5 * (self.a + self.b)[:, None] + half * NODES
        bent = (self.sign != 0)[:, None]
        x = np.where(bent, self.anchor[:, None] + self.sign[:, None] * np.exp(np.where(bent, t, 0.0)), t)
        # The distance that the rounded node has, not the one it was meant to have: near a pole they differ.
        return x, np.where(bent, np.abs(x - self.anchor[:, None]), 1.0) * half

    def rules(self) -> tuple[Floats, Floats]:
        """Return Kronrod's weights and those of Gauss."""
        return KRONROD, GAUSS

    def can_be_split(self) -> np.ndarray[Any, Any]:
        """Where floats lie between the ends."""
        return self.b - self.a > 8 * np.finfo(float).eps * np.maximum(np.abs(self.a), np.abs(self.b))

    def split(self, which: np.ndarray[Any, Any]) -> Panels:
        """Return each of the chosen panels in equal pieces."""
        a, b, anchor, sign = (v[which] for v in (self.a, self.b, self.anchor, self.sign))
        cuts = a[:, None] + (b - a)[:, None] * np.linspace(0, 1, _SPLIT + 1)
        cuts[:, -1] = b
        return Panels(cuts[:, :-1].ravel(), cuts[:, 1:].ravel(), np.repeat(anchor, _SPLIT), np.repeat(sign, _SPLIT))


@dataclass
class Sums:
    """What is known of every panel: integrals of each component, their errors, and how far rounding lets them be."""

    value: Floats
    error: Floats
    floor: Floats

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(np.concatenate(pair) for pair in zip(_of(self), _of(other), strict=True)))

    def keep(self, which: np.ndarray[Any, Any]) -> Sums:
        """Return those of some panels."""
        return Sums(*(v[which] for v in _of(self)))


NOTHING = Sums(np.zeros((0, 6)), np.zeros((0, 6)), np.zeros((0, 6)))


def _of(sums: Sums) -> tuple[Floats, Floats, Floats]:
    return sums.value, sums.error, sums.floor


# From x and the weight of each node (not the rule's), the integrands (components, panels, nodes), and their rounding.
Integrand = Callable[[Floats, Floats], tuple[Floats, Floats]]


def integrate(panels: Pieces, integrand: Integrand, goal: Callable[[Floats], float]) -> Sums:
    """Integrate, refining where the first component is not yet known well enough.

    Parameters
    ----------
    panels : Pieces
        Where to begin.
    integrand : callable
        The integrands and the rounding error of each, at the nodes.
    goal : callable
        From the integrals so far, the error wanted of the first.
    """
    done: Sums | None = None
    count, parents, stuck = 0, np.zeros(0), np.zeros(0, dtype=np.int64)
    for number in range(_PASSES):
        sums = _measured(panels, integrand)
        error = sums.error[:, 0]
        count += error.size
        if number:
            # What cutting does not improve is noise.
            better = error.reshape(-1, _SPLIT).sum(axis=1) < 0.5 * parents
            stuck = np.repeat(np.where(better, 0, stuck + 1), _SPLIT)
        else:
            stuck = np.zeros(error.size, dtype=np.int64)
        total = sums.value.sum(axis=0) if done is None else sums.value.sum(axis=0) + done.value.sum(axis=0)
        wanted = max(goal(total), 0.0) / count
        # A panel as good as rounding lets it be is not improved either.
        rough = (error > np.maximum(wanted, 2 * sums.floor[:, 0])) & panels.can_be_split() & (stuck < _PATIENCE)
        if number == _PASSES - 1 or count > _MOST_PANELS:
            rough[:] = False
        kept = sums.keep(~rough)
        done = kept if done is None else done + kept
        if not rough.any():
            break
        panels, parents, stuck = panels.split(rough), error[rough], stuck[rough]
    assert done is not None
    return done


def _measured(panels: Pieces, integrand: Integrand) -> Sums:
    x, weight = panels.nodes()
    values, rounding = integrand(x, weight)
    fine, coarse = panels.rules()
    value = np.sum(values * fine, axis=-1)
    error = np.abs(value - np.sum(values * coarse, axis=-1))
    floor = np.sum(rounding * np.abs(fine), axis=-1)
    return Sums(value.T, error.T, floor.T)
