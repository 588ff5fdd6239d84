"""Objects of other libraries that are one law in another dress: moved, transformed, standard, frozen or not."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import numpyro.distributions as nd
import pytest
import scipy.stats as st
import torch
import torch.distributions as td

import kullback as kb

D = kb.distributions
standard, other = D.Normal(0.0, 1.0), D.Normal(1.0, 2.0)
exp_of_normal = td.TransformedDistribution(td.Normal(torch.tensor(0.0).double(), 1.0), td.ExpTransform())
gamma = st.make_distribution(st.gamma)


def chained(loc: float) -> Any:
    steps = [nd.transforms.AffineTransform(loc, 2.0), nd.transforms.SigmoidTransform()]
    return nd.TransformedDistribution(nd.Normal(0.0, 1.0), steps)


SAME: dict[str, tuple[Any, Any, Any, Any]] = {
    "standard": (st.Normal(), st.Normal(mu=1.0, sigma=2.0), standard, other),
    "a·X + b": (2 * st.Normal() + 1, st.Normal(), other, standard),
    "−X": (-st.Normal(mu=1.0, sigma=2.0), st.Normal(), D.Normal(-1.0, 2.0), standard),
    "a·(X + b)": (2 * (st.Normal() + 0.5), st.Normal(), other, standard),
    "exp X": (st.exp(st.Normal(mu=1.0, sigma=2.0)), st.lognorm(1.0), D.LogNormal(1.0, 2.0), D.LogNormal(0.0, 1.0)),
    "made of an old one": (gamma(a=2.0), st.gamma(3.0), D.Gamma(2.0, 1.0), D.Gamma(3.0, 1.0)),
    "both moved": (2 * gamma(a=2.0) + 3, 2 * gamma(a=3.0) + 3, D.Gamma(2.0, 1.0), D.Gamma(3.0, 1.0)),
    "beta moved": (st.beta(2, 3, 1, 2), st.beta(2.5, 3, 1, 2), D.Beta(2.0, 3.0), D.Beta(2.5, 3.0)),
    "Lévy": (nd.Levy(0.0, 1.0), st.levy(0, 2), D.Levy(1.0), D.Levy(2.0)),
    "Lévy moved": (nd.Levy(1.0, 1.0), nd.Levy(1.0, 2.0), D.Levy(1.0), D.Levy(2.0)),
    "exp in torch": (exp_of_normal, td.LogNormal(torch.tensor(1.0).double(), 2.0), standard, other),
    "back in torch": (td.LogNormal(torch.tensor(1.0).double(), 2.0), exp_of_normal, other, standard),
    "exp against a gamma": (exp_of_normal, st.gamma(2.0), D.LogNormal(0.0, 1.0), D.Gamma(2.0, 1.0)),
    "affine in NumPyro": (
        nd.TransformedDistribution(nd.Normal(0.0, 1.0), nd.transforms.AffineTransform(1.0, -2.0)),
        nd.Normal(0.0, 1.0),
        other,
        standard,
    ),
    "logit": (chained(0.3), chained(0.1), D.Normal(0.3, 2.0), D.Normal(0.1, 2.0)),
    "circle and a range of it": (
        st.wrapcauchy(0.5, loc=1.0), st.vonmises(1.5), D.WrappedCauchy(1.0, 0.5), D.VonMises(0.0, 1.5)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_one_law_in_another_dress_has_one_divergence(name: str) -> None:
    p, q, plain_p, plain_q = SAME[name]
    true = float(kb.kl(plain_p, plain_q))
    assert float(np.ravel(np.asarray(kb.kl(p, q)))[0]) == pytest.approx(true, rel=1e-12)
    assert kb.estimate(p, q).method == "closed form"


def test_an_exponential_that_begins_later_has_no_memory() -> None:
    assert kb.kl(st.expon(0), st.expon(1)) == math.inf
    assert kb.kl(st.expon(1), st.expon(0)) == 1
    found = kb.kl(st.expon([1, 2, 0], 2), st.expon(1, 3))
    inside = math.log(1.5) - 1 / 3
    np.testing.assert_allclose(found, [inside, inside + 1 / 3, math.inf], rtol=1e-14)
    assert kb.estimate(st.expon(1, 2), st.expon(0, 3), method="quadrature").value == pytest.approx(inside + 1 / 3)
    with pytest.raises(kb.NoClosedForm, match="shifted Gamma"):
        kb.kl(st.gamma(2, loc=1), st.expon())


def test_moved_laws_keep_what_they_know() -> None:
    law = D.Affine(D.Beta(2.0, 3.0), 1.0, 4.0)
    twin = st.beta(2, 3, 1, 4)
    assert float(law.mean()) == pytest.approx(twin.mean())
    assert float(law.variance()) == pytest.approx(twin.var())
    assert float(law.entropy()) == pytest.approx(float(twin.entropy()))
    x = np.array([1.3, 2.0, 4.9])
    np.testing.assert_allclose(law.log_density(x), twin.logpdf(x), rtol=1e-13)
    assert [float(end) for end in law.support()] == [1, 5]
    for values, words in (((1.0, 0.0), "scale"), ((math.inf, 1.0), "loc")):
        with pytest.raises(kb.InputError, match=words):
            D.Affine(D.Beta(2.0, 3.0), *values)
    with pytest.raises(kb.InputError, match="scale must be 1 for Poisson"):
        D.Affine(D.Poisson(2.0), 0.0, 2.0)


LIBRARIES: dict[str, tuple[Any, Any]] = {
    "scipy": (st.norm(0, 1), st.norm(1, 2)),
    "new scipy": (st.Normal(), 2 * st.Normal() + 1),
    "torch": (td.Normal(torch.tensor(0.0).double(), 1.0), td.Normal(torch.tensor(1.0).double(), 2.0)),
    "numpyro": (nd.Normal(0.0, 1.0), nd.Normal(1.0, 2.0)),
    "kullback": (standard, other),
    "mixed": (st.norm(0, 1), td.Normal(torch.tensor(1.0).double(), 2.0)),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_measure_takes_objects_of_every_library(name: str) -> None:
    p, q = LIBRARIES[name]
    # −log ∫√(pq) of normal distributions, which is half of Rényi's divergence of order ½.
    bhattacharyya = 1 / (4 * 5) + 0.5 * math.log(5 / 4)
    entropy = 0.5 * math.log(2 * math.pi * math.e)
    forward, backward = math.log(2) + 2 / 8 - 0.5, -math.log(2) + 5 / 2 - 0.5
    for value, true in (
        (kb.kl(p, q), forward),
        (kb.entropy(p), entropy),
        (kb.cross_entropy(p, q), entropy + forward),
        (kb.jeffreys(p, q), forward + backward),
        (kb.renyi(p, q, 0.5) / 2, bhattacharyya),
        (kb.hellinger(p, q), math.sqrt(-math.expm1(-bhattacharyya))),
    ):
        assert float(value) == pytest.approx(true, rel=1e-13)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: kb.kl(st.norm, st.norm()), r"scipy.stats.norm has no parameters yet: freeze it"),
        (lambda: kb.kl(st.norm(), st.multivariate_normal), "multivariate_normal has no parameters yet"),
        (lambda: kb.kl(td.Normal, st.norm()), "Normal is a class: make a distribution of it"),
        (lambda: D.Normal(None, 1.0), "Normal: loc must be given, got None"),
        (lambda: kb.renyi(standard, other, np.array([0.5, 2.0])), "order must be one number"),
        (lambda: kb.tsallis(standard, other, "a"), "order must be one number"),
        (lambda: kb.alpha_divergence(standard, other, None), "order must be one number"),
        (lambda: kb.estimate(standard, other, rng="a"), "rng must be a whole number"),
        (lambda: kb.estimate(standard, other, rng=-1), "rng must be a whole number"),
        (lambda: kb.estimate(standard, other, confidence="a"), "confidence must be a number"),
        (lambda: kb.estimate(standard, other, tolerance=[1]), "tolerance must be a number"),
        (lambda: kb.estimate(standard, other, progress="a"), "progress must be True, False or a function"),
    ],
)
def test_things_of_the_wrong_kind_are_refused(make: Any, words: str) -> None:
    with pytest.raises(kb.InputTypeError, match=words):
        make()


def image(transform: Any) -> Any:
    return td.TransformedDistribution(td.Normal(torch.tensor(0.0), 1.0), transform)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: kb.kl(D.Normal(np.zeros(2), 1.0), D.Normal(np.zeros(3), 1.0)), r"shape \(2,\) and Q of shape \(3,\)"),
        (
            lambda: kb.kl(td.Normal(torch.zeros(2), 1.0), td.Normal(torch.zeros(3), 1.0)),
            r"\(2,\) and Q of shape \(3,\)",
        ),
        (lambda: kb.kl(nd.Normal(jnp.zeros(2), 1.0), nd.Normal(jnp.zeros(3), 1.0)), r"\(2,\) and .* \(3,\)"),
        (lambda: kb.kl(image(td.AffineTransform(0.0, 0.0)), standard), "AffineTransform has a scale of 0"),
        (lambda: kb.kl(image(td.PowerTransform(torch.tensor(2.0))), standard), "bijection of the numbers above 0"),
        (lambda: kb.renyi(standard, other, math.nan), "order must be above 0"),
        (lambda: kb.kl(st.rv_discrete(values=([0, 0.5], [0.5, 0.5])), st.poisson(1)), "must be all whole"),
    ],
)
def test_values_that_do_not_do_are_refused(make: Any, words: str) -> None:
    with pytest.raises(kb.InputError, match=words):
        make()


def test_powers_of_positive_numbers_are_bijections() -> None:
    def power(rate: float) -> Any:
        base = td.Exponential(torch.tensor(rate).double())
        return td.TransformedDistribution(base, td.PowerTransform(torch.tensor(2.0).double()))

    assert float(kb.kl(power(1.0), power(2.0))) == pytest.approx(1 - math.log(2))


def test_known_counts_stay_known_under_jit() -> None:
    def divergence(prob: Any) -> Any:
        return kb.kl(nd.Binomial(total_count=3, probs=prob), nd.Binomial(total_count=3, probs=0.4))

    true = 3 * (0.3 * math.log(0.3 / 0.4) + 0.7 * math.log(0.7 / 0.6))
    assert float(jax.jit(divergence)(0.3)) == pytest.approx(true, rel=1e-12)
    slope = 3 * (math.log(0.3 / 0.7) - math.log(0.4 / 0.6))
    assert float(jax.jit(jax.grad(divergence))(0.3)) == pytest.approx(slope, rel=1e-12)
    uniform = jax.jit(lambda high: kb.kl(nd.DiscreteUniform(0, high), nd.DiscreteUniform(0, 9)))
    assert float(uniform(4)) == pytest.approx(math.log(2))


EXTREME = {
    D.Beta: ("concentration1", "concentration0"),
    D.BetaPrime: ("concentration1", "concentration0"),
    D.AsymmetricLaplace: ("scale", "asymmetry"),
    D.InverseGaussian: ("loc", "concentration"),
    D.Weibull: ("scale", "concentration"),
    D.NormalGamma: ("pseudo_count", "concentration", "rate"),
}


@pytest.mark.parametrize("kind", EXTREME, ids=lambda kind: kind.__name__)
def test_at_extremes_equal_laws_are_equal_and_others_right_or_refused(kind: Any) -> None:
    """At 1e±290 the formulas' parts leave the floats: a value is 0 of equal laws, else at least 0, or refused."""
    rng = np.random.default_rng(0)
    fixed = {name: 0.0 for name in ("loc",) if name in kind.parameters and name not in EXTREME[kind]}
    ends = (1e-290, 1e-150, 1.1, 1.1e30, 1e290)
    laws = [kind(**fixed, **{name: rng.choice(ends) for name in EXTREME[kind]}) for _ in range(12)]
    for p in laws:
        assert kb.kl(p, p) == 0
        for q in laws:
            try:
                assert kb.kl(p, q) >= 0
            except kb.InputError as refusal:
                assert "floats do not hold" in str(refusal)  # noqa: PT017


def test_an_extreme_member_of_a_batch_is_named() -> None:
    p, q = (D.Beta(np.array([2.0, big]), 1.1e30) for big in (1e290, 1e280))
    with pytest.raises(kb.InputError, match=r"Beta‖Beta comes to nan at index \(1,\)"):
        kb.kl(p, q)
    assert kb.kl(D.Logistic(1.0, 2.0), D.Logistic(1.0, 2.0)) == 0


@pytest.mark.parametrize("loc", [-700.0, -743.0, -800.0, -1000.0])
def test_a_log_normal_below_the_floats(loc: float) -> None:
    with mp.workdps(40):
        entropy = mp.mpf(loc) + mp.log(2 * mp.pi * mp.e) / 2
        to_normal = mp.log(2 * mp.pi) / 2 + mp.exp(2 * mp.mpf(loc) + 2) / 2 - entropy
        to_laplace = mp.log(2) + mp.exp(mp.mpf(loc) + 0.5) - entropy
    p = D.LogNormal(loc, 1.0)
    assert float(kb.kl(p, D.Normal(0.0, 1.0))) == pytest.approx(float(to_normal), rel=1e-14)
    assert float(kb.kl(p, D.Laplace(0.0, 1.0))) == pytest.approx(float(to_laplace), rel=1e-14)
    at = torch.tensor(loc).double().requires_grad_()
    for q in (td.Normal(torch.tensor(0.0).double(), 1.0), td.Laplace(torch.tensor(0.0).double(), 1.0)):
        (slope,) = torch.autograd.grad(kb.kl(td.LogNormal(at, 1.0), q), at)
        assert float(slope) == pytest.approx(-1, rel=1e-12)
