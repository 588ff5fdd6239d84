"""A vocabulary sharded over two and three processes gives the one-process values and gradients."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from kullback import losses

DIVERGENCES = ["forward", "reverse", "js(0.3)", "skew", "total_variation", "alpha(2)"]
HERE = Path(__file__)


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    t, s = (2 * torch.randn(3, 4, 11, generator=rng, dtype=torch.float64) for _ in range(2))
    t[..., 7] = s[..., 7] = -torch.inf
    s[0, 1] = t[0, 1]
    return t, s


OPTIONS: dict[str, Any] = {"temperature": 1.5, "soft_cap": 4.0, "mask": torch.arange(12).reshape(3, 4) != 5}


def rank(number: int, ranks: int, place: str) -> None:
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{place}/store", rank=number, world_size=ranks)
    # Of three ranks the second has no outcome.
    shards = [x.tensor_split([5] * (ranks - 1), dim=-1)[number].clone().requires_grad_() for x in inputs()]
    found: dict[str, Any] = {}
    for divergence in DIVERGENCES:
        value = losses.distillation(
            teacher=shards[0], student=shards[1], divergence=divergence, process_group=dist.group.WORLD, **OPTIONS
        )
        found[divergence] = [value.item(), *(g.tolist() for g in torch.autograd.grad(value, shards))]
    if ranks == 2:  # even shards, as DTensor deals them
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.tensor import Shard, distribute_tensor

        mesh = init_device_mesh("cpu", (ranks,))
        t, s = (distribute_tensor(x, mesh, [Shard(-1)]) for x in inputs())
        s.requires_grad_()
        value = losses.distillation(teacher=t, student=s, **OPTIONS)
        value.backward()
        found["DTensor"] = [value.item(), s.grad.full_tensor().tolist()]
    Path(place, f"{number}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


@pytest.mark.parametrize("ranks", [2, 3])
def test_sharded_equals_whole(ranks: int, tmp_path: Path) -> None:
    code = "import importlib.util, sys; spec = importlib.util.spec_from_file_location('shards', sys.argv[1]); "
    code += "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module); "
    code += "module.rank(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(HERE), str(k), str(ranks), str(tmp_path)])
        for k in range(ranks)
    ]
    assert [run.wait(timeout=120) for run in runs] == [0] * ranks
    found = [json.loads((tmp_path / f"{k}.json").read_text()) for k in range(ranks)]
    sides = [x.requires_grad_() for x in inputs()]
    for divergence in DIVERGENCES:
        value = losses.distillation(teacher=sides[0], student=sides[1], divergence=divergence, **OPTIONS)
        whole = torch.autograd.grad(value, sides)
        for part in found:
            assert part[divergence][0] == pytest.approx(value.item(), rel=1e-13)
        for k, gradient in enumerate(whole):
            parts = torch.cat([torch.tensor(p[divergence][k + 1], dtype=torch.float64) for p in found], -1)
            assert torch.allclose(parts, gradient, rtol=1e-10, atol=1e-15)
    if ranks == 2:
        value = losses.distillation(teacher=sides[0].detach(), student=sides[1], **OPTIONS)
        gradient = torch.autograd.grad(value, sides[1])[0]
        for part in found:
            assert part["DTensor"][0] == pytest.approx(value.item(), rel=1e-13)
            assert torch.allclose(torch.tensor(part["DTensor"][1], dtype=torch.float64), gradient, atol=1e-15)
