"""The measures work inside jit, vmap, torch.compile and torch.func, where values cannot be looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
import torch

import kullback as kb

RNG = np.random.default_rng(51)
P, Q = RNG.dirichlet(np.ones(6), 4), RNG.dirichlet(np.ones(6), 4)
MEASURES: dict[str, Callable[..., Any]] = {
    "kl": kb.kl,
    "normalised": lambda p, q: kb.kl(2 * p, q, normalize=True),
    "logits": lambda p, q: kb.kl(p, q, form="logits"),
    "bits": lambda p, q: kb.kl(p, q, base=2),
    "cross_entropy": kb.cross_entropy,
    "js": kb.js,
    "renyi": lambda p, q: kb.renyi(p, q, 2),
    "hellinger": kb.hellinger,
    "f": lambda p, q: kb.f_divergence(p, q, "jeffreys"),
    "contributions": lambda p, q: kb.contributions(p, q).sum(-1),
    "total_variation": kb.total_variation,
    "entropy": lambda p, q: kb.entropy(p),
    "decompose": lambda p, q: sum(kb.decompose(p, q)),
    "mutual_information": lambda p, q: kb.mutual_information(((p + q) / 2).reshape(*p.shape[:-1], 2, 3)),
}
each_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)


@each_measure
def test_jax(measure: Callable[..., Any]) -> None:
    expected = np.asarray(measure(P, Q))
    p, q = jax.numpy.asarray(P), jax.numpy.asarray(Q)
    np.testing.assert_allclose(jax.jit(measure)(p, q), expected, rtol=1e-14)
    np.testing.assert_allclose(jax.vmap(measure)(p, q), expected, rtol=1e-14)
    np.testing.assert_allclose(jax.jit(jax.vmap(measure))(p, q), expected, rtol=1e-14)
    by_jit = jax.jit(jax.grad(lambda p, q: measure(p, q).sum()))(p, q)
    np.testing.assert_allclose(by_jit, jax.grad(lambda p, q: measure(p, q).sum())(p, q), rtol=1e-12, atol=1e-14)


@each_measure
def test_torch_func(measure: Callable[..., Any]) -> None:
    expected = np.asarray(measure(P, Q))
    p, q = torch.tensor(P), torch.tensor(Q)
    np.testing.assert_allclose(torch.func.vmap(measure)(p, q), expected, rtol=1e-14)
    by_row = torch.func.vmap(torch.func.grad(measure))(p, q)
    whole = torch.func.grad(lambda p, q: measure(p, q).sum())(p, q)
    np.testing.assert_allclose(by_row, whole, rtol=1e-13, atol=1e-15)


@each_measure
def test_torch_compile(measure: Callable[..., Any]) -> None:
    p = torch.tensor(P, requires_grad=True)
    with warnings.catch_warnings():
        # The compiler's own modules warn of each other when they are first imported.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
        warnings.filterwarnings("ignore", "Converting a tensor with requires_grad=True to a scalar", UserWarning)
        compiled = torch.compile(measure, fullgraph=True, backend="aot_eager")
        value = compiled(p, torch.tensor(Q))
        (by_compiled,) = torch.autograd.grad(value.sum(), p)
    np.testing.assert_allclose(value.detach(), measure(P, Q), rtol=1e-14)
    (expected,) = torch.autograd.grad(measure(p, torch.tensor(Q)).sum(), p)
    np.testing.assert_allclose(by_compiled, expected, rtol=1e-12, atol=1e-15)


def test_torch_inductor() -> None:
    p = torch.tensor(P, requires_grad=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        value = torch.compile(kb.kl, fullgraph=True)(p, torch.tensor(Q))
        (by_compiled,) = torch.autograd.grad(value.sum(), p)
    np.testing.assert_allclose(value.detach(), kb.kl(P, Q), rtol=1e-14)
    np.testing.assert_allclose(by_compiled, np.log(P / Q), rtol=1e-12, atol=1e-15)


def test_torch_forward_mode() -> None:
    """A dual tensor is a plain tensor to look at; its tangent is not to be lost."""
    direction = torch.tensor(P[::-1] - P)
    with warnings.catch_warnings(), torch.autograd.forward_ad.dual_level():
        # torch itself uses what it deprecates.
        warnings.filterwarnings("ignore", "`torch.jit.script`", DeprecationWarning)
        value = kb.kl(torch.autograd.forward_ad.make_dual(torch.tensor(P), direction), torch.tensor(Q))
        tangent = torch.autograd.forward_ad.unpack_dual(value).tangent
    np.testing.assert_allclose(tangent, np.sum(direction.numpy() * np.log(P / Q), -1), rtol=1e-13)


IN_FLOAT32 = """
import jax, numpy as np, kullback as kb
assert not jax.config.jax_enable_x64
rng = np.random.default_rng(52)
near = 1 + 1e-3 * rng.standard_normal(50)
for wobble in (rng.random(50), near):
    p = rng.dirichlet(np.ones(50)).astype("f4")
    q = (p * wobble / np.sum(p * wobble)).astype("f4")
    P, Q = (x.astype("f8") / x.astype("f8").sum() for x in (p, q))
    x, y = jax.numpy.asarray(p), jax.numpy.asarray(q)
    for measure in (kb.kl, kb.js, lambda p, q, **options: kb.entropy(p, **options)):
        value = measure(x, y, normalize=True)
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, measure(P, Q), rtol=3e-6)
    by_p, by_q = jax.grad(kb.kl, (0, 1))(x, y)
    np.testing.assert_allclose(by_p, np.log(P / Q), rtol=1e-5, atol=3e-7)
    np.testing.assert_allclose(by_q, 1 - P / Q, rtol=1e-5, atol=3e-7)
    by_p = jax.grad(lambda p: kb.entropy(p))(x)
    np.testing.assert_allclose(by_p, -np.log(P) - 1, rtol=1e-5, atol=3e-7)
    m = (P + Q) / 2
    np.testing.assert_allclose(jax.grad(kb.js)(x, y), np.log(P / m) / 2, rtol=1e-5, atol=3e-7)
"""


def test_jax_in_float32() -> None:
    """JAX computes in float32 unless told otherwise; these tests tell it, so another process is asked."""
    subprocess.run([sys.executable, "-c", IN_FLOAT32], check=True, env={**os.environ, "JAX_ENABLE_X64": "0"})


def test_fake_and_meta_tensors_have_shapes() -> None:
    p = torch.empty(4, 6, device="meta")
    assert kb.kl(p, p).shape == (4,)
    with torch._subclasses.FakeTensorMode() as mode:
        fake = mode.from_tensor(torch.tensor(P))
        assert kb.kl(fake, fake).shape == (4,)


def test_results_are_of_the_kind_of_the_inputs() -> None:
    assert isinstance(kb.kl(P[0], Q[0]), np.float64)
    assert isinstance(kb.kl(P.astype("f4"), Q.astype("f4"), normalize=True), np.ndarray)
    tensor = kb.kl(torch.tensor(P[0]), torch.tensor(Q[0]))
    assert isinstance(tensor, torch.Tensor)
    assert tensor.ndim == 0
    assert isinstance(kb.kl(jax.numpy.asarray(P), jax.numpy.asarray(Q)), jax.Array)
    assert kb.kl(torch.tensor(P, requires_grad=True), torch.tensor(Q)).requires_grad
