"""The measures of distribution objects: peers' traps, exponential families, refusals."""

from __future__ import annotations

import math
from typing import Any

import jax
import mpmath as mp
import numpy as np
import numpyro.distributions as nd
import pytest
import scipy.stats as st
import torch
import torch.distributions as td
from scipy import special

import kullback as kb
from kullback.distributions._exponential import ExponentialFamily
from truths.law import exact, laws

D = kb.distributions
EXPONENTIAL = [f.__name__ for f in D.all_families() if issubclass(f, ExponentialFamily) and f.__name__ in laws()]


def f64(x: float) -> torch.Tensor:
    return torch.tensor(x, dtype=torch.float64)


def _normal(m: Any, s: Any, n: Any, t: Any) -> Any:
    return mp.log(t / s) + (s * s + (m - n) ** 2) / (2 * t * t) - mp.mpf(1) / 2


def _gamma(a: Any, b: Any) -> Any:
    return (a - b) * mp.digamma(a) - mp.loggamma(a) + mp.loggamma(b)


def _beta(a: Any, b: Any, c: Any, d: Any) -> Any:
    logs = mp.loggamma(c) + mp.loggamma(d) - mp.loggamma(c + d) - mp.loggamma(a) - mp.loggamma(b) + mp.loggamma(a + b)
    return logs + (a - c) * mp.digamma(a) + (b - d) * mp.digamma(b) + (c - a + d - b) * mp.digamma(a + b)


def _poisson(a: Any, b: Any) -> Any:
    return b - a + (a * mp.log(a / b) if a else 0)


def _trial(p: Any, q: Any) -> Any:
    return sum(x * mp.log(x / y) for x, y in ((p, q), (1 - p, 1 - q)) if x)


def _continuous_bernoulli(p: Any) -> Any:
    half = mp.atanh(1 - 2 * p)
    mean = p / (2 * p - 1) + 1 / (2 * half)
    return mp.log(2 * half / (1 - 2 * p)) + mean * mp.log(p) + (1 - mean) * mp.log(1 - p)


# Every row of the table of peers that has numbers of its own, in the library that gets it wrong: P, Q, and the formula
# and parameters of what is true.
TRAPS = [
    (td.Normal(f64(0), f64(1)), td.Normal(f64(1e-9), f64(1)), _normal, (0, 1, 1e-9, 1)),
    (td.Normal(f64(0), f64(1e-170)), td.Normal(f64(0), f64(1e170)), _normal, (0, 1e-170, 0, 1e170)),
    (td.Gamma(f64(1e15), f64(1)), td.Gamma(f64(1e15 * (1 + 1e-9)), f64(1)), _gamma, (1e15, 1e15 * (1 + 1e-9))),
    (td.Beta(f64(1e12), f64(1e12)), td.Beta(f64(1e12 + 1e5), f64(1e12)), _beta, (1e12, 1e12, 1e12 + 1e5, 1e12)),
    (td.Poisson(f64(1e12)), td.Poisson(f64(1e12 + 1e3)), _poisson, (1e12, 1e12 + 1e3)),
    (td.Poisson(f64(0)), td.Poisson(f64(1)), _poisson, (0, 1)),
    (td.Bernoulli(f64(1e-20)), td.Bernoulli(f64(1e-25)), _trial, (1e-20, 1e-25)),
    (td.Binomial(3, f64(1)), td.Binomial(3, f64(0.5)), lambda p, q: 3 * _trial(p, q), (1, 0.5)),
    (td.Binomial(3, f64(0.5)), td.Binomial(3, f64(0)), lambda: mp.inf, ()),
    (td.Geometric(f64(1e-20)), td.Geometric(f64(2e-20)), lambda p, q: _trial(p, q) / p, (1e-20, 2e-20)),
    (td.ContinuousBernoulli(f64(0.3)), td.Uniform(f64(0), f64(1)), _continuous_bernoulli, (0.3,)),
]


@pytest.mark.parametrize(("p", "q", "formula", "values"), TRAPS, ids=[f"{p}‖{q}" for p, q, *_ in TRAPS])
def test_what_torch_gets_wrong(p: Any, q: Any, formula: Any, values: Any) -> None:
    with mp.workdps(80):
        truth = formula(*map(mp.mpf, values))
        value = mp.mpf(float(kb.kl(p, q)))
        assert value == truth or abs(value - truth) <= mp.mpf("1e-12") * truth


def test_the_covariance_that_torch_loses() -> None:
    hilbert = np.array([[1 / (i + j + 1) for j in range(12)] for i in range(12)])
    p, q = (td.MultivariateNormal(torch.zeros(12, dtype=torch.float64), torch.tensor(c * hilbert)) for c in (1, 2))
    # ½·12·(½ − 1 + log 2)
    assert float(kb.kl(p, q)) == pytest.approx(6 * (math.log(2) - 0.5), rel=1e-12)


def test_wishart_has_a_gradient_with_respect_to_p() -> None:
    scale = torch.eye(3, dtype=torch.float64, requires_grad=True)
    value = kb.kl(td.Wishart(f64(5.0), scale), td.Wishart(f64(6.0), 2 * torch.eye(3, dtype=torch.float64)))
    (gradient,) = torch.autograd.grad(value, scale)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def power_integral(name: str, a: Any, b: Any, order: float) -> float:
    """∫p^α·q^(1−α) by the trapezoidal rule, which for analytic integrands on the whole line is as good as any."""
    law, p, q = laws()[name], getattr(D, name)(**a), getattr(D, name)(**b)
    low, high = (float(end) for end in law.support(**exact(a)))
    centre, width = (float(f(**exact(a))) for f in (law.centre, law.width))

    def power(x: Any) -> Any:
        return np.exp(order * p.log_density(x) + (1 - order) * q.log_density(x))

    if name == "Zeta":  # whose sum settles too slowly
        s, t = a["power"], b["power"]
        return float(mp.zeta(order * s + (1 - order) * t) / (mp.zeta(s) ** order * mp.zeta(t) ** (1 - order)))
    if law.discrete:
        return float(np.sum(power(np.arange(max(low, -3000.0), min(high, 3000.0) + 1))))
    if math.isfinite(low) and math.isfinite(high) and law.coordinate == "identity":
        nodes, weights = np.polynomial.legendre.leggauss(400)
        return float(weights @ power(0.5 * (low + high) + 0.5 * (high - low) * nodes)) * 0.5 * (high - low)
    u = centre + width * np.linspace(-400, 400, 200_001)
    step = u[1] - u[0]
    with np.errstate(all="ignore"):
        if law.coordinate == "identity":
            values = power(u)
        elif law.coordinate == "log":
            values = power(low + np.exp(u)) * np.exp(u)
        else:
            share = special.expit(u)
            values = power(low + (high - low) * share) * (high - low) * share * special.expit(-u)
    return float(np.sum(np.where(np.isfinite(values), values, 0))) * step


@pytest.mark.parametrize("order", [0.3, 0.5, 2.0])
@pytest.mark.parametrize("name", EXPONENTIAL)
def test_renyi_is_the_integral_that_defines_it(name: str, order: float) -> None:
    law = laws()[name]
    a = law.ordinary[0]
    # Halfway, so that order 2 is no far extrapolation; counts as they are.
    b = {
        k: v if "whole" in getattr(D, name).parameters[k].rule.words else (v + law.ordinary[1][k]) / 2
        for k, v in a.items()
    }
    p, q = getattr(D, name)(**a), getattr(D, name)(**b)
    value = float(kb.renyi(p, q, order))
    if not math.isfinite(value):
        pytest.skip("the integral diverges: there is nothing to integrate")
    integral = power_integral(name, a, b, order)
    truth = math.log(integral) / (order - 1)
    assert value == pytest.approx(truth, rel=1e-8)
    assert float(kb.tsallis(p, q, order)) == pytest.approx((integral - 1) / (order - 1), rel=1e-8)
    assert float(kb.alpha_divergence(p, q, order)) == pytest.approx((integral - 1) / (order * (order - 1)), rel=1e-8)
    if order == 0.5:
        assert float(kb.hellinger(p, q)) == pytest.approx(math.sqrt(1 - integral), rel=1e-8)
    if order == 2.0:
        assert float(kb.chi2(p, q)) == pytest.approx(integral - 1, rel=1e-8)


def test_renyi_is_exact_near_equality_and_infinite_where_it_diverges() -> None:
    near = kb.renyi(D.Normal(0.0, 1.0), D.Normal(1e-9, 1.0), 0.5)
    assert float(near) == pytest.approx(0.25e-18, rel=1e-12)
    assert kb.renyi(D.Normal(0.0, 2.0), D.Normal(0.0, 1.0), 2) == math.inf
    assert kb.hellinger(D.Normal(0.0, 1.0), D.Normal(2e-9, 1.0)) == pytest.approx(1e-9 / math.sqrt(2), rel=1e-8)


def test_units_and_identities() -> None:
    p, q = st.gamma(2.0), st.gamma(3.0, scale=2.0)
    assert kb.kl(p, q, base=2) == pytest.approx(kb.kl(p, q) / math.log(2), rel=1e-15)
    assert kb.jeffreys(p, q) == pytest.approx(kb.kl(p, q) + kb.kl(q, p), rel=1e-15)
    assert kb.cross_entropy(p, q) == pytest.approx(kb.entropy(p) + kb.kl(p, q), rel=1e-15)
    assert kb.entropy(p) == pytest.approx(p.entropy(), rel=1e-13)
    assert kb.kl(p=p, q=q) == kb.kl(p, q=q) == kb.kl(p, q)
    assert kb.renyi(p, q, 1) == kb.kl(p, q) == kb.tsallis(p, q, 1.0)
    assert kb.alpha_divergence(p, q, 0) == kb.kl(q, p)


def test_the_first_argument_decides_the_library() -> None:
    scipy, of_torch, of_jax = st.norm(0, 1), td.Normal(f64(1.0), f64(2.0)), nd.Normal(1.0, 2.0)
    truth = kb.kl(scipy, st.norm(1, 2))
    assert isinstance(kb.kl(scipy, of_torch), np.float64)
    assert kb.kl(scipy, of_torch) == kb.kl(scipy, of_jax) == truth
    assert isinstance(kb.kl(of_torch, scipy), torch.Tensor)
    assert isinstance(kb.kl(of_jax, scipy), jax.Array)
    assert float(kb.kl(of_torch, of_jax)) == 0
    with pytest.raises(ValueError, match="gradient"):
        kb.kl(scipy, td.Normal(f64(1.0).requires_grad_(), f64(2.0)))


def test_half_precision_and_devices_stay() -> None:
    p, q = td.Normal(torch.tensor([0.0, 1.0]), torch.tensor(1.0)), td.Normal(torch.tensor(1.0), torch.tensor(2.0))
    assert kb.kl(p, q).dtype == torch.float32
    half = D.Normal(torch.tensor(0.0, dtype=torch.bfloat16), torch.tensor(1.0, dtype=torch.bfloat16))
    assert kb.kl(half, half).dtype == torch.bfloat16


def test_gradients_reach_the_parameters_of_the_objects() -> None:
    loc = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    kb.kl(td.Normal(loc, f64(1.0)), td.Normal(f64(3.0), f64(2.0))).sum().backward()
    torch.testing.assert_close(loc.grad, (loc.detach() - 3) / 4)
    of_jax = jax.jit(jax.grad(lambda m: kb.kl(nd.Normal(m, 1.0), nd.Normal(3.0, 2.0))))(1.0)
    assert float(of_jax) == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: D.Normal(0.0, -1.0), ValueError, r"Normal: scale must be a finite number above 0, got -1\.0"),
        (lambda: kb.kl(st.norm(0, -1), st.norm()), ValueError, r"scale must be .* got -1\.0"),
        (lambda: D.Gamma([1.0, np.nan], 1.0), ValueError, "concentration must be .* got nan at index 1"),
        (lambda: D.Normal([0.0, 1.0], [1.0, 1.0, 1.0]), ValueError, r"loc \(2,\), scale \(3,\) do not broadcast"),
        (lambda: D.Normal("a", 1.0), TypeError, "Normal"),
        (lambda: D.Normal(1j, 1.0), TypeError, "real numbers"),
        (
            lambda: kb.kl(st.norm(), 3.0),
            TypeError,
            r"a float is not a distribution object; accepted are .*scipy\.stats",
        ),
        (lambda: kb.kl(st.norm(), np.array([0.5, 0.5])), TypeError, "ndarray is not a distribution object"),
        (lambda: kb.kl(st.norm(), st.norm(), axis=0), TypeError, "takes no axis"),
        (lambda: kb.kl(st.norm(), st.multivariate_normal([0.0, 0.0])), ValueError, "events of shape"),
        (lambda: kb.js(st.norm(), st.norm(1)), kb.NoClosedForm, "js has no closed form"),
        (lambda: kb.kl(st.t(3), st.laplace()), kb.NoClosedForm, r"StudentT‖Laplace .*nearest.*kullback\.estimate"),
        (lambda: kb.renyi(st.cauchy(), st.cauchy(1), 2), kb.NoClosedForm, "exponential family"),
        (lambda: kb.renyi(st.norm(), st.norm(1), -1), ValueError, "order must be above 0"),
        (lambda: kb.distributions.Nothing, AttributeError, "Nothing"),
    ],
)
def test_refusals(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()
