"""Cases that other libraries get wrong, each with its true value, and the kind of case that it stands for."""

from __future__ import annotations

import jax
import mpmath as mp
import numpy as np
import pytest
import torch

import kullback as kb
from backends import BACKENDS, EPS, Backend
from exact import exactly, kl, normalised, relative_error, softmax

each_backend = pytest.mark.parametrize("backend", BACKENDS, ids=str)


@each_backend
def test_a_relative_difference_of_1e_9(backend: Backend) -> None:
    p = np.array([0.1, 0.2, 0.3, 0.4])
    q = p * (1 + 1e-9 * np.array([1, -1, 1, -0.5]))
    value = backend.read(kb.kl(backend(p), backend(q)))
    assert value == pytest.approx(3.5e-19, rel=1e-6)
    assert relative_error(value, kl(exactly(p), exactly(q))) < 1e-15


@each_backend
def test_near_equal_rows_are_nowhere_negative(backend: Backend) -> None:
    rng = np.random.default_rng(21)
    p = rng.dirichlet(np.ones(100), 2_000 if str(backend) == "strict" else 10_000)
    q = p * (1 + 1e-10 * rng.standard_normal(p.shape))
    q /= q.sum(axis=1, keepdims=True)
    assert (backend.read(kb.kl(backend(p), backend(q))) > 0).all()


@each_backend
def test_tiny_probabilities_are_not_clamped(backend: Backend) -> None:
    value = kb.kl(backend([0.5, 0.5]), backend([1, 1e-20]), normalize=True)
    assert float(backend.read(value)) == pytest.approx(22.3327, abs=5e-5)
    for small in (1e-40, 1e-100, 1e-300):
        value = kb.kl(backend([0.5, 0.5]), backend([1, small]), normalize=True)
        assert relative_error(backend.read(value), kl(normalised([0.5, 0.5]), normalised([1, small]))) < 1e-15


@each_backend
@pytest.mark.parametrize("size", [10.0, 1000.0, 1e5, 1e300])
def test_logits_stay_in_log_space(backend: Backend, size: float) -> None:
    value = kb.kl(backend([size, 0]), backend([0, size]), form="logits")
    truth = kl(softmax([size, 0]), softmax([0, size])) if size < 1e5 else mp.mpf(size)
    assert relative_error(backend.read(value), truth) < 1e-15


@each_backend
def test_log_probabilities_of_minus_infinity_on_both_sides(backend: Backend) -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.75, 0.0])
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p), np.log(q)
    for form in ("log_probs", "logits"):
        value = backend.read(kb.kl(backend(log_p), backend(log_q), form=form))
        assert relative_error(value, kl(exactly(p), exactly(q))) < 1e-15
        only_p = backend.read(kb.kl(backend(log_p), backend([-np.inf, 0.0, -np.inf]), form=form))
        assert only_p == np.inf
        only_q = backend.read(kb.kl(backend([-np.inf, 0.0, -np.inf]), backend(log_q), form=form))
        assert relative_error(only_q, -mp.log(mp.mpf(0.75))) < 1e-15


@each_backend
def test_an_outcome_that_neither_has_adds_nothing(backend: Backend) -> None:
    p, q = [0.5, 0.5, 0.0], [0.25, 0.75, 0.0]
    for measure in (kb.kl, kb.js, kb.jeffreys, kb.chi2, kb.hellinger, kb.total_variation, kb.cross_entropy):
        full = backend.read(measure(backend(p), backend(q)))
        assert full == pytest.approx(float(backend.read(measure(backend(p[:2]), backend(q[:2])))), rel=1e-15)


@each_backend
def test_a_ratio_that_overflows(backend: Backend) -> None:
    value = backend.read(kb.kl(backend([1, 1e-5]), backend([1, 1e-300]), normalize=True))
    assert relative_error(value, kl(normalised([1, 1e-5]), normalised([1, 1e-300]))) < 1e-15
    if backend.counts_subnormals:
        value = backend.read(kb.kl(backend([1, 1e-5]), backend([1, 1e-320]), normalize=True))
        assert value == pytest.approx(0.00724, abs=5e-6)
        assert relative_error(value, kl(normalised([1, 1e-5]), normalised([1, 1e-320]))) < 1e-15


def test_long_float32_columns() -> None:
    p = np.ones((20_000_000, 2), np.float32)
    q = p.copy()
    q[::2] = 2
    value = kb.kl(p, q, axis=0, normalize=True)
    truth = float(kl(normalised([1, 1]), normalised([2, 1])))
    assert value.dtype == np.float32
    assert value == pytest.approx([0.05889, 0.05889], abs=5e-6)
    assert value == pytest.approx([truth, truth], rel=EPS["float32"])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_vocabulary_in_half_precision(dtype: str) -> None:
    rng = np.random.default_rng(22)
    z = rng.normal(0, 2, 128_256)
    w = z + rng.normal(0, 0.1, 128_256)
    for backend in BACKENDS:
        if dtype in backend.dtypes:
            a, b = backend(z, dtype), backend(w, dtype)
            log_p, log_q = (x - np.logaddexp.reduce(x) for x in (backend.read(a), backend.read(b)))
            truth = np.sum(np.exp(log_p) * (log_p - log_q))
            assert 0.004 < truth < 0.006
            value = backend.read(kb.kl(a, b, form="logits"))
            assert value == pytest.approx(truth, rel=EPS[dtype] / 2 * 1.01), str(backend)


@each_backend
def test_nan_in_nan_out(backend: Backend) -> None:
    rows = backend([[0.5, 0.5], [np.nan, 1.0], [0.5, 0.5]])
    good = backend([0.25, 0.75])
    measures = (kb.kl, kb.js, kb.jeffreys, kb.chi2, kb.hellinger, kb.total_variation, kb.cross_entropy)
    for measure in measures:
        assert np.isnan(backend.read(measure(rows, good))).tolist() == [False, True, False], measure.__name__
        assert np.isnan(backend.read(measure(good, rows))).tolist() == [False, True, False], measure.__name__
    assert np.isnan(backend.read(kb.kl(rows, good, normalize=True))).tolist() == [False, True, False]
    assert np.isnan(backend.read(kb.entropy(rows))).tolist() == [False, True, False]
    logits = backend([[0.0, 0.0], [np.nan, 0.0]])
    assert np.isnan(backend.read(kb.kl(logits, backend([0.0, 1.0]), form="logits"))).tolist() == [False, True]


def test_the_gradient_at_zero() -> None:
    p = [0.0, 0.5, 0.5]
    q = [0.2, 0.3, 0.5]
    tensor = torch.tensor(p, dtype=torch.float64, requires_grad=True)
    kb.kl(tensor, torch.tensor(q, dtype=torch.float64)).backward()
    expected = [-np.inf, np.log(0.5 / 0.3), 0.0]
    np.testing.assert_allclose(tensor.grad, expected, atol=1e-16)
    np.testing.assert_allclose(jax.grad(kb.kl)(jax.numpy.array(p), jax.numpy.array(q)), expected, atol=1e-16)


def test_the_gradient_of_masked_logits() -> None:
    z = np.array([0.3, -1.0, -np.inf, -np.inf])
    w = np.array([0.1, 0.4, 0.2, -np.inf])
    P, Q = softmax(z), softmax(w)
    value = kl(P, Q)
    by_p = [float(a * (mp.log(a / b) - value)) if a else 0.0 for a, b in zip(P, Q, strict=True)]
    by_q = [float(b - a) for a, b in zip(P, Q, strict=True)]

    def loss(z: object, w: object) -> object:
        return kb.kl(z, w, form="logits")

    tensors = [torch.tensor(x, requires_grad=True) for x in (z, w)]
    from_torch = torch.autograd.grad(loss(*tensors), tensors)
    from_jax = jax.grad(loss, argnums=(0, 1))(jax.numpy.array(z), jax.numpy.array(w))
    for gradients in (from_torch, from_jax):
        np.testing.assert_allclose(gradients[0], by_p, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(gradients[1], by_q, rtol=1e-14, atol=1e-16)


def test_nothing_is_normalised_in_silence() -> None:
    with pytest.raises(kb.InputError, match="normalize=True"):
        kb.kl(np.array([1.0, 3.0]), np.array([0.5, 0.5]))
