"""Mixtures reduced, and distributions in the middle of others: bounds, moments and general optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats as st
import torch
from scipy import optimize
from sklearn.mixture import GaussianMixture as PeerMixture

import kullback as kb

Mixture = kb.distributions.GaussianMixture
RNG = np.random.default_rng(0)


def test_no_match_says_that_it_converged_with_an_error_above_the_tolerance() -> None:
    nothing = kb.Divergence(0.0)
    with pytest.raises(kb.InputError, match="no convergence"):
        kb.Match(None, nothing, nothing, True, "", 1, max_error=0.2, tolerance=0.1)
    with pytest.raises(kb.InputError, match="no convergence"):
        kb.Match(None, nothing, nothing, True, "", 1, max_error=float("nan"), tolerance=0.1)


class TestReducingMixtures:
    def test_bound_and_refinement(self) -> None:
        p = Mixture(RNG.dirichlet(np.ones(8)), RNG.normal(0, 4, 8), RNG.gamma(2, 0.5, 8))
        m = kb.reduce_mixture(p, 3)
        assert m.converged
        assert m.after.value <= m.before.value
        bound = float(next(c for c in m.before.caveats if "Runnalls" in c).split("at most ")[1].split(" ")[0])
        assert m.before.value <= bound
        assert m.result.weights.size == 3

    def test_runnalls_bound_by_hand(self) -> None:
        m = kb.reduce_mixture(Mixture([0.4, 0.6], [0.0, 2.0], [1.0, 0.5]), 1)
        merged = 0.4 * 1.0 + 0.6 * 0.5 + 0.4 * 0.6 * 4.0
        bound = (np.log(merged) - 0.4 * np.log(1.0) - 0.6 * np.log(0.5)) / 2
        assert f"at most {bound:.4g} nats" in m.before.caveats[-1]

    def test_to_one_component_is_the_gaussian_of_its_moments(self) -> None:
        p = Mixture([0.25, 0.75], [[0.0, 0.0], [2.0, 1.0]], [np.eye(2), 0.5 * np.eye(2)])
        q = kb.reduce_mixture(p, 1).result
        assert q.means[0] == pytest.approx([1.5, 0.75], abs=1e-9)
        wanted = 0.625 * np.eye(2) + 0.1875 * np.outer([2, 1], [2, 1])
        assert q.factors[0] @ q.factors[0].T == pytest.approx(wanted, abs=1e-9)

    def test_it_is_a_minimum_of_the_divergence(self) -> None:
        p = Mixture([0.3, 0.3, 0.4], [-3.0, -2.0, 3.0], [1.0, 0.5, 1.0])
        q = kb.reduce_mixture(p, 2).result

        def divergence(u: np.ndarray) -> float:
            w = 1 / (1 + np.exp(-u[0]))
            return kb.estimate(p, Mixture([w, 1 - w], u[1:3], np.exp(u[3:5]))).value

        at = np.array([np.log(q.weights[0] / q.weights[1]), *q.means[:, 0], *2 * np.log(q.factors[:, 0, 0])])
        steps = 1e-3 * np.eye(5)
        slopes = [(divergence(at + s) - divergence(at - s)) / 2e-3 for s in steps]
        assert slopes == pytest.approx(np.zeros(5), abs=1e-5)

    def test_equal_components_cost_nothing(self) -> None:
        p = Mixture([0.2, 0.3, 0.5], [1.0, 1.0, 4.0], [1.0, 1.0, 2.0])
        assert kb.reduce_mixture(p, 2).after.value == pytest.approx(0, abs=1e-12)

    def test_mixtures_of_other_libraries(self) -> None:
        part = torch.distributions
        law = part.MixtureSameFamily(
            part.Categorical(torch.ones(3) / 3), part.Normal(torch.tensor([0.0, 1.0, 5.0]), torch.ones(3))
        )
        assert kb.reduce_mixture(law, 2).result.weights.size == 2
        peer = PeerMixture(4, random_state=0).fit(RNG.normal(size=(300, 2)))
        assert kb.reduce_mixture(peer, 2).converged

    def test_it_draws_itself(self) -> None:
        m = kb.reduce_mixture(Mixture([0.5, 0.3, 0.2], [0.0, 1.0, 5.0], [1.0, 1.0, 1.0]), 2)
        assert m.plot().to_dict()["$schema"]

    @pytest.mark.parametrize(
        ("mixture", "count", "message"),
        [
            (Mixture([0.5, 0.5], [0.0, 1.0], [1.0, 1.0]), 2, "between 1 and 1"),
            (Mixture([0.5, 0.5], [0.0, 1.0], [1.0, 1.0]), 1.0, "whole number"),
            (st.norm(), 1, "mixture of Gaussians"),
        ],
    )
    def test_bad_input(self, mixture: Any, count: Any, message: str) -> None:
        with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
            kb.reduce_mixture(mixture, count)


FAMILIES = [
    ([st.norm(0, 1), st.norm(3, 2)], lambda u: st.norm(u[0], np.exp(u[1])), [1.0, 0.5]),
    ([st.gamma(2), st.gamma(5, scale=2)], lambda u: st.gamma(np.exp(u[0]), scale=np.exp(u[1])), [1.0, 0.5]),
    ([st.beta(2, 3), st.beta(5, 1)], lambda u: st.beta(*np.exp(u)), [0.5, 0.5]),
    ([st.poisson(2), st.poisson(5)], lambda u: st.poisson(np.exp(u[0])), [1.0]),
]


class TestBarycentres:
    @pytest.mark.parametrize("direction", ["forward", "reverse"])
    @pytest.mark.parametrize(("laws", "make", "start"), FAMILIES, ids=[f[0][0].dist.name for f in FAMILIES])
    def test_against_a_general_optimiser(self, laws: list[Any], make: Any, start: list[float], direction: str) -> None:
        w = np.array([0.3, 0.7])

        def mean(q: Any) -> float:
            return float(
                sum(
                    a * float(kb.kl(p, q) if direction == "forward" else kb.kl(q, p))
                    for a, p in zip(w, laws, strict=True)
                )
            )

        m = kb.barycenter(laws, w, direction)
        peer = optimize.minimize(lambda u: mean(make(u)), start, tol=1e-10)
        assert m.converged
        assert m.after.value == pytest.approx(peer.fun, rel=1e-6)
        assert m.after.value <= peer.fun + 1e-12
        assert m.after.value < m.before.value
        assert sum(m.after.parts.values()) == pytest.approx(m.after.value)

    def test_gaussians_of_vectors(self) -> None:
        a, b = st.multivariate_normal([0, 0], np.eye(2)), st.multivariate_normal([2, 0], [[2, 0.5], [0.5, 1]])
        forward = kb.barycenter([a, b]).result
        assert forward.mean == pytest.approx([1, 0])
        assert forward.cov == pytest.approx((np.eye(2) + b.cov) / 2 + np.diag([1.0, 0.0]))
        reverse = kb.barycenter([a, b], direction="reverse").result
        assert np.linalg.inv(reverse.cov) == pytest.approx((np.eye(2) + np.linalg.inv(b.cov)) / 2)

    def test_logarithmic_pool_of_categoricals(self) -> None:
        make = kb.distributions.Categorical
        p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.6, 0.3])
        m = kb.barycenter([make(probs=p), make(probs=q)], direction="reverse")
        assert m.converged
        wanted = np.sqrt(p * q) / np.sqrt(p * q).sum()
        logits = np.asarray(m.result.logits if m.result.logits is not None else np.log(m.result.probs))
        assert np.exp(logits - np.logaddexp.reduce(logits)) == pytest.approx(wanted)
        # Σ w D(Q‖Pᵢ) at the pool is −log of the normaliser (Bhattacharyya)
        assert m.after.value == pytest.approx(-np.log(np.sqrt(p * q).sum()))

    def test_pythagorean_identity(self) -> None:
        # Σ w D(Pᵢ‖R) = Σ w D(Pᵢ‖Q) + D(Q‖R) for R in the family
        laws, w, r = [st.gamma(2), st.gamma(5, scale=2)], [0.4, 0.6], st.gamma(3, scale=3)
        m = kb.barycenter(laws, w)
        there = sum(a * float(kb.kl(p, r)) for a, p in zip(w, laws, strict=True))
        assert there == pytest.approx(m.after.value + float(kb.kl(m.result, r)), rel=1e-9)

    def test_results_are_of_the_callers_library(self) -> None:
        gamma = torch.distributions.Gamma
        assert isinstance(kb.barycenter([gamma(2.0, 1.0), gamma(3.0, 1.0)]).result, gamma)

    @pytest.mark.parametrize(
        ("laws", "options", "message"),
        [
            ([], {}, "no distributions"),
            ([st.norm(), st.gamma(2)], {}, "distribution 1 is"),
            ([st.cauchy(), st.cauchy(1)], {}, "no exponential family"),
            ([st.norm(), st.norm([0, 1])], {}, "batch"),
            ([st.norm(), st.norm(1)], {"weights": [1.0]}, r"shape \(2,\)"),
            ([st.norm(), st.norm(1)], {"weights": [1.0, -1.0]}, "at least 0"),
            ([st.norm(), st.norm(1)], {"direction": "both"}, "forward"),
        ],
    )
    def test_bad_input(self, laws: list[Any], options: dict[str, Any], message: str) -> None:
        with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
            kb.barycenter(laws, **options)
