"""Coverage at nominal 95% of `estimate_series` on AR(1) and of `estimate_rate` on Markov chains.

Run: python benchmarks/samples_series.py [repetitions]; writes benchmarks/results/samples_series.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
from pathlib import Path

import numpy as np
from scipy import signal

from kullback._core.divergence import Divergence
from kullback.samples.estimation import estimate_samples
from kullback.samples.sequences import estimate_rate
from kullback.samples.series import estimate_series


def autoregression(n: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(size=n + 500) * np.sqrt(1 - rho**2)
    return np.asarray(signal.lfilter([1], [1, -rho], noise))[500:]


def chain(n: int, matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    edges = matrix.cumsum(axis=1)
    state, out, u = 0, np.empty(n + 100, dtype=int), rng.random(n + 100)
    for t in range(n + 100):
        state = min(int(np.searchsorted(edges[state], u[t])), len(matrix) - 1)
        out[t] = state
    return out[100:]


def rate(p: np.ndarray, q: np.ndarray) -> float:
    values, vectors = np.linalg.eig(p.T)
    share = np.real(vectors[:, np.argmin(abs(values - 1))])
    return float(share / share.sum() @ (p * np.log(p / q)).sum(axis=1))


def row(name: str, truth: float, found: list[Divergence]) -> str:
    value = np.array([d.value for d in found])
    low, high = np.array([d.interval for d in found], dtype=float).T
    inside = (low <= truth + 1e-12) & (truth <= high)
    return (
        f"| {name} | {truth:.4f} | {value.mean():.4f} | {value.std():.4f} | {np.mean([d.error for d in found]):.4f} "
        f"| {np.isfinite(high).mean():.0%} | {inside.mean():.3f} |"
    )


def main(repetitions: int = 200) -> None:
    lines = [
        f"Nominal 95%, {repetitions} repetitions; nats.",
        "",
        "| case | truth | mean | sd | error | two-sided | covers |",
        "|---|---|---|---|---|---|---|",
    ]
    two = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.8, 0.2], [0.4, 0.6]])
    slow = np.array([[0.98, 0.02], [0.05, 0.95]]), np.array([[0.96, 0.04], [0.05, 0.95]])
    rng = np.random.default_rng(1)
    four = rng.dirichlet(np.full(4, 2.0), 4), rng.dirichlet(np.full(4, 2.0), 4)
    for name, p, q, n in (
        ("two states, n = m = 1000", *two, 1000),
        ("two slow states, n = m = 2000", *slow, 2000),
        ("two states, P = Q, n = m = 1000", two[0], two[0], 1000),
        ("four states, n = m = 2000", *four, 2000),
    ):
        found = []
        for seed in range(repetitions):
            rng = np.random.default_rng(seed)
            found.append(estimate_rate(chain(n, p, rng), chain(n, q, rng)))
        lines.append(row(f"rate: {name}", rate(p, q), found))
    for rho, shift in ((0.5, 0.7), (0.8, 0.7), (0.8, 0.0)):
        blocked, naive = [], []
        for seed in range(repetitions):
            rng = np.random.default_rng(seed)
            x, y = autoregression(1000, rho, rng) + shift, autoregression(1000, rho, rng)
            blocked.append(estimate_series(x, y))
            naive.append(estimate_samples(x, y))
        name = f"AR(1), ρ = {rho}, shift {shift}, n = m = 1000"
        lines += [row(name, shift**2 / 2, blocked), row(f"{name}, taken as independent", shift**2 / 2, naive)]
    text = "\n".join(lines) + "\n"
    (Path(__file__).parent / "results" / "samples_series.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
