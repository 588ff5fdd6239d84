"""The laws of divergence, by hypothesis, on every library."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kullback as kb
from backends import BACKENDS, Backend

each_backend = pytest.mark.parametrize("backend", BACKENDS, ids=str)
quick = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
ULPS = 64 * 2.0**-52


@st.composite
def distributions(draw: st.DrawFn, count: int) -> list[np.ndarray]:
    """Distributions over the same outcomes, some of them 0, from flat to peaked."""
    n = draw(st.integers(2, 5))
    weight = st.one_of(st.just(0.0), st.floats(1e-6, 1.0), st.sampled_from([1e-30, 0.5, 1.0]))
    result = []
    for _ in range(count):
        x = np.array(draw(st.lists(weight, min_size=n, max_size=n).filter(lambda v: sum(v) > 0)))
        result.append(x / x.sum())
    return result


def on(backend: Backend, measure: Any, *values: np.ndarray, **options: Any) -> float:
    return float(backend.read(measure(*(backend(v) for v in values), **options)))


def at_most(low: float, high: float) -> bool:
    return low <= high * (1 + ULPS) + ULPS or high == math.inf


@each_backend
@quick
@given(distributions(2))
def test_at_least_zero_and_zero_only_where_equal(backend: Backend, pair: list[np.ndarray]) -> None:
    p, q = pair
    for measure in (kb.kl, kb.js, kb.jeffreys, kb.hellinger, kb.chi2, kb.total_variation):
        value = on(backend, measure, p, q)
        assert value >= 0
        assert on(backend, measure, p, p) == 0
        if np.max(np.abs(p - q)) > 1e-150:
            assert value > 0


@each_backend
@quick
@given(distributions(2), distributions(2))
def test_additive_for_products(backend: Backend, first: list[np.ndarray], second: list[np.ndarray]) -> None:
    products = [np.outer(a, b).ravel() for a, b in zip(first, second, strict=True)]
    total = on(backend, kb.kl, *first) + on(backend, kb.kl, *second)
    assert on(backend, kb.kl, *products) == pytest.approx(total, rel=1e-12, abs=1e-14)


@each_backend
@quick
@given(distributions(2), st.data())
def test_merging_outcomes_never_raises_it(backend: Backend, pair: list[np.ndarray], data: st.DataObject) -> None:
    n = len(pair[0])
    i = data.draw(st.integers(0, n - 2))
    merged = [np.concatenate([x[:i], [x[i] + x[i + 1]], x[i + 2 :]]) for x in pair]
    for measure in (kb.kl, kb.js, kb.total_variation, kb.hellinger):
        assert at_most(on(backend, measure, *merged), on(backend, measure, *pair))


@each_backend
@quick
@given(distributions(4), st.floats(0, 1))
def test_jointly_convex(backend: Backend, four: list[np.ndarray], t: float) -> None:
    p, q, r, s = four
    mixed = on(backend, kb.kl, t * p + (1 - t) * r, t * q + (1 - t) * s)
    parts = [w * v for w, v in ((t, on(backend, kb.kl, p, q)), (1 - t, on(backend, kb.kl, r, s))) if w]
    assert at_most(mixed, sum(parts))


@each_backend
@quick
@given(distributions(2))
def test_inequalities(backend: Backend, pair: list[np.ndarray]) -> None:
    divergence, distance = on(backend, kb.kl, *pair), on(backend, kb.total_variation, *pair)
    squared = on(backend, kb.hellinger, *pair) ** 2
    assert at_most(2 * distance**2, divergence)  # Pinsker
    assert at_most(2 * squared, divergence)
    assert at_most(divergence, math.log1p(on(backend, kb.chi2, *pair)))
    assert at_most(squared, distance)
    assert at_most(on(backend, kb.js, *pair), math.log(2) * distance)


@each_backend
@quick
@given(distributions(2))
def test_entropy_plus_divergence_is_cross_entropy(backend: Backend, pair: list[np.ndarray]) -> None:
    parts = kb.decompose(*(backend(x) for x in pair))
    entropy, divergence, cross = (float(backend.read(x)) for x in parts)
    assert entropy + divergence == pytest.approx(cross, rel=1e-12, abs=1e-14)


@each_backend
@quick
@given(distributions(2), st.floats(0.01, 0.99))
def test_symmetries(backend: Backend, pair: list[np.ndarray], weight: float) -> None:
    p, q = pair
    for measure in (kb.js, kb.jeffreys, kb.hellinger, kb.total_variation):
        assert on(backend, measure, p, q) == pytest.approx(on(backend, measure, q, p), rel=1e-13)
    swapped = on(backend, kb.js, q, p, weight=1 - weight)
    assert on(backend, kb.js, p, q, weight=weight) == pytest.approx(swapped, rel=1e-12)
    for order in (0.3, 2.0):
        value = on(backend, kb.alpha_divergence, p, q, order=order)
        assert value == pytest.approx(on(backend, kb.alpha_divergence, q, p, order=1 - order), rel=1e-12)
    shuffled = np.random.default_rng(0).permutation(len(p))
    assert on(backend, kb.kl, p, q) == pytest.approx(on(backend, kb.kl, p[shuffled], q[shuffled]), rel=1e-13)


@each_backend
@quick
@given(distributions(2))
def test_renyi_grows_with_its_order_between_its_limits(backend: Backend, pair: list[np.ndarray]) -> None:
    orders = [0, 1e-3, 0.5, 1 - 1e-7, 1, 1 + 1e-7, 2, 30, math.inf]
    values = [on(backend, kb.renyi, *pair, order=order) for order in orders]
    assert all(at_most(low, high) for low, high in itertools.pairwise(values))
    if math.isfinite(values[-1]):
        assert values[3] == pytest.approx(values[4], rel=1e-4, abs=1e-12)
        assert values[5] == pytest.approx(values[4], rel=1e-4, abs=1e-12)


@quick
@given(distributions(2), distributions(2), st.integers(0, 1))
def test_chain_rule(first: list[np.ndarray], second: list[np.ndarray], axis: int) -> None:
    p, q = (np.outer(a, b) for a, b in zip(first, second, strict=True))
    p = 0.5 * p + 0.5 / p.size
    q = 0.5 * q + 0.25 / q.size + 0.25 * np.eye(*q.shape) / min(q.shape)
    result = kb.chain_rule(p, q, (axis, 1 - axis))
    assert result.value == pytest.approx(float(kb.kl(p, q, axis=(0, 1))), rel=1e-12, abs=1e-15)
    marginal = float(kb.kl(p.sum(1 - axis), q.sum(1 - axis)))
    assert result.parts[f"axis {axis}"] == pytest.approx(marginal, rel=1e-12, abs=1e-15)
