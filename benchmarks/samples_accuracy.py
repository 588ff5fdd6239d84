"""Accuracy of `auto`, n = m = 1e4, truth 1 nat: ``python benchmarks/samples_accuracy.py [seeds] [dimension ...]``.

Writes benchmarks/results/samples_accuracy.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
from pathlib import Path

import numpy as np

from kullback.samples.estimation import estimate_samples
from samples_problems import four

ROWS = 10_000
HEAD = """n = m = 10,000, truth 1 nat; estimate and 95% interval of each seed; CPU seconds of one estimate.

| case | d | estimates | intervals | answered by | CPU s |
|---|---|---|---|---|---|
"""


def main(seeds: int = 1, *dimensions: int) -> None:
    lines = []
    for d in dimensions or (1, 2, 5, 10, 20, 50):
        for number, case in enumerate(four(d)):
            start = time.process_time()
            found = []
            for seed in range(seeds):
                x, y = case.draw(ROWS, ROWS, np.random.default_rng([d, number, seed]))
                found.append(estimate_samples(x, y))
            spent = (time.process_time() - start) / seeds
            values = ", ".join(f"{f.value:.3f}" for f in found)
            ends = ", ".join(f"{f.interval[0]:.2f} to {f.interval[1]:.2f}" for f in found if f.interval)
            method = found[0].method.removeprefix("auto: ").split(" (")[0]
            lines.append(f"| {case.name} | {d} | {values} | {ends} | {method} | {spent:.1f} |\n")
            text = HEAD + "".join(lines)
            (Path(__file__).parent / "results" / "samples_accuracy.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
