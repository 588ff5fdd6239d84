"""Fits in the direction D(P‖Q): formulas, SciPy's own fits, and the quadrature of laws that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats as st
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs
from scipy import optimize, special
from sklearn.datasets import load_breast_cancer, load_wine, make_moons
from sklearn.mixture import GaussianMixture as PeerMixture

import kullback as kb
from kullback.matching.forward import fit_forward as fit
from kullback.matching.forward import known
from kullback.matching.forward.target import log_density

RNG = np.random.default_rng(0)
GAMMA = RNG.gamma(2.5, 1 / 3, 2000)


def parameters(frozen: Any) -> list[float]:
    return [float(v) for v in (*frozen.args, *frozen.kwds.values())]


@pytest.mark.parametrize(
    ("name", "rows", "peer"),
    [
        ("normal", GAMMA, lambda x: [x.mean(), x.std()]),
        ("exponential", GAMMA, lambda x: [x.mean()]),
        ("log_normal", GAMMA, lambda x: [np.log(x).std(), np.exp(np.log(x).mean())]),
        ("laplace", GAMMA, lambda x: [np.median(x), np.abs(x - np.median(x)).mean()]),
        ("gamma", GAMMA, lambda x: [st.gamma.fit(x, floc=0)[0], st.gamma.fit(x, floc=0)[2]]),
        ("beta", RNG.beta(2, 3, 1500), lambda x: list(st.beta.fit(x, floc=0, fscale=1)[:2])),
        ("weibull", GAMMA, lambda x: [st.weibull_min.fit(x, floc=0)[0], st.weibull_min.fit(x, floc=0)[2]]),
        ("gumbel", GAMMA, lambda x: list(st.gumbel_r.fit(x))),
        ("poisson", RNG.poisson(3.0, 1000), lambda x: [x.mean()]),
        ("uniform", GAMMA, lambda x: [x.min(), np.ptp(x)]),
    ],
)
def test_it_is_the_maximum_of_the_likelihood(name: str, rows: np.ndarray, peer: Any) -> None:
    rows = rows[:-1] if name == "laplace" else rows  # an odd number of rows has one median
    m = fit(name, rows)
    assert m.converged
    assert parameters(m.result) == pytest.approx(peer(rows), rel=2e-4)


@pytest.mark.parametrize("name", ["gamma", "normal", "student_t", "weibull", "inverse_gaussian", "generalized_gamma"])
def test_no_other_member_is_likelier(name: str) -> None:
    m = fit(name, GAMMA)
    law = m.result
    best = float(log_density(law, GAMMA).mean())
    if isinstance(law, kb.distributions.Family):
        for parameter, value in law.given.items():
            for factor in (0.98, 1.02):
                other = type(law)(**{**law.given, parameter: value * factor})
                assert float(np.mean(other.log_density(GAMMA))) < best
    else:
        near = [
            np.array(parameters(law)) * (1 + 0.02 * np.eye(len(parameters(law)))[i] * s)
            for i in range(2)
            for s in (1, -1)
        ]
        for values in near:
            shape = len(law.args)
            other = law.dist(*values[:shape], **dict(zip(law.kwds, values[shape:], strict=True)))
            assert float(other.logpdf(GAMMA).mean()) < best


@pytest.mark.parametrize("name", ["student_t", "gumbel", "logistic", "cauchy"])
@pytest.mark.parametrize("unit", [1e-6, 1e8])
def test_units_do_not_matter(name: str, unit: float) -> None:
    x = st.t(4, 1, 2).rvs(300, random_state=2)
    plain, scaled = fit(name, x), fit(name, x * unit)
    assert plain.converged
    assert scaled.converged
    assert parameters(scaled.result)[-2:] == pytest.approx(np.array(parameters(plain.result))[-2:] * unit, rel=1e-5)


def test_exponential_families_match_moments() -> None:
    # d/dη: E_P[T] = E_Q[T] (Wainwright & Jordan 2008, section 3.6)
    a = fit("gamma", GAMMA).result
    assert a.mean() == pytest.approx(GAMMA.mean(), rel=1e-8)
    shape, scale = parameters(a)
    assert special.digamma(shape) + np.log(scale) == pytest.approx(np.log(GAMMA).mean(), rel=1e-8)
    angles = RNG.vonmises(1.0, 2.0, 800)
    q = fit("von_mises", angles).result
    ratio = special.i1(float(q.concentration)) / special.i0(float(q.concentration))
    assert ratio == pytest.approx(np.hypot(np.cos(angles).mean(), np.sin(angles).mean()), rel=1e-7)
    shares = RNG.dirichlet([1.0, 2.0, 5.0], 700)
    alpha = fit("dirichlet", shares).result.alpha
    wanted = special.digamma(alpha) - special.digamma(alpha.sum())
    assert wanted == pytest.approx(np.log(shares).mean(axis=0), rel=1e-7)


def test_gaussians_of_vectors() -> None:
    x = RNG.normal(size=(500, 3)) @ RNG.normal(size=(3, 3)) + 1
    full, plain = fit("gaussian", x).result, fit("meanfield", x).result
    assert full.mean == pytest.approx(x.mean(axis=0))
    assert full.cov == pytest.approx(np.cov(x.T, bias=True))
    assert plain.cov == pytest.approx(np.diag(x.var(axis=0)))


def test_weights_are_repetitions() -> None:
    counts = RNG.integers(0, 4, 300)
    x = RNG.gamma(2.0, size=300)
    one, many = fit("gamma", x, weights=counts), fit("gamma", np.repeat(x, counts))
    assert parameters(one.result) == pytest.approx(parameters(many.result), rel=1e-8)
    a, b = fit("mixture(2)", x, weights=counts), fit("mixture(2)", np.repeat(x, counts))
    assert np.sort(a.result.means.ravel()) == pytest.approx(np.sort(b.result.means.ravel()), rel=1e-3)


def test_what_remains_is_of_the_weighted_rows() -> None:
    # weights that make N(0, 1) into N(1, 1), whose D from N(0, 1) is a half
    x = np.random.default_rng(1).normal(size=20_000)
    m = fit("normal", x, weights=np.exp(x), fixed={"loc": 0.0, "scale": 1.0})
    assert m.after.value == pytest.approx(0.5, abs=4 * m.after.error)
    assert m.after.error < 0.05
    assert fit("normal", x, weights=np.exp(x)).after.value < 4 * m.after.error


class TestLaws:
    def test_moments_of_a_law(self) -> None:
        # the best Gaussian has P's mean and variance, and D is the difference of the entropies
        p = st.gamma(3)
        m = fit("normal", p)
        assert parameters(m.result) == pytest.approx([3, np.sqrt(3)], rel=1e-7)
        assert m.after.value == pytest.approx(np.log(2 * np.pi * np.e * 3) / 2 - p.entropy(), rel=1e-8)
        assert m.before.value > m.after.value
        assert m.converged

    def test_without_a_closed_form(self) -> None:
        p = st.norm(0, 1)
        m = fit("logistic", p, tolerance=1e-6)
        peer = optimize.minimize_scalar(
            lambda s: kb.estimate(p, st.logistic(0, s)).value, bounds=(0.3, 0.9), method="bounded"
        )
        assert parameters(m.result)[1] == pytest.approx(peer.x, rel=1e-4)

    def test_a_mixture_to_one_gaussian(self) -> None:
        p = kb.distributions.GaussianMixture([0.3, 0.7], [[0.0, 0.0], [2.0, 1.0]], [np.eye(2), 0.5 * np.eye(2)])
        q = fit("gaussian", p).result
        assert q.loc == pytest.approx([1.4, 0.7])
        assert q.covariance_matrix == pytest.approx(0.65 * np.eye(2) + 0.21 * np.outer([2, 1], [2, 1]))

    def test_counts(self) -> None:
        assert parameters(fit("poisson", st.binom(10, 0.3)).result) == pytest.approx([3.0], rel=1e-8)


class TestMixtures:
    def test_against_scikit_learn(self) -> None:
        for load, k in ((lambda: load_wine().data[:, :6], 2), (lambda: load_breast_cancer().data[:, :3], 2)):
            x = load()
            m = fit(f"mixture({k})", x, restarts=5)
            peer = PeerMixture(k, n_init=5, random_state=0, tol=1e-8, max_iter=3000).fit(x)
            assert m.converged
            assert m.result.log_density(x).mean() >= peer.score(x) - 1e-3

    def test_it_is_a_fixed_point(self) -> None:
        x = np.concatenate([RNG.normal(-2, 1, 300), RNG.normal(2, 0.5, 200)])
        q = fit("mixture(2)", x).result
        parts = np.stack(
            [w * st.norm(mu, f[0, 0]).pdf(x) for w, mu, f in zip(q.weights, q.means[:, 0], q.factors, strict=True)]
        )
        share = parts / parts.sum(axis=0)
        assert share.mean(axis=1) == pytest.approx(q.weights, abs=1e-6)
        assert (share @ x) / share.sum(axis=1) == pytest.approx(q.means[:, 0], abs=1e-5)

    def test_one_component_is_a_gaussian(self) -> None:
        x = RNG.normal(size=(200, 2))
        assert fit("mixture(1)", x).result.means[0] == pytest.approx(x.mean(axis=0))

    def test_collapse_is_refused(self) -> None:
        x = np.concatenate([np.zeros(1000), np.linspace(5, 6, 12)])
        with pytest.raises(kb.InputError, match="single row"):
            fit("mixture(3)", x)


class TestWithoutAForm:
    x = np.concatenate([RNG.normal(-2, 1, 400), RNG.normal(2, 0.5, 300)])

    def test_histogram_is_a_density(self) -> None:
        m = fit("histogram", self.x)
        assert m.result.cdf(self.x.max() + 1) == pytest.approx(1)
        assert np.isfinite(m.after.value)
        assert m.after.value < m.before.value

    @pytest.mark.parametrize("rows", [x[::5, None], RNG.normal(size=(90, 2))])
    def test_kernel_width_is_the_best_left_out(self, rows: np.ndarray) -> None:
        q = fit("kernel density", rows).result
        cov = q.factors[0] @ q.factors[0].T

        def left_out(factor: float) -> float:
            pairs = np.array([st.multivariate_normal(x, cov * factor**2).pdf(rows) for x in rows])
            np.fill_diagonal(pairs, 0.0)
            return float(np.log(pairs.sum(axis=0)).mean())

        best = left_out(1.0)
        assert left_out(1.2) < best
        assert left_out(0.8) < best

    def test_kernels_agree_with_components_one_by_one(self) -> None:
        many = fit("kernel density", self.x).result
        points = np.linspace(-6, 5, 7)
        by_hand = [np.log(np.mean(st.norm(self.x, many.factors[0, 0, 0]).pdf(p))) for p in points]
        assert many.log_density(points) == pytest.approx(by_hand, rel=1e-10)

    def test_best_of(self) -> None:
        m = fit("best of", RNG.gamma(3.0, size=1500))
        assert m.result.dist.name in ("gamma", "gengamma")
        assert any("Bits a row held out" in sentence for sentence in m.check())
        assert fit(["normal", "gumbel"], RNG.normal(size=800)).result.dist.name == "norm"

    def test_flow(self) -> None:
        x, _ = make_moons(300, noise=0.1, random_state=0)
        y, _ = make_moons(600, noise=0.1, random_state=1)
        m = fit("flow", x)
        one = fit("gaussian", x)
        assert log_density(m.result, y).mean() > log_density(one.result, y).mean() + 0.2
        assert isinstance(m.result, torch.distributions.Distribution)
        assert m.result.sample((4,)).shape == (4, 2)


def test_results_are_of_the_callers_library() -> None:
    x = torch.randn(300, generator=torch.Generator().manual_seed(0))
    assert isinstance(fit("normal", x).result, torch.distributions.Normal)
    assert isinstance(fit("mixture(2)", x).result, torch.distributions.MixtureSameFamily)
    law = fit(kb.distributions.Gamma, GAMMA).result
    assert float(kb.kl(law, st.gamma(2.5))) >= 0


def test_every_family_of_numbers_is_fitted_or_says_why_not() -> None:
    rows = RNG.beta(2.0, 3.0, 60)
    fitted = 0
    for name in known():
        if name in ("flow", "mixture(k)", "best of", "histogram", "kernel density"):
            continue
        try:
            m = fit(name, rows)
        except kb.InputError:
            continue  # of another kind of rows
        fitted += m.converged
    assert fitted >= 35


def test_interruption() -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    m = fit("generalized_gamma", GAMMA, progress=stop)
    assert not m.converged
    assert "interrupted" in m.reason


@settings(max_examples=30, deadline=None)
@given(hs.integers(0, 2**32 - 1), hs.sampled_from(["StudentT", "Weibull", "Lomax", "BetaPrime", "NegativeBinomial"]))
def test_it_never_claims_a_slope_that_is_not_nil(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, 40) if name == "StudentT" else np.abs(rng.standard_cauchy(40)) + 1e-3
    x = np.floor(x) if name == "NegativeBinomial" else x
    try:
        m = fit(getattr(kb.distributions, name), x)
    except kb.InputError:
        return
    if m.converged:
        values = {k: float(v) for k, v in (m.result.given if hasattr(m.result, "given") else {}).items()}
        family = type(m.result)
        for k, v in values.items():
            steps = [float(np.mean(family(**{**values, k: v * np.exp(h)}).log_density(x))) for h in (1e-4, -1e-4)]
            if family.parameters[k].rule.lower == 0 and family.parameters[k].rule.upper == np.inf:
                assert abs(steps[0] - steps[1]) / 2e-4 < 1e-5


@pytest.mark.parametrize(
    ("family", "to", "options", "message"),
    [
        ("gama", GAMMA, {}, "there is no family 'gama'"),
        (3, GAMMA, {}, "name, a class"),
        ("gamma", [1.0, -2.0, 3.0], {}, r"lives on \[0, inf\]: 1 values lie outside, the first -2 at row 1"),
        ("poisson", [1.0, 2.5], {}, "whole numbers, and row 1 is 2.5"),
        ("gamma", [1.0, float("nan")], {}, "not finite"),
        ("normal", [2.0, 2.0, 2.0], {}, "all rows of the target are 2"),
        ("gaussian", np.column_stack([GAMMA, GAMMA]), {}, "determined by the others"),
        ("gaussian", np.column_stack([GAMMA, GAMMA * 0 + 1]), {}, "column 1 of the target is constant"),
        ("binomial", [1.0, 2.0], {}, "fixed="),
        ("gamma", GAMMA, {"fixed": {"shape": 1.0}}, "no parameter 'shape'"),
        ("gamma", GAMMA, {"weights": -np.ones(2000)}, "negative"),
        ("gamma", GAMMA, {"weights": np.ones(3)}, "3 entries for 2000 rows"),
        ("gamma", RNG.gamma(2.0, size=(9, 2)), {}, "family of numbers"),
        ("dirichlet", GAMMA, {}, "simplex"),
        ("mixture(0)", GAMMA, {}, "too few"),
        ("mixture(900)", GAMMA, {}, "too few"),
        ("flow", GAMMA, {}, "vectors"),
        ("gamma", lambda x: x, {}, "reverse"),
        ("normal", st.norm([0, 1], 1), {}, "batch"),
        ("normal", GAMMA, {"fixed": 5}, "fixed must map"),
        ("normal", GAMMA, {"tolerance": -1}, "above 0"),
        ("mixture(2)", st.cauchy(), {}, "infinite"),
        ("normal", st.cauchy(), {}, "infinite"),
        ("dirichlet", np.ones((9, 3)), {}, "not on the simplex"),
        ("gamma", [0.0, *GAMMA[:20]], {}, "at row 0"),
        ("categorical", np.array([10.0**9, 0, 1]), {}, "number the levels"),
        ("best of", [1.0], {}, "too few"),
        (["normal", 5], GAMMA, {}, "called 5"),
        ("normal", "text", {}, "not a distribution object"),
        ("normal", [["a"], ["b"]], {}, "text"),
    ],
)
def test_bad_input(family: Any, to: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
        fit(family, to, **options)
