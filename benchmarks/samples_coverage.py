"""Coverage of `auto` at nominal 95%, n = m = 1000: ``python benchmarks/samples_coverage.py [repetitions] [processes]``.

Writes benchmarks/results/samples_coverage.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from kullback.samples.estimation import estimate_samples
from samples_problems import fresh, own, peers

ROWS = 1000
CASES = peers() + own() + fresh()


def one(job: tuple[int, int]) -> tuple[int, float, float, float, int, float]:
    number, seed = job
    case = CASES[number]
    rng = np.random.default_rng([number, seed])
    x, y = case.draw(*(case.sizes or (ROWS, ROWS)), rng)
    start = time.process_time()
    d = estimate_samples(x, y, rng=rng)
    assert d.interval is not None
    return number, d.value, *d.interval, len(d.caveats), time.process_time() - start


def main(repetitions: int = 200, processes: int = 2) -> None:
    jobs = [(number, seed) for seed in range(repetitions) for number in range(len(CASES))]
    rows: list[tuple[int, float, float, float, int, float]] = []
    with ProcessPoolExecutor(processes) as pool:
        for row in pool.map(one, jobs):
            rows.append(row)
            if len(rows) % (5 * len(CASES)) == 0:
                write(rows)
    write(rows)


def write(rows: list[tuple[int, float, float, float, int, float]]) -> None:
    """Write the table of the repetitions that are done."""
    repetitions = len(rows) // len(CASES)
    lines = [
        f"Nominal 95%, n = m = {ROWS} unless said, {repetitions} repetitions; nats. Simulation error of a coverage of "
        f"95%: ±{1.96 * np.sqrt(0.95 * 0.05 / repetitions):.1%}.",
        "",
        "| case | d | truth | mean | sd | two-sided | covers | only at least | holds | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for number, case in enumerate(CASES):
        got = np.array([row[1:] for row in rows if row[0] == number])
        value, low, high = got[:, 0], got[:, 1], got[:, 2]
        two = np.isfinite(high)
        inside = (low <= case.truth + 1e-12) & (case.truth <= high)
        covers = f"{inside[two].mean():.3f}" if two.any() else ""
        holds = f"{inside[~two].mean():.3f}" if (~two).any() else ""
        lines.append(
            f"| {case.name} | {case.d} | {case.truth:.4f} | {value.mean():.4f} | {value.std():.4f} "
            f"| {two.mean():.0%} | {covers} | {1 - two.mean():.0%} | {holds} | {got[:, 4].mean():.2f} |"
        )
    text = "\n".join(lines) + "\n"
    (Path(__file__).parent / "results" / "samples_coverage.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
