"""Modes: far, narrow, rare, many, hidden, beyond the floats; none is passed over with an error that says it was not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats as st

import kullback as kb
from kullback.distributions.numeric._side import _around


def normal(a: tuple[float, float], b: tuple[float, float]) -> float:
    """D of normal distributions by its closed form."""
    return float(kb.kl(st.norm(*a), st.norm(*b)))


@pytest.mark.parametrize("variance", [1e4, 1.0, 1e-4, 1e-8, 1e-12])
def test_a_mode_that_is_far_narrow_and_rare_is_not_missed(variance: float) -> None:
    """A billionth of the mass has all of D, and the panel that ends beside it is a million times as long."""
    p = kb.distributions.GaussianMixture([1 - 1e-9, 1e-9], [0.0, 1e6], [1.0, variance])
    found = kb.estimate(p, st.norm(0, 1))
    parts = [(1 - 1e-9, 0.0, 1.0), (1e-9, 1e6, math.sqrt(variance))]
    true = sum(w * (math.log(w) + normal((m, s), (0, 1))) for w, m, s in parts)
    assert found.method == "quadrature"
    assert abs(found.value - true) <= found.error
    # Floats are 1e-10 apart there, which a narrow density turns into its own rounding.
    assert found.error <= 1e-4 * (1 + 1e-4 / math.sqrt(variance)) * true


def test_a_component_that_floats_do_not_resolve_leaves_bounds() -> None:
    p = kb.distributions.GaussianMixture([1 - 1e-9, 1e-9], [0.0, 1e6], [1.0, 1e-22])
    found = kb.estimate(p, st.norm(0, 1))
    assert found.method == "bounds"
    assert "which floats do not resolve there" in found.caveats[0]
    assert found.interval is not None
    assert found.interval[0] < 500 + 1e-9 * (math.log(1e-9) + math.log(1e11)) < found.interval[1]
    with pytest.raises(kb.InputError, match="floats do not resolve"):
        kb.estimate(p, st.norm(0, 1), method="quadrature")
    # Of Q it costs as much as it weighs.
    found = kb.estimate(st.norm(0, 1), p)
    assert abs(found.value - 1e-9) <= found.error < 1e-8


@pytest.mark.parametrize("narrow", [1e-2, 1e-3])
def test_each_of_many_components_is_resolved(narrow: float) -> None:
    """Between two scales, by a mixture of 40 whose parts do not overlap: its entropy is that of weights and parts."""
    k = 40
    scales = np.where(np.arange(k) % 2 == 0, narrow, 1.0)
    locs = 100.0 * np.arange(k)
    p = kb.distributions.GaussianMixture(np.full(k, 1 / k), locs, scales**2)
    true = -math.log(k) + np.mean([normal((m, s), (0, 3000)) for m, s in zip(locs, scales, strict=True)])
    found = kb.estimate(p, st.norm(0, 3000))
    assert abs(found.value - true) <= found.error + 1e-13
    # Floats near 4000 are 5e-13 apart, beside a scale of 1e-3.
    assert found.error < 1e-8


def test_places_are_as_many_as_the_narrowest_need() -> None:
    same = np.stack([np.linspace(0, 1, 10_000), np.full(10_000, 0.1)], axis=1)
    assert _around(same).size < 100
    mixed = np.concatenate([same, [[5.0, 1e-6], [0.5, 1e-9], [-1e3, 1e2]]])
    points = _around(mixed)
    for m, s in ((5.0, 1e-6), (0.5, 1e-9), (-1e3, 1e2)):
        assert np.min(np.abs(points - m)) <= 3 * s
        assert np.sum(np.abs(points - m) <= 8 * s) >= 2


def test_modes_far_apart_of_laws_of_scipy() -> None:
    found = kb.estimate(st.norm(1e6, 1), st.t(3))
    tail = quad_normal(lambda x: -st.t(3).logpdf(1e6 + x))
    true = tail - 0.5 * math.log(2 * math.pi * math.e)
    assert abs(found.value - true) <= found.error + 1e-12 * true
    assert found.error < 1e-6
    assert not found.caveats


def quad_normal(function: Any) -> float:
    """E of a function of a standard normal number, by Gauss and Hermite."""
    x, w = np.polynomial.hermite_e.hermegauss(60)
    return float(np.sum(w * function(x)) / math.sqrt(2 * math.pi))


def test_mass_that_is_not_found_leaves_no_error_and_no_number() -> None:
    """Beyond the floats nothing can be integrated; where a part is not found, D is at least what was."""
    for p in (kb.distributions.LogNormal(-800.0, 1.0), kb.distributions.LogNormal(1000.0, 1.0)):
        with pytest.raises(kb.InputError, match=r"only 0 of LogNormal's mass was found, by floats; 65536 of 65536"):
            kb.estimate(p, st.cauchy(), rng=0)

    class Hidden(st.rv_continuous):
        """A tenth of the mass where neither draws nor anything else tells of it."""

        def _logpdf(self, x: Any) -> Any:
            return np.logaddexp(math.log(0.9) + st.norm.logpdf(x), math.log(0.1) + st.norm.logpdf(x, 1e5, 1e-3))

        def _rvs(self, *, size: Any = None, random_state: Any = None) -> Any:
            return random_state.normal(size=size)

    found = kb.estimate(Hidden(name="hidden")(), st.norm(0, 2))
    true = 0.9 * (math.log(0.9) + normal((0, 1), (0, 2))) + 0.1 * (math.log(0.1) + normal((1e5, 1e-3), (0, 2)))
    assert found.error == math.inf
    assert found.interval is not None
    assert found.interval[0] < true < found.interval[1] == math.inf
    assert "D is at least what was found" in found.caveats[1]


def test_a_slow_power_law_is_not_called_infinite() -> None:
    """Of Gamma(1e-5), 99.3% of the mass lies below 1e-300: what lies there follows its power law."""
    found = kb.estimate(kb.distributions.Gamma(1e-5, 1.0), st.logistic())
    p = kb.distributions.Gamma(1e-5, 1.0)
    # log q is log ¼ there, but for the rest of the mass.
    true = -float(p.entropy()) + math.log(4)
    assert abs(found.value - true) <= found.error + 1e-4
    assert found.error < 1e-6 * true


def test_log_q_that_overflows_at_the_second_rung_is_infinite() -> None:
    found = kb.estimate(st.t(1.2, -2.14, 1.03), st.gumbel_l(0, 0.25))
    assert found.value == math.inf
    assert "diverges" in found.caveats[0]


def test_factors_that_underflow_to_a_pole_are_no_pole() -> None:
    """SciPy's exponweib gives +inf below 1e-249, where its density falls to 0."""
    p = st.exponweib(0.943, 1.303, 0, 0.651)
    assert p.logpdf(1e-260) == math.inf
    found = kb.estimate(p, st.t(6.9, 0, 0.261))
    assert found.method == "quadrature"
    assert found.error < 1e-11
    x = np.exp(np.linspace(-80, 3, 400_000))
    terms = x * p.pdf(x) * (p.logpdf(x) - st.t(6.9, 0, 0.261).logpdf(x))
    assert found.value == pytest.approx(float(np.sum(terms)) * 83 / 399_999, rel=1e-9)


def test_the_masses_of_both_are_in_the_error() -> None:
    """A Q whose log-normaliser is off by 1e-9: D by the plain form is off by as much, and the error says so."""

    class Off(st.rv_continuous):
        def _logpdf(self, x: Any) -> Any:
            return st.norm.logpdf(x, 0, 2) + 1e-9

        def _rvs(self, *, size: Any = None, random_state: Any = None) -> Any:
            return random_state.normal(0, 2, size)

    found = kb.estimate(st.norm(1, 1), Off(name="off")())
    assert abs(found.value - normal((1, 1), (0, 2))) <= found.error < 1e-8
