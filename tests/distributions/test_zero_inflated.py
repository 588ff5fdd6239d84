"""Zero-inflated laws against sums and the chain rule, and the truncated laws of other libraries."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
import scipy.stats as ss
import torch

import kullback as kb
from kullback._core.errors import InputError, NoClosedForm
from kullback.distributions import (
    Binomial,
    DiscreteUniform,
    Geometric,
    NegativeBinomial,
    Pareto,
    Poisson,
    TruncatedExponential,
    TruncatedPareto,
    Uniform,
    ZeroInflated,
    ZeroInflatedPoisson,
)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (ZeroInflated(NegativeBinomial(2.5, 0.4), 0.3), ZeroInflated(NegativeBinomial(2.5, 0.5), 0.1)),
        (ZeroInflated(Geometric(0.4), 0.3), ZeroInflated(Geometric(0.2), 0.6)),
        (ZeroInflated(Binomial(7, 0.4), 0.0), ZeroInflated(Poisson(2.0), 0.3)),
        (ZeroInflated(DiscreteUniform(-3, 5), 0.2), ZeroInflated(DiscreteUniform(-4, 9), 0.1)),
    ],
    ids=["negative binomial", "geometric", "binomial to Poisson", "uniform"],
)
def test_counts_are_the_sum_that_defines_it(p: ZeroInflated, q: ZeroInflated) -> None:
    x = np.arange(-4.0, 300.0) if isinstance(p.base, DiscreteUniform) else np.arange(300.0)
    with np.errstate(invalid="ignore"):
        log_p, log_q = p.log_density(x), q.log_density(x)
        terms = np.where(log_p > -np.inf, np.exp(log_p) * (log_p - log_q), 0)
    assert np.exp(log_p).sum() == pytest.approx(1, rel=1e-12)
    assert kb.kl(p, q) == pytest.approx(terms.sum(), rel=1e-12)
    draws = p.sample(np.random.default_rng(0), 40_000)
    assert abs(draws.mean() - p.mean()) < 5 * draws.std() / 200
    assert draws.var() == pytest.approx(p.variance(), rel=0.05)


def test_numbers_are_zero_or_not_first() -> None:
    p, q = ZeroInflated(ss.gamma(2), 0.3), ZeroInflated(ss.gamma(3), 0.2)
    of_gate = 0.3 * math.log(1.5) + 0.7 * math.log(0.7 / 0.8)
    assert kb.kl(p, q) == pytest.approx(of_gate + 0.7 * kb.kl(ss.gamma(2), ss.gamma(3)), rel=1e-14)
    assert kb.kl(p, ZeroInflated(ss.gamma(3), 0.0)) == math.inf
    assert kb.kl(ZeroInflated(ss.norm(), 1.0), ZeroInflated(ss.expon(), 0.5)) == pytest.approx(math.log(2))
    assert kb.kl(ZeroInflated(ss.norm(), 0.9), ZeroInflated(ss.expon(), 0.5)) == math.inf


def test_near_equality_no_less_than_0() -> None:
    for step in (0.0, 1e-16, 1e-13, 1e-9, 1e-6):
        value = kb.kl(
            ZeroInflated(Geometric(0.4), 0.3), ZeroInflated(Geometric(0.4 * (1 + step)), 0.3 * (1 - 2 * step))
        )
        assert 0 <= value < 10 * step**2 + 1e-40


def test_poisson_goes_the_exact_way_and_batches_broadcast() -> None:
    gate = np.array([[0.1], [0.3]])
    value = kb.kl(ZeroInflated(Poisson(np.array([2.0, 3.0])), gate), ZeroInflated(Poisson(2.5), 0.2))
    exact = kb.kl(ZeroInflatedPoisson(gate, np.array([2.0, 3.0])), ZeroInflatedPoisson(0.2, 2.5))
    np.testing.assert_array_equal(value, exact)
    assert value.shape == (2, 2)
    batch = kb.kl(ZeroInflated(Geometric(np.array([0.2, 0.4])), gate), ZeroInflated(Geometric(0.5), 0.2))
    one = kb.kl(ZeroInflated(Geometric(0.4), 0.1), ZeroInflated(Geometric(0.5), 0.2))
    assert batch[0, 1] == pytest.approx(one, rel=1e-14)


def test_gradients_of_a_zero_inflated_law() -> None:
    gate, probs = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.3, 0.4))
    other = Geometric(torch.tensor(0.5, dtype=torch.float64))

    def at(g: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
        return kb.kl(ZeroInflated(Geometric(r), g), ZeroInflated(other, 0.1))

    assert torch.autograd.gradcheck(at, (gate, probs))


def test_zero_inflated_laws_of_numpyro() -> None:
    p, q = (nd.ZeroInflatedDistribution(nd.NegativeBinomialProbs(3.0, jnp.asarray(r)), gate=0.2) for r in (0.3, 0.4))
    ours = [ZeroInflated(NegativeBinomial(3.0, r), 0.2) for r in (0.3, 0.4)]
    assert float(kb.kl(p, q)) == pytest.approx(kb.kl(*ours), rel=1e-6)


def test_what_is_no_zero_inflated_law_is_refused() -> None:
    with pytest.raises(ValueError, match=r"probs must be a number from 0 to 1, got 1.5"):
        ZeroInflated(Poisson(1.0), 1.5)
    with pytest.raises(InputError, match="distribution of numbers"):
        ZeroInflated(ss.multivariate_normal([0, 0]), 0.5)
    with pytest.raises(NoClosedForm, match="one counts"):
        kb.kl(ZeroInflated(Poisson(1.0), 0.5), ZeroInflated(ss.norm(), 0.5))
    with pytest.raises(NoClosedForm, match="never 0"):
        kb.kl(ZeroInflated(DiscreteUniform(0, 3), 0.5), ZeroInflated(DiscreteUniform(1, 3), 0.5))


def test_truncated_laws_of_other_libraries() -> None:
    p, q = ss.truncexpon(2.0, loc=1.0, scale=0.5), ss.truncexpon(5.0, loc=0.5, scale=0.7)
    x = np.linspace(1.0, 2.0, 7)
    np.testing.assert_allclose(TruncatedExponential(2.0, 1.0, 2.0).log_density(x), p.logpdf(x), rtol=1e-12, atol=1e-14)
    assert kb.entropy(p) == pytest.approx(p.entropy(), rel=1e-9)
    assert kb.kl(p, q) == pytest.approx(float(kb.estimate(p, q, method="quadrature")), rel=1e-9)
    assert kb.kl(q, p) == math.inf
    pareto, cut = ss.truncpareto(1.5, 4.0, scale=2.0), TruncatedPareto(1.5, 2.0, 8.0)
    x = np.linspace(2.0, 8.0, 7)
    np.testing.assert_allclose(cut.log_density(x), pareto.logpdf(x), rtol=1e-12)
    assert kb.entropy(pareto) == pytest.approx(pareto.entropy(), rel=1e-9)
    assert kb.kl(cut, Pareto(1.0, 2.0)) == pytest.approx(kb.kl(pareto, ss.pareto(2.0)), rel=1e-14)
    uniform = kb.kl(ss.loguniform(2, 3), ss.loguniform(1, 4))
    assert uniform == pytest.approx(math.log(math.log(4) / math.log(1.5)), rel=1e-14)
    assert float(kb.kl(nd.LogUniform(2.0, 3.0), nd.LogUniform(1.0, 4.0))) == pytest.approx(uniform, rel=1e-6)
    law = nd.DoublyTruncatedPowerLaw(-2.0, 1.0, 4.0)
    assert float(kb.kl(law, nd.LogUniform(1.0, 4.0))) == pytest.approx(
        kb.kl(TruncatedPareto(1.0, 1.0, 4.0), TruncatedPareto(0.0, 1.0, 4.0)), rel=1e-5
    )


@pytest.mark.parametrize(
    "law",
    [TruncatedExponential(1.3, 0.1, 1.2), TruncatedExponential(-0.7, -0.5, 1.9), TruncatedExponential(0.0, 1.0, 2.0)],
)
def test_draws_and_moments_of_a_truncated_exponential(law: TruncatedExponential) -> None:
    draws = law.sample(np.random.default_rng(0), 40_000)
    assert law.low <= draws.min() <= draws.max() <= law.high
    assert abs(draws.mean() - law.mean()) < 5 * draws.std() / 200
    assert draws.var() == pytest.approx(law.variance(), rel=0.03)
    assert abs(-law.log_density(draws).mean() - law.entropy()) < 5 * law.log_density(draws).std() / 200 + 1e-12


def test_half_lines_need_a_density_that_falls() -> None:
    with pytest.raises(ValueError, match="rate must be above 0 where high is inf"):
        TruncatedExponential(0.0, 0.0, math.inf)
    with pytest.raises(ValueError, match=r"high - low must be above 0, got -1\.0"):
        TruncatedPareto(1.0, 2.0, 1.0)
    assert kb.kl(Uniform(0.2, 0.9), TruncatedExponential(0.0, 0.0, 2.0)) == pytest.approx(math.log(2 / 0.7), rel=1e-14)
