"""Rows of discrete columns as counts of values, and what the estimators from counts share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from .discrete import Counts
from .problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Levels:
    """Which value every row takes.

    Attributes
    ----------
    of_x, of_y : ndarray of int
        The number of the value of every row.
    size : int
        Numbers given; some may be unused.
    """

    of_x: Ints
    of_y: Ints
    size: int

    @cached_property
    def seen_x(self) -> Floats:
        """Rows of x on every value."""
        return np.bincount(self.of_x, minlength=self.size).astype(float)

    @cached_property
    def seen_y(self) -> Floats:
        """Rows of y on every value."""
        return np.bincount(self.of_y, minlength=self.size).astype(float)

    @cached_property
    def counts(self) -> Counts:
        """Pairs of counts and how many values share them."""
        return Counts.of(self.seen_x, self.seen_y)


def levels_of(problem: Problem) -> Levels:
    """Number the values of the rows, all columns taken together."""
    of_x, of_y = problem.groups
    return Levels(of_x, of_y, 1 + int(max(of_x.max(), of_y.max())))


def refusal(problem: Problem) -> str | None:
    """Say why values cannot be counted, if they cannot."""
    if not problem.d:
        return "no column varies"
    for column in problem.columns:
        if column.kind == "continuous":
            return f"column {column.name!r} is continuous: no value comes twice, so there is nothing to count"
    return None


def unseen(counts: Counts) -> str | None:
    """Say why q̂ = 0 rules an estimator out, if it does."""
    new = float(counts.levels @ ((counts.x > 0) & (counts.y == 0)))
    if not new:
        return None
    return (
        f"{new:.0f} values of x never come in y, where this estimate is infinite: name 'counts' or 'dirichlet', which "
        "allow for what y has not shown"
    )


def delta_variance(counts: Counts) -> float:
    """Variance of Σ p̂ log p̂/q̂ by its derivatives, and the noise that is left where P = Q.

    Var_P[log p/q]/n + Var_Q[p/q]/m + ½(K − 1)(1/n + 1/m)².
    """
    p, q = (
        (counts.x + 0.5) / (counts.n + counts.levels.sum() / 2),
        (counts.y + 0.5) / (counts.m + counts.levels.sum() / 2),
    )
    log, ratio, w = np.log(p / q), p / q, counts.levels
    of_x = w @ (p * log**2) - (w @ (p * log)) ** 2
    of_y = w @ (q * ratio**2) - (w @ (q * ratio)) ** 2
    return float(max(of_x, 0) / counts.n + max(of_y, 0) / counts.m + (w.sum() - 1) / 2 * counts.scale**2)


def concentration(seen: Floats, levels: Floats) -> float:
    """The symmetric Dirichlet prior, per value, under which the counts are likeliest (Good 1965; Minka 2000)."""
    total, size = float(levels @ seen), float(levels.sum())
    g = special.gammaln

    def surprise(log_a: float) -> float:
        a = np.exp(log_a)
        return float(-(g(size * a) - g(size * a + total) + levels @ (g(a + seen) - g(a))))

    found = optimize.minimize_scalar(surprise, bounds=(np.log(1e-4), np.log(1e4)), method="bounded")
    return float(np.exp(found.x))
