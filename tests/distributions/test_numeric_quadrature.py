"""Quadrature on the line: the true error is within the stated one, and infinities are found and said."""

from __future__ import annotations

import math
import time
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import scipy.stats as st
import torch

import kullback as kb
from kullback.distributions.numeric._panels import GAUSS, KRONROD, NODES


def normal(a: tuple[float, float], b: tuple[float, float]) -> float:
    with mp.workdps(40):
        (m, s), (n, t) = (tuple(map(mp.mpf, x)) for x in (a, b))
        return float(((m - n) ** 2 + s**2) / (2 * t**2) - mp.mpf(1) / 2 - mp.log(s / t))


def gammas(a: float, c: float) -> float:
    with mp.workdps(60):
        return float(mp.loggamma(mp.mpf(c)) - mp.loggamma(mp.mpf(a)) + (mp.mpf(a) - mp.mpf(c)) * mp.digamma(mp.mpf(a)))


def betas(a: float, b: float, c: float, d: float) -> float:
    with mp.workdps(40):
        a, b, c, d = map(mp.mpf, (a, b, c, d))
        slopes = (a - c) * mp.digamma(a) + (b - d) * mp.digamma(b) + (c - a + d - b) * mp.digamma(a + b)
        return float(mp.log(mp.beta(c, d) / mp.beta(a, b)) + slopes)


def integral(log_p: Any, log_q: Any) -> float:
    """∫ p·log(p/q) in mpmath, x = sinh u."""

    def at(u: Any) -> Any:
        x = mp.sinh(u)
        return mp.exp(log_p(x)) * (log_p(x) - log_q(x)) * mp.cosh(u)

    with mp.workdps(20):
        return float(mp.quad(at, [-140, -80, -40, -20, -10, -5, -2, 0, 2, 5, 10, 20, 40, 80, 140]))


def log_t(df: float) -> Any:
    def at(x: Any) -> Any:
        n = mp.mpf(df)
        constant = mp.loggamma((n + 1) / 2) - mp.loggamma(n / 2) - mp.log(n * mp.pi) / 2
        return constant - (n + 1) / 2 * mp.log1p(x * x / n)

    return at


def log_normal(x: Any) -> Any:
    return -x * x / 2 - mp.log(2 * mp.pi) / 2


def log_cauchy(x: Any) -> Any:
    return -mp.log(mp.pi) - mp.log1p(x * x)


EXACT: dict[str, tuple[Any, Any, float]] = {
    "normals": (st.norm(0, 1), st.norm(1, 2), normal((0, 1), (1, 2))),
    "narrow in wide": (st.norm(0, 1e-6), st.norm(0, 1), normal((0, 1e-6), (0, 1))),
    "wide over narrow": (st.norm(0, 1), st.norm(0, 1e-6), normal((0, 1), (0, 1e-6))),
    "very narrow in wide": (st.norm(3, 1e-9), st.norm(0, 1e3), normal((3, 1e-9), (0, 1e3))),
    "nothing in common": (st.norm(0, 1e-12), st.norm(0, 1e12), normal((0, 1e-12), (0, 1e12))),
    "far apart: log q = −5e5": (st.norm(0, 1), st.norm(1e3, 1), 5e5),
    "D = 1e-12": (st.norm(0, 1), st.norm(1.4e-6, 1), 9.8e-13),
    "D = 5e-19": (st.norm(0, 1), st.norm(1e-9, 1), 5e-19),
    "far from 0": (st.norm(1e8, 1), st.norm(1e8 + 1, 1), 0.5),
    "Cauchys": (st.cauchy(0, 1), st.cauchy(3, 0.5), math.log((1.5**2 + 9) / 2)),
    "kinks": (st.laplace(0, 1), st.laplace(1, 1), math.exp(-1)),
    "pole at 0": (st.gamma(0.01), st.gamma(0.02), gammas(0.01, 0.02)),
    "poles at both ends": (st.beta(0.01, 0.01), st.uniform(), betas(0.01, 0.01, 1, 1)),
    "poles of both": (st.beta(0.01, 0.02), st.beta(0.03, 0.01), betas(0.01, 0.02, 0.03, 0.01)),
    "poles away from 0": (st.beta(0.1, 0.2, loc=5), st.beta(0.3, 0.1, loc=5), betas(0.1, 0.2, 0.3, 0.1)),
    "pole inside": (st.dgamma(0.3), st.dgamma(0.4), gammas(0.3, 0.4)),
    "large shape": (st.gamma(1e6), st.gamma(1e6 + 1e3), gammas(1e6, 1e6 + 1e3)),
    "support inside": (st.uniform(0.25, 0.5), st.uniform(), math.log(2)),
    "logs of normals": (st.lognorm(3), st.lognorm(1), normal((0, 3), (0, 1))),
    "far and narrow": (st.norm(1e6, 1e-3), st.norm(0, 1e6), normal((1e6, 1e-3), (0, 1e6))),
    "heavy tail": (st.pareto(0.05), st.pareto(0.06), math.log(0.05 / 0.06) + 0.06 / 0.05 - 1),
    "one sided, from above": (st.weibull_max(1), st.weibull_max(1, scale=2), math.log(2) - 0.5),
}
INTEGRATED: dict[str, tuple[Any, Any, Any, Any]] = {
    "Normal‖Cauchy": (st.norm(), st.cauchy(), log_normal, log_cauchy),
    "t of 1.1 ‖ of 3": (st.t(1.1), st.t(3), log_t(1.1), log_t(3)),
    "t of 30 ‖ Normal": (st.t(30), st.norm(), log_t(30), log_normal),
    "t of 2.5 ‖ Normal": (st.t(2.5), st.norm(), log_t(2.5), log_normal),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_true_error_is_within_the_stated_one(name: str) -> None:
    p, q, true = EXACT[name]
    found = kb.estimate(p, q, method="quadrature")
    assert found.method == "quadrature"
    assert not found.caveats
    assert abs(found.value - true) <= found.error + 4e-16 * true
    assert found.interval is not None
    assert found.interval[0] <= true * (1 + 4e-16)
    assert true * (1 - 4e-16) <= found.interval[1]


def test_the_stated_error_is_small() -> None:
    for name, (p, q, true) in EXACT.items():
        loose = {
            "very narrow in wide",
            "far from 0",
            "far and narrow",
            "D = 1e-12",
            "D = 5e-19",
            "large shape",
            "poles away from 0",
        }
        limit = 1e-4 if name in loose else 1e-7 if "pole" in name else 1e-9
        assert kb.estimate(p, q, method="quadrature").error <= limit * true, name


@pytest.mark.parametrize("name", INTEGRATED)
def test_agrees_with_many_digits(name: str) -> None:
    p, q, log_p, log_q = INTEGRATED[name]
    found = kb.estimate(p, q, method="quadrature")
    true = integral(log_p, log_q)
    assert abs(found.value - true) <= found.error + 4e-16 * true


INFINITE = {
    "the tail of Q falls faster than P's moments allow": (st.cauchy(), st.norm()),
    "at a finite end": (st.gamma(0.5), st.invgamma(1.0)),
    "log q overflows": (st.logistic(0, 2), st.gumbel_r()),
    "logarithmically": (st.cauchy(), st.laplace()),
}


@pytest.mark.parametrize("name", INFINITE)
def test_divergence_of_the_integral_is_infinite_and_said(name: str) -> None:
    found = kb.estimate(*INFINITE[name], method="quadrature")
    assert found.value == math.inf
    assert "diverges as far as can be told" in found.caveats[0]


def test_supports_say_infinite_and_which() -> None:
    found = kb.estimate(st.uniform(0, 2), st.triang(0.5))
    assert found.value == math.inf
    assert found.caveats == ("P's support, from 0 to 2, leaves Q's, from 0 to 1.",)


def test_a_hole_in_q_is_infinite() -> None:
    class Holed(st.rv_continuous):
        def _logpdf(self, x: Any) -> Any:
            return np.where((x < 1) | (x > 2), -math.log(2), -np.inf)

        def _rvs(self, size: Any = None, random_state: Any = None) -> Any:
            return random_state.uniform(0, 1, size) + 2 * random_state.integers(0, 2, size)

    found = kb.estimate(st.uniform(0, 3), Holed(a=0, b=3, name="holed")())
    assert found.value == math.inf
    assert found.caveats == ("P has 33% of its mass where Q has none.",)


def test_underflow_is_not_a_hole_but_a_lower_bound() -> None:
    """Scipy's hypsecant gives −inf beyond 745 scales, where its log-density is −|x|."""
    found = kb.estimate(st.norm(0, 10), st.hypsecant(0, 0.01))
    assert math.isfinite(found.value)
    assert found.interval is not None
    assert found.interval[1] == math.inf
    assert "by underflow" in found.caveats[0]
    assert found.value < 10 * math.sqrt(2 / math.pi) / 0.01


def test_underflow_of_p_where_it_matters_is_a_lower_bound() -> None:
    """E[e^−X] of a hyperbolic secant is infinite, but scipy's density of it ends at −745."""
    found = kb.estimate(st.hypsecant(), st.gumbel_r())
    assert found.interval is not None
    assert found.interval[1] == math.inf
    assert "its contributions matter" in found.caveats[0]
    # Elsewhere the same underflow is of no account.
    assert not kb.estimate(st.hypsecant(), st.skewnorm(0.0, 1, 3)).caveats


def test_a_rare_and_narrow_mode_is_not_missed() -> None:
    p = kb.distributions.GaussianMixture([0.999, 0.001], [0.0, 40.0], [1.0, 1e-10])
    found = kb.estimate(p, st.norm(0, 20))
    parts = [(0.999, 0.0, 1.0), (0.001, 40.0, 1e-5)]
    true = sum(w * (math.log(w) + normal((m, s), (0, 20))) for w, m, s in parts)
    assert abs(found.value - true) <= found.error + 1e-12
    assert found.error < 1e-9


def test_modes_that_draws_do_not_show_are_looked_for_again() -> None:
    class Rare(st.rv_continuous):
        """A normal, and a thousandth of the mass in a narrow one far away."""

        def _logpdf(self, x: Any) -> Any:
            return np.logaddexp(math.log(0.999) + st.norm.logpdf(x), math.log(0.001) + st.norm.logpdf(x, 500, 0.01))

        def _rvs(self, size: Any = None, random_state: Any = None) -> Any:
            rare = random_state.uniform(size=size) < 0.001
            return np.where(rare, random_state.normal(500, 0.01, size), random_state.normal(0, 1, size))

    found = kb.estimate(Rare(name="rare")(), st.norm(0, 100))
    true = sum(w * (math.log(w) + normal(a, (0, 100))) for w, a in ((0.999, (0, 1)), (0.001, (500, 0.01))))
    assert abs(found.value - true) <= found.error + 1e-12


def test_densities_that_are_not_normalised_are_told_of() -> None:
    class Doubled(st.rv_continuous):
        def _logpdf(self, x: Any) -> Any:
            return st.norm.logpdf(x) + math.log(2)

        def _rvs(self, size: Any = None, random_state: Any = None) -> Any:
            return random_state.normal(0, 1, size)

    found = kb.estimate(Doubled(name="doubled")(), st.norm(1, 1))
    assert "P's density was found to integrate to 2" in found.caveats[0]
    assert found.error > 0.5


def test_scipy_mixtures_truncations_and_kernel_densities() -> None:
    mixture = st.Mixture([st.Normal(), st.Normal(mu=3.0)], weights=[0.3, 0.7])
    kde = st.gaussian_kde(np.random.default_rng(0).normal(size=50))
    for p in (mixture, st.truncate(st.Normal(), lb=0.0, ub=3.0), kde):
        q = st.Normal(mu=1.0, sigma=3.0)
        found = kb.estimate(p, q)
        low, high = (0, 3) if p is not mixture and p is not kde else (-12, 15)
        step = (high - low) / 200_000
        x = low + step * (np.arange(200_000) + 0.5)
        log_p = np.log(np.maximum(p.pdf(x), 1e-300))
        grid = step * np.sum(np.exp(log_p) * (log_p - q.logpdf(x)))
        assert found.method == "quadrature"
        assert not found.caveats
        assert found.value == pytest.approx(grid, rel=1e-7)


def half_normals(dtype: Any) -> Any:
    weights = torch.distributions.Categorical(torch.tensor([0.3, 0.7]).to(dtype))
    return torch.distributions.MixtureSameFamily(
        weights, torch.distributions.HalfNormal(torch.tensor([0.4, 3.1]).to(dtype))
    )


def test_float32_states_the_error_of_float32_and_takes_no_draw_of_its_user() -> None:
    q = torch.distributions.HalfNormal(torch.tensor(2.0))
    state = torch.random.get_rng_state()
    found, exact = (
        kb.estimate(half_normals(dtype), q, method="quadrature") for dtype in (torch.float32, torch.float64)
    )
    assert torch.equal(state, torch.random.get_rng_state())
    assert 1e-9 < found.error < 1e-4
    assert exact.error < 1e-11
    assert abs(found.value - exact.value) <= found.error
    assert not found.caveats


def test_the_rule_is_that_of_quadpack() -> None:
    for degree in range(0, 32, 2):
        assert KRONROD @ NODES**degree == pytest.approx(2 / (degree + 1), rel=1e-14)
    for degree in range(0, 20, 2):
        assert GAUSS @ NODES**degree == pytest.approx(2 / (degree + 1), rel=1e-14)


def test_a_pair_takes_milliseconds() -> None:
    p, q = st.gumbel_r(0, 1), st.skewnorm(3, -1, 2)
    kb.estimate(p, q)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        kb.estimate(p, q)
        times.append(time.perf_counter() - start)
    # Five is the aim, which the benchmark measures; a busy machine is given more.
    assert min(times) < 0.025


class Nan(st.rv_continuous):
    """A normal density whose library gives up between two numbers."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(name="gap")
        self.between = low, high

    def _logpdf(self, x: Any) -> Any:
        return np.where((x > self.between[0]) & (x < self.between[1]), np.nan, st.norm.logpdf(x))

    def _rvs(self, *, size: Any = None, random_state: Any = None) -> Any:
        return random_state.normal(size=size)

    def _updated_ctor_param(self) -> Any:
        return {"low": self.between[0], "high": self.between[1]}


@pytest.mark.parametrize("between", [(0.5, 0.7), (1.0, math.inf)], ids=["inside", "in a tail"])
def test_a_log_density_that_is_not_a_number_is_no_zero(between: tuple[float, float]) -> None:
    """Taken for −inf, Q's would make D infinite; P's would take away mass."""
    gap, q = Nan(*between)(), st.norm(0.5, 2)
    with pytest.raises(kb.InputError, match="gap's log-density is not a number"):
        kb.estimate(q, gap, method="quadrature")
    with pytest.raises(kb.InputError, match=r"left out because scipy\.stats\.gap's log-density is not a number"):
        kb.estimate(q, gap, rng=0)
    if between[1] == math.inf:
        with pytest.raises(kb.InputError, match="gap's log-density is not a number"):
            kb.estimate(gap, q, method="quadrature")
        return
    found = kb.estimate(gap, q, method="quadrature")
    assert "gap's log-density is not a number at some points" in found.caveats[-1]
    assert abs(found.value - normal((0, 1), (0.5, 2))) < found.error


def test_what_is_not_a_number_where_no_mass_is_does_not_matter() -> None:
    gap, q = Nan(50, math.inf)(), st.norm(0.5, 2)
    for p, other, true in ((gap, q, normal((0, 1), (0.5, 2))), (q, gap, normal((0.5, 2), (0, 1)))):
        found = kb.estimate(p, other)
        assert not found.caveats
        assert abs(found.value - true) <= found.error + 4e-16 * true
