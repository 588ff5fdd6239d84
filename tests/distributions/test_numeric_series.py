"""Sums over the integers: the true error is within the stated one, however long the tail."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import scipy.stats as st
import torch

import kullback as kb
from kullback.distributions.adapters import adapt
from kullback.distributions.numeric._blocks import _rule, blocks
from kullback.distributions.numeric._side import side


def summed(log_p: Any, log_q: Any, last: int, first: int = 0) -> float:
    with mp.workdps(30):
        return float(mp.fsum(mp.exp(log_p(k)) * (log_p(k) - log_q(k)) for k in range(first, last)))


def log_poisson(rate: float) -> Any:
    return lambda k: k * mp.log(mp.mpf(rate)) - rate - mp.loggamma(k + 1)


def log_geometric(prob: float) -> Any:
    return lambda k: mp.log(mp.mpf(prob)) + k * mp.log1p(-mp.mpf(prob))


def log_negative_binomial(n: float, prob: float) -> Any:
    def at(k: int) -> Any:
        choose = mp.loggamma(k + n) - mp.loggamma(n) - mp.loggamma(k + 1)
        return choose + n * mp.log(mp.mpf(prob)) + k * mp.log1p(-mp.mpf(prob))

    return at


def zipfs(a: float, b: float) -> float:
    with mp.workdps(30):
        mean_log = -mp.zeta(a, 1, 1) / mp.zeta(a)
        return float((b - a) * mean_log + mp.log(mp.zeta(b) / mp.zeta(a)))


def wide(rate: float, other: float) -> float:
    with mp.workdps(40):
        a, b = mp.mpf(rate), mp.mpf(other)
        return float(b - a - a * mp.log(b / a))


CASES: dict[str, tuple[Any, Any, float]] = {
    "Poisson‖negative binomial": (
        st.poisson(3), st.nbinom(4, 0.5), summed(log_poisson(3), log_negative_binomial(4, 0.5), 200),
    ),
    "Geometric‖Poisson": (st.geom(0.3, loc=-1), st.poisson(2), summed(log_geometric(0.3), log_poisson(2), 500)),
    "nearly equal": (st.poisson(3), st.poisson(3 * (1 + 1e-9)), wide(3, 3 * (1 + 1e-9))),
    "a width of 1e6": (st.poisson(1e12), st.poisson(1e12 + 1e6), wide(1e12, 1e12 + 1e6)),
    "a width of 100": (st.poisson(1e4), st.poisson(1e4 + 1e2), wide(1e4, 1e4 + 1e2)),
    "far apart": (st.poisson(10), st.poisson(1e6), wide(10, 1e6)),
    "zeta tails": (st.zipf(2.5), st.zipf(3.0), zipfs(2.5, 3.0)),
    "a tail with 0.07% beyond 2^52": (st.zipf(1.2), st.zipf(1.5), zipfs(1.2, 1.5)),
    "finite": (st.randint(0, 10), st.randint(0, 20), math.log(2)),
    "finite and long": (st.randint(0, 10**7), st.randint(0, 3 * 10**7), math.log(3)),
    "both ends open": (
        st.dlaplace(0.8), st.dlaplace(0.5), math.log(math.tanh(0.4) / math.tanh(0.25)) - 0.3 / math.sinh(0.8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_true_error_is_within_the_stated_one(name: str) -> None:
    p, q, true = CASES[name]
    found = kb.estimate(p, q, method="series")
    assert found.method == "series"
    assert not found.caveats
    assert abs(found.value - true) <= found.error + 4e-16 * true
    assert found.error <= 1e-4 * true if name == "nearly equal" else found.error <= 1e-8 * true


def test_a_tail_that_diverges_is_infinite_and_said() -> None:
    found = kb.estimate(st.zipf(1.5), st.geom(0.1), method="series")
    assert found.value == math.inf
    assert "diverges" in found.caveats[0]


def test_mass_outside_and_holes() -> None:
    assert kb.estimate(st.poisson(3), st.binom(10, 0.3)).value == math.inf

    class Even(st.rv_discrete):
        def _pmf(self, k: Any) -> Any:
            return np.where(k % 2 == 0, 2 * 0.5 * 0.5**k * 0.75, 0.0)

    found = kb.estimate(st.geom(0.3, loc=-1), Even(name="even")(), method="series")
    assert found.value == math.inf
    assert "where Q has none" in found.caveats[0]


def test_rough_probabilities_are_summed_one_by_one() -> None:
    """Odd and even integers have weights 3 to 1: no polynomial runs through them."""

    class Rough(st.rv_discrete):
        def _logpmf(self, k: Any) -> Any:
            return st.nbinom.logpmf(k // 2, 5, 1e-3) + np.log(np.where(k % 2 == 0, 0.25, 0.75))

        def _rvs(self, n: Any, p: Any, size: Any = None, random_state: Any = None) -> Any:
            raise NotImplementedError

        def rvs(self, size: Any = None, random_state: Any = None, **_: Any) -> Any:
            pairs = st.nbinom.rvs(5, 1e-3, size=size, random_state=random_state)
            return 2 * pairs + (random_state.uniform(size=size) < 0.75)

    found = kb.estimate(Rough(name="rough")(), st.nbinom(5, 5e-4), method="series")
    k = np.arange(200_000.0)
    log_p = st.nbinom.logpmf(k // 2, 5, 1e-3) + np.log(np.where(k % 2 == 0, 0.25, 0.75))
    true = math.fsum(np.exp(log_p) * (log_p - st.nbinom.logpmf(k, 5, 5e-4)))
    assert abs(found.value - true) <= found.error + 1e-12


@pytest.mark.parametrize("loc", [0, 2])
def test_a_parameter_at_its_end_leaves_less_support(loc: int) -> None:
    """Poisson(0) is 0 alone, so D = −log q(0), and not ∞ as of all integers."""
    q = st.hypergeom(20, 7, 12, loc=loc)
    found = kb.estimate(st.poisson(0, loc=loc), q)
    assert found.method == "series"
    assert found.value == pytest.approx(-float(q.logpmf(loc)), rel=1e-12)
    assert found.value == pytest.approx(math.log(125970 / 13), rel=1e-12)
    two = torch.distributions.Independent(torch.distributions.Poisson(torch.zeros(2)), 1)
    ends = side(adapt(two))
    assert ends.highest.tolist() == [0, 0]


@pytest.mark.parametrize("size", [64, 256, 4096, 65536])
def test_a_rule_sums_polynomials_exactly(size: int) -> None:
    offsets, fine, coarse = _rule(size)
    t = (2 * offsets + 1) / size - 1
    every = (2 * np.arange(size) + 1) / size - 1
    for degree in range(12):
        true = math.fsum(every**degree)
        for rule, degrees in ((fine, 20), (coarse, 12)):
            assert degree >= degrees or rule @ t**degree == pytest.approx(true, rel=1e-13, abs=1e-12 * size)


def test_blocks_cover_every_integer_once() -> None:
    for a, b in ((0, 1), (0, 33), (5, 1000), (-100, 12345)):
        made = blocks([(a, b)])
        covered = np.concatenate([np.arange(s, s + n) for s, n in zip(made.start, made.size, strict=True)])
        assert np.array_equal(np.sort(covered), np.arange(a, b))
        split = made.split(made.can_be_split())
        assert split.size.sum() == made.size[made.can_be_split()].sum()
