"""The measures work inside jit, vmap, torch.compile and torch.func, where values cannot be looked at."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["kl", "logits", "js"])
def test_torch_compile(name: str) -> None:
    measure = MEASURES[name]
    p = torch.tensor(P, requires_grad=True)
    with warnings.catch_warnings():
        # The compiler's own modules warn of each other when they are first imported.
        warnings.simplefilter("ignore")
        compiled = torch.compile(measure, fullgraph=True, backend="aot_eager")
        value = compiled(p, torch.tensor(Q))
        (by_compiled,) = torch.autograd.grad(value.sum(), p)
    np.testing.assert_allclose(value.detach(), measure(P, Q), rtol=1e-14)
    (expected,) = torch.autograd.grad(measure(p, torch.tensor(Q)).sum(), p)
    np.testing.assert_allclose(by_compiled, expected, rtol=1e-12, atol=1e-15)


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
