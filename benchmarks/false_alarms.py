"""False alarms of `compare`: 100 columns without change, 20 seeds.

Run: python benchmarks/false_alarms.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

import kullback as kb  # noqa: E402
from example_tables import unchanged  # noqa: E402


def main() -> None:
    results = [kb.compare(*unchanged(seed)) for seed in range(20)]
    flagged = [sum(d.p_value < 0.05 for d in r.columns.values()) for r in results]
    above = [sum(d.interval is not None and d.interval[0] > 0 for d in r.columns.values()) for r in results]
    clean = sum(not r.alarms for r in results)
    text = f"""# False alarms of `compare`

100 columns drawn from the same distributions on both sides (40 heavy-tailed, 20 zero-inflated, 20 Poisson, 20 text of
200 Zipf levels), 1,500 rows, 20 seeds.

| | |
|---|---|
| columns with p < 0.05 before correction, mean over seeds | {np.mean(flagged):.1f} of 100 |
| most in one seed | {max(flagged)} |
| columns whose 95% interval leaves out 0, mean over seeds | {np.mean(above):.1f} of 100 |
| seeds without any alarm after correction | {clean} of 20 |
"""
    (HERE / "results" / "false_alarms.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
