"""Values to the last bits, against 50 digits, and never below zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest

import kullback as kb
from backends import BACKENDS, EPS, Backend
from exact import cross_entropy, entropy, exactly, js, kl, normalised, power_sum, relative_error, softmax

ORDERS = [0.1, 0.5, 0.9, 1 - 1e-9, 1 + 1e-9, 1.5, 2.0, 7.0]


def near(rng: np.random.Generator, n: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Two distributions a relative `distance` apart."""
    p = rng.dirichlet(np.ones(n))
    wobble = rng.standard_normal(n)
    q = p * (1 + distance * (wobble - np.sum(p * wobble)))
    return p, q / q.sum()


def problems() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(11)
    cases = {f"random {n}": (rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))) for n in (2, 3, 10, 101, 1000)}
    cases |= {f"near {d:g}": near(rng, 50, d) for d in (1e-1, 1e-3, 1e-6, 1e-9, 1e-12, 3e-13)}
    cases["peaked"] = (rng.dirichlet(np.full(50, 0.02)) + 1e-300, rng.dirichlet(np.full(50, 0.05)) + 1e-300)
    cases["opposed"] = (np.array([1 - 1e-12, 1e-12]), np.array([1e-12, 1 - 1e-12]))
    cases["factor of two"] = (np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    cases["barely beyond"] = (np.array([0.5, 0.5]), np.array([0.25 - 1e-9, 0.75 + 1e-9]))
    return cases


PROBLEMS = problems()


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("case", PROBLEMS)
def test_kl(backend: Backend, case: str) -> None:
    p, q = PROBLEMS[case]
    value = backend.read(kb.kl(backend(p), backend(q)))
    assert relative_error(value, kl(exactly(p), exactly(q))) <= 3 * 4e-16


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("case", PROBLEMS)
def test_kl_normalised(backend: Backend, case: str) -> None:
    p, q = PROBLEMS[case]
    p, q = 3 * p, 0.7 * q
    value = backend.read(kb.kl(backend(p), backend(q), normalize=True))
    truth = kl(normalised(p), normalised(q))
    # Normalisers are known to half an ulp or so; the divergence feels the square of that.
    assert relative_error(value, truth) <= 4 * 4e-16 + float(1e-31 / truth)


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("case", PROBLEMS)
def test_symmetric_measures(backend: Backend, case: str) -> None:
    p, q = PROBLEMS[case]
    P, Q = exactly(p), exactly(q)
    half = mp.mpf(1) / 2
    expected = {
        kb.jeffreys: kl(P, Q) + kl(Q, P),
        kb.js: js([P, Q], [half, half]),
        kb.total_variation: mp.fsum(abs(a - b) for a, b in zip(P, Q, strict=True)) / 2,
        kb.hellinger: mp.sqrt(mp.fsum((mp.sqrt(a) - mp.sqrt(b)) ** 2 for a, b in zip(P, Q, strict=True)) / 2),
    }
    for measure, truth in expected.items():
        assert relative_error(backend.read(measure(backend(p), backend(q))), truth) <= 4 * 4e-16, measure.__name__


@pytest.mark.parametrize("case", PROBLEMS)
@pytest.mark.parametrize("order", ORDERS)
def test_orders(case: str, order: float) -> None:
    p, q = PROBLEMS[case]
    P, Q = normalised(p), normalised(q)
    exact_order = mp.mpf(order)
    total = power_sum(P, Q, order)
    truths = {
        kb.renyi: mp.log(total) / (exact_order - 1),
        kb.tsallis: (total - 1) / (exact_order - 1),
        kb.alpha_divergence: (total - 1) / (exact_order * (exact_order - 1)),
    }
    # Powers are exponentials of order·log(p/q), and feel its rounding that many times over.
    widest = max(abs(float(mp.log(a / b))) for a, b in zip(P, Q, strict=True))
    for measure, truth in truths.items():
        value = float(measure(p, q, order, normalize=True))
        if truth > mp.mpf(np.finfo(float).max):
            assert value == math.inf
            continue
        # What normalisers are off by is felt squared, order² times over.
        slack = truth * 4e-16 * (8 + order * widest) + 1e-31 * max(1, order**2)
        assert abs(mp.mpf(value) - truth) <= slack, measure.__name__


@pytest.mark.parametrize("case", PROBLEMS)
def test_chi2(case: str) -> None:
    p, q = PROBLEMS[case]
    truth = mp.fsum((a - b) ** 2 / b for a, b in zip(exactly(p), exactly(q), strict=True))
    assert relative_error(kb.chi2(p, q), truth) <= 4 * 4e-16


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("case", PROBLEMS)
def test_entropies(backend: Backend, case: str) -> None:
    p, q = PROBLEMS[case]
    P, Q = exactly(p), exactly(q)
    assert relative_error(backend.read(kb.entropy(backend(p))), entropy(P)) <= 4 * 4e-16
    assert relative_error(backend.read(kb.cross_entropy(backend(p), backend(q))), cross_entropy(P, Q)) <= 4 * 4e-16


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("counts", [[1e17, 1.0], [3e20, 1e3, 5.0], [7.0, 7.0, 7.0], [1.0, 0.0]])
def test_entropy_of_peaked_counts(backend: Backend, counts: list[float]) -> None:
    truth = entropy(normalised(counts))
    assert relative_error(backend.read(kb.entropy(backend(counts), normalize=True)), truth) <= 4 * 4e-16
    logits = np.where(np.array(counts) > 0, np.log(np.maximum(counts, 1)), -np.inf)
    truth = entropy(softmax(logits))
    assert relative_error(backend.read(kb.entropy(backend(logits), form="logits")), truth) <= 8 * 4e-16


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("distance", [1.0, 1e-3, 1e-6, 1e-9, 3e-13])
def test_logits(backend: Backend, distance: float) -> None:
    rng = np.random.default_rng(12)
    z = rng.normal(0, 3, 40)
    w = z + distance * rng.standard_normal(40)
    truth = kl(softmax(z), softmax(w))
    shifted = kb.kl(backend(z), backend(w), form="logits")
    assert relative_error(backend.read(shifted), truth) <= 8 * 4e-16


@pytest.mark.parametrize("distance", [1.0, 1e-3, 1e-6, 1e-9])
def test_log_probs(distance: float) -> None:
    rng = np.random.default_rng(13)
    p, q = near(rng, 40, distance) if distance < 1 else (rng.dirichlet(np.ones(40)), rng.dirichlet(np.ones(40)))
    lp, lq = np.log(p), np.log(q)
    truth = kl([mp.exp(x) for x in exactly(lp)], [mp.exp(x) for x in exactly(lq)])
    assert relative_error(kb.kl(lp, lq, form="log_probs"), truth) <= 4 * 4e-16


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_each_dtype(backend: Backend) -> None:
    rng = np.random.default_rng(14)
    for dtype in backend.dtypes:
        p, q = rng.dirichlet(np.ones(100)), rng.dirichlet(np.ones(100))
        a, b = backend(p, dtype), backend(q, dtype)
        value = kb.kl(a, b, normalize=True)
        assert value.dtype == a.dtype
        truth = kl(normalised(backend.read(a)), normalised(backend.read(b)))
        # The result is rounded once to its dtype; JAX computes float32 in float32.
        slack = 8 * EPS["float32"] if str(backend) == "jax" else 0.0
        assert relative_error(backend.read(value), truth) <= max(EPS[dtype] / 2 * 1.01, 3 * 4e-16) + slack, dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long(dtype: str) -> None:
    rng = np.random.default_rng(15)
    n = 1_000_000
    p, q = rng.random(n), rng.random(n)
    p, q = (p / p.sum()).astype(dtype), (q / q.sum()).astype(dtype)
    wide_p, wide_q = p.astype(np.longdouble), q.astype(np.longdouble)
    truth = float(np.sum(wide_p * np.log(wide_p / wide_q) - wide_p + wide_q))
    assert abs(kb.kl(p, q) / truth - 1) <= (3 * 4e-16 if dtype == "float64" else EPS["float32"])
    torch_like = BACKENDS[2]
    value = torch_like.read(kb.kl(torch_like(p, dtype), torch_like(q, dtype)))
    assert abs(value / truth - 1) <= (6 * 4e-16 if dtype == "float64" else EPS["float32"])


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_never_negative(backend: Backend) -> None:
    """A million near-equal rows in each dtype on NumPy and torch, the two ways of computing; fewer elsewhere."""
    rng = np.random.default_rng(16)
    rows = {"numpy": 1_000_000, "torch": 1_000_000}.get(str(backend), 50_000)
    for dtype in backend.dtypes:
        p = rng.random((rows, 3)) + 0.1
        p /= p.sum(axis=1, keepdims=True)
        a = backend(p, dtype)
        step = EPS[dtype] * rng.integers(-2, 3, p.shape)
        b = backend(backend.read(a) * (1 + step), dtype)
        for normalize in (False, True) if EPS[dtype] < 1e-6 else (True,):
            assert (backend.read(kb.kl(a, b, normalize=normalize)) >= 0).all(), dtype


def test_several_measures_are_never_negative() -> None:
    rng = np.random.default_rng(17)
    p = rng.dirichlet(np.ones(6), 20_000)
    q = p * (1 + 2.0**-52 * rng.integers(-2, 3, p.shape))
    measures: list[Callable[..., np.ndarray]] = [
        kb.js,
        kb.jeffreys,
        kb.hellinger,
        kb.chi2,
        kb.total_variation,
        lambda p, q: kb.renyi(p, q, 0.5),
        lambda p, q: kb.renyi(p, q, 2),
        lambda p, q: kb.renyi(p, q, math.inf),
        lambda p, q: kb.tsallis(p, q, 3),
        lambda p, q: kb.kl(np.log(p), np.log(q), form="logits"),
    ]
    for measure in measures:
        assert (measure(p, q) >= 0).all()


def test_what_is_normalised_only_up_to_rounding() -> None:
    """The value is that of the numbers given, which is the exactly normalised one but for the square of what is off."""
    rng = np.random.default_rng(18)
    p, q = near(rng, 30, 1e-4)
    P, Q = exactly(p), exactly(q)
    off = max(abs(mp.fsum(P) - 1), abs(mp.fsum(Q) - 1))
    assert abs(kl(P, Q) - kl(normalised(p), normalised(q))) <= 4 * off**2 + 2 * off * kl(P, Q)
    assert relative_error(kb.kl(p, q), kl(normalised(p), normalised(q))) < 1e-15
