"""Whole-process time and memory of `kullback compare --html` on a pair of large tables, beside a floor and peers.

The floor is DuckDB (2 threads, in one process of its own) hashing every value of both files once. Floor and kullback
are interleaved, medians taken. Peers run once each, in environments that this script makes (--peers; half an hour).
Run: python benchmarks/tables.py [--rows N] [--runs N] [--peers]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import table_pair

HERE = Path(__file__).parent
WORK = Path(tempfile.gettempdir()) / "kullback-bench"
MOVED = set(table_pair.MOVED)

FLOOR = """
import sys, duckdb
engine = duckdb.connect()
engine.execute("SET threads = 2")
for path in sys.argv[1:]:
    names = [row[0] for row in engine.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
    engine.execute("SELECT " + ", ".join(f'sum(hash("{name}"))' for name in names) + f" FROM '{path}'").fetchall()
"""

EVIDENTLY = """
import json, sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
result = Report([DataDriftPreset()]).run(current, reference)
result.save_html(sys.argv[3] + ".html")
found = []
for metric in result.dict()["metrics"]:
    config = metric.get("config", {})
    if config.get("type", "").endswith("ValueDrift"):
        value, threshold, method = float(metric["value"]), config["threshold"], config["method"]
        if (value < threshold) if "p_value" in method else (value > threshold):
            found.append(config["column"])
json.dump(found, open(sys.argv[3], "w"))
"""

NANNYML = """
import json, sys
import nannyml, pandas as pd
reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
names = list(reference.columns)
calculator = nannyml.UnivariateDriftCalculator(
    column_names=names, treat_as_categorical=[n for n in names if n[0] in "tb"]
)
calculator.fit(reference)
result = calculator.calculate(current).filter(period="analysis").to_df()
found = [n for n in names if result[n].xs("alert", axis=1, level=1).to_numpy().any()]
json.dump(found, open(sys.argv[3], "w"))
"""

PEERS = {
    "Evidently": ("evidently==0.7.23", EVIDENTLY, "default preset and thresholds"),
    "NannyML": ("nannyml==0.13.1", NANNYML, "default thresholds; a column counts where any of ten chunks alerts"),
}


def measure(command: list[str]) -> dict[str, float]:
    """Run a command whole: wall and CPU seconds, and the peak memory of the process."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            said.seek(0)
            raise SystemExit(f"{command[:2]} failed:\n{said.read().decode()[-3000:]}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "gigabytes": usage.ru_maxrss * 1024 / 1e9}


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def ours(paths: list[str], output: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "kullback",
        "compare",
        *paths,
        "-q",
        "--html",
        f"{output}.html",
        "--json",
        str(output),
    ]


def peer_python(name: str, requirement: str) -> str:
    folder = WORK / f"venv-{name.lower()}"
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        # Neither peer says that it needs pandas 2, nor NannyML that it needs statsmodels.
        needed = [requirement, "pyarrow", "pandas<3", "statsmodels"]
        subprocess.run([folder / "bin/pip", "install", "-q", *needed], check=True)
    return str(folder / "bin/python")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=2_000_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--peers", action="store_true")
    options = arguments.parse_args()
    paths = [str(path) for path in table_pair.write(WORK, options.rows)]
    output = WORK / "kullback.json"
    floor_command = [sys.executable, "-c", FLOOR, *paths]
    for command in (floor_command, ours(paths, output)):
        measure(command)  # warm the file cache
    floors, own = [], []
    for _ in range(options.runs):
        floors.append(measure(floor_command))
        own.append(measure(ours(paths, output)))
    ratio = statistics.median(a["wall"] / b["wall"] for a, b in zip(own, floors, strict=True))
    kept = HERE / "results" / "tables.json"
    # Peers take half an hour, so what an earlier run measured of them stays until they are measured again.
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    rows["DuckDB hashing every value (the floor)"] = row(median(floors), None, f"median of {options.runs}")
    found = set(json.loads(output.read_text())["alarms"])
    rows["kullback"] = row(median(own), found, f"median of {options.runs}, in turn with the floor")
    if options.peers:
        for name, (requirement, script, note) in PEERS.items():
            target = WORK / f"{name}.json"
            figures = measure([peer_python(name, requirement), "-c", script, *paths, str(target)])
            rows[requirement] = row(figures, set(json.loads(target.read_text())), f"one run; {note}")
            print(requirement, figures, flush=True)
    kept.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    write(options, rows, ratio)


def row(figures: dict[str, float], found: set[str] | None, note: str) -> dict[str, Any]:
    verdict = {} if found is None else {"found": len(found & MOVED), "false": len(found - MOVED)}
    return figures | verdict | {"load": os.getloadavg()[1], "note": note}


def write(options: argparse.Namespace, rows: dict[str, dict[str, Any]], ratio: float) -> None:
    versions = {name: __import__(name).__version__ for name in ("kullback", "duckdb", "ibis", "numpy")}
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        f"# Two tables of {options.rows:,} rows and 50 columns",
        "",
        "30 floats of assorted shapes, 10 integers, 8 text columns of 5 to 5,000 levels, 2 booleans, nulls and NaN; 8"
        " columns moved. Whole processes, from start to report written; load is the machine's, over 5 minutes.",
        "",
        "| tool | wall s | CPU s | peak GB | moved columns found | others flagged | load | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, r in rows.items():
        verdict = [f"{r['found']} of 8", f"{r['false']} of 42"] if "found" in r else ["", ""]
        figures = [f"{r['wall']:.2f}", f"{r['cpu']:.1f}", f"{r['gigabytes']:.2f}"]
        lines.append(f"| {' | '.join([name, *figures, *verdict, format(r['load'], '.1f'), r['note']])} |")
    lines += [
        "",
        f"kullback over the floor, median of {options.runs} interleaved pairs: **{ratio:.1f}×**.",
        "",
        f"Python {platform.python_version()}, {listed}; {os.cpu_count()} cores.",
    ]
    text = "\n".join(lines) + "\n"
    (HERE / "results" / "tables.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
