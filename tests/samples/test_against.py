"""A sample against a known law: right where the truth is known, and refusals that say what was wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kullback._core.errors import InputError
from kullback.samples.against import estimate_against
from kullback.samples.pmf import entropy_of


def test_a_shift_in_five_dimensions_and_what_answered() -> None:
    x = np.random.default_rng(0).normal(size=(400, 5)) + np.sqrt(0.2)
    d = estimate_against(x, stats.multivariate_normal(np.zeros(5)).logpdf)
    assert d.interval is not None
    assert d.interval[0] < 0.5 < d.interval[1]
    assert "by way of a Gaussian" in d.method


def test_a_skewed_law_on_the_line() -> None:
    x = stats.gamma(2).rvs(1000, random_state=1)
    d = estimate_against(x, stats.expon(scale=2).logpdf)
    truth = 1 + np.log(2) - stats.gamma(2).entropy()
    assert d.interval is not None
    assert d.interval[0] < truth < d.interval[1]
    assert d.error < 0.04


def test_the_caller_may_offer_draws_of_a_law_nearer_than_any_gaussian() -> None:
    def draw(count: int, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(rng.normal(size=(count, 2)) + 4 * rng.choice([-1, 1], (count, 1)))

    def log_q(x: np.ndarray) -> np.ndarray:
        bumps = [stats.multivariate_normal([a, a]).logpdf(x) for a in (-4.0, 4.0)]
        return np.asarray(np.logaddexp(*bumps) - np.log(2))

    d = estimate_against(draw(300, np.random.default_rng(0)), log_q, draw=draw)
    assert "Q's own draws" in d.method
    assert d.value < 0.05


def test_counts_against_known_probabilities() -> None:
    rng = np.random.default_rng(2)
    held = 0
    truth = 3 * np.log(3 / 4) + 1
    for _ in range(60):
        d = estimate_against(rng.poisson(3, 500), stats.poisson(4).logpmf)
        assert d.interval is not None
        held += d.interval[0] <= truth <= d.interval[1]
    assert held >= 51


def test_entropy_allows_for_values_not_seen() -> None:
    rng = np.random.default_rng(3)
    found = [entropy_of(np.unique(rng.integers(0, 300, 300), return_counts=True)[1])[0] for _ in range(200)]
    assert np.mean(found) == pytest.approx(np.log(300), abs=0.03)


def test_where_q_is_zero_it_is_infinite_and_says_where() -> None:
    d = estimate_against(np.array([0.5, 1.5, -0.25, 2.0] * 10) + np.arange(40) / 1000, stats.expon().logpdf)
    assert d.value == np.inf
    assert "10 of the 40 rows of x (25.00%)" in d.caveats[0]
    assert "row 2" in d.caveats[0]


@pytest.mark.parametrize(
    ("log_q", "words"),
    [
        (lambda x: stats.norm.logpdf(x), r"shape \(40, 3\).*sum it over the columns"),
        (lambda x: 0.0, r"gave shape \(\)"),
        (lambda x: np.where(np.arange(len(x)) == 7, np.nan, -1.0), "NaN at row 7"),
        (lambda x: stats.norm.logpdf(x).sum(axis=1) + 2, r"integrates to [67]\.\d+ .*not to 1"),
    ],
)
def test_a_wrong_log_density_is_refused(log_q: object, words: str) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(InputError, match=words):
        estimate_against(x, log_q)


def test_other_refusals() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="sums to"):
        estimate_against(rng.normal(size=500).round(1), stats.norm.logpdf)
    with pytest.raises(InputError, match="at least 11"):
        estimate_against(rng.normal(size=(6, 3)), stats.multivariate_normal(np.zeros(3)).logpdf)
    with pytest.raises(InputError, match="takes one value only"):
        estimate_against(np.stack([rng.normal(size=50), np.ones(50)], axis=1), lambda x: x[:, 0])
    z = rng.normal(size=(50, 1))
    with pytest.raises(InputError, match="determined by the others"):
        estimate_against(np.hstack([z, 2 * z]), lambda x: x[:, 0])
