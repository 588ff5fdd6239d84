"""The test of no change: level on frequent and on rare values, power where everything changed."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.samples.discrete import Counts
from kullback.tables.significance import benjamini_hochberg, no_change_p_value


def zipf(k: int) -> np.ndarray:
    q = 1 / np.arange(1, k + 1)
    return q / q.sum()


@pytest.mark.parametrize(
    ("p", "n", "m"),
    [
        (zipf(5), 500, 500),
        (zipf(1000), 5000, 5000),
        (zipf(5000), 50_000, 50_000),
        (zipf(1000), 500, 20_000),
        (np.full(2000, 1 / 2000), 1000, 1000),
        (np.full(20, 1 / 20), 100, 2000),
        (np.full(3, 1 / 3), 30, 30),
    ],
)
def test_level(p: np.ndarray, n: int, m: int) -> None:
    # The G-test alone rejects 99.97% of true nulls on 1,000 Zipf levels at n = 5,000.
    rng = np.random.default_rng(0)
    values = [no_change_p_value(Counts.of(rng.multinomial(n, p), rng.multinomial(m, p))) for _ in range(600)]
    assert np.mean(np.array(values) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert np.mean(np.array(values) < 0.005) < 0.005 + 3 * np.sqrt(0.005 * 0.995 / 600) + 0.005


@pytest.mark.parametrize("rows", [2, 5, 9])
def test_values_all_replaced_are_a_change_however_rare(rows: int) -> None:
    x = np.concatenate([np.full(1000, rows), np.zeros(1000)])
    assert no_change_p_value(Counts.of(x, x[::-1])) < 1e-20


def test_values_seen_once_say_nothing() -> None:
    x = np.concatenate([np.ones(1000), np.zeros(1000)])
    assert no_change_p_value(Counts.of(x, x[::-1])) == 1


def test_a_small_table_is_tested_too() -> None:
    # Every bin is expected fewer than ten times in the small table.
    y = np.full(20, 100.0)
    x = np.zeros(20)
    x[-1] = 100
    assert no_change_p_value(Counts.of(x, y)) < 1e-20


@pytest.mark.parametrize("k", [2, 5, 7, 20])
def test_equal_counts_are_no_change(k: int) -> None:
    # Rounding leaves the statistic of equal shares just below 0 for some of these.
    for n in (43, 300, 997):
        counts = Counts.of(np.full(k, n // k), np.full(k, n // k))
        assert no_change_p_value(counts) > 0.99


def test_benjamini_hochberg_is_scipys() -> None:
    from scipy import stats

    p = np.random.default_rng(1).random(30) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p, method="bh"), rtol=1e-14)
    assert benjamini_hochberg(np.array([])).size == 0
