"""Coverage of `estimate_against` at nominal 95%, n = 1000.

Truths by closed forms, or from two million draws of P where there is none. Run: python benchmarks/samples_against.py
[repetitions] [processes]; writes benchmarks/results/samples_against.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special, stats

from kullback.samples.against import estimate_against

ROWS = 1000
Density = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Case:
    name: str
    d: int
    draw: Callable[[int, np.random.Generator], np.ndarray]
    q: Density
    truth: float


def by_draws(draw: Callable[[int, np.random.Generator], np.ndarray], p: Density, q: Density) -> float:
    rng = np.random.default_rng(12345)
    return float(np.mean([np.mean(p(x) - q(x)) for x in (draw(200_000, rng) for _ in range(10))]))


def line(name: str, p: object, q: object, truth: float | None = None) -> Case:
    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(p.rvs(n, random_state=rng))  # type: ignore[attr-defined]

    known = by_draws(draw, p.logpdf, q.logpdf) if truth is None else truth  # type: ignore[attr-defined]
    return Case(name, 1, draw, q.logpdf, known)  # type: ignore[attr-defined]


def shifted(d: int, nats: float) -> Case:
    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(size=(n, d)) + np.sqrt(2 * nats / d)

    q = stats.multivariate_normal(np.zeros(d)).logpdf
    return Case("normal, shifted" if nats else "P = Q, normal", d, draw, q, nats)


def student(d: int) -> Case:
    p, q = stats.multivariate_t(np.zeros(d), np.eye(d), 5), stats.multivariate_normal(np.zeros(d), 5 / 3 * np.eye(d))

    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(p.rvs(n, random_state=rng)).reshape(n, d)

    return Case("t₅ ‖ normal of its covariance", d, draw, q.logpdf, by_draws(draw, p.logpdf, q.logpdf))


def mixture(d: int) -> Case:
    at = np.zeros(d)
    at[0] = 2.0
    covariance = np.eye(d)
    covariance[0, 0] = 5.0
    q = stats.multivariate_normal(np.zeros(d), covariance).logpdf
    bump = stats.multivariate_normal(np.zeros(d))

    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(size=(n, d)) + np.outer(rng.choice([-1, 1], n), at)

    def p(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.logaddexp(bump.logpdf(x - at), bump.logpdf(x + at)) - np.log(2))

    return Case("two modes ‖ normal of their covariance", d, draw, q, by_draws(draw, p, q))


def cases() -> list[Case]:
    gamma = float(special.gammaln(3) - special.gammaln(2) - special.digamma(2))
    return [
        shifted(1, 0.125),
        shifted(2, 0.5),
        shifted(5, 0.5),
        shifted(10, 1.0),
        shifted(5, 0.0),
        line("t₅ ‖ normal of its variance", stats.t(5), stats.norm(0, np.sqrt(5 / 3))),
        line("gamma 2 ‖ gamma 3", stats.gamma(2), stats.gamma(3), gamma),
        line("gamma 2 ‖ exponential of its mean", stats.gamma(2), stats.expon(scale=2)),
        mixture(1),
        mixture(2),
        mixture(5),
        mixture(10),
        student(2),
        student(5),
    ]


CASES = cases()


def one(job: tuple[int, int]) -> tuple[int, float, float, float, float]:
    number, seed = job
    case = CASES[number]
    rng = np.random.default_rng([number, seed])
    found = estimate_against(case.draw(ROWS, rng), case.q, rng=rng)
    assert found.interval is not None
    return number, found.value, found.error, *found.interval


def write(rows: list[tuple[int, float, float, float, float]]) -> None:
    repetitions = len(rows) // len(CASES)
    lines = [
        f"`estimate_against` at nominal 95%, n = {ROWS}, {repetitions} repetitions; nats.",
        "",
        "| case | d | truth | mean | sd | error | two-sided | covers | only at least | holds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for number, case in enumerate(CASES):
        value, error, low, high = np.array([row[1:] for row in rows if row[0] == number]).T
        two = np.isfinite(high)
        inside = (low <= case.truth + 1e-12) & (case.truth <= high)
        covers, holds = (f"{inside[which].mean():.3f}" if which.any() else "" for which in (two, ~two))
        lines.append(
            f"| {case.name} | {case.d} | {case.truth:.4f} | {value.mean():.4f} | {value.std():.4f} "
            f"| {error.mean():.4f} | {two.mean():.0%} | {covers} | {1 - two.mean():.0%} | {holds} |"
        )
    text = "\n".join(lines) + "\n"
    (Path(__file__).parent / "results" / "samples_against.md").write_text(text, encoding="utf-8")


def main(repetitions: int = 200, processes: int = 2) -> None:
    jobs = [(number, seed) for seed in range(repetitions) for number in range(len(CASES))]
    rows = []
    with ProcessPoolExecutor(processes) as pool:
        for row in pool.map(one, jobs):
            rows.append(row)
            if len(rows) % (10 * len(CASES)) == 0:
                write(rows)
    write(rows)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
