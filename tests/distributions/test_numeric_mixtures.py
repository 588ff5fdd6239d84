"""Mixtures of Gaussians: bounds that hold, Hershey and Olsen's approximation, and every library's objects."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
import scipy.stats as st
import torch
from sklearn.mixture import GaussianMixture as Fitted

import kullback as kb
from kullback.distributions import GaussianMixture

T = torch.distributions


def random_pair(seed: int, numbers: bool) -> tuple[GaussianMixture, GaussianMixture]:
    rng = np.random.default_rng(seed)

    def one() -> GaussianMixture:
        k = int(rng.integers(1, 5))
        weights = rng.dirichlet(np.ones(k))
        if numbers:
            return GaussianMixture(weights, rng.normal(0, 3, k), rng.gamma(2, 0.5, k))
        a = rng.normal(size=(k, 2, 2))
        return GaussianMixture(weights, rng.normal(0, 2, (k, 2)), a @ a.transpose(0, 2, 1) + 0.2 * np.eye(2))

    return one(), one()


@pytest.mark.parametrize("numbers", [True, False], ids=["line", "plane"])
@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold(seed: int, numbers: bool) -> None:
    p, q = random_pair(seed, numbers)
    found = kb.estimate(p, q, rng=0)
    bounds, approximation = (kb.estimate(p, q, method=m) for m in ("bounds", "variational"))
    slack = 1e-9 if found.error < 1e-6 else 4 * found.error
    for other in (bounds, approximation):
        assert other.interval is not None
        assert other.interval[0] - slack <= found.value <= other.interval[1] + slack
        assert other.interval[0] <= other.value <= other.interval[1]
        assert abs(other.value - found.value) <= other.error + slack


def test_of_one_component_all_are_the_closed_form() -> None:
    p, q = GaussianMixture([1.0], [0.0], [1.0]), GaussianMixture([1.0], [1.0], [4.0])
    true = float(kb.kl(st.norm(0, 1), st.norm(1, 2)))
    assert kb.estimate(p, q, method="variational").value == pytest.approx(true, rel=1e-12)
    assert kb.estimate(p, q).value == pytest.approx(true, rel=1e-12)
    upper = kb.estimate(st.norm(0, 1), q, method="bounds").interval
    assert upper is not None
    assert upper[1] == pytest.approx(true, rel=1e-12)


def test_the_approximation_by_hand() -> None:
    p, q = GaussianMixture([0.4, 0.6], [0.0, 3.0], [1.0, 1.0]), GaussianMixture([0.5, 0.5], [0.0, 1.0], [1.0, 4.0])

    def d(m: float, s: float, n: float, t: float) -> float:
        return float(kb.kl(st.norm(m, s), st.norm(n, t)))

    a, b, w, v = [(0.0, 1.0), (3.0, 1.0)], [(0.0, 1.0), (1.0, 2.0)], [0.4, 0.6], [0.5, 0.5]
    by_hand = sum(
        w[i]
        * math.log(
            sum(w[j] * math.exp(-d(*a[i], *a[j])) for j in range(2))
            / sum(v[j] * math.exp(-d(*a[i], *b[j])) for j in range(2))
        )
        for i in range(2)
    )
    found = kb.estimate(p, q, method="variational")
    assert found.interval is not None
    assert found.value == pytest.approx(min(max(by_hand, found.interval[0]), found.interval[1]), rel=1e-12)


def test_equal_mixtures() -> None:
    p = GaussianMixture([0.4, 0.6], [0.0, 3.0], [1.0, 1.0])
    for method in ("auto", "Monte Carlo", "variational"):
        assert kb.estimate(p, p, method=method).value == 0
    found = kb.estimate(p, p, method="bounds")
    assert found.interval is not None
    assert found.interval[0] == 0


def test_every_library_says_the_same() -> None:
    weights, locs, scales = [0.3, 0.7], [0.0, 4.0], [1.0, 0.5]
    q = st.norm(1, 3)
    true = kb.estimate(GaussianMixture(weights, locs, np.square(scales)), q)
    double = [torch.tensor(v, dtype=torch.float64) for v in (weights, locs, scales)]
    fitted = Fitted(2, covariance_type="diag")
    fitted.weights_, fitted.means_, fitted.covariances_ = (
        np.array(weights),
        np.array([[0.0], [4.0]]),
        np.square([[1.0], [0.5]]),
    )
    for law in (
        T.MixtureSameFamily(T.Categorical(double[0]), T.Normal(*double[1:])),
        nd.MixtureSameFamily(nd.Categorical(jnp.array(weights)), nd.Normal(jnp.array(locs), jnp.array(scales))),
        st.Mixture([st.Normal(mu=m, sigma=s) for m, s in zip(locs, scales, strict=True)], weights=weights),
    ):
        found = kb.estimate(law, q)
        assert found.value == pytest.approx(true.value, rel=1e-7)
        assert kb.estimate(law, q, method="bounds").interval is not None
    as_vectors = T.MultivariateNormal(torch.ones(1).double(), 9 * torch.eye(1).double())
    assert kb.estimate(fitted, as_vectors, method="variational").value == pytest.approx(
        kb.estimate(GaussianMixture(weights, locs, np.square(scales)), q, method="variational").value
    )


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_fitted_mixtures(kind: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(4, 0.5, (200, 2))])
    fitted = Fitted(2, covariance_type=kind, random_state=0).fit(x)
    ours = GaussianMixture(
        fitted.weights_,
        fitted.means_,
        {
            "full": lambda c: c,
            "tied": lambda c: np.stack([c, c]),
            "diag": lambda c: np.stack([np.diag(v) for v in c]),
            "spherical": lambda c: np.stack([v * np.eye(2) for v in c]),
        }[kind](fitted.covariances_),
    )
    assert np.allclose(ours.log_density(x), fitted.score_samples(x))
    assert kb.estimate(fitted, ours, method="Monte Carlo").value < 1e-20


def test_torch_vectors_and_others() -> None:
    means = torch.tensor([[0.0, 0.0], [3.0, 1.0]]).double()
    full = T.MultivariateNormal(means, torch.eye(2).double().expand(2, 2, 2))
    independent = T.Independent(T.Normal(means, torch.ones(2, 2).double()), 1)
    weights = T.Categorical(torch.tensor([0.5, 0.5]).double())
    q = T.MultivariateNormal(torch.zeros(2).double(), 4 * torch.eye(2).double())
    values = [kb.estimate(T.MixtureSameFamily(weights, c), q).value for c in (full, independent)]
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    laplace = T.MixtureSameFamily(weights, T.Laplace(torch.tensor([0.0, 2.0]).double(), torch.ones(2).double()))
    assert kb.estimate(laplace, T.Normal(0.0, 2.0)).method == "quadrature"
    with pytest.raises(kb.InputError, match="no mixture of Gaussians"):
        kb.estimate(laplace, T.Normal(0.0, 2.0), method="bounds")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.5, 0.6], [0, 1], [1, 1]), "weights must be at least 0 and sum to 1"),
        (([0.5, 0.5], [0, 1, 2], [1, 1]), "locs must hold a mean for each"),
        (([0.5, 0.5], [0, 1], [1, -1]), "covariance 1 must be positive definite"),
        (([0.5, 0.5], [0, math.nan], [1, 1]), "locs must be finite"),
        (([1.0], [[0, 1]], [[[1, 0.5], [0, 1]]]), "must be a symmetric matrix"),
        (([1.0], [[0, 1]], [1.0]), "covariances must have shape"),
    ],
)
def test_what_is_refused(arguments: Any, words: str) -> None:
    with pytest.raises(kb.InputError, match=words):
        GaussianMixture(*arguments)


def test_an_unfitted_mixture_is_refused() -> None:
    with pytest.raises(kb.InputError, match="not fitted"):
        kb.estimate(Fitted(2), Fitted(2))
