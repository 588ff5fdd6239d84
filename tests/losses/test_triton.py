"""The kernels for GPUs: their values by Triton's interpreter, on a CPU, and that they compile for a GPU."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kullback.losses import _logits, _triton

# Triton reads both where a kernel is defined: this file's tests run in a process of their own.
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
interpreted = pytest.mark.skipif(not INTERPRETED, reason="run by test_by_the_interpreter")


@pytest.mark.skipif(INTERPRETED, reason="this is that process")
def test_by_the_interpreter() -> None:
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    run = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-k", "not interpreter and not compile", __file__]
    root = Path(__file__).parents[2]
    done = subprocess.run(run, env=environment, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "11 passed" in done.stdout


@pytest.fixture
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_triton, "_BLOCK", 64)
    return


def draw(rows: int, outcomes: int, seed: int, dtype: torch.dtype) -> Tensor:
    x = 3 * torch.randn(rows, outcomes, generator=torch.Generator().manual_seed(seed))
    return x.to(dtype)


def check(t: Tensor, s: Tensor, name: str, temperature: float) -> None:
    """Values, both gradients, and the gradient over the logits, against the plain twin in float64."""
    upstream = torch.linspace(0.5, 2.0, len(t))
    upstream[-1] = 0
    options = name, 0.0, temperature, 0.0
    want = _logits.plain(t.double(), s.double(), *options)
    exact = _logits.plain_gradients(upstream.double(), t.double(), s.double(), *options)
    value, numbers = _triton.values(t, s, name, temperature)
    assert (value >= 0).all()
    assert torch.allclose(value.double(), want, rtol=3e-6, atol=1e-12)
    over = s.clone(memory_format=torch.contiguous_format)
    assert torch.equal(_triton.over_student(upstream, t, over, name, temperature), value)
    found = [_triton.gradients(upstream, t, s, numbers, name, temperature, side) for side in (True, False)]
    for ours, gradient in zip((*found, over), (*exact, exact[1]), strict=True):
        assert ours.dtype == t.dtype
        assert ours[-1].count_nonzero() == 0
        close = torch.finfo(t.dtype).eps * gradient.abs() + 3e-6 * gradient.abs().sum(-1, keepdim=True)
        # float32 rounds a share near 1 by 6e-8, float16 its smallest numbers by as much.
        assert ((ours.double() - gradient)[:-1].abs() <= close[:-1] + 2e-7).all()


@interpreted
@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("name", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("outcomes", "dtype"),
    [(1, torch.float32), (130, torch.float32), (64, torch.bfloat16), (65, torch.float16)],
)
def test_equals_the_plain_twin(outcomes: int, dtype: torch.dtype, name: str) -> None:
    t, s = draw(4, outcomes, 0, dtype), draw(4, outcomes, 1, dtype)
    s[1] = t[1]
    s[2] = t[2] + (0.01 * draw(1, outcomes, 2, torch.float32)[0]).to(dtype)
    if outcomes > 1:
        t[:, 0] = s[:, 0] = -math.inf
    check(t, s, name, 1.7)
    assert _triton.values(t, s, name, 1.7)[0][1] == 0


@interpreted
@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("name", ["forward", "reverse"])
def test_one_side_masked(name: str) -> None:
    t, s = draw(4, 80, 0, torch.float32), draw(4, 80, 1, torch.float32)
    t[0, 3] = s[1, 4] = t[2, 5] = s[2, 70] = -math.inf
    s[1, :64] = -math.inf  # the whole of the first block
    check(t, s, name, 1.0)
    check(t[:, ::2], s[:, ::2], name, 1.0)  # rows whose outcomes do not lie side by side


@interpreted
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")  # the interpreter's NumPy
def test_nan_in_gives_nan_out() -> None:
    t, s = draw(3, 20, 0, torch.float32), draw(3, 20, 1, torch.float32)
    t[0, 3], s[1, 4], t[2] = math.nan, math.nan, -math.inf
    assert _triton.values(t, s, "forward", 1.0)[0].isnan().all()


@pytest.mark.skipif(INTERPRETED, reason="nothing is compiled by an interpreter")
def test_the_kernel_compiles_for_a_gpu(tmp_path: Path) -> None:
    code = f"""
import json, triton
from triton.backends.compiler import GPUTarget
from kullback.losses._triton.logits import rows_kernel, warps
types = dict.fromkeys(("p", "q", "out"), "*bf16") | dict(numbers="*fp64", upstream="*fp32", scale="fp32")
types |= dict.fromkeys(("p_stride", "q_stride", "out_stride", "length"), "i32")
types |= dict.fromkeys(("KNOWN", "SIDE", "BLOCK"), "constexpr")
sizes = []
for side in (1, 2):
    constants = dict(KNOWN=False, SIDE=side, BLOCK={_triton._BLOCK})
    source = triton.compiler.ASTSource(fn=rows_kernel, signature=types, constexprs=constants)
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=dict(num_warps=warps({_triton._BLOCK})))
    sizes.append(len(built.asm["cubin"]))
print(json.dumps(sizes))
"""
    environment: dict[str, Any] = os.environ | {"TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert min(json.loads(done.stdout)) > 1000
