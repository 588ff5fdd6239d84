"""How fast and how lean the losses are, beside eager PyTorch, torch.compile and rows in chunks.

Run ``python benchmarks/losses.py``: it writes benchmarks/results/losses.json and losses.md. CPU seconds on one thread,
medians of interleaved rounds; memory is that of a fresh process each, beyond the inputs and the gradients.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.utils.checkpoint
from torch.nn import functional as F  # noqa: N812

from kullback import losses
from setting import line, setting

RESULTS = Path(__file__).parent / "results"
ROWS, VOCABULARY, TEMPERATURE = 2048, 32_000, 2.0
LINEAR_ROWS, HIDDEN = 1024, 1024
Step = Callable[[], torch.Tensor]


def eager_kl(t: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    p, q = (F.log_softmax(x / TEMPERATURE, -1) for x in (t, s))
    return F.kl_div(q, p, log_target=True, reduction="batchmean")


def logit_steps() -> tuple[dict[str, Step], list[torch.Tensor]]:
    torch.manual_seed(0)
    t, s = torch.randn(ROWS, VOCABULARY), torch.randn(ROWS, VOCABULARY, requires_grad=True)
    compiled = torch.compile(eager_kl)
    steps: dict[str, Step] = {
        "kullback.losses.distillation": lambda: losses.distillation(teacher=t, student=s, temperature=TEMPERATURE),
        "eager F.kl_div": lambda: eager_kl(t, s),
        "torch.compile of it": lambda: compiled(t, s),
    }
    return steps, [s]


def linear_steps() -> tuple[dict[str, Step], list[torch.Tensor]]:
    torch.manual_seed(0)
    h_t, w_t = torch.randn(LINEAR_ROWS, HIDDEN), torch.randn(VOCABULARY, HIDDEN) / HIDDEN**0.5
    h_s = torch.randn(LINEAR_ROWS, HIDDEN, requires_grad=True)
    w_s = (torch.randn(VOCABULARY, HIDDEN) / HIDDEN**0.5).requires_grad_()

    def checkpointed() -> torch.Tensor:
        def part(h: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
            return eager_kl(h @ w_t.T, g @ w_s.T) * len(h)

        parts = zip(h_t.split(256), h_s.split(256), strict=True)
        run = torch.utils.checkpoint.checkpoint
        return sum(run(part, h, g, use_reentrant=False) for h, g in parts) / LINEAR_ROWS

    steps: dict[str, Step] = {
        "kullback.losses.linear_distillation": lambda: losses.linear_distillation(
            teacher=(h_t, w_t), student=(h_s, w_s), temperature=TEMPERATURE
        ),
        "materialised logits": lambda: eager_kl(h_t @ w_t.T, h_s @ w_s.T),
        "checkpointed chunks of 256": checkpointed,
    }
    return steps, [h_s, w_s]


SETS = {"logits": logit_steps, "linear": linear_steps}


def seconds(which: str, rounds: int) -> dict[str, float]:
    steps, parameters = SETS[which]()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(rounds + 1):
        for name, step in steps.items():
            for parameter in parameters:
                parameter.grad = None
            start = time.process_time()
            step().backward()
            if round_:
                taken[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def peak() -> int:
    return int(next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")).split()[1])


def scratch_here(which: str, name: str) -> float:
    """Megabytes that one step takes beyond inputs and gradients, which are there from the start."""
    torch.set_num_threads(1)
    steps, parameters = SETS[which]()
    small = torch.randn(4, 50, requires_grad=True)
    losses.distillation(teacher=small.detach(), student=small).backward()  # what a first call loads
    if "compile" in name:
        steps[name]().backward()  # the compiler's own memory is not the loss's
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    held = sum(p.numel() * p.element_size() for p in parameters)
    step = steps[name]()
    found = torch.autograd.grad(step, parameters)
    del found
    return (peak() - before) / 1024 - held / 2**20


def scratch(which: str) -> dict[str, float]:
    found = {}
    for name in list(SETS[which]()[0]):
        run = [sys.executable, __file__, "--scratch", which, name]
        found[name] = float(subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()[-1])
    return found


def table(report: dict) -> str:
    lines = [
        "# The losses on a CPU",
        "",
        line(report),
        f"Medians of {report['rounds']} interleaved rounds of forward and backward, one thread, float32. Memory: the "
        "peak of a fresh process beyond its inputs and the gradients.",
    ]
    titles = {
        "logits": f"Logits, {ROWS} × {VOCABULARY:,}, temperature {TEMPERATURE:g}",
        "linear": f"Hidden states, {LINEAR_ROWS} × {HIDDEN} and {VOCABULARY:,} outcomes",
    }
    for which, title in titles.items():
        own, *_ = report[which]["seconds"]
        mine = report[which]["seconds"][own], report[which]["megabytes"][own]
        lines += ["", f"## {title}", "", "| | CPU s | times ours | extra MB |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {value:.3f} | {value / mine[0]:.1f} | {report[which]['megabytes'][name]:.0f} |"
            for name, value in report[which]["seconds"].items()
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scratch", nargs=2)
    options = parser.parse_args()
    if options.scratch:
        print(scratch_here(*options.scratch))
        return
    where = setting()
    torch.set_num_threads(1)
    report = {**where, "rounds": options.rounds}
    for which in SETS:
        report[which] = {"seconds": seconds(which, options.rounds), "megabytes": scratch(which)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "losses.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "losses.md").write_text(table(report), encoding="utf-8")
    print(table(report))


if __name__ == "__main__":
    main()
