"""Divergences of laws near a common limit, or far apart, by their formulas in 60 digits."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import pytest
import scipy.stats as st

import kullback as kb

D = kb.distributions


def is_exactly(value: Any, truth: Any, rel: float = 1e-12) -> bool:
    return bool(abs(mp.mpf(float(value)) - truth) <= rel * truth)


@pytest.mark.parametrize(("s", "t"), [(7.0, 1100001.0), (7.0, 1e4), (2.0, 1000.0), (1e4, 2.5), (7.0, 1e300)])
def test_zeta_far_apart(s: float, t: float) -> None:
    with mp.workdps(60):
        x, y = mp.mpf(s), mp.mpf(t)
        truth = mp.log(mp.zeta(y) / mp.zeta(x)) - (y - x) * mp.zeta(x, 1, 1) / mp.zeta(x)
        assert is_exactly(kb.kl(D.Zeta(s), D.Zeta(t)), truth)


@pytest.mark.parametrize("length", [1e-8, 1e-4, 0.01, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("concentration", [2e-8, 2e-4, 0.02, 0.6, 1.99, 2.01, 50.0])
def test_on_the_circle_near_uniform(length: float, concentration: float) -> None:
    with mp.workdps(60):
        c, k = mp.mpf(length), mp.mpf(concentration)
        truth = mp.log(mp.besseli(0, k)) - mp.log(1 - c * c) - k * c
        assert is_exactly(kb.kl(D.WrappedCauchy(0.0, length), D.VonMises(0.0, concentration)), truth)


def _of_beta(a: float, b: float, rate: float) -> Any:
    a, b, rate = mp.mpf(a), mp.mpf(b), mp.mpf(rate)
    s, f = a + b, mp.digamma
    entropy = mp.log(mp.beta(a, b)) - (a - 1) * f(a) - (b - 1) * f(b) + (s - 2) * f(s)
    return -entropy - a * mp.log(rate) + mp.loggamma(a) - (a - 1) * (f(a) - f(s)) + rate * a / s


@pytest.mark.parametrize("n", [1.0, 9.9, 10.0, 1e4, 1e6, 1e8, 1e12])
def test_interval_near_its_limit(n: float) -> None:
    with mp.workdps(80):
        for law in (D.Beta(1.0, n), D.Kumaraswamy(1.0, n)):
            assert is_exactly(kb.kl(law, D.Exponential(n)), _of_beta(1.0, n, n))
        assert is_exactly(kb.kl(D.Beta(1.0, n), D.Weibull(scale=0.25, concentration=1.0)), _of_beta(1.0, n, 4.0))
        for a in (1e-3, 0.7, 5.3, 1e3):
            assert is_exactly(kb.kl(D.Beta(a, n), D.Gamma(a, n)), _of_beta(a, n, n))


@pytest.mark.parametrize("family", [D.Beta, D.Kumaraswamy])
def test_all_but_a_point_is_a_number(family: Any) -> None:
    others = [D.Exponential(1.0), D.InverseGaussian(1.0, 1.0), D.LogNormal(0.0, 1.0), D.Weibull(2.0, 1.0)]
    for q in others:
        assert float(kb.kl(family(1.1e8, 1.1e-8), q)) == pytest.approx(9.090909e7, rel=1e-7)


@pytest.mark.parametrize("scale", [1e-200, 1e-5, 3.0, 38.0, 1e200])
def test_log_normal_to_inverse_gaussian_is_no_nan(scale: float) -> None:
    value = float(kb.kl(D.LogNormal(0.0, scale), D.InverseGaussian(1.0, 1.0)))
    # exp(σ²/2) − 1 − ½ − log σ.
    truth = math.exp(scale**2 / 2) - 1.5 - math.log(scale) if scale < 37 else math.inf
    assert value == pytest.approx(truth, rel=1e-12)


def test_scipys_wrapped_cauchy_is_on_the_line() -> None:
    inside = float(kb.kl(D.WrappedCauchy(0.0, 0.3), D.WrappedCauchy(0.0, 0.5)))
    for loc in (0.0, 1.0):
        assert float(kb.kl(st.wrapcauchy(0.3, loc=loc), st.wrapcauchy(0.5, loc=loc))) == pytest.approx(inside)
    assert kb.estimate(st.wrapcauchy(0.3), st.wrapcauchy(0.5, loc=1.0)).value == math.inf
    assert kb.estimate(st.vonmises_line(1.0), st.vonmises_line(1.0, loc=1.0)).value == math.inf
