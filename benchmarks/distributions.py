"""How fast the closed forms are, beside torch on the pairs that torch has, and beside quadrature in SciPy.

Run ``python benchmarks/distributions.py``: it writes benchmarks/results/distributions.json and distributions.md, in
some four minutes on two cores. Candidates take turns within every round, and medians over rounds are reported: by the
clock, and of the time of all cores, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import scipy
import scipy.integrate
import scipy.stats
import torch
from torch.distributions import kl as torch_kl

import kullback as kb
from setting import line, setting

RESULTS = Path(__file__).parent / "results"
BATCH = 1_000_000
# What one thread does, by its own clock, is disturbed least by what else runs on the machine.
ALONE = 250_000
DIMENSION = 8
AIM = 1.2
UNKNOWN = "gumbel_r(0, 1)‖skewnorm(3, -1, 2)"


def random(n: int, low: float = 0.5, high: float = 3.0, shape: tuple[int, ...] = ()) -> torch.Tensor:
    return torch.rand(n, *shape, dtype=torch.float64) * (high - low) + low


def simplex(n: int, outcomes: int = 10) -> torch.Tensor:
    x = random(n, shape=(outcomes,))
    return x / x.sum(-1, keepdim=True)


def covariance(n: int) -> torch.Tensor:
    root = torch.randn(n, DIMENSION, DIMENSION, dtype=torch.float64)
    return root @ root.mT + DIMENSION * torch.eye(DIMENSION, dtype=torch.float64)


d = torch.distributions
MAKERS: dict[str, Callable[[int], Any]] = {
    "Bernoulli": lambda n: d.Bernoulli(random(n, 0.1, 0.9)),
    "Beta": lambda n: d.Beta(random(n), random(n)),
    "Binomial": lambda n: d.Binomial(10, random(n, 0.1, 0.9)),
    "Categorical": lambda n: d.Categorical(simplex(n // 10)),
    "Cauchy": lambda n: d.Cauchy(random(n), random(n)),
    "ContinuousBernoulli": lambda n: d.ContinuousBernoulli(random(n, 0.1, 0.45)),
    "Dirichlet": lambda n: d.Dirichlet(random(n // 10, shape=(10,))),
    "Exponential": lambda n: d.Exponential(random(n)),
    "Gamma": lambda n: d.Gamma(random(n), random(n)),
    "Geometric": lambda n: d.Geometric(random(n, 0.1, 0.9)),
    "Gumbel": lambda n: d.Gumbel(random(n), random(n)),
    "HalfNormal": lambda n: d.HalfNormal(random(n)),
    "Laplace": lambda n: d.Laplace(random(n), random(n)),
    "LogNormal": lambda n: d.LogNormal(random(n), random(n)),
    "LowRankMultivariateNormal": lambda n: d.LowRankMultivariateNormal(
        random(n // 50, shape=(DIMENSION,)), random(n // 50, shape=(DIMENSION, 2)), random(n // 50, shape=(DIMENSION,))
    ),
    "MultivariateNormal": lambda n: d.MultivariateNormal(random(n // 50, shape=(DIMENSION,)), covariance(n // 50)),
    "Normal": lambda n: d.Normal(random(n), random(n)),
    "OneHotCategorical": lambda n: d.OneHotCategorical(simplex(n // 10)),
    "Pareto": lambda n: d.Pareto(random(n), random(n)),
    "Poisson": lambda n: d.Poisson(random(n)),
    "Uniform": lambda n: d.Uniform(random(n, 0.2, 0.4), random(n, 0.6, 0.8)),
}


def torch_pairs() -> list[tuple[str, str]]:
    """The pairs that torch registers, by the names of the makers, whose value is finite for these parameters."""
    found = []
    for p, q in torch_kl._KL_REGISTRY:
        names = p.__name__, q.__name__
        if all(n in MAKERS for n in names) and "_infinity" not in torch_kl._KL_REGISTRY[p, q].__name__:
            found.append(names)
    return sorted(found)


Seconds = dict[str, float]


def interleaved(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """Median seconds of each call, "wall" by the clock and "cpu" on all cores."""
    clocks = {"wall": time.perf_counter, "cpu": time.process_time}
    seconds: dict[str, dict[str, list[float]]] = {label: {name: [] for name in clocks} for label in calls}
    for round_ in range(rounds + 1):
        for label, call in calls.items():
            starts = {name: clock() for name, clock in clocks.items()}
            call()
            for name, clock in clocks.items() if round_ else ():
                seconds[label][name].append(clock() - starts[name])
    return {label: {name: statistics.median(s) for name, s in times.items()} for label, times in seconds.items()}


def against_torch(rounds: int) -> dict[str, dict[str, Seconds]]:
    torch.manual_seed(0)
    results = {}
    for p, q in torch_pairs():
        try:
            a, b = MAKERS[p](BATCH), MAKERS[q](BATCH)
            calls = {"kullback": lambda: kb.kl(a, b), "torch": lambda: torch.distributions.kl_divergence(a, b)}  # noqa: B023
            kb.kl(a, b)
        except (kb.NoClosedForm, NotImplementedError) as error:
            print(f"{p}‖{q}: {error}")
            continue
        results[f"{p}‖{q}"] = interleaved(calls, rounds)
        results[f"{p}‖{q}"]["alone"] = alone(MAKERS[p](ALONE), MAKERS[q](ALONE), rounds)
        print(f"{p}‖{q}: {ratio(results[f'{p}‖{q}']):.2f} × torch", flush=True)
    return results


def alone(a: Any, b: Any, rounds: int) -> Seconds:
    """CPU seconds of either on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    calls = {"kullback": lambda: kb.kl(a, b), "torch": lambda: torch.distributions.kl_divergence(a, b)}
    seconds = {label: times["cpu"] for label, times in interleaved(calls, rounds).items()}
    torch.set_num_threads(threads)
    return seconds


def ratio(figures: dict[str, Seconds], clock: str = "wall") -> float:
    return figures["kullback"][clock] / figures["torch"][clock]


def single(figures: dict[str, Seconds]) -> float:
    return figures["alone"]["kullback"] / figures["alone"]["torch"]


def by_quadrature(p: Any, q: Any) -> float:
    """What a user of SciPy does today."""
    low, high = p.support()
    return float(scipy.integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), low, high)[0])


def against_quadrature(rounds: int) -> dict[str, dict[str, Seconds]]:
    s = scipy.stats
    pairs = {
        "norm‖norm": (s.norm(0, 1), s.norm(1, 2)),
        "gamma‖gamma": (s.gamma(2.0), s.gamma(3.0, scale=2.0)),
        "beta‖beta": (s.beta(2.0, 3.0), s.beta(3.0, 2.5)),
        "expon‖gamma": (s.expon(), s.gamma(2.0)),
        "weibull_min‖weibull_min": (s.weibull_min(1.5), s.weibull_min(2.0)),
    }
    results = {}
    for name, (p, q) in pairs.items():
        calls = {"kullback": lambda: kb.kl(p, q), "quad": lambda: by_quadrature(p, q)}  # noqa: B023
        results[name] = interleaved(calls, 2 * rounds)
    return results


def table(report: dict[str, Any]) -> str:
    lines = [
        "# Speed of the closed forms",
        "",
        line(report),
        f"Medians of {report['rounds']} interleaved rounds. Batches of {BATCH:,} distributions of numbers in float64 "
        f"({BATCH // 10:,} over 10 outcomes, {BATCH // 50:,} normal distributions in {DIMENSION} dimensions).",
        "",
        "| pair | kullback, ms | torch, ms | × torch (aim ≤ 1.2) | of all cores' time | one thread each |",
        "|---|---|---|---|---|---|",
    ]
    for pair, r in report["torch"].items():
        ours, theirs = (1e3 * r[label]["wall"] for label in ("kullback", "torch"))
        lines.append(
            f"| {pair} | {ours:.1f} | {theirs:.1f} | {ratio(r):.2f} | {ratio(r, 'cpu'):.2f} | {single(r):.2f} |"
        )
    within = sum(ratio(r) <= AIM for r in report["torch"].values())
    lines += [
        "",
        f"Within {AIM} × torch: {within} of {len(report['torch'])} pairs; the median pair takes "
        f"{statistics.median(ratio(r) for r in report['torch'].values()):.2f} × torch's time.",
        f"On one thread each, of batches of {ALONE:,} and by CPU time: "
        f"{sum(single(r) <= AIM for r in report['torch'].values())} of {len(report['torch'])}, the median pair "
        f"{statistics.median(single(r) for r in report['torch'].values()):.2f}.",
        "",
        "One pair of frozen distributions, beside `scipy.integrate.quad` of p·log(p/q):",
        "",
        "| pair | kullback, µs | quad, µs | times faster (aim ≥ 30) |",
        "|---|---|---|---|",
    ]
    for pair, r in report["quadrature"].items():
        ours, theirs = (1e6 * r[label]["wall"] for label in ("kullback", "quad"))
        lines.append(f"| {pair} | {ours:.0f} | {theirs:.0f} | {theirs / ours:.0f} |")
    lines += [
        "",
        f"kb.estimate of {UNKNOWN}, which has no closed form: {1e3 * report['estimate']['cpu']:.1f} ms of CPU "
        f"({1e3 * report['estimate']['wall']:.1f} by the clock; aim ≤ 5). More such pairs are in estimate.md.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    without_form = scipy.stats.gumbel_r(0, 1), scipy.stats.skewnorm(3, -1, 2)
    report = {
        **setting(),
        "rounds": rounds,
        "torch": against_torch(rounds),
        "quadrature": against_quadrature(rounds),
        "estimate": interleaved({UNKNOWN: lambda: kb.estimate(*without_form)}, 5 * rounds)[UNKNOWN],
    }
    (RESULTS / "distributions.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "distributions.md").write_text(table(report), encoding="utf-8")


if __name__ == "__main__":
    main()
