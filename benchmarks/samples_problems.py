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


def _levels_with_their_own_widths(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    def side(rows: int, shares: list[float], centres: list[float], widths: list[float]) -> dict[str, Any]:
        a = rng.choice(3, rows, p=shares)
        value = rng.normal(np.array(centres)[a], np.array(widths)[a])
        return {"kind": np.array(["red", "green", "blue"])[a], "size": value}

    return side(n, *_WIDTHS[0]), side(m, *_WIDTHS[1])


_WIDTHS = (
    ([0.5, 0.3, 0.2], [0.0, 1.0, 2.0], [1.0, 0.7, 1.0]),
    ([0.3, 0.3, 0.4], [0.0, 0.5, 1.0], [1.0, 1.0, 1.2]),
)


def _of_widths() -> float:
    (p, a, s), (q, b, t) = (tuple(np.array(v) for v in side) for side in _WIDTHS)
    normals = np.log(t / s) + (s**2 + (a - b) ** 2) / (2 * t**2) - 0.5
    return float(special.rel_entr(p, q).sum() + p @ normals)


def _two_modes(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    x = rng.normal(size=(n, 3)) * [0.6, 1, 1]
    x[:, 0] += rng.choice([-1.0, 1.5], n, p=[0.7, 0.3])
    return x @ _turned(3), rng.normal(size=(m, 3)) @ _turned(3)


def _of_two_modes() -> float:
    grid = np.linspace(-9, 9, 40001)
    p = 0.7 * stats.norm.pdf(grid, -1, 0.6) + 0.3 * stats.norm.pdf(grid, 1.5, 0.6)
    return float(np.trapezoid(special.rel_entr(p, stats.norm.pdf(grid)), grid))


@cache
def _turned(d: int) -> Any:
    return np.linalg.qr(np.random.default_rng(d).normal(size=(d, d)))[0]


def _pair_of_t(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    pair = stats.multivariate_t([0, 0], [[1, 0.6], [0.6, 1]], df=4)
    return pair.rvs(n, random_state=rng), rng.standard_t(4, (m, 2))


def _of_pair_of_t() -> float:
    pair = stats.multivariate_t([0, 0], [[1, 0.6], [0.6, 1]], df=4)
    return float(2 * stats.t(4).entropy() - pair.entropy())


def _zero_inflated_counts(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.poisson(4, n) * (rng.random(n) < 0.7), rng.poisson(3, m)


def _of_zero_inflated_counts() -> float:
    k = np.arange(60)
    p = 0.7 * stats.poisson.pmf(k, 4) + 0.3 * (k == 0)
    return float(special.rel_entr(p, stats.poisson.pmf(k, 3)).sum())


def _angles(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.vonmises(3, 2, n), rng.vonmises(0, 1, m)


def _of_angles() -> float:
    ratio = special.i1(2) / special.i0(2)
    return float(ratio * (2 - math.cos(3)) + math.log(special.i0(1) / special.i0(2)))


def _integers(name: str, p: Any, q: Any) -> Case:
    p, q = np.array(p), np.array(q)

    def draw(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
        return rng.choice(len(p), n, p=p), rng.choice(len(q), m, p=q)

    return Case(name, 1, float(special.rel_entr(p, q).sum()), draw)


def _many_levels() -> Case:
    p = 1 / np.arange(1, 31)
    p /= p.sum()
    q = np.roll(p, 3)

    def draw(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
        names = np.array([f"level {k}" for k in range(30)])
        return {"c": names[rng.choice(30, n, p=p)]}, {"c": names[rng.choice(30, m, p=q)]}

    return Case("30 named levels", 1, float(special.rel_entr(p, q).sum()), draw)


def _exponentials(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.exponential(1, (n, 5)), rng.exponential(1.5, (m, 5))


def _chain(n: int, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    root = np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5))))
    return rng.normal(size=(n, 5)) @ root.T, rng.normal(size=(m, 5))


def fresh() -> list[Case]:
    """Cases made after the estimators were settled, on which nothing was tuned."""
    return [
        independent("logistic ‖ normal of the same variance", stats.logistic(), stats.norm(0, math.pi / math.sqrt(3))),
        independent("χ² 3 ‖ χ² 5", stats.chi2(3), stats.chi2(5)),
        independent("Beta(2,3) ‖ Beta(3,2)", stats.beta(2, 3), stats.beta(3, 2)),
        independent("Cauchy + 1 ‖ Cauchy", stats.cauchy(1), stats.cauchy(), math.log(1.25)),
        independent("Weibull 2 ‖ Weibull 1", stats.weibull_min(2), stats.weibull_min(1)),
        Case("zero-inflated Poisson ‖ Poisson", 1, _of_zero_inflated_counts(), _zero_inflated_counts),
        Case("von Mises ‖ von Mises, across the seam", 1, _of_angles(), _angles),
        _integers("10 values ‖ 20 values, uniform", [0.1] * 10 + [0.0] * 10, [0.05] * 20),
        _integers("ordinal, five steps", [0.1, 0.15, 0.2, 0.25, 0.3], [0.3, 0.25, 0.2, 0.15, 0.1]),
        _many_levels(),
        Case("levels with their own means and widths", 2, _of_widths(), _levels_with_their_own_widths),
        Case("pair of t₄, ρ = .6 ‖ independent t₄", 2, _of_pair_of_t(), _pair_of_t),
        Case("two modes in a hidden direction", 3, _of_two_modes(), _two_modes),
        Case("exponentials 1 ‖ 1.5", 5, 5 * (math.log(1.5) + 1 / 1.5 - 1), _exponentials),
        Case("chain of ρ = .5 ‖ independent", 5, -2 * math.log(0.75), _chain),
    ]
