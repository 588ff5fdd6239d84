"""Nearest neighbours: coverage at n = 1000, and speed beside the peers' algorithm.

The peers cannot be installed here (NPEET is on no index), so their algorithm is written out: distances to the k-th
neighbours from a tree of each sample, one thread; scikit-learn's KDTree with the maximum norm as NPEET has it, or
Euclidean, or SciPy's. Run: python benchmarks/samples_knn.py [repetitions]; writes benchmarks/results/samples_knn.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from sklearn.neighbors import KDTree

import setting
from kullback.samples.estimators import knn
from kullback.samples.neighbours import log_ratios, whitened
from kullback.samples.problem import problem_of
from samples_problems import Case, own, peers

ROWS = 100_000


def npeet(x: np.ndarray, y: np.ndarray) -> float:
    far_x = KDTree(x, metric="chebyshev").query(x, knn.K + 1)[0][:, -1]
    far_y = KDTree(y, metric="chebyshev").query(x, knn.K)[0][:, -1]
    return float(np.log(len(y) / (len(x) - 1)) + x.shape[1] * np.log(far_y / far_x).mean())


def euclidean(x: np.ndarray, y: np.ndarray) -> float:
    far_x, far_y = KDTree(x).query(x, knn.K + 1)[0][:, -1], KDTree(y).query(x, knn.K)[0][:, -1]
    return float(np.log(len(y) / (len(x) - 1)) + x.shape[1] * np.log(far_y / far_x).mean())


def scipys(x: np.ndarray, y: np.ndarray) -> float:
    far_x, far_y = cKDTree(x).query(x, knn.K + 1)[0][:, -1], cKDTree(y).query(x, knn.K)[0][:, -1]
    return float(np.log(len(y) / (len(x) - 1)) + x.shape[1] * np.log(far_y / far_x).mean())


def ours(x: np.ndarray, y: np.ndarray) -> float:
    return float(log_ratios(*whitened(x, y), knn.K, ties=False).mean())


def with_interval(x: np.ndarray, y: np.ndarray) -> float:
    return knn.estimate(problem_of(x, y), np.random.default_rng(0), 0.95).value


def timed(run: Callable[[np.ndarray, np.ndarray], float], x: np.ndarray, y: np.ndarray) -> str:
    best = (np.inf, np.inf)
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        run(x, y)
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
    return f"{best[0]:.2f} / {best[1]:.2f}"


def speed() -> list[str]:
    lines = ["| d | NPEET's | scikit-learn | SciPy | kullback, value | with interval |", "|---|---|---|---|---|---|"]
    for d in (1, 2, 3, 5):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(ROWS, d)) + np.sqrt(2 / d), rng.normal(size=(ROWS, d))
        times = [timed(run, x, y) for run in (npeet, euclidean, scipys, ours, with_interval)]
        lines.append(f"| {d} | {' | '.join(times)} |")
    return lines


def coverage(repetitions: int) -> list[str]:
    lines = ["| case | d | truth | mean | sd | two-sided | covers | holds |", "|---|---|---|---|---|---|---|---|"]
    for case in (*peers(), *own()):
        row = cover(case, repetitions)
        if row:
            lines.append(row)
    return lines


def cover(case: Case, repetitions: int) -> str | None:
    found = []
    for seed in range(repetitions):
        rng = np.random.default_rng(seed)
        problem = problem_of(*case.draw(*(case.sizes or (1000, 1000)), rng))
        if knn.refuses(problem) is not None:
            return None
        estimate = knn.estimate(problem, rng, 0.95)
        found.append((estimate.value, *estimate.interval))
    value, low, high = np.array(found).T
    two = np.isfinite(high)
    inside = (low <= case.truth + 1e-12) & (case.truth <= high)
    covers, holds = (f"{inside[which].mean():.3f}" if which.any() else "" for which in (two, ~two))
    return (
        f"| {case.name} | {case.d} | {case.truth:.4f} | {value.mean():.4f} | {value.std():.4f} | {two.mean():.0%} "
        f"| {covers} | {holds} |"
    )


def main(repetitions: int = 200) -> None:
    where = setting.line(setting.setting())
    text = "\n".join(
        [
            "# Nearest neighbours",
            "",
            f"Speed at n = m = {ROWS:,}, CPU seconds / wall seconds, the least of three; {where}",
            "",
            *speed(),
            "",
            f"Intervals at nominal 95%, n = m = 1000 unless said, {repetitions} repetitions; nats.",
            "",
            *coverage(repetitions),
            "",
        ]
    )
    (Path(__file__).parent / "results" / "samples_knn.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
