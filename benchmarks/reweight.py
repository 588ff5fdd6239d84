"""Raking and entropy balancing beside peers: time, memory, and the largest error of a margin that is left.

Each run is a process of its own that reads its table, then times the one call. Peers get environments of their own,
made by this script. Run: python benchmarks/reweight.py [--rounds N] [--large ROWS]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from setting import line, setting

RESULTS = Path(__file__).parent / "results"
WORK = Path(tempfile.gettempdir()) / "kullback-bench-reweight"
ROWS, LEVELS = 1_000_000, {"a": 2, "b": 4, "c": 7, "d": 12, "e": 24, "f": 50}

PRELUDE = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
names = json.load(open(sys.argv[2]))
to = {name: {int(k): v for k, v in margin.items()} for name, margin in names.items()}
def held(field):
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith(field)) / 1024
def now():
    open("/proc/self/clear_refs", "w").write("5")  # the peak so far is forgotten
    return held("VmRSS")
def peak(): return held("VmHWM")
def told(columns, weights, seconds, before, extra=None):
    weights = np.asarray(weights, float)
    weights = weights / weights.sum()
    error = max(
        float(np.abs(np.bincount(np.asarray(columns[n]), weights, len(m)) - np.array(list(m.values()))).max())
        for n, m in to.items()
    )
    print(json.dumps({"seconds": seconds, "megabytes": peak() - before, "error": error, "said": extra}))
"""

OURS = (
    PRELUDE
    + """
import pandas as pd, kullback as kb
reweight = kb.reweight
t = pd.read_parquet(sys.argv[1])
before, start = now(), time.perf_counter()
try:
    m = reweight(t, to, base_weights="w")
    told(t, m.weights, time.perf_counter() - start, before, "converged" if m.converged else "not converged")
except kb.Infeasible as error:
    print(json.dumps({"seconds": time.perf_counter() - start, "megabytes": peak() - before, "said": "infeasible: "
        + "; ".join(f"{k} → {v:.3g}" for k, v in error.nearest.items())}))
"""
)

IPFN = (
    PRELUDE
    + """
import pandas as pd
from ipfn import ipfn
t = pd.read_parquet(sys.argv[1])
columns = list(to)
before, start = now(), time.perf_counter()
shape = [len(m) for m in to.values()]
key = np.ravel_multi_index([t[c].to_numpy() for c in columns], shape)
table = np.bincount(key, t["w"], int(np.prod(shape))).reshape(shape)
total = table.sum()
fit = ipfn.ipfn(table.copy(), [np.array(list(m.values())) * total for m in to.values()], [[i] for i in range(len(to))],
    convergence_rate=1e-10, max_iteration=1000, verbose=2)
found, flag, _ = fit.iteration()
ratio = np.divide(found, table, out=np.zeros_like(table), where=table > 0)
weights = t["w"].to_numpy() * ratio.ravel()[key]
told(t, weights, time.perf_counter() - start, before, "converged" if flag else "not converged")
"""
)

BALANCE = (
    PRELUDE
    + """
import logging; logging.disable(logging.CRITICAL)
import pandas as pd
from balance.weighting_methods.rake import rake
t = pd.read_parquet(sys.argv[1])
columns = list(to)
frame = t[columns].astype(str)
wanted = {n: {str(k): v for k, v in m.items()} for n, m in to.items()}
before, start = now(), time.perf_counter()
found = rake(frame, t["w"], None, None, transformations=None, target_margins=wanted, convergence_rate=1e-10,
    rate_tolerance=0.0)
told(t, found["weight"], time.perf_counter() - start, before, "no error")
"""
)

SVY = (
    PRELUDE
    + """
import polars as pl, svy
t = pl.read_parquet(sys.argv[1])
before, start = now(), time.perf_counter()
total = float(t["w"].sum())
sample = svy.Sample(t, svy.Design(wgt="w"))
sample = sample.weighting.rake(controls={n: {k: v * total for k, v in m.items()} for n, m in to.items()}, tol=1e-10,
    max_iter=1000)
told(t, sample.data["rk_wgt"].to_numpy(), time.perf_counter() - start, before, "no error")
"""
)

SAMPLICS = (
    PRELUDE
    + """
import pandas as pd
from samplics.weighting import SampleWeight
t = pd.read_parquet(sys.argv[1])
before, start = now(), time.perf_counter()
total = float(t["w"].sum())
weights = SampleWeight().rake(samp_weight=t["w"].to_numpy(), margins={n: t[n].to_numpy() for n in to},
    control={n: {k: v * total for k, v in m.items()} for n, m in to.items()}, tol=1e-10, ctrl_tol=1e-10, max_iter=1000)
told(t, weights, time.perf_counter() - start, before, "no error")
"""
)

PEERS = {
    "ipfn": (["ipfn==1.4.4", "pandas", "pyarrow"], IPFN),
    "balance": (["balance==0.23.0", "pandas<3", "pyarrow<20"], BALANCE),
    "svy": (["svy==0.35.0", "pyarrow"], SVY),
    "samplics": (["samplics==0.6.1", "pyarrow"], SAMPLICS),
}


def problems(rng: np.random.Generator) -> dict[str, tuple[dict[str, np.ndarray], dict[str, dict[int, float]]]]:
    """The large case, and those that peers get wrong."""

    def shares(p: np.ndarray) -> dict[int, float]:
        return dict(enumerate((p / p.sum()).tolist()))

    def integers(n: int, levels: dict[str, int]) -> dict[str, np.ndarray]:
        return {name: rng.integers(0, k, n) for name, k in levels.items()} | {"w": rng.gamma(2.0, size=n)}

    def tilted(columns: dict[str, np.ndarray], levels: dict[str, int]) -> dict[str, dict[int, float]]:
        return {n: shares(np.bincount(columns[n], minlength=k) * rng.gamma(5.0, size=k)) for n, k in levels.items()}

    large = integers(ROWS, LEVELS)
    ten = {f"v{i}": 8 for i in range(10)}
    wide = integers(100_000, ten)
    a = rng.integers(0, 50, 100_000)
    twin = {"a": a, "b": np.where(rng.random(100_000) < 0.99, a, rng.integers(0, 50, 100_000)), "w": np.ones(100_000)}
    part = rng.permutation(100_000)[:60_000]
    nested = {"a": np.repeat([0, 1], 500), "b": np.repeat([0, 0, 0, 1], 250), "w": np.ones(1000)}
    absent = {"a": rng.integers(0, 2, 1000), "b": rng.integers(0, 3, 1000), "w": np.ones(1000)}
    return {
        "1e6 rows × 6 margins": (large, tilted(large, LEVELS)),
        "infeasible": (nested, {"a": shares(np.array([0.5, 0.5])), "b": shares(np.array([0.3, 0.7]))}),
        "a level no row has": (absent, {"a": shares(np.ones(2)), "b": shares(np.array([0.3, 0.3, 0.2, 0.2]))}),
        "two columns 99% equal, 50 levels": (
            twin,
            {n: shares(np.bincount(twin[n][part], minlength=50).astype(float)) for n in ("a", "b")},
        ),
        "10 columns × 8 levels": (wide, tilted(wide, ten)),
    }


def environment(name: str, packages: list[str]) -> str:
    home = WORK / name
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def run(python: str, code: str, table: Path, margins: Path, limit: int) -> dict[str, Any]:
    try:
        done = subprocess.run([python, "-c", code, table, margins], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"said": f"nothing in {limit} s"}
    if done.returncode:
        return {"said": (done.stderr.strip().splitlines() or ["killed: out of memory"])[-1].strip()[:120]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def lalonde(python: str) -> dict[str, float]:
    """Entropy balancing of CPS controls to the NSW's treated (Dehejia & Wahba 1999): effect on the treated, ESS."""
    code = (
        "import causaldata, sys\n"
        "for n, m in (('nsw', causaldata.nsw_mixtape), ('cps', causaldata.cps_mixtape)):\n"
        "    m.load_pandas().data.to_parquet(sys.argv[1] + '/' + n + '.parquet')\n"
    )
    subprocess.run([python, "-c", code, WORK], check=True)
    import kullback as kb

    names = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]
    # All products of two, and squares of age and education, but those that mean nothing (Hainmueller 2012, section 5).
    nothing = {(1, 5), (2, 3), (6, 7), (6, 8), (7, 9)}
    pairs = [p for p in itertools.combinations_with_replacement(range(10), 2) if p[0] != p[1] or p[0] < 2]
    sides = {}
    for side in ("nsw", "cps"):
        t = pq.read_table(WORK / f"{side}.parquet").to_pandas()
        t = t[t["treat"] == 1] if side == "nsw" else t
        x = t[names].to_numpy(float)
        x = np.column_stack([x, x[:, 6] == 0, x[:, 7] == 0])
        products = [x[:, i] * x[:, j] for i, j in pairs if (i, j) not in nothing]
        sides[side] = np.column_stack([x, *products]), t["re78"].to_numpy(float)
    (treated, outcome), (controls, others) = sides["nsw"], sides["cps"]
    m = kb.reweight(controls, treated.mean(axis=0))
    return {
        "constraints": controls.shape[1],
        "effect": float(outcome.mean() - np.average(others, weights=m.weights)),
        "ess": m.ess,
        "error": m.max_error,
        "converged": m.converged,
    }


def covariate_shift() -> dict[str, Any]:
    """2e5 rows of N(0, I) weighted to look like as many of N(0.5, 0.8² I) in five dimensions."""
    import time

    import kullback as kb

    rng, d, n = np.random.default_rng(2), 5, 200_000
    x, y = rng.normal(size=(n, d)), 0.5 + 0.8 * rng.normal(size=(n, d))
    truth = d * (0.8**2 + 0.5**2 - 1 - 2 * np.log(0.8)) / 2
    start = time.perf_counter()
    m = kb.reweight(x, y, features="quadratic")
    seconds = time.perf_counter() - start
    return {"truth": truth, "value": m.before.value, "error": m.before.error, "ess": m.ess, "seconds": seconds}


LARGE = """
import json, resource, sys, time
import kullback as kb
names = json.load(open(sys.argv[2]))
to = {name: {int(k): v for k, v in margin.items()} for name, margin in names.items()}
start = time.perf_counter()
m = kb.reweight(sys.argv[1], to, base_weights="w")
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "error": max(abs(after - target) for target, _, after in m.constraints.values()), "cells": m.cells.num_rows}))
"""


def large(rows: int, rng: np.random.Generator) -> dict[str, Any]:
    """A Parquet file on disk that the engine counts: three margins."""
    path, levels = WORK / "large.parquet", {"a": 8, "b": 12, "c": 50}
    schema = pa.schema([(n, pa.int32()) for n in levels] + [("w", pa.float32())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 5_000_000):
            n = min(5_000_000, rows - start)
            arrays = [pa.array(rng.integers(0, k, n, dtype=np.int32)) for k in levels.values()]
            writer.write_table(pa.Table.from_arrays([*arrays, pa.array(rng.random(n, np.float32))], schema=schema))
    to = {n: dict(enumerate(rng.dirichlet(np.full(k, 5.0)).tolist())) for n, k in levels.items()}
    (WORK / "large.json").write_text(json.dumps(to))
    found = run(sys.executable, LARGE, path, WORK / "large.json", 600)
    path.unlink()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=100_000_000)
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    report: dict[str, Any] = setting() | {"cases": {}}
    tools = {"kullback": (sys.executable, OURS)}
    tools |= {name: (environment(name, packages), code) for name, (packages, code) in PEERS.items()}
    for number, (case, (columns, to)) in enumerate(problems(np.random.default_rng(0)).items()):
        table, margins = WORK / f"{number}.parquet", WORK / f"{number}.json"
        pq.write_table(pa.table(columns), table)
        margins.write_text(json.dumps(to))
        found: dict[str, list[dict[str, Any]]] = {}
        for turn in range(options.rounds):
            for name, (python, code) in tools.items():
                if turn == 0 or (number == 0 and name in ("kullback", "ipfn")):
                    found.setdefault(name, []).append(run(python, code, table, margins, 250))
        report["cases"][case] = {
            name: runs[0] | {k: statistics.median(r[k] for r in runs) for k in ("seconds", "megabytes") if k in runs[0]}
            for name, runs in found.items()
        }
        print(case, report["cases"][case], flush=True)
    report["lalonde"] = lalonde(environment("causaldata", ["causaldata", "pandas", "pyarrow"]))
    print(report["lalonde"], flush=True)
    report["shift"] = covariate_shift()
    print(report["shift"], flush=True)
    report["large"] = {"rows": options.large} | large(options.large, np.random.default_rng(1))
    (RESULTS / "reweight.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write(report)


def write(report: dict[str, Any]) -> None:
    """Write the tables that people read."""
    lines = [
        "# Reweighting beside peers",
        "",
        line(report),
        "One call each, in a process of its own; memory is the call's peak above what was held before it. The error is",
        "the largest of a margin's share, measured on the weights that the tool returned. Peers: "
        + ", ".join(packages[0] for packages, _ in PEERS.values())
        + ", asked for 1e-10.",
    ]
    for case, found in report["cases"].items():
        lines += ["", f"## {case}", "", "| tool | s | MB | largest error | said |", "|---|---|---|---|---|"]
        for name, r in found.items():
            cells = [
                f"{r[k]:{f}}" if k in r else "" for k, f in (("seconds", ".2f"), ("megabytes", ".0f"), ("error", ".1e"))
            ]
            lines.append(f"| {name} | {' | '.join(cells)} | {r.get('said', '')} |")
    a, b, c = report["lalonde"], report["large"], report["shift"]
    lines += [
        "",
        "## LaLonde: CPS controls balanced to the NSW's treated",
        "",
        f"{a['constraints']} constraints; largest error {a['error']:.1e} standard deviations; "
        f"effect on the treated {a['effect']:.2f} dollars; {a['ess']:.3f} effective controls.",
        "",
        "## Covariate shift: 2e5 rows beside 2e5, five columns, quadratic features",
        "",
        f"{c['value']:.4f} ± {c['error']:.4f} nats in {c['seconds']:.2f} s; truth {c['truth']:.4f}; {c['ess']:.0f} "
        "effective rows.",
        "",
        f"## {b['rows']:.0e} rows on disk, three margins, counted by DuckDB",
        "",
        f"{b['seconds']:.1f} s with reading, peak of the process {b['megabytes']:.0f} MB, {b['cells']} cells, "
        f"largest error {b['error']:.1e}.",
    ]
    (RESULTS / "reweight.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
