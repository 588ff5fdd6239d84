"""The count estimator: unbiased where the theory says so, intervals that cover, laws of grouping."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from kullback.samples import discrete
from kullback.samples.discrete import Counts, estimate_counts


def zipf(k: int) -> np.ndarray:
    q = 1 / np.arange(1, k + 1)
    return q / q.sum()


def draws(n: int, m: int, p: np.ndarray, q: np.ndarray, repetitions: int, seed: int) -> list[Counts]:
    rng = np.random.default_rng(seed)
    return [Counts.of(rng.multinomial(n, p), rng.multinomial(m, q)) for _ in range(repetitions)]


@pytest.mark.parametrize(("size", "order"), [(50.0, 50.0), (50.0, 20.0), (400.0, 7.0), (3000.0, 999.0)])
def test_series_is_the_sum_it_says(size: float, order: float) -> None:
    u = np.array([0.0, 1.0, 2.0, 3.5, 5.0, 9.0])
    v = np.arange(1, int(order) + 1)
    g = special.gammaln
    for ui, got in zip(u, discrete._series(u, size, order), strict=True):
        possible = v <= size - ui
        w = v[possible]
        exact = (np.exp(g(size - ui + 1) - g(size - ui - w + 1) - g(size + 1) + g(size - w + 1)) / w).sum()
        assert got == pytest.approx(exact, rel=3e-4)


def test_full_order_is_zhang_and_grabchak() -> None:
    # With n − 1 = m nothing is cut off, and the terms are theirs: p̂[ψ(m+1) − ψ(Y+1) − ψ(n) + ψ(X)].
    rng = np.random.default_rng(0)
    x, y = rng.multinomial(201, zipf(20)), rng.multinomial(200, zipf(20)[::-1])
    estimate = estimate_counts(Counts.of(x, y))
    seen = x > 0
    psi = special.digamma
    theirs = (x[seen] / 201 * (psi(201) - psi(y[seen] + 1) - psi(201) + psi(x[seen]))).sum()
    assert estimate.value - estimate.extrapolated == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(200, 200), (100, 2000), (2000, 100)])
def test_no_bias_without_change_whatever_the_sizes(n: int, m: int) -> None:
    p = zipf(300)
    values = np.array([estimate_counts(c).value for c in draws(n, m, p, p, 300, 1)])
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(len(values))


def test_bias_is_far_below_plug_in_and_jeffreys_on_zipf_against_uniform() -> None:
    # Measured for n = m = 1000, K = 1000: plug-in −0.69, Jeffreys prior −0.41, here +0.09 of 1.72.
    p, q = zipf(1000), np.full(1000, 1e-3)
    truth = float((p * np.log(p / q)).sum())
    values = np.array([estimate_counts(c).value for c in draws(1000, 1000, p, q, 100, 2)])
    assert abs(values.mean() - truth) < 0.12


@pytest.mark.parametrize(
    ("p", "q", "n", "m"),
    [
        (zipf(5), zipf(5), 1000, 1000),
        (zipf(20), zipf(20)[::-1], 1000, 10_000),
        (zipf(300), zipf(300), 1000, 1000),
        (np.full(1000, 1e-3), np.full(1000, 1e-3), 10_000, 1000),
        (zipf(100), np.full(100, 0.01), 1000, 3000),
        (np.array([0.3, 0.7]), np.array([0.31, 0.69]), 5000, 5000),
    ],
)
def test_intervals_cover(p: np.ndarray, q: np.ndarray, n: int, m: int) -> None:
    truth = float((p * np.log(p / q)).sum())
    held = 0
    for counts in draws(n, m, p, q, 300, 3):
        low, high = estimate_counts(counts).interval(0.95)
        held += low <= truth <= high
    # Three Monte Carlo errors below the least that is promised.
    assert held / 300 > 0.93 - 3 * math.sqrt(0.93 * 0.07 / 300)


def test_error_is_the_spread() -> None:
    p, q = zipf(50), zipf(50)[::-1]
    estimates = [estimate_counts(c) for c in draws(2000, 3000, p, q, 200, 4)]
    assert np.mean([e.error for e in estimates]) == pytest.approx(np.std([e.value for e in estimates]), rel=0.15)


@given(
    counts=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=12),
    confidence=st.sampled_from([0.5, 0.9, 0.99]),
)
@settings(deadline=None, max_examples=150)
def test_intervals_are_ordered_and_terms_sum(counts: list[tuple[int, int]], confidence: float) -> None:
    x, y = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    if x.sum() < 2 or y.sum() < 2:
        return
    estimate = estimate_counts(Counts.of(x, y))
    low, high = estimate.interval(confidence)
    assert 0 <= low <= max(estimate.value, 0) + 1e-12
    assert high >= max(estimate.value, 0) - 1e-12
    assert estimate.counts.levels @ estimate.terms + estimate.extrapolated == pytest.approx(estimate.value, abs=1e-9)
    assert np.isfinite(estimate.value)
    assert np.isfinite(estimate.error)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30), st.randoms())
@settings(deadline=None, max_examples=100)
def test_order_of_values_and_grouping_do_not_matter(counts: list[tuple[int, int]], random: object) -> None:
    x, y = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    if x.sum() < 2 or y.sum() < 2:
        return
    order = np.random.default_rng(0).permutation(len(x))
    whole = estimate_counts(Counts.of(x, y))
    shuffled = estimate_counts(Counts.of(x[order], y[order]))
    pairs, levels = np.unique(np.stack([x, y]), axis=1, return_counts=True)
    grouped = estimate_counts(Counts.of(*pairs, levels))
    assert shuffled.value == grouped.value == whole.value
    assert shuffled.error == grouped.error == whole.error


def test_terms_of_are_those_of_each_pair() -> None:
    x, y = np.array([5.0, 9.0, 5.0, 0.0]), np.array([2.0, 9.0, 2.0, 7.0])
    estimate = estimate_counts(Counts.of(x, y))
    terms = estimate.terms_of(x, y)
    assert terms[0] == terms[2]
    assert terms.sum() + estimate.extrapolated == pytest.approx(estimate.value, rel=1e-12)


def test_a_new_value_gives_a_lower_bound() -> None:
    estimate = estimate_counts(Counts.of(np.array([970.0, 30.0]), np.array([1000.0, 0.0])))
    low, high = estimate.interval(0.95)
    assert high == math.inf
    # The reference may hold it up to three times in a thousand draws, and D is then at least this.
    rarest = float(stats.beta.ppf(0.975, 1, 1000))
    assert 0 < low < 0.03 * math.log(0.03 / rarest) + 0.97 * math.log(0.97 / (1 - rarest)) + 0.02


def test_values_too_rare_give_a_lower_bound() -> None:
    rng = np.random.default_rng(5)
    p = np.full(5000, 1 / 5000)
    estimate = estimate_counts(Counts.of(rng.multinomial(1000, p), rng.multinomial(1000, p)))
    assert estimate.at_least
    assert estimate.interval(0.95)[1] == math.inf


def test_a_million_levels_take_seconds_and_little_memory() -> None:
    rng = np.random.default_rng(6)
    p = zipf(1_000_000)
    x, y = rng.multinomial(2_000_000, p), rng.multinomial(1_000_000, p)
    estimate = estimate_counts(Counts.of(x, y))
    assert abs(estimate.value) < 4 * estimate.error
