"""Coverage of `auto` at nominal 95%, n = m = 1000: ``python benchmarks/samples_coverage.py [repetitions] [processes]``.

Goes on from the repetitions in benchmarks/results/samples_coverage.json (remove it to begin anew), and writes it and
samples_coverage.md after every fifth.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from kullback.samples.estimation import estimate_samples
from samples_problems import fresh, own, peers

ROWS = 1000
CASES = peers() + own() + fresh()
SUMS = ("value", "square", "two-sided", "covers", "holds", "seconds")
RESULTS = Path(__file__).parent / "results"
STATE = RESULTS / "samples_coverage.json"


def one(job: tuple[int, int]) -> tuple[int, dict[str, float]]:
    number, seed = job
    case = CASES[number]
    rng = np.random.default_rng([number, seed])
    x, y = case.draw(*(case.sizes or (ROWS, ROWS)), rng)
    start = time.process_time()
    d = estimate_samples(x, y, rng=rng)
    assert d.interval is not None
    low, high = d.interval
    two, inside = np.isfinite(high), low <= case.truth + 1e-12 and case.truth <= high
    seconds = time.process_time() - start
    return number, dict(zip(SUMS, (d.value, d.value**2, two, two and inside, not two and inside, seconds), strict=True))


def main(repetitions: int = 200, processes: int = 1) -> None:
    state = json.loads(STATE.read_text()) if STATE.exists() else {"repetitions": 0, "sums": {}}
    with ProcessPoolExecutor(processes) as pool:
        for first in range(state["repetitions"], repetitions, 5):
            last = min(first + 5, repetitions)
            for number, found in pool.map(one, [(k, seed) for seed in range(first, last) for k in range(len(CASES))]):
                sums = state["sums"].setdefault(f"{CASES[number].name}, d = {CASES[number].d}", dict.fromkeys(SUMS, 0))
                for name, value in found.items():
                    sums[name] += float(value)
            state["repetitions"] = last
            STATE.write_text(json.dumps(state, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            write(state)


def write(state: dict) -> None:
    """Write the table of the repetitions that are done."""
    done = state["repetitions"]
    counted = {name: sum(s[name] for s in state["sums"].values()) for name in SUMS}
    looks = done * len(CASES)
    low = [s for case, s in zip(CASES, state["sums"].values(), strict=True) if case.d <= 5]
    few = 1 - sum(s["two-sided"] for s in low) / (done * len(low))
    lines = [
        f"Nominal 95%, n = m = {ROWS} unless said, {done} repetitions; nats. Simulation error of one case's coverage: "
        f"±{1.96 * np.sqrt(0.95 * 0.05 / done):.1%}. All cases together: two-sided intervals cover "
        f"{counted['covers'] / counted['two-sided']:.1%}, lower bounds hold "
        f"{counted['holds'] / (looks - counted['two-sided']):.1%}; only a lower bound is promised in "
        f"{1 - counted['two-sided'] / looks:.1%} of the looks, of those at d ≤ 5 in {few:.1%}. The last {len(fresh())} "
        "cases were made when the estimators were settled.",
        "",
        "| case | d | truth | mean | sd | two-sided | covers | only at least | holds | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case, s in zip(CASES, state["sums"].values(), strict=True):
        mean, two = s["value"] / done, s["two-sided"]
        sd = np.sqrt(max(s["square"] / done - mean**2, 0))
        covers = f"{s['covers'] / two:.3f}" if two else ""
        holds = f"{s['holds'] / (done - two):.3f}" if two < done else ""
        lines.append(
            f"| {case.name} | {case.d} | {case.truth:.4f} | {mean:.4f} | {sd:.4f} | {two / done:.0%} | {covers} "
            f"| {1 - two / done:.0%} | {holds} | {s['seconds'] / done:.2f} |"
        )
    (RESULTS / "samples_coverage.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
