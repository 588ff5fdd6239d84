"""How fast the array measures are, beside their peers and beside merely reading the memory.

Run ``python benchmarks/arrays.py``: it writes benchmarks/results/arrays.json and arrays.md. Candidates take turns
within every round, and medians over rounds are reported, so that a noisy machine is noisy for all of them alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import scipy
import scipy.special
import scipy.stats
import threadpoolctl
import torch

import kullback as kb
from setting import line, setting

RESULTS = Path(__file__).parent / "results"
SHAPES = [
    ("1e7 float64", (10_000_000,), -1, np.float64),
    ("1e7 float32", (10_000_000,), -1, np.float32),
    ("1e5 × 100 float64", (100_000, 100), -1, np.float64),
    ("1000 × 32,000 float64", (1000, 32_000), -1, np.float64),
    ("1000 × 32,000 float32", (1000, 32_000), -1, np.float32),
    ("1e5 × 100 float64, axis 0", (100_000, 100), 0, np.float64),
    ("1000 × 32,000 float64, axis 0", (1000, 32_000), 0, np.float64),
]


READ_BY_ONE, READ_BY_ALL = "reading both (np.dot), 1 thread", "reading both (np.dot), all threads"


BLAS = threadpoolctl.ThreadpoolController()


def threads_for(label: str) -> AbstractContextManager[object]:
    """Keep OpenBLAS, which would use all processors, to one where one is to be timed."""
    return BLAS.limit(limits=1, user_api="blas") if label == READ_BY_ONE else nullcontext()


def reading(results: dict[str, float]) -> float:
    """Return the time to read both arrays on one thread or on all, whichever is the machine's limit."""
    return min(results[READ_BY_ONE], results[READ_BY_ALL])


def candidates(p: np.ndarray, q: np.ndarray, axis: int) -> dict[str, Callable[[], object]]:
    tensors = torch.from_numpy(p), torch.from_numpy(q)
    return {
        "kullback.kl": lambda: kb.kl(p, q, axis=axis),
        "kullback.js": lambda: kb.js(p, q, axis=axis),
        "kullback.kl, normalize=True": lambda: kb.kl(p, q, axis=axis, normalize=True),
        "kullback.decompose": lambda: kb.decompose(p, q, axis=axis),
        READ_BY_ONE: lambda: np.dot(p.ravel(), q.ravel()),
        READ_BY_ALL: lambda: np.dot(p.ravel(), q.ravel()),
        "np.sum(p*np.log(p/q))": lambda: np.sum(p * np.log(p / q), axis=axis),
        "scipy.stats.entropy": lambda: scipy.stats.entropy(p, q, axis=axis),
        "scipy.special.rel_entr, sum": lambda: scipy.special.rel_entr(p, q).sum(axis=axis),
        "torch F.kl_div": lambda: torch.nn.functional.kl_div(tensors[1].log(), tensors[0], reduction="none").sum(axis),
    }


def measure(rounds: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    results = {}
    for name, shape, axis, dtype in SHAPES:
        p, q = (rng.random(shape) for _ in range(2))
        p, q = ((x / x.sum(axis=axis, keepdims=True)).astype(dtype) for x in (p, q))
        calls = candidates(p, q, axis)
        seconds: dict[str, list[float]] = {label: [] for label in calls}
        for round_ in range(rounds + 1):
            for label, call in calls.items():
                # The threads of OpenMP and OpenBLAS spin for a while after their work, on the next one's processors.
                time.sleep(0.25)
                with threads_for(label):
                    start = time.perf_counter()
                    call()
                    taken = time.perf_counter() - start
                if round_:
                    seconds[label].append(taken)
        results[name] = {label: statistics.median(times) / p.size * 1e9 for label, times in seconds.items()}
        print(name, {label: round(value, 2) for label, value in results[name].items()}, flush=True)
    return results


def short_call() -> float:
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.4, 0.5])
    times = []
    for _ in range(2000):
        start = time.perf_counter()
        kb.kl(p, q)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


PEAK = """
import resource, sys, numpy as np, kullback as kb
def peak():
    return (1 if sys.platform == "darwin" else 1024) * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kb.kl(np.full((400_000, 2), 0.5), np.full((400_000, 2), 0.5), normalize=True)
p = np.full((1000, 10_000), 1e-4)
before = peak()
kb.kl(p, p, normalize=True)
print(peak() - before)
"""


def peak_bytes() -> int:
    """By how much a call raises the memory of a fresh process, which has made one such call before."""
    return int(subprocess.run([sys.executable, "-c", PEAK], check=True, capture_output=True, text=True).stdout)


def table(report: dict) -> str:
    results = report["nanoseconds_per_outcome"]
    labels = list(next(iter(results.values())))
    lines = [
        "# Speed of the array measures",
        "",
        line(report),
        f"Nanoseconds per outcome, medians of {report['rounds']} interleaved rounds; "
        "normalised inputs, which kullback checks each time.",
        "",
        "| | " + " | ".join(results) + " |",
        "|---|" + "---|" * len(results),
    ]
    lines += [f"| {label} | " + " | ".join(f"{results[s][label]:.2f}" for s in results) + " |" for label in labels]
    targets = {
        "times scipy.stats.entropy (aim ≥ 15)": lambda r: r["scipy.stats.entropy"] / r["kullback.kl"],
        "times the one-liner (aim ≥ 4)": lambda r: r["np.sum(p*np.log(p/q))"] / r["kullback.kl"],
        "× reading both, the quicker way (aim ≤ 1.5)": lambda r: r["kullback.kl"] / reading(r),
        "× reading both, 1 thread": lambda r: r["kullback.kl"] / r[READ_BY_ONE],
        "× reading both, all threads": lambda r: r["kullback.kl"] / r[READ_BY_ALL],
    }
    for label, ratio in targets.items():
        lines.append(f"| **{label}** | " + " | ".join(f"{ratio(results[shape]):.1f}" for shape in results) + " |")
    lines += [
        "",
        f"A call on three outcomes takes {report['short_call_microseconds']:.1f} µs (aim ≤ 10). A call on "
        f"1000 × 10,000 with normalize=True raises the peak memory of its process by {report['peak_bytes']:,} bytes.",
        "",
        *report["remarks"],
    ]
    return "\n".join(lines) + "\n"


def remarks(results: dict[str, dict[str, float]]) -> list[str]:
    """Say what falls short of the aims."""
    short = []
    for shape, r in results.items():
        missed = []
        if r["scipy.stats.entropy"] / r["kullback.kl"] < 15:
            missed.append(f"{r['scipy.stats.entropy'] / r['kullback.kl']:.1f} times scipy.stats.entropy, not 15")
        if r["np.sum(p*np.log(p/q))"] / r["kullback.kl"] < 4:
            missed.append(f"{r['np.sum(p*np.log(p/q))'] / r['kullback.kl']:.1f} times the one-liner, not 4")
        if r["kullback.kl"] / reading(r) > 1.5:
            missed.append(f"{r['kullback.kl'] / reading(r):.1f} times the time to read both arrays, not 1.5")
        if missed:
            short.append(f"- {shape}: {'; '.join(missed)}.")
    return ["Short of the aims:", "", *short] if short else ["Every aim is met."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    where = setting()
    results = measure(rounds)
    report = {
        **where,
        "rounds": rounds,
        "nanoseconds_per_outcome": results,
        "short_call_microseconds": short_call(),
        "peak_bytes": peak_bytes(),
        "remarks": remarks(results),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "arrays.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "arrays.md").write_text(table(report), encoding="utf-8")


if __name__ == "__main__":
    main()
