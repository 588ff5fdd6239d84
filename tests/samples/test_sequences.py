"""Sequences: the rate of Markov chains from their counts, and the error of series that remember."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from kullback._core.errors import InputError
from kullback.samples.dependence import inflation
from kullback.samples.sequences import estimate_rate
from kullback.samples.series import estimate_series

P, Q = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.8, 0.2], [0.4, 0.6]])
RATE = float(np.array([0.75, 0.25]) @ (P * np.log(P / Q)).sum(axis=1))  # 0.75, 0.25 are P's long shares


def chain(n: int, matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    state, out, u = 0, np.empty(n, dtype=int), rng.random(n)
    for t in range(n):
        state = int(u[t] > matrix[state, 0])
        out[t] = state
    return out


def test_the_rate_covers_at_its_nominal_rate_and_finds_the_order() -> None:
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        d = estimate_rate(chain(800, P, rng), chain(800, Q, rng))
        assert "order 1, chosen by BIC" in d.method
        assert d.interval is not None
        held += d.interval[0] <= RATE <= d.interval[1]
        if d.parts:
            assert sum(d.parts.values()) == pytest.approx(d.value)
    assert held >= 34  # 38 expected


def test_order_zero_is_the_divergence_of_symbols_and_misses_the_past() -> None:
    rng = np.random.default_rng(0)
    even = np.array([[0.9, 0.1], [0.1, 0.9]])  # the shares of fair coins
    x, y = chain(3000, even, rng), rng.integers(0, 2, 3000)
    assert estimate_rate(x, y, order=0).value < 0.02
    assert estimate_rate(x, y).value == pytest.approx(float((even[0] * np.log(even[0] / 0.5)).sum()), abs=0.05)


def test_text_and_several_runs_are_as_numbers_in_one() -> None:
    rng = np.random.default_rng(1)
    x, y = chain(600, P, rng), chain(500, Q, rng)
    letters = np.array(["a", "b"])
    one = estimate_rate([x[:300], x[300:]], y, order=0)
    other = estimate_rate(letters[x], letters[y], order=0)
    assert one.value == other.value == estimate_rate(x, y, order=0).value


def test_contexts_that_q_hardly_shows_leave_a_lower_bound() -> None:
    x = np.array([0, 1, 2] * 100)
    y = np.array([0, 1] * 150)
    d = estimate_rate(x, y, order=1)
    assert d.interval is not None
    assert d.interval[1] == np.inf
    assert any("only a lower bound" in text for text in d.caveats)


@pytest.mark.parametrize(
    ("x", "options", "words"),
    [
        ([0, 1], {}, "x has 2 symbols"),
        ([0, 1, 1, 0, 1, 0], {"order": 7}, "order 7 needs at least 11"),
        ([0, 1, 1, 0, 1, 0], {"order": -1}, "order must be a whole number"),
        ([0, 1, np.nan, 0, 1, 0], {}, "no symbol at row 2"),
        (["a", "b", "a", "a", "b", "b"], {}, "make both alike"),
    ],
)
def test_bad_sequences_are_refused(x: list[object], options: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        estimate_rate(x, [0, 1, 0, 0, 1, 1, 0, 1], **options)


def autoregression(n: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(size=n + 300) * np.sqrt(1 - rho**2)
    return np.asarray(signal.lfilter([1], [1, -rho], noise))[300:]


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_inflation_of_an_autoregression(rho: float) -> None:
    found = [inflation(autoregression(2000, rho, np.random.default_rng(seed))) for seed in range(40)]
    assert np.mean(found) == pytest.approx((1 + rho) / (1 - rho), rel=0.12)


def test_a_series_says_how_much_less_it_knows() -> None:
    rng = np.random.default_rng(3)
    x, y = autoregression(600, 0.8, rng) + 0.7, autoregression(600, 0.8, rng)
    slow, fast = estimate_series(x, y), estimate_series(rng.permutation(x), rng.permutation(y))
    assert slow.error > 1.8 * fast.error
    assert slow.interval is not None
    assert slow.interval[0] < 0.245 < slow.interval[1]
    with pytest.raises(InputError, match="at least"):
        estimate_series(x[:60], y[:60], block=20)
