"""How fast kb.estimate is on the line, and how right, beside scipy.integrate.quad of p·log(p/q).

Run ``python benchmarks/estimate.py``: it writes benchmarks/results/estimate.json and estimate.md. Candidates take turns
within every round, and medians over rounds are reported.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats as st
import torch
from scipy.integrate import quad

import kullback as kb
from setting import line, setting

RESULTS = Path(__file__).parent / "results"
T = torch.distributions
double = {"dtype": torch.float64}
PAIRS: dict[str, tuple[Any, Any]] = {
    "Gumbel ‖ skew normal": (st.gumbel_r(0, 1), st.skewnorm(3, -1, 2)),
    "hyperbolic secant ‖ logistic": (st.hypsecant(), st.genlogistic(0.5)),
    "exponnorm ‖ johnsonsu": (st.exponnorm(1.5), st.johnsonsu(0, 1)),
    "narrow (1e-6) ‖ skew normal": (st.gumbel_r(0, 1e-6), st.skewnorm(3, -1, 2)),
    "dgamma(0.3) ‖ hyperbolic secant": (st.dgamma(0.3), st.hypsecant()),
    "Burr, heavy tail ‖ half-Cauchy": (st.burr12(0.5, 1.5), st.halfcauchy()),
    "torch mixture ‖ torch mixture": (
        T.MixtureSameFamily(
            T.Categorical(torch.tensor([0.3, 0.7], **double)),
            T.Normal(torch.tensor([0.0, 4.0], **double), torch.tensor([1.0, 0.5], **double)),
        ),
        T.MixtureSameFamily(
            T.Categorical(torch.tensor([0.5, 0.5], **double)),
            T.Normal(torch.tensor([0.0, 3.0], **double), torch.tensor([1.0, 1.0], **double)),
        ),
    ),
    "zeta ‖ Yule-Simon (a sum)": (st.zipf(3.0), st.yulesimon(2.0)),
}


def with_quad(p: Any, q: Any) -> float:
    """Integrate what users write today."""
    if hasattr(p, "log_prob"):

        def at(x: float) -> float:
            point = torch.tensor(x, **double)
            log_p = float(p.log_prob(point))
            return math.exp(log_p) * (log_p - float(q.log_prob(point)))

        return float(quad(at, -math.inf, math.inf)[0])
    if hasattr(p.dist, "pmf"):
        k = np.arange(p.support()[0], 100_000)
        return float(np.nansum(p.pmf(k) * np.log(p.pmf(k) / q.pmf(k))))
    return float(quad(lambda x: p.pdf(x) * np.log(p.pdf(x) / q.pdf(x)), *p.support())[0])


def timed(call: Callable[[], Any]) -> float:
    # The time of this thread alone, which others on a busy machine do not lengthen much; neither candidate has more.
    start = time.thread_time()
    call()
    return 1e3 * (time.thread_time() - start)


def measure(rounds: int) -> list[dict[str, Any]]:
    rows = []
    for name, (p, q) in PAIRS.items():
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(rounds + 1):
            ours.append(statistics.median(timed(lambda p=p, q=q: kb.estimate(p, q)) for _ in range(5)))
            theirs.append(timed(lambda p=p, q=q: with_quad(p, q)))
        found = kb.estimate(p, q)
        rows.append(
            {
                "pair": name,
                "milliseconds": statistics.median(ours[1:]),
                "quad_milliseconds": statistics.median(theirs[1:]),
                "value": found.value,
                "error": found.error,
                "quad_value": with_quad(p, q),
            }
        )
        print(rows[-1], flush=True)
    return rows


def table(report: dict[str, Any]) -> str:
    lines = [
        "# kb.estimate on the line",
        "",
        line(report),
        f"Milliseconds of CPU a call, medians of {report['rounds']} interleaved rounds. quad is "
        "`scipy.integrate.quad` of p·log(p/q) over P's support; for integers the NumPy sum of 100,000 terms. "
        "Aim: at most 5 ms.",
        "",
        "| pair | estimate, ms | quad, ms | times | D | stated error | quad − D |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        off = row["quad_value"] - row["value"]
        times = row["quad_milliseconds"] / row["milliseconds"]
        lines.append(
            f"| {row['pair']} | {row['milliseconds']:.1f} | {row['quad_milliseconds']:.1f} | "
            f"{times:.0f} | {row['value']:.10g} | {row['error']:.0e} | {off:.0e} |"
        )
    slow = [row["pair"] for row in report["rows"] if row["milliseconds"] > 5]
    lines += ["", f"Over 5 ms: {', '.join(slow)}." if slow else "Every pair is within 5 ms."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    report = {
        **setting(),
        "rounds": rounds,
        "rows": measure(rounds),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "estimate.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "estimate.md").write_text(table(report), encoding="utf-8")


if __name__ == "__main__":
    main()
