"""Laws of counts, where the battery of numbers does not look: log-odds, edges, gradients at them, other libraries."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import mpmath as mp
import numpy as np
import pytest
import scipy.stats
import torch

import kullback as kb
from kullback._core.errors import InputError, InputTypeError, NoClosedForm
from kullback.distributions import (
    Bernoulli,
    Binomial,
    Categorical,
    DiscreteUniform,
    Geometric,
    GeometricTrials,
    NegativeBinomial,
    Poisson,
    ZeroInflatedPoisson,
    Zeta,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import numpyro.distributions as numpyro


def trial(a: float, b: float) -> mp.mpf:
    """D of a trial, from its log-odds, in many digits."""
    with mp.workdps(600):
        rows = [(1 / (1 + mp.exp(-mp.mpf(x))), 1 / (1 + mp.exp(mp.mpf(x)))) for x in (a, b)]
        return +mp.fsum(p * mp.log(p / q) for p, q in zip(*rows, strict=True))


ODDS = [
    (0.3, -0.2),
    (0.3, 0.3 + 1e-9),
    (40.0, 40.0 + 1e-8),
    (-300.0, -300.5),
    (700.0, 3.0),
    (5.0, 690.0),
    (-1e-12, 2.0),
]


@pytest.mark.parametrize(("a", "b"), ODDS)
def test_log_odds_never_leave_log_space(a: float, b: float) -> None:
    with mp.workdps(60):
        one, p = trial(a, b), 1 / (1 + mp.exp(-mp.mpf(a)))
        expected = {
            "Bernoulli": (one, kb.kl(Bernoulli(logits=a), Bernoulli(logits=b))),
            "Binomial": (7 * one, kb.kl(Binomial(7, logits=a), Binomial(7, logits=b))),
            "Geometric": (one / p, kb.kl(Geometric(logits=a), Geometric(logits=b))),
            "NegativeBinomial": (
                mp.mpf(2.5) * trial(-a, -b) / p,
                kb.kl(NegativeBinomial(2.5, logits=-a), NegativeBinomial(2.5, logits=-b)),
            ),
        }
        for name, (exact, value) in expected.items():
            assert abs(mp.mpf(float(value)) / exact - 1) < 1e-12, (name, float(value), mp.nstr(exact, 17))


def test_rows_that_peers_get_wrong() -> None:
    assert float(kb.kl(Bernoulli(1e-20), Bernoulli(1e-25))) == pytest.approx(1.0512925464970228e-19, rel=1e-14)
    assert kb.kl(Bernoulli(logits=1000.0), Bernoulli(logits=-1000.0)) == 1000.0
    assert kb.kl(Bernoulli(logits=-1000.0), Bernoulli(logits=1000.0)) == 1000.0
    assert float(kb.kl(Binomial(3, 1.0), Binomial(3, 0.5))) == pytest.approx(3 * math.log(2), rel=1e-15)
    assert kb.kl(Binomial(3, 0.5), Binomial(3, 0.0)) == math.inf
    assert float(kb.kl(Geometric(1e-20), Geometric(2e-20))) == pytest.approx(1 - math.log(2), rel=1e-14)
    assert kb.kl(Poisson(0.0), Poisson(1.0)) == 1.0
    assert float(kb.kl(Poisson(1e12), Poisson(1e12 + 1e3))) == pytest.approx(4.99999999666666667e-7, rel=1e-13)


@pytest.mark.parametrize("infinite", [math.inf, -math.inf])
def test_infinite_log_odds_are_certainty_with_flat_gradients(infinite: float) -> None:
    p = torch.tensor(infinite, dtype=torch.float64, requires_grad=True)
    q = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    value = kb.kl(Bernoulli(logits=p), Bernoulli(logits=q))
    value.backward()
    assert float(value.detach()) == pytest.approx(math.log1p(math.exp(-math.copysign(0.4, infinite))), rel=1e-15)
    assert p.grad == 0
    slope = jax.grad(lambda x: kb.kl(Bernoulli(logits=x), Bernoulli(logits=jax.numpy.asarray(0.4))))(infinite)
    assert slope == 0
    assert float(q.grad) == pytest.approx(1 / (1 + math.exp(-0.4)) - (infinite > 0), rel=1e-14)
    assert kb.kl(Bernoulli(logits=0.4), Bernoulli(logits=infinite)) == math.inf
    assert kb.kl(Bernoulli(logits=infinite), Bernoulli(logits=infinite)) == 0


EDGES = {
    "Bernoulli 0": (lambda x: (Bernoulli(x), Bernoulli(0.3)), 0.0, -math.inf),
    "Bernoulli 1": (lambda x: (Bernoulli(x), Bernoulli(0.3)), 1.0, math.inf),
    "Bernoulli 0 to Poisson": (lambda x: (Bernoulli(x), Poisson(0.3)), 0.0, -math.inf),
    "Bernoulli 1 to Poisson": (lambda x: (Bernoulli(x), Poisson(0.3)), 1.0, math.inf),
    "Bernoulli 0 to Geometric": (lambda x: (Bernoulli(x), Geometric(0.3)), 0.0, -math.inf),
    "Binomial 0": (lambda x: (Binomial(3, x), Binomial(3, 0.3)), 0.0, -math.inf),
    "Binomial 1 to more": (lambda x: (Binomial(3, x), Binomial(5, 0.3)), 1.0, math.inf),
    "Binomial 0 to Poisson": (lambda x: (Binomial(3, x), Poisson(0.3)), 0.0, -math.inf),
    "Binomial 1 to Poisson": (lambda x: (Binomial(3, x), Poisson(0.3)), 1.0, math.inf),
    "Binomial 1 to uniform": (lambda x: (Binomial(3, x), DiscreteUniform(0, 5)), 1.0, math.inf),
    "Poisson 0": (lambda x: (Poisson(x), Poisson(0.3)), 0.0, -math.inf),
    "Poisson 0 of Q": (lambda x: (Poisson(0.0), Poisson(x)), 0.0, 1.0),
    "Geometric 1": (lambda x: (Geometric(x), Geometric(0.3)), 1.0, math.inf),
    "NegativeBinomial 0": (lambda x: (NegativeBinomial(2.5, x), NegativeBinomial(2.5, 0.3)), 0.0, -math.inf),
    "inflated rate 0": (lambda x: (ZeroInflatedPoisson(0.5, x), ZeroInflatedPoisson(0.5, 0.3)), 0.0, -math.inf),
    "inflated gate 1": (lambda x: (ZeroInflatedPoisson(x, 0.5), ZeroInflatedPoisson(0.5, 0.3)), 1.0, math.inf),
}


@pytest.mark.parametrize("name", EDGES)
def test_gradients_at_the_edges(name: str) -> None:
    """Infinite where the function falls, or rises, infinitely steeply; never NaN."""
    make, edge, slope = EDGES[name]
    x = torch.tensor(edge, dtype=torch.float64, requires_grad=True)
    p, q = make(x)
    as_torch = [
        type(law)(**{k: v if isinstance(v, torch.Tensor) else torch.tensor(v) for k, v in law.given.items()})
        for law in (p, q)
    ]
    value = kb.kl(*as_torch)
    assert math.isfinite(value.detach())
    value.backward()
    assert float(x.grad) == slope

    def through_jax(x: Any) -> Any:
        laws = (type(law)(**{k: jax.numpy.asarray(v) for k, v in law.given.items()}) for law in make(x))
        return kb.kl(*laws)

    assert float(jax.grad(through_jax)(jax.numpy.asarray(edge))) == slope


def test_no_gradient_is_nan_where_the_divergence_is_infinite() -> None:
    for make in (
        lambda x: (Bernoulli(0.5), Bernoulli(x)),
        lambda x: (Binomial(3, 0.5), Binomial(2, x + 0.5)),
        lambda x: (Poisson(0.5), Poisson(x)),
        lambda x: (Categorical([0.5, 0.25, 0.25]), Binomial(1, x + 0.5)),
        lambda x: (DiscreteUniform(-3, 5), Poisson(x + 0.5)),
    ):
        x = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
        p, q = make(x)
        moved = type(p)(**{k: torch.tensor(v) for k, v in p.given.items()})
        model = type(q)(**{k: torch.as_tensor(v) for k, v in q.given.items()})
        value = kb.kl(moved, model)
        assert value.detach() == math.inf
        value.backward()
        assert not torch.isnan(x.grad)


def direct(p: Any, q: Any, top: int) -> float:
    """From the definition, by our own log-probabilities."""
    k = np.arange(top + 1.0)
    with np.errstate(all="ignore"):
        log_p, log_q = p.log_density(k), q.log_density(k)
        return float(np.sum(np.where(log_p > -np.inf, np.exp(log_p) * (log_p - log_q), 0)))


P_CATEGORICAL = Categorical([0.2, 0.5, 0.0, 0.3])


@pytest.mark.parametrize(
    "q",
    [Poisson(1.3), Geometric(0.4), NegativeBinomial(2.5, 0.3), Binomial(6, 0.4), DiscreteUniform(-1, 5)],
    ids=lambda q: type(q).__name__,
)
def test_numbered_outcomes_as_counts(q: Any) -> None:
    assert float(kb.kl(P_CATEGORICAL, q)) == pytest.approx(direct(P_CATEGORICAL, q, 3), rel=1e-12)


@pytest.mark.parametrize(
    "p", [Binomial(3, 0.4), DiscreteUniform(1, 3), Bernoulli(0.3), Bernoulli(1.0)], ids=lambda p: type(p).__name__
)
def test_counts_as_numbered_outcomes(p: Any) -> None:
    q = Categorical([0.1, 0.3, 0.2, 0.3, 0.1])
    assert float(kb.kl(p, q)) == pytest.approx(direct(p, q, 4), rel=1e-13)


def test_numbered_outcomes_near_a_law_of_counts() -> None:
    """Nearly a Poisson law of a small mean; the last outcome is what is left."""
    rate = 1e-3
    k = np.arange(12.0)
    probs = np.exp(Poisson(rate).log_density(k))
    probs[1] += 2.0**-40
    probs[0] -= 2.0**-40
    with mp.workdps(50):
        exact = [mp.exp(-mp.mpf(rate)) * mp.mpf(rate) ** i / mp.factorial(i) for i in range(12)]
        # As gaps: what the row misses of a sum of 1 is no part of the divergence.
        truth = mp.fsum(mp.mpf(p) * mp.log(mp.mpf(p) / e) - mp.mpf(p) + e for p, e in zip(probs, exact, strict=True))
    assert float(kb.kl(Categorical(probs), Poisson(rate))) == pytest.approx(float(truth), rel=1e-6)


def test_supports_that_shrink_to_a_point() -> None:
    assert kb.kl(Bernoulli(0.0), DiscreteUniform(0, 0)) == 0
    assert kb.kl(Bernoulli(0.0), DiscreteUniform(1, 4)) == math.inf
    assert kb.kl(Binomial(5, 0.0), Bernoulli(0.3)) == pytest.approx(-math.log1p(-0.3), rel=1e-15)
    assert kb.kl(Binomial(5, 0.2), Bernoulli(0.3)) == math.inf
    assert kb.kl(Binomial(0, 0.2), Binomial(4, 0.5)) == pytest.approx(4 * math.log(2), rel=1e-15)
    assert kb.kl(DiscreteUniform(2, 2), Binomial(2, 1.0)) == 0
    assert kb.kl(Categorical([1.0, 0.0]), Binomial(3, 0.0)) == 0
    assert kb.kl(Categorical([0.0, 1.0]), Bernoulli(1.0)) == 0


def test_a_certain_count_has_its_cost_where_its_kind_is_always_infinite() -> None:
    assert float(kb.kl(Poisson(0.0), Bernoulli(0.3))) == pytest.approx(-math.log1p(-0.3), rel=1e-15)
    np.testing.assert_allclose(
        kb.kl(Poisson([0.0, 0.1]), Binomial(3, 0.3)), [-3 * math.log1p(-0.3), math.inf], rtol=1e-14
    )
    assert float(kb.kl(Geometric(1.0), DiscreteUniform(0, 3))) == pytest.approx(math.log(4), rel=1e-15)
    assert float(kb.kl(Poisson(0.0), Categorical([0.25, 0.75]))) == pytest.approx(math.log(4), rel=1e-15)
    assert kb.kl(Poisson(0.0), Zeta(2.0)) == math.inf
    assert kb.kl(Poisson(0.0), GeometricTrials(0.5)) == math.inf
    assert kb.kl(Bernoulli(logits=math.inf), kb.distributions.Normal(0.0, 1.0)) == math.inf
    x = torch.tensor(0.1, requires_grad=True)
    kb.kl(Poisson(x), Bernoulli(torch.tensor(0.3))).backward()
    assert x.grad == 0


def test_large_counts_are_summed_up_to_a_limit() -> None:
    p, q = Binomial(200_000, 1e-4), Poisson(20.0)
    # Barbour and Hall: of order p² for a fixed mean.
    assert 0 < float(kb.kl(p, q)) < 1e-8
    with pytest.raises(NoClosedForm, match=r"up to 1000000, got 1e\+09"):
        kb.kl(Binomial(1e9, 0.5), Poisson(1.0))
    with pytest.raises(NoClosedForm, match="counts cannot be traced"):
        jax.jit(lambda n: kb.kl(Binomial(n, jax.numpy.asarray(0.5)), Poisson(jax.numpy.asarray(1.0))))(3.0)


def test_counts_that_differ() -> None:
    with pytest.raises(NoClosedForm, match="same total_count"):
        kb.kl(NegativeBinomial(2.0, 0.5), NegativeBinomial(2.5, 0.5))
    with pytest.raises(NoClosedForm, match="total_count"):
        kb.renyi(Binomial(2, 0.5), Binomial(3, 0.5), 2)

    def traced(n: Any, m: Any) -> Any:
        half = jax.numpy.asarray(0.5)
        return kb.kl(NegativeBinomial(n, half), NegativeBinomial(m, half + 0.1))

    assert np.isfinite(jax.jit(traced)(3.0, 3.0))
    assert np.isnan(jax.jit(traced)(3.0, 4.0))


def test_traced_counts_of_binomials_are_shared_or_refused() -> None:
    half = jax.numpy.asarray(0.5)
    same = jax.jit(lambda n, p: kb.kl(Binomial(n, p), Binomial(n, p + 0.1)))(3.0, half)
    assert float(same) == pytest.approx(float(kb.kl(Binomial(3, 0.5), Binomial(3, 0.6))), rel=1e-14)
    with pytest.raises(NoClosedForm, match="counts cannot be traced"):
        jax.jit(lambda n, m, p: kb.kl(Binomial(n, p), Binomial(m, p)))(3.0, 4.0, half)


def renyi(p: Any, q: Any, order: float) -> float:
    k = np.arange(400.0)
    log_p, log_q = p.log_density(k), q.log_density(k)
    some = log_p > -np.inf
    return float(np.log(np.sum(np.exp(order * log_p[some] + (1 - order) * log_q[some]))) / (order - 1))


@pytest.mark.parametrize("order", [0.5, 2.0])
@pytest.mark.parametrize(
    ("p", "q"),
    [
        (Bernoulli(0.3), Bernoulli(0.6)),
        (Binomial(5, 0.3), Binomial(5, 0.6)),
        (Poisson(3.0), Poisson(4.0)),
        (Geometric(0.3), Geometric(0.2)),
        (NegativeBinomial(2.5, 0.5), NegativeBinomial(2.5, 0.55)),
        (GeometricTrials(0.3), GeometricTrials(0.2)),
    ],
    ids=lambda law: type(law).__name__,
)
def test_what_follows_for_exponential_families(p: Any, q: Any, order: float) -> None:
    assert float(kb.renyi(p, q, order)) == pytest.approx(renyi(p, q, order), rel=1e-10)
    assert float(kb.renyi(p, p, order)) == pytest.approx(0, abs=1e-15)


SCIPY = scipy.stats
TORCH = torch.distributions
t = torch.tensor


def test_objects_of_other_libraries() -> None:
    half, third = t(0.5, dtype=torch.float64), t(1 / 3, dtype=torch.float64)
    cases = [
        (SCIPY.bernoulli(0.5), SCIPY.bernoulli(0.3), Bernoulli(0.5), Bernoulli(0.3)),
        (SCIPY.binom(4, 0.5), SCIPY.binom(4, 0.3), Binomial(4, 0.5), Binomial(4, 0.3)),
        (SCIPY.Binomial(n=4, p=0.5), SCIPY.binom(4, 0.3), Binomial(4, 0.5), Binomial(4, 0.3)),
        (SCIPY.poisson(2.0), SCIPY.poisson(3.0), Poisson(2.0), Poisson(3.0)),
        (SCIPY.geom(0.5), SCIPY.geom(0.3), Geometric(0.5), Geometric(0.3)),
        (SCIPY.nbinom(2.5, 0.5), SCIPY.nbinom(2.5, 0.3), NegativeBinomial(2.5, 0.5), NegativeBinomial(2.5, 0.7)),
        (SCIPY.randint(0, 4), SCIPY.randint(-1, 6), DiscreteUniform(0, 3), DiscreteUniform(-1, 5)),
        (SCIPY.zipf(2.0), SCIPY.zipf(3.0), Zeta(2.0), Zeta(3.0)),
        (TORCH.Bernoulli(half), TORCH.Bernoulli(logits=third), Bernoulli(0.5), Bernoulli(logits=1 / 3)),
        (TORCH.Binomial(4, half), TORCH.Binomial(4, third), Binomial(4, 0.5), Binomial(4, 1 / 3)),
        (TORCH.Poisson(half), TORCH.Poisson(third), Poisson(0.5), Poisson(1 / 3)),
        (TORCH.Geometric(half), TORCH.Geometric(logits=third), Geometric(0.5), Geometric(logits=1 / 3)),
        (
            TORCH.NegativeBinomial(3.0, half),
            TORCH.NegativeBinomial(3.0, logits=third),
            NegativeBinomial(3, 0.5),
            NegativeBinomial(3, logits=1 / 3),
        ),
        (TORCH.Bernoulli(half), TORCH.Poisson(third), Bernoulli(0.5), Poisson(1 / 3)),
        (numpyro.Bernoulli(0.5), numpyro.Bernoulli(logits=0.3), Bernoulli(0.5), Bernoulli(logits=0.3)),
        (numpyro.Binomial(4, 0.5), numpyro.Binomial(4, logits=0.3), Binomial(4, 0.5), Binomial(4, logits=0.3)),
        (numpyro.Geometric(0.5), numpyro.Geometric(logits=0.3), Geometric(0.5), Geometric(logits=0.3)),
        (numpyro.Poisson(0.5), numpyro.Poisson(0.3), Poisson(0.5), Poisson(0.3)),
        (numpyro.DiscreteUniform(0, 3), numpyro.DiscreteUniform(0, 5), DiscreteUniform(0, 3), DiscreteUniform(0, 5)),
        (
            numpyro.NegativeBinomialProbs(2.5, 0.5),
            numpyro.NegativeBinomialLogits(2.5, 0.3),
            NegativeBinomial(2.5, 0.5),
            NegativeBinomial(2.5, logits=0.3),
        ),
        (
            numpyro.ZeroInflatedPoisson(0.5, 2.0),
            numpyro.ZeroInflatedPoisson(0.3, 1.0),
            ZeroInflatedPoisson(0.5, 2.0),
            ZeroInflatedPoisson(0.3, 1.0),
        ),
        (
            numpyro.ZeroInflatedDistribution(numpyro.Poisson(2.0), gate=0.5),
            numpyro.ZeroInflatedDistribution(numpyro.Poisson(1.0), gate_logits=0.0),
            ZeroInflatedPoisson(0.5, 2.0),
            ZeroInflatedPoisson(0.5, 1.0),
        ),
        (SCIPY.geom(0.5, loc=-1), TORCH.Geometric(third), Geometric(0.5), Geometric(1 / 3)),
        (
            numpyro.Binomial(4, jax.numpy.asarray([0.5])),
            numpyro.Binomial(np.array([4]), jax.numpy.asarray([0.3])),
            Binomial(4, 0.5),
            Binomial(4, 0.3),
        ),
        (numpyro.GammaPoisson(2.5, 1.0), numpyro.NegativeBinomial2(5.0, 2.5), NegativeBinomial(2.5, 0.5),
         NegativeBinomial(2.5, 2 / 3)),
    ]  # fmt: skip
    for theirs_p, theirs_q, p, q in cases:
        single = "numpyro" in type(theirs_p).__module__
        value = float(np.squeeze(np.asarray(kb.kl(theirs_p, theirs_q))))
        assert value == pytest.approx(float(kb.kl(p, q)), rel=1e-5 if single else 1e-12), theirs_p
    shifted = SCIPY.poisson(2.0, loc=1)
    with pytest.raises(NoClosedForm):
        kb.kl(shifted, SCIPY.poisson(2.0))


def test_logits_that_torch_would_clamp() -> None:
    p, q = TORCH.Bernoulli(logits=t(800.0, dtype=torch.float64)), TORCH.Bernoulli(logits=t(-700.0, dtype=torch.float64))
    _ = p.probs, q.probs
    assert float(kb.kl(p, q)) == 700.0


def test_draws_and_moments() -> None:
    rng = np.random.default_rng(0)
    for law in (
        Bernoulli(0.3),
        Binomial(7, 0.3),
        Poisson(2.5),
        Geometric(0.3),
        GeometricTrials(0.3),
        NegativeBinomial(2.5, 0.4),
        DiscreteUniform(-2, 5),
        ZeroInflatedPoisson(0.3, 2.0),
        kb.distributions.LogSeries(0.6),
        kb.distributions.DiscreteLaplace(0.8),
    ):
        draws = law.sample(rng, 40000)
        assert draws.mean() == pytest.approx(float(law.mean()), abs=0.05)
        assert draws.var() == pytest.approx(float(law.variance()), rel=0.06)
        k = np.arange(-60.0, 120.0)
        masses = np.exp(law.log_density(k))
        assert masses.sum() == pytest.approx(1, rel=1e-12)
        assert (masses * k).sum() == pytest.approx(float(law.mean()), abs=1e-10)
        if kb.distributions._family.knows(law, "entropy"):
            with np.errstate(all="ignore"):
                entropy = -np.sum(np.where(masses > 0, masses * np.log(masses), 0))
            assert float(kb.entropy(law)) == pytest.approx(entropy, rel=1e-10)


def test_bad_input_is_refused() -> None:
    for make, words in (
        (lambda: Bernoulli(1.5), "Bernoulli: probs must be a number from 0 to 1, got 1.5"),
        (lambda: Binomial(2.5, 0.5), "Binomial: total_count must be a whole number of at least 0, got 2.5"),
        (lambda: Poisson(-1.0), "Poisson: rate must be a finite number of at least 0, got -1.0"),
        (lambda: Geometric(0.0), "Geometric: probs must be a number above 0 and at most 1, got 0.0"),
        (lambda: NegativeBinomial(2.0, 1.0), "probs must be a number from 0 to below 1, got 1.0"),
        (lambda: DiscreteUniform(0.5, 3), "low must be a whole number, got 0.5"),
        (lambda: DiscreteUniform(4, 3), "high must be at least low"),
        (lambda: Zeta(1.0), "power must be a finite number above 1, got 1.0"),
    ):
        with pytest.raises(InputError, match=words):
            make()
    with pytest.raises(InputTypeError, match="exactly one of probs and logits"):
        Bernoulli(probs=0.5, logits=0.0)


def test_constants_inside_jit_need_no_look() -> None:
    p, q = (NegativeBinomial(jax.numpy.asarray(2.5), jax.numpy.asarray(r)) for r in (0.4, 0.5))
    assert float(jax.jit(lambda: kb.kl(p, q))()) == pytest.approx(float(kb.kl(p, q)), rel=1e-14)
