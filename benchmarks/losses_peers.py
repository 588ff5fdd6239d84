"""The distillation losses of peers beside ours: equal where they are right, and where they are not.

Run ``pip install --no-deps liger-kernel trl torchtune triton`` and ``python benchmarks/losses_peers.py``: it writes
benchmarks/results/losses_peers.md. Liger's JSD runs by Triton's interpreter, on a CPU (its KLDiv does not); of TRL and
torchtune, which import much else, only the functions are read.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"  # before Liger defines a kernel

import torch
from liger_kernel.ops.jsd import LigerJSDFunction
from scipy.special import rel_entr
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kullback import losses
from setting import line, setting

RESULTS = Path(__file__).parent / "results"
ROWS, OUTCOMES = 8, 1000
Loss = Callable[[Tensor, Tensor], Tensor]  # of the teacher's and the student's logits


def folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def of_trl() -> Callable[..., Tensor]:
    """`GKDTrainer.generalized_jsd_loss`, cut out of its class."""
    tree = ast.parse((folder("trl") / "experimental/gkd/gkd_trainer.py").read_text(encoding="utf-8"))
    found = next(
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "generalized_jsd_loss"
    )
    found.decorator_list = []
    names: dict[str, Any] = {"torch": torch, "F": F}
    exec(compile(ast.Module([found], []), "trl", "exec"), names)
    return names["generalized_jsd_loss"]


def of_torchtune() -> Any:
    """Its file of losses, without the package."""
    path = folder("torchtune") / "modules/loss/kd_losses.py"
    spec = importlib.util.spec_from_file_location("kd_losses", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def losses_of_all() -> dict[str, dict[str, Loss]]:
    trl, torchtune = of_trl(), of_torchtune()

    def ours(divergence: str) -> Loss:
        return lambda t, s: losses.distillation(teacher=t, student=s, divergence=divergence)

    def liger(beta: float) -> Loss:
        return lambda t, s: LigerJSDFunction.apply(F.log_softmax(s, -1), F.log_softmax(t, -1), None, beta, -100)

    def tuned(kind: Any) -> Loss:
        return lambda t, s: kind()(s, t, torch.zeros(len(s), dtype=torch.int64))

    return {
        "forward": {
            "kullback": ours("forward"),
            "Liger JSD, beta 0": liger(0.0),
            "TRL GKD, beta 0": lambda t, s: trl(s, t, beta=0),
            "torchtune ForwardKL": tuned(torchtune.ForwardKLLoss),
        },
        "reverse": {
            "kullback": ours("reverse"),
            "Liger JSD, beta 1": liger(1.0),
            "TRL GKD, beta 1": lambda t, s: trl(s, t, beta=1),
            "torchtune ReverseKL": tuned(torchtune.ReverseKLLoss),
        },
        "js(0.1)": {
            "kullback": ours("js(0.1)"),
            "Liger JSD, beta .1": liger(0.1),
            "TRL GKD, beta .1": lambda t, s: trl(s, t, beta=0.1),
        },
    }


def truth(divergence: str, t: Tensor, s: Tensor) -> float:
    """By SciPy, in float64, of the logits as they are."""
    p, q = (torch.softmax(x.double(), -1).numpy() for x in (t, s))
    weight = 0.1
    m = weight * p + (1 - weight) * q
    sums = {
        "forward": lambda: rel_entr(p, q),
        "reverse": lambda: rel_entr(q, p),
        "js(0.1)": lambda: weight * rel_entr(p, m) + (1 - weight) * rel_entr(q, m),
    }
    return float(sums[divergence]().sum(-1).mean())


def draw(seed: int, dtype: torch.dtype = torch.float32, size: float = 2.0) -> Tensor:
    return (size * torch.randn(ROWS, OUTCOMES, generator=torch.Generator().manual_seed(seed))).to(dtype)


def value_and_gradients(loss: Loss, t: Tensor, s: Tensor) -> tuple[float, Tensor | None, Tensor | None]:
    t, s = t.clone().requires_grad_(), s.clone().requires_grad_()
    value = loss(t, s)
    value.backward()
    return value.item(), t.grad, s.grad


def shown(x: float) -> str:
    return "NaN" if math.isnan(x) else f"{x:.3g}"


def second_derivative(loss: Loss) -> str:
    """Whether the gradient of the student's gradient is that of finite differences."""
    t, s = draw(0, torch.float64)[:2, :5], draw(1, torch.float64)[:2, :5].requires_grad_()
    try:
        right = torch.autograd.gradgradcheck(lambda x: loss(t, x), s, raise_exception=False)
    except Exception as error:  # whatever a peer raises is its answer
        return type(error).__name__
    return "right" if right else "wrong"


def row(divergence: str, loss: Loss) -> list[str]:
    t, s = draw(0), draw(1)
    value, of_teacher, _ = value_and_gradients(loss, t, s)
    exact = truth(divergence, t, s)
    same, _, slope = value_and_gradients(loss, t, t)
    masked = [x.clone() for x in (t, s)]
    for x in masked:
        x[:, :3] = -math.inf
    of_masked, _, masked_slope = value_and_gradients(loss, *masked)
    wanted = truth(divergence, *masked)
    fine = abs(of_masked - wanted) <= 1e-5 * wanted and bool(masked_slope.isfinite().all())
    half = draw(2, torch.bfloat16), draw(2, torch.bfloat16) + draw(3, torch.bfloat16, 0.02)
    of_half = value_and_gradients(loss, *half)[0]
    return [
        "equal" if abs(value - exact) <= 1e-5 * exact else f"{shown(value)} for {shown(exact)}",
        f"{shown(same)}, {shown(float(slope.abs().max()))}",
        "equal" if fine else f"{shown(of_masked)}, gradient {'finite' if masked_slope.isfinite().all() else 'NaN'}",
        f"{shown(of_half)} for {shown(truth(divergence, *half))}",
        "none" if of_teacher is None or not of_teacher.count_nonzero() else "yes",
        second_derivative(loss),
    ]


def main() -> None:
    report = setting()
    packages = ("liger-kernel", "trl", "torchtune", "triton")
    report["versions"] |= {name: importlib.metadata.version(name) for name in packages}
    torch.set_num_threads(1)
    lines = [
        "# The losses of peers",
        "",
        line(report),
        f"{ROWS} rows of {OUTCOMES} outcomes, logits of deviation 2. Truth by SciPy in float64 on the same logits. "
        "Liger takes log-probabilities: log_softmax of the logits, in their dtype. torchtune's arithmetic is float32, "
        "which a check of second derivatives in float64 calls wrong.",
        "",
        "| divergence | loss | float32 | at p = q: value, greatest slope | three outcomes masked on both sides | "
        "near-equal, bfloat16 | gradient of the teacher | second derivative, float64 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the interpreter's NumPy
        for divergence, peers in losses_of_all().items():
            for name, loss in peers.items():
                lines.append(f"| {divergence} | {name} | {' | '.join(row(divergence, loss))} |")
    text = "\n".join(lines) + "\n"
    (RESULTS / "losses_peers.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
