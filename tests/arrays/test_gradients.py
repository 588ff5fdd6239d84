"""Gradients and second derivatives are those of the function, on torch and JAX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import mpmath as mp
import numpy as np
import pytest
import torch

import kullback as kb
from exact import exactly, softmax

P = np.array([0.1, 0.25, 0.3, 0.35])
Q = np.array([0.3, 0.2500001, 0.15, 0.2999999])
MEASURES: dict[str, Callable[..., Any]] = {
    "kl": kb.kl,
    "js": lambda p, q, **k: kb.js(p, q, weight=0.3, **k),
    "jeffreys": kb.jeffreys,
    "cross_entropy": kb.cross_entropy,
    "chi2": kb.chi2,
    "hellinger": kb.hellinger,
    "renyi .5": lambda p, q, **k: kb.renyi(p, q, 0.5, **k),
    "renyi 3": lambda p, q, **k: kb.renyi(p, q, 3, **k),
    "tsallis 2": lambda p, q, **k: kb.tsallis(p, q, 2, **k),
    "alpha -1": lambda p, q, **k: kb.alpha_divergence(p, q, -1, **k),
}


def gradient_by_torch(f: Callable[..., Any], *values: np.ndarray) -> list[np.ndarray]:
    tensors = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    return [g.numpy() for g in torch.autograd.grad(f(*tensors).sum(), tensors)]


def gradient_by_jax(f: Callable[..., Any], *values: np.ndarray) -> list[np.ndarray]:
    places = tuple(range(len(values)))
    return [np.asarray(g) for g in jax.grad(lambda *v: f(*v).sum(), places)(*map(jax.numpy.asarray, values))]


LIBRARIES = pytest.mark.parametrize("gradient", [gradient_by_torch, gradient_by_jax])


@pytest.mark.parametrize("form", ["probs", "logits"])
@pytest.mark.parametrize("name", MEASURES)
def test_against_finite_differences(name: str, form: str) -> None:
    """First and second derivatives, along directions that keep the sums; torch checks them against differences."""
    measure = MEASURES[name]

    def loss(z: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        if form == "logits":
            return measure(z, w, form="logits")
        return measure(torch.softmax(z, -1), torch.softmax(w, -1))

    z, w = (torch.tensor(np.log(x), requires_grad=True) for x in (P, Q))
    assert torch.autograd.gradcheck(loss, (z, w))
    assert torch.autograd.gradgradcheck(loss, (z, w))


@LIBRARIES
def test_the_gradient_of_kl_to_the_last_bits(gradient: Callable[..., list[np.ndarray]]) -> None:
    by_p, by_q = gradient(kb.kl, P, Q)
    p, q = exactly(P), exactly(Q)
    np.testing.assert_allclose(by_p, [float(mp.log(a / b)) for a, b in zip(p, q, strict=True)], rtol=1e-13)
    np.testing.assert_allclose(by_q, [float(1 - a / b) for a, b in zip(p, q, strict=True)], rtol=1e-13)


@LIBRARIES
def test_logits_near_and_far(gradient: Callable[..., list[np.ndarray]]) -> None:
    rng = np.random.default_rng(41)
    z = rng.normal(0, 3, 20)
    for distance in (1e-6, 1e-2, 1.0, 30.0):
        w = z + distance * rng.standard_normal(20)
        p, q = softmax(z), softmax(w)
        value = mp.fsum(a * mp.log(a / b) for a, b in zip(p, q, strict=True))
        by_z, by_w = gradient(lambda z, w: kb.kl(z, w, form="logits"), z, w)
        scale = float(max(abs(a - b) for a, b in zip(p, q, strict=True)))
        expected_w = [float(b - a) for a, b in zip(p, q, strict=True)]
        expected_z = [float(a * (mp.log(a / b) - value)) for a, b in zip(p, q, strict=True)]
        np.testing.assert_allclose(by_w, expected_w, rtol=1e-12, atol=1e-13 * max(scale, 1e-3))
        np.testing.assert_allclose(by_z, expected_z, rtol=1e-12, atol=1e-13 * max(scale, 1e-3) * max(1, distance))


@LIBRARIES
@pytest.mark.parametrize("name", MEASURES)
def test_zeros_and_masks_never_give_nan(name: str, gradient: Callable[..., list[np.ndarray]]) -> None:
    measure = MEASURES[name]
    for g in gradient(measure, np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.75, 0.0])):
        assert np.isfinite(g[:2]).all()
        assert not np.isnan(g).any()
    z, w = np.array([0.5, 0.1, -math.inf]), np.array([0.2, 0.3, -math.inf])
    for g in gradient(lambda z, w: measure(z, w, form="logits"), z, w):
        assert np.isfinite(g).all()
        assert g[2] == 0
    z, w = np.array([0.5, 0.1, -math.inf]), np.array([0.2, 0.3, 0.4])
    if name not in ("jeffreys", "alpha -1"):
        for g in gradient(lambda z, w: measure(z, w, form="logits"), z, w):
            assert np.isfinite(g).all()


@LIBRARIES
def test_slopes_at_zero(gradient: Callable[..., list[np.ndarray]]) -> None:
    p, q = np.array([0.0, 0.5, 0.5]), np.array([0.2, 0.3, 0.5])
    for measure in (kb.kl, kb.js, MEASURES["renyi .5"], kb.hellinger):
        by_p, by_q = gradient(measure, p, q)
        assert by_p[0] == -math.inf, measure
        assert np.isfinite(by_p[1:]).all()
        assert np.isfinite(by_q).all()
    assert gradient(kb.kl, p, q)[1][0] == 1
    assert gradient(kb.chi2, p, q)[0][0] == pytest.approx(-2)
    assert gradient(kb.entropy, p)[0][0] == math.inf
    assert np.isfinite(gradient(kb.cross_entropy, p, q)[0]).all()
    # Where only q is 0 the divergence is infinite, and grows with p and against q.
    by_p, by_q = gradient(kb.kl, q, p)
    assert by_p[0] == math.inf
    assert by_q[0] == -math.inf


@LIBRARIES
def test_equal_distributions(gradient: Callable[..., list[np.ndarray]]) -> None:
    for name, measure in MEASURES.items():
        if name != "cross_entropy":
            for g in gradient(measure, P, P):
                np.testing.assert_allclose(g, 0, atol=1e-15)


def test_second_derivatives_at_zero_and_in_masks() -> None:
    hessian = jax.hessian(kb.kl)(jax.numpy.array([0.0, 0.5, 0.5]), jax.numpy.array([0.2, 0.3, 0.5]))
    assert hessian[0, 0] == math.inf
    np.testing.assert_allclose(np.diag(hessian)[1:], [2, 2], rtol=1e-13)
    z, w = np.array([0.5, 0.1, -math.inf]), np.array([0.2, 0.3, -math.inf])
    p = np.array([float(x) for x in softmax(w)])
    hessian = jax.hessian(lambda z, w: kb.kl(z, w, form="logits"), 1)(jax.numpy.array(z), jax.numpy.array(w))
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), rtol=1e-12, atol=1e-15)
    tensors = [torch.tensor(x) for x in (z, w)]
    hessian = torch.autograd.functional.hessian(lambda z, w: kb.kl(z, w, form="logits"), tuple(tensors))[1][1]
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), rtol=1e-12, atol=1e-15)


def test_half_precision_keeps_its_gradient() -> None:
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        z, w = (torch.randn(8, 50, generator=torch.Generator().manual_seed(s)).to(dtype) for s in (1, 2))
        z.requires_grad_()
        kb.kl(z, w, form="logits").sum().backward()
        assert z.grad is not None
        assert z.grad.dtype == dtype
        assert torch.isfinite(z.grad).all()
