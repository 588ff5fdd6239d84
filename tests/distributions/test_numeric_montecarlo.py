"""Draws: intervals cover what they say, near P = Q nothing is lost, and tails that cannot be trusted are told of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats as st
import torch

import kullback as kb
from kullback.distributions import GaussianMixture
from kullback.distributions.adapters import adapt
from kullback.distributions.numeric import montecarlo as rung
from kullback.distributions.numeric._pareto import shape_of_tail
from kullback.distributions.numeric._side import side

ten = np.zeros(10)
COVERED: dict[str, tuple[Any, Any]] = {
    "normals": (st.norm(0, 1), st.norm(1, 2)),
    "wide Q": (st.norm(0, 1), st.norm(0, 5)),
    "narrow Q": (st.norm(0, 1), st.norm(0, 0.5)),
    "near": (st.norm(0, 1), st.norm(1e-4, 1)),
    "a little wider": (st.norm(0, 1), st.norm(0, 1.05)),
    "skewed": (st.gamma(0.5), st.gamma(2.0)),
    "support inside": (st.uniform(0.25, 0.5), st.uniform()),
    "integers": (st.poisson(3), st.poisson(5)),
    "ten numbers": (st.multivariate_normal(ten), st.multivariate_normal(ten + 0.3, 1.5)),
}


@pytest.mark.parametrize("name", COVERED)
def test_intervals_cover(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 93% of intervals at nominal 95% hold the truth: 300 of them, with few draws each."""
    monkeypatch.setattr(rung, "DRAWS", 2048)
    p, q = COVERED[name]
    true = float(kb.kl(p, q))
    a, b = side(adapt(p)), side(adapt(q))
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(300):
        low, high = rung.montecarlo(a, b, rng=rng).interval or (0, 0)
        held += low * (1 - 1e-12) <= true <= high * (1 + 1e-12)
    assert held >= 279


def test_near_equality_keeps_its_digits() -> None:
    p, q = st.norm(0, 1), st.norm(1e-6, 1)
    found = kb.estimate(p, q, method="Monte Carlo", rng=0)
    assert found.value == pytest.approx(5e-13, rel=0.02)
    assert found.error < 0.01 * found.value
    assert kb.estimate(p, st.norm(0, 1), method="Monte Carlo").value == 0


def drawn(p: Any, q: Any) -> tuple[rung._Draws, rung._Draws]:
    both = rung._Draws("P"), rung._Draws("Q")
    for one in both:
        one.add(side(adapt(p)), side(adapt(q)), np.random.default_rng(0), rung.DRAWS)
    return both


def test_terms_are_chosen_by_their_error() -> None:
    near = rung._average(*drawn(st.norm(), st.norm(0.1)))
    assert all(np.min(t) >= 0 for t in near.terms)
    assert near.error < 0.1 * rung._average(drawn(st.norm(), st.norm(0.1))[0], rung._Draws("Q")).error
    # No weight exceeds 1, however much wider Q is.
    wide = rung._average(*drawn(st.norm(), st.norm(0, 5)))
    assert np.max(np.abs(wide.terms[1])) <= 1


MODES = GaussianMixture([1 - 1e-6, 1e-6], [0.0, 20.0], [1.0, 1.0]), GaussianMixture([0.5, 0.5], [0.0, 20.0], [1.0, 1.0])


def test_a_mode_that_no_draw_of_p_shows_is_seen_by_those_of_q() -> None:
    """Q has half of its mass there: r − 1 averaged over draws of P alone would be off by ½, with no variance."""
    p, q = MODES
    low, small = math.log(1 - 1e-6), math.log(1e-6)
    true = (1 - 1e-6) * low + 1e-6 * small + math.log(2)
    for seed in range(5):
        a, b = side(p), side(q)
        found = rung.montecarlo(a, b, rng=np.random.default_rng(seed))
        assert abs(found.value - true) < 4 * found.error
        assert found.error < 1e-3
        assert found.value != pytest.approx(math.log(2), abs=5e-6)


def test_draws_that_contradict_the_densities_are_told_of() -> None:
    class Elsewhere(st.rv_continuous):
        """Its draws miss half of its mass."""

        def _logpdf(self, x: Any) -> Any:
            return np.logaddexp(st.norm.logpdf(x), st.norm.logpdf(x, 30)) - math.log(2)

        def _rvs(self, *, size: Any = None, random_state: Any = None) -> Any:
            return random_state.normal(size=size)

    found = kb.estimate(Elsewhere(name="elsewhere")(), st.norm(0, 15), method="Monte Carlo", rng=0)
    assert any("mass comes to" in text and "miss a mode" in text for text in found.caveats)
    agreeing = kb.estimate(st.norm(), st.norm(1, 2), method="Monte Carlo", rng=0)
    assert not agreeing.caveats


def test_q_with_mass_outside_p_is_not_biased() -> None:
    """Half of Q's mass is outside: E_P[q/p] = ½, so terms that take it for 1 would be off by ½."""
    square = torch.distributions.Independent(torch.distributions.Uniform(torch.zeros(2), torch.tensor([1.0, 0.5])), 1)
    unit = torch.distributions.Independent(torch.distributions.Uniform(torch.zeros(2), torch.ones(2)), 1)
    found = kb.estimate(square, unit, method="Monte Carlo", rng=0)
    assert found.value == pytest.approx(math.log(2), abs=1e-6)


def test_tolerance_is_reached_with_progress() -> None:
    seen: list[tuple[int, int]] = []
    p, q = st.multivariate_t(ten, df=5), st.multivariate_t(ten + 0.5, df=4)
    found = kb.estimate(p, q, tolerance=2e-3, rng=1, progress=lambda done, total: seen.append((done, total)))
    assert found.error <= 2e-3
    assert not found.caveats
    assert len(seen) >= 2
    assert seen[-1][0] == seen[-1][1]
    assert all(done <= total for done, total in seen)


def test_a_budget_that_is_spent_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rung, "BUDGET", 1 << 17)
    found = kb.estimate(st.norm(), st.norm(1, 2), method="Monte Carlo", tolerance=1e-9, rng=0)
    assert "131072 draws" in found.method
    assert "was not reached with 131072 draws" in found.caveats[0]


def test_seeds_repeat_and_generators_go_on() -> None:
    p, q = st.norm(), st.norm(1, 2)
    first, again, other = (kb.estimate(p, q, method="Monte Carlo", rng=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    rng = np.random.default_rng(3)
    assert kb.estimate(p, q, method="Monte Carlo", rng=rng) == first
    assert kb.estimate(p, q, method="Monte Carlo", rng=rng) != first


def test_mass_outside_is_infinite_and_counted() -> None:
    p = st.multivariate_normal(np.zeros(2))
    q = torch.distributions.Independent(torch.distributions.Gamma(torch.ones(2) * 2, torch.ones(2)), 1)
    found = rung.montecarlo(side(adapt(p)), side(adapt(q)), rng=np.random.default_rng(0))
    assert found.value == math.inf
    assert "of 65536 draws of P lie where Q's density is 0" in found.caveats[0]


def test_heavy_tails_are_told_of() -> None:
    """Cauchy‖Normal: the mean does not exist, and draws alone would give a number."""
    found = kb.estimate(st.cauchy(), st.norm(), method="Monte Carlo", rng=0)
    assert "cannot be trusted" in found.caveats[0]
    light = kb.estimate(st.norm(), st.norm(1, 1), method="Monte Carlo", rng=0)
    assert not light.caveats


@pytest.mark.parametrize("shape", [-0.2, 0.1, 0.5, 0.7, 1.0, 1.5])
def test_the_shape_of_a_tail_is_found(shape: float) -> None:
    """Draws of a generalised Pareto distribution of known shape, over several seeds."""
    found = [shape_of_tail(st.genpareto(shape).rvs(40_000, random_state=seed)) for seed in range(8)]
    assert np.mean(found) == pytest.approx(shape, abs=0.08)
    assert shape_of_tail(np.ones(1000)) == -math.inf


class Rare(st.rv_continuous):
    """A normal density with another value beyond a number."""

    def __init__(self, beyond: float, value: float) -> None:
        super().__init__(name="rare")
        self.beyond, self.other = beyond, value

    def _logpdf(self, x: Any) -> Any:
        return np.where(x > self.beyond, self.other, st.norm.logpdf(x))

    def _rvs(self, *, size: Any = None, random_state: Any = None) -> Any:
        return random_state.normal(size=size)

    def _updated_ctor_param(self) -> Any:
        return {"beyond": self.beyond, "value": self.other}


KINDS = {"not a number": math.nan, "infinite": math.inf, "own density is 0": -math.inf}


@pytest.mark.parametrize("kind", KINDS)
def test_draws_that_say_nothing_are_counted(kind: str) -> None:
    few, many = (Rare(beyond, KINDS[kind])() for beyond in (3.0, 2.0))
    found = kb.estimate(few, st.norm(0, 2), method="Monte Carlo", rng=0)
    count = int(found.caveats[0].split()[0])
    assert abs(count - 65536 * st.norm.sf(3)) < 5 * math.sqrt(65536 * st.norm.sf(3))
    assert "of 65536 draws of P were left out because scipy.stats.rare's" in found.caveats[0]
    assert kind in found.caveats[0]
    with pytest.raises(kb.InputError, match=f"{kind}.*more than 1%"):
        kb.estimate(many, st.norm(0, 2), method="Monte Carlo", rng=0)


def test_draws_that_round_to_a_pole_are_not_passed_over() -> None:
    """Half the draws of Gamma(0.001) are below the least of floats."""
    with pytest.raises(kb.InputError, match="as at a pole that draws round to"):
        kb.estimate(st.gamma(0.001), st.gamma(0.5), method="Monte Carlo", rng=0)


def test_budgets_are_spent_though_draws_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rung, "BUDGET", 1 << 17)
    found = kb.estimate(Rare(3.0, math.nan)(), st.norm(0, 2), method="Monte Carlo", tolerance=1e-9, rng=0)
    assert found.method == "Monte Carlo, 131072 draws"


def test_near_equality_in_many_dimensions_keeps_its_digits() -> None:
    p, q = st.multivariate_t(ten, df=50), st.multivariate_t(ten + 1e-4, df=50)
    found = kb.estimate(p, q, method="Monte Carlo", rng=0)
    # The second order: half the information of a location, (ν + d)/(ν + d + 2) for each.
    assert found.value == pytest.approx(0.5 * 10 * 1e-8 * 60 / 62, abs=5 * found.error)
    assert found.error < 0.02 * found.value


def test_an_average_below_zero_is_told_of() -> None:
    of_p = rung._Draws("P", np.linspace(-0.9, 1.1, 1001), 1001)
    found = rung._concluded(of_p, rung._Draws("Q"), rung._Average([-of_p.d]), None, 0.95)
    assert found.value == 0
    assert "The average of the draws, -0.1, is below 0" in found.caveats[0]
    assert found.error == pytest.approx(0.1)
    assert found.interval is not None
    assert found.interval[1] >= found.error


def test_an_average_that_rests_on_few_draws_is_told_of() -> None:
    d = np.zeros(10_000)
    d[:3] = -50.0
    found = rung._concluded(rung._Draws("P", d, d.size), rung._Draws("Q"), rung._Average([-d]), None, 0.95)
    assert any("10000 of P are worth 3 even ones" in text for text in found.caveats)
