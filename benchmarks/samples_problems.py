"""Pairs of samples of known divergence: what the studies of accuracy and coverage draw from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy import integrate, optimize, special, stats

Draw = Callable[[int, int, np.random.Generator], tuple[Any, Any]]


@dataclass(frozen=True)
class Case:
    name: str
    d: int
    truth: float
    draw: Draw
    sizes: tuple[int, int] | None = None


def by_integral(p: Any, q: Any) -> float:
    low, high = p.support()
    low, high = max(low, p.ppf(1e-14)), min(high, p.ppf(1 - 1e-14))
    return float(integrate.quad(lambda t: p.pdf(t) * (p.logpdf(t) - q.logpdf(t)), low, high, limit=500)[0])


def independent(name: str, p: Any, q: Any, truth: float | None = None) -> Case:
    def draw(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
        return p.rvs(n, random_state=rng), q.rvs(m, random_state=rng)

    return Case(name, 1, by_integral(p, q) if truth is None else truth, draw)


def shift(d: int, nats: float = 1.0) -> Case:
    def draw(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
        return rng.normal(size=(n, d)) + math.sqrt(2 * nats / d), rng.normal(size=(m, d))

    return Case("mean shift", d, nats, draw)


def wider(d: int, side: str) -> Case:
    def excess(t: float) -> float:
        return d / 2 * (1 / t - 1 + math.log(t) if side == "Q" else t - 1 - math.log(t)) - 1

    scale = math.sqrt(optimize.brentq(excess, 1 + 1e-9, 1e3))

    def draw(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
        x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
        return (x, y * scale) if side == "Q" else (x * scale, y)

    return Case(f"{side} wider", d, 1.0, draw)


@cache
def _bimodal_sd() -> float:
    grid = np.linspace(-7, 7, 20001)
    q = stats.norm.pdf(grid)

    def excess(s: float) -> float:
        m = math.sqrt(1 - s * s)
        p = (stats.norm.pdf(grid, m, s) + stats.norm.pdf(grid, -m, s)) / 2
        return float(np.trapezoid(special.rel_entr(p, q), grid)) - 1

    return float(optimize.brentq(excess, 0.05, 0.9))


def bimodal(d: int) -> Case:
    """P has two modes along a hidden direction; Q is the Gaussian with P's mean and covariance."""
    s = _bimodal_sd()

    def draw(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
        x = rng.normal(size=(n, d))
        x[:, 0] = rng.choice([-1, 1], n) * math.sqrt(1 - s * s) + s * x[:, 0]
        turn = stats.ortho_group.rvs(d, random_state=rng) if d > 1 else np.eye(1)
        return x @ turn, rng.normal(size=(m, d))

    return Case("bimodal P, Q moment-matched", d, 1.0, draw)


def four(d: int) -> list[Case]:
    return [shift(d), wider(d, "Q"), wider(d, "P"), bimodal(d)]


def _rounded(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(1, 1, n).round(1), rng.normal(0, 1, m).round(1)


def _continuous_and_binary(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    x = np.stack([rng.normal(1, 1, n), rng.random(n) < 0.8], axis=1)
    return x, np.stack([rng.normal(0, 1, m), rng.random(m) < 0.5], axis=1)


def _constant_column(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    x, y = rng.normal(1, 1, (n, 1)), rng.normal(0, 1, (m, 1))
    return np.hstack([x, np.ones((n, 1))]), np.hstack([y, np.ones((m, 1))])


def _scales(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    x, y = rng.normal(0, 1, (n, 2)), rng.normal(0, 1, (m, 2))
    x[:, 0] += 1
    return x * [1, 1e4], y * [1, 1e4]


def _almost_collinear(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    root = np.linalg.cholesky(np.full((10, 10), 0.999) + 0.001 * np.eye(10))
    return rng.normal(size=(n, 10)) @ root.T + 1, rng.normal(size=(m, 10)) @ root.T


def peers() -> list[Case]:
    """The battery and broken inputs of the issue."""
    binary = 0.5 + 0.8 * math.log(1.6) + 0.2 * math.log(0.4)
    one = independent("n = 5000, m = 50", stats.norm(1, 1), stats.norm(0, 1), 0.5)
    cases = [
        independent("Exp 1 ‖ 1/12", stats.expon(), stats.expon(scale=12), math.log(12) + 1 / 12 - 1),
        independent("N(0,1) ‖ N(1,4)", stats.norm(), stats.norm(1, 2), math.log(2) + 2 / 8 - 0.5),
        independent("U(1,2) ‖ U(0,4)", stats.uniform(1, 1), stats.uniform(0, 4), math.log(4)),
        Case("ρ = .999, shifted", 10, 5 / 9.991, _almost_collinear),
        Case("rounded to .1", 1, 0.5, _rounded),
        independent("Poisson 3 ‖ 5", stats.poisson(3), stats.poisson(5), 3 * math.log(3 / 5) + 2),
        Case("continuous and binary", 2, binary, _continuous_and_binary),
        Case("constant column", 2, 0.5, _constant_column),
        Case("scales 1 and 1e4", 2, 0.5, _scales),
        Case(one.name, 1, 0.5, one.draw, (5000, 50)),
    ]
    for d in (1, 2, 5, 10):
        cases.extend(four(d))
    return cases


def _correlated(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], n), rng.normal(size=(m, 2))


def _null(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(size=(n, 3)), rng.normal(size=(m, 3))


def _zero_inflated(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    x, y = rng.exponential(1, n), rng.exponential(2, m)
    x[rng.random(n) < 0.5] = 0
    y[rng.random(m) < 0.2] = 0
    return x, y


def _curved(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """The second column of P follows the square of the first."""
    a, b = rng.normal(size=n), rng.normal(size=m)
    return np.stack([a, 0.5 * a * a + rng.normal(size=n)], 1), np.stack([b, 0.5 + rng.normal(size=m)], 1)


def _regional(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """A category of five levels, and a number whose mean follows it in P only."""
    a, b = rng.choice(5, n, p=[0.4, 0.3, 0.1, 0.1, 0.1]), rng.choice(5, m)
    return (
        {"level": np.array(list("abcde"))[a], "value": rng.normal(0.5 * (a - 2), 1)},
        {"level": np.array(list("abcde"))[b], "value": rng.normal(size=m)},
    )


def own() -> list[Case]:
    """Ten cases that the issue does not name."""
    shares = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    zero = 0.5 * math.log(0.5 / 0.2) + 0.5 * (math.log(0.5 / 0.8) + math.log(2) + 0.5 - 1)
    regional = float(special.rel_entr(shares, 0.2).sum() + shares @ (0.5 * (np.arange(5) - 2)) ** 2 / 2)
    return [
        Case("P = Q", 3, 0.0, _null),
        independent("Gamma 2 ‖ Gamma 3", stats.gamma(2), stats.gamma(3)),
        independent("t₅ + 1 ‖ t₅", stats.t(5, 1), stats.t(5)),
        independent("Laplace ‖ normal of the same variance", stats.laplace(), stats.norm(0, math.sqrt(2))),
        independent("Beta(2,5) ‖ U(0,1)", stats.beta(2, 5), stats.uniform()),
        independent("log-normal, shifted by ½", stats.lognorm(1, scale=math.exp(0.5)), stats.lognorm(1), 0.125),
        Case("ρ = .8 ‖ independent", 2, -0.5 * math.log(1 - 0.64), _correlated),
        Case("half zeros ‖ a fifth zeros", 1, zero, _zero_inflated),
        Case("parabola ‖ independent", 2, 0.125 * 2 + 0.125 - 0.125, _curved),
        Case("levels and a number that follows them", 2, regional, _regional),
    ]
