"""Measured coverage of the interval of `compare`, over a battery of known distributions.

For every case (shape, number of levels K, rows n and m, drift) the true D(P‖Q) over all K levels is known; counts are
drawn, the interval computed, and the share of intervals that hold the truth is recorded. "At least" intervals hold it
when their lower end does. Run: python benchmarks/coverage_counts.py [repetitions]
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import sys
import zlib
from pathlib import Path

import numpy as np
from scipy import special

from kullback.samples.discrete import Counts, estimate_counts

RESULTS = Path(__file__).parent / "results"
SHAPES = ("uniform", "zipf", "gaussian")
LEVELS = (5, 20, 100, 300, 1000)
ROWS = ((1_000, 1_000), (1_000, 10_000), (10_000, 1_000), (10_000, 10_000), (3_000, 30_000), (30_000, 3_000),
        (1_000, 100_000), (100_000, 1_000), (100_000, 100_000))  # fmt: skip
DRIFTS = ("none", "weak tilt", "tilt", "random", "alternating")


def reference(shape: str, k: int) -> np.ndarray:
    if shape == "uniform":
        return np.full(k, 1 / k)
    if shape == "zipf":
        q = 1 / np.arange(1, k + 1)
        return q / q.sum()
    return np.diff(special.ndtr(np.concatenate([[-np.inf], np.linspace(-3, 3, k + 1)[1:-1], [np.inf]])))


def drifted(q: np.ndarray, drift: str) -> np.ndarray:
    k = len(q)
    z = {
        "none": np.zeros(k),
        "weak tilt": np.linspace(-0.3, 0.3, k),
        "tilt": np.linspace(-1, 1, k),
        "random": np.random.default_rng(5).normal(0, 0.5, size=k),
        "alternating": np.where(np.arange(k) % 2, np.log(0.3), np.log(1.7)),
    }[drift]
    p = q * np.exp(z)
    return p / p.sum()


def case(task: tuple[str, int, tuple[int, int], str, int]) -> dict[str, object]:
    shape, k, (n, m), drift, repetitions = task
    rng = np.random.default_rng(zlib.crc32(repr(task).encode()))
    q = reference(shape, k)
    p = drifted(q, drift)
    truth = float((p * np.log(p / q)).sum()) if drift != "none" else 0.0
    held, at_least, values = 0, 0, []
    for _ in range(repetitions):
        estimate = estimate_counts(Counts.of(rng.multinomial(n, p), rng.multinomial(m, q)))
        low, high = estimate.interval(0.95)
        held += low <= truth <= high
        at_least += estimate.at_least
        values.append(estimate.value)
    return {
        "shape": shape, "K": k, "n": n, "m": m, "drift": drift, "truth": truth,
        "coverage": held / repetitions, "at_least": at_least / repetitions,
        "bias": float(np.mean(values)) - truth, "spread": float(np.std(values)),
    }  # fmt: skip


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    tasks = [(*t, repetitions) for t in itertools.product(SHAPES, LEVELS, ROWS, DRIFTS)]
    with multiprocessing.Pool() as pool:
        rows = list(pool.imap(case, tasks))
    coverage = np.array([row["coverage"] for row in rows])
    error = np.sqrt(0.95 * 0.05 / repetitions)
    two_sided = np.array([row["at_least"] < 0.5 for row in rows])
    lines = [
        "# Coverage of the interval of `compare`, nominal 95%",
        "",
        f"{len(rows)} cases, {repetitions} repetitions each (Monte Carlo error of one coverage: {error:.1%}).",
        "",
        "| | cases | mean coverage | least | greatest | within 93–99% | within two errors of 93–99% |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, which in (("all", np.ones(len(rows), bool)), ("two-sided", two_sided), ('"at least"', ~two_sided)):
        c = coverage[which]
        inside = (c >= 0.93) & (c <= 0.99)
        nearly = (c >= 0.93 - 2 * error) & (c <= 0.99 + 2 * error)
        shares = [c.mean(), c.min(), c.max(), inside.mean(), nearly.mean()]
        lines.append(f"| {name} | {len(c)} | {' | '.join(f'{share:.1%}' for share in shares)} |")
    lines += ["", "Cases further out than two errors:", ""]
    lines += [
        "| shape | K | n | m | drift | coverage | at least | bias / spread |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if not 0.93 - 2 * error <= row["coverage"] <= 0.99 + 2 * error:
            lines.append(
                f"| {row['shape']} | {row['K']} | {row['n']} | {row['m']} | {row['drift']} | {row['coverage']:.1%}"
                f" | {row['at_least']:.0%} | {row['bias'] / row['spread']:+.2f} |"
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "coverage_counts.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (RESULTS / "coverage_counts.json").write_text(json.dumps(rows, indent=0) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
