"""Large batches are worked through in blocks: nothing may come out otherwise than it would at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import kullback as kb
from kullback._core.errors import NotANumber
from kullback.distributions import _batches, measures

# Small ones, so that small batches show what large ones would.
BLOCK, BLOCK_OF_MATRICES = 1 << 12, 1 << 13
SIZE = 2 * BLOCK + 1234
rng = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_batches, "BLOCK", BLOCK)
    monkeypatch.setattr(_batches, "BLOCK_OF_MATRICES", BLOCK_OF_MATRICES)


def positive(*shape: int) -> np.ndarray:
    return rng.gamma(2.0, size=shape) + 1e-3


def unit(*shape: int) -> np.ndarray:
    return rng.uniform(1e-4, 1 - 1e-4, size=shape)


LAWS: dict[str, Callable[..., Any]] = {
    "Beta": lambda *s: kb.distributions.Beta(positive(*s), positive(*s)),
    "Normal": lambda *s: kb.distributions.Normal(positive(*s), positive(*s)),
    "Bernoulli": lambda *s: kb.distributions.Bernoulli(probs=unit(*s)),
    "Binomial": lambda *s: kb.distributions.Binomial(10.0, unit(*s)),
    "Uniform": lambda *s: kb.distributions.Uniform(rng.uniform(-1, 0.5, s), 1 + positive(*s)),
    "Laplace": lambda *s: kb.distributions.Laplace(positive(*s), positive(*s)),
    "Dirichlet": lambda *s: kb.distributions.Dirichlet(positive(*s, 3)),
    "Categorical": lambda *s: kb.distributions.Categorical(logits=rng.normal(size=(*s, 3))),
    "MultivariateNormal": lambda *s: kb.distributions.MultivariateNormal(
        rng.normal(size=(*s, 2)), covariance_matrix=np.eye(2) * positive(*s, 1, 1)
    ),
}
PAIRS = [(name, name) for name in LAWS] + [("Beta", "Gamma"), ("Uniform", "Normal"), ("Bernoulli", "Poisson")]
LAWS["Gamma"] = lambda *s: kb.distributions.Gamma(positive(*s), positive(*s))
LAWS["Poisson"] = lambda *s: kb.distributions.Poisson(positive(*s))


def at_once(p: Any, q: Any) -> Any:
    """The same without blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_batches, "BLOCK", 10**9)
        patch.setattr(_batches, "BLOCK_OF_MATRICES", 10**9)
        return kb.kl(p, q)


SHAPES = [((SIZE,), (SIZE,)), ((SIZE,), ()), ((130, 150), (150,)), ((2, 1), (SIZE,))]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("names", PAIRS, ids="‖".join)
def test_a_block_is_what_the_whole_is(names: tuple[str, str], shapes: Any) -> None:
    p, q = (LAWS[name](*shape) for name, shape in zip(names, shapes, strict=True))
    value = kb.kl(p, q)
    assert value.shape == np.broadcast_shapes(*shapes)
    np.testing.assert_array_equal(value, at_once(p, q))


def test_blocks_are_made_where_they_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = measures._computed

    def seen(form: Any, p: Any, q: Any) -> Any:
        sizes.append(int(np.prod(p.batch_shape)))
        return real(form, p, q)

    monkeypatch.setattr(measures, "_computed", seen)
    p, q = LAWS["Beta"](SIZE), LAWS["Beta"](SIZE)
    kb.kl(p, q)
    assert sum(sizes) == SIZE
    assert max(sizes) <= 1.5 * BLOCK
    sizes.clear()
    kb.kl(LAWS["Beta"](BLOCK), q.like(type(q), concentration1=1.0, concentration0=2.0))
    assert sizes == [BLOCK]
    leaf = torch.ones(SIZE, dtype=torch.float64, requires_grad=True)
    sizes.clear()
    d = torch.distributions
    value = kb.kl(d.Laplace(leaf, leaf), d.Laplace(leaf * 2, leaf))
    assert sizes == [SIZE]
    assert value.requires_grad
    sizes.clear()
    with torch.no_grad():
        assert not kb.kl(d.Laplace(leaf, leaf), d.Laplace(leaf * 2, leaf)).requires_grad
    assert len(sizes) > 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors(dtype: torch.dtype) -> None:
    a, b = (torch.from_numpy(positive(SIZE)).to(dtype) for _ in range(2))
    p, q = torch.distributions.Laplace(a, b), torch.distributions.Laplace(b, a)
    with torch.inference_mode():
        inferred = kb.kl(p, q)
    value = kb.kl(p, q)
    assert value.dtype == inferred.dtype == dtype
    assert torch.equal(value, at_once(p, q))
    assert torch.equal(value, inferred)
    whole = kb.kl(torch.distributions.Independent(p, 1), torch.distributions.Independent(q, 1))
    torch.testing.assert_close(whole, value.sum(), rtol=1e-6, atol=0)


def test_the_known_factor_of_a_block_is_its_own() -> None:
    generator = torch.Generator().manual_seed(0)
    count = BLOCK_OF_MATRICES // 2 + 33
    loc = torch.randn(2, count, 2, dtype=torch.float64, generator=generator)
    root = torch.randn(2, count, 2, 2, dtype=torch.float64, generator=generator)
    covariance = root @ root.mT + torch.eye(2, dtype=torch.float64)
    p, q = (torch.distributions.MultivariateNormal(m, s) for m, s in zip(loc, covariance, strict=True))
    value = kb.kl(p, q)
    assert torch.equal(value, at_once(p, q))
    torch.testing.assert_close(value, torch.distributions.kl_divergence(p, q))


def test_an_error_in_a_block_is_raised() -> None:
    many = kb.distributions.Binomial(np.full(SIZE, 1e9), unit(SIZE))
    with pytest.raises(kb.NoClosedForm, match="1e\\+09"):
        kb.kl(many, LAWS["Poisson"](SIZE))


def test_the_place_of_what_floats_do_not_hold_is_that_in_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    p, q = LAWS["Normal"](SIZE), LAWS["Normal"](SIZE)
    real = measures._computed

    def wrong(form: Any, p: Any, q: Any) -> Any:
        value = real(form, p, q)
        return np.where(p.loc == last, np.nan, value)

    last = p.loc[SIZE - 7]
    monkeypatch.setattr(measures, "_computed", wrong)
    with pytest.raises(NotANumber, match=rf"index \({SIZE - 7},\)"):
        kb.kl(p, q)


FORKED = """
import os
import numpy as np
import kullback as kb

p, q = (kb.distributions.Normal(np.linspace(0, 1, 100_000), scale) for scale in (1.0, 2.0))
here = kb.kl(p, q)
child = os.fork()
if not child:
    os._exit(0 if np.array_equal(kb.kl(p, q), here) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_after_a_fork() -> None:
    """Threads do not live through one: a pool that was kept would wait for ever."""
    run = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "0", run.stderr
