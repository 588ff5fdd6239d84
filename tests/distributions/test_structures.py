"""Distributions made of others: what their parts give, and what is refused by the names of the parts."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
import scipy.stats as ss
import torch
import torch.distributions as td

import kullback as kb
from kullback._core.errors import InputError, NoClosedForm
from kullback.distributions import (
    DiagonalNormal,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    Product,
)

t = torch.tensor


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_independent_sums_over_its_event_alone() -> None:
    p = td.Independent(td.Normal(torch.zeros(4, 1, 3, 2), 1.0), 2)
    q = td.Independent(td.Normal(torch.ones(5, 3, 2), torch.tensor([1.0, 2.0])), 2)
    value = kb.kl(p, q)
    assert value.shape == (4, 5)
    torch.testing.assert_close(value, td.kl_divergence(td.Normal(0.0, 1.0), q.base_dist).sum((-1, -2)).expand(4, 5))
    nested = td.Independent(td.Independent(td.Normal(torch.zeros(4, 1, 3, 2), 1.0), 1), 1)
    torch.testing.assert_close(kb.kl(nested, q), value)
    torch.testing.assert_close(kb.entropy(q), q.entropy())


def test_independent_normals_are_multivariate_normal() -> None:
    scale = f64(1.0, 0.5, 2.0)
    p = td.Independent(td.Normal(f64(0.0, 1.0, 2.0), scale), 1)
    full = td.MultivariateNormal(f64(0.0, 1.0, 2.0), torch.diag(scale**2))
    q = td.MultivariateNormal(f64(1.0, 1.0, 0.0), scale_tril=torch.tril(torch.ones(3, 3, dtype=torch.float64)))
    low = td.LowRankMultivariateNormal(f64(0.0, 0.0, 0.0), torch.ones(3, 1, dtype=torch.float64), scale)
    for a, b in ((p, q), (q, p), (p, low), (low, p), (q, low), (low, q)):
        exact = td.kl_divergence(full if a is p else a, full if b is p else b)
        torch.testing.assert_close(kb.kl(a, b), exact, rtol=1e-12, atol=0)
    gamma = td.Independent(td.Gamma(torch.ones(3), 1.0), 1)
    with pytest.raises(NoClosedForm, match="independent Gamma"):
        kb.kl(gamma, q)


def test_parts_that_have_no_closed_form_are_named() -> None:
    p = td.Independent(td.Beta(t([3.0, 4.0]), 2.0), 1)
    q = td.Independent(td.StudentT(t([3.0, 4.0])), 1)
    with pytest.raises(NoClosedForm, match="Beta‖StudentT"):
        kb.kl(p, q)


def test_products_go_by_name_or_order() -> None:
    p = Product({"height": ss.norm(0, 1), "count": ss.gamma(2)})
    q = Product({"count": ss.gamma(3), "height": ss.norm(1, 1)})
    exact = kb.kl(ss.norm(0, 1), ss.norm(1, 1)) + kb.kl(ss.gamma(2), ss.gamma(3))
    assert kb.kl(p, q) == exact
    assert kb.kl(Product([ss.norm(0, 1), ss.gamma(2)]), Product([ss.norm(1, 1), ss.gamma(3)])) == exact
    assert kb.entropy(p) == pytest.approx(ss.norm(0, 1).entropy() + ss.gamma(2).entropy())
    assert p.log_density({"height": 0.3, "count": 2.0}) == pytest.approx(ss.norm.logpdf(0.3) + ss.gamma(2).logpdf(2.0))
    with pytest.raises(InputError, match="height"):
        kb.kl(p, Product({"count": ss.gamma(3), "weight": ss.norm(1, 1)}))
    with pytest.raises(InputError, match="shape"):
        kb.kl(Product([ss.norm(0, 1), ss.gamma(2)]), Product([ss.norm(1, 1)]))
    with pytest.raises(InputError, match="empty"):
        Product([])


def test_products_move_together_into_one_library() -> None:
    mean = f64(1.0).requires_grad_()
    value = kb.kl(Product([td.Normal(mean[0], 1.0)]), Product([ss.norm(0.0, 1.0)]))
    value.backward()
    assert value.item() == 0.5
    assert mean.grad == 1


@pytest.mark.parametrize(
    ("module", "transforms", "array"),
    [(td, td.transforms, f64), (nd, nd.transforms, lambda *v: jnp.asarray(v))],
    ids=["torch", "numpyro"],
)
def test_one_bijection_of_both_changes_nothing(module: object, transforms: object, array: object) -> None:
    def image(loc: float, shift: float) -> object:
        chain = [transforms.AffineTransform(array(shift), array(2.0)), transforms.SigmoidTransform()]
        return module.TransformedDistribution(module.Laplace(array(loc), array(1.0)), chain)

    # e^−1 of Laplace's distributions of one scale, a scale apart.
    assert float(kb.kl(image(0.0, 1.0), image(1.0, 1.0))[0]) == pytest.approx(math.exp(-1), rel=1e-14)
    with pytest.raises(NoClosedForm, match=r"image of Laplace by AffineTransform, SigmoidTransform"):
        kb.kl(image(0.0, 1.0), image(1.0, 1.5))


def test_what_is_no_bijection_is_refused() -> None:
    p, q = (td.TransformedDistribution(td.Normal(m, 1.0), td.AbsTransform()) for m in (0.0, 1.0))
    with pytest.raises(NoClosedForm, match="bijection"):
        kb.kl(p, q)


def test_images_of_vectors() -> None:
    p, q = (td.LogisticNormal(f64(m, 1.0), f64(1.0, 2.0)) for m in (0.0, 1.0))
    assert float(kb.kl(p, q)) == 0.5


def test_mixtures_of_one_are_their_component() -> None:
    one = td.MixtureSameFamily(td.Categorical(torch.ones(2, 1)), td.Normal(t([[1.0], [2.0]]), t([[2.0], [1.0]])))
    torch.testing.assert_close(
        kb.kl(one, td.Normal(0.0, 1.0)), td.kl_divergence(td.Normal(t([1.0, 2.0]), t([2.0, 1.0])), td.Normal(0.0, 1.0))
    )
    ours = nd.MixtureSameFamily(nd.Categorical(probs=jnp.ones(1)), nd.Normal(jnp.ones(1), 2.0))
    assert float(kb.kl(ours, nd.Normal(jnp.asarray(1.0), 2.0))) == 0
    with pytest.raises(NoClosedForm):
        kb.kl(
            td.MixtureSameFamily(td.Categorical(torch.ones(2)), td.Normal(t([1.0, 2.0]), t([2.0, 1.0]))), td.Gamma(1, 1)
        )


def test_expanded_and_masked() -> None:
    assert kb.kl(nd.Normal(0.0, 1.0).expand([3]).to_event(1), nd.Normal(1.0, jnp.ones(3)).to_event(1)) == 1.5
    mask = jnp.array([True, False, True])
    p, q = nd.Normal(0.0, jnp.ones(3)).mask(mask), nd.Normal(1.0, jnp.ones(3)).mask(mask)
    np.testing.assert_array_equal(kb.kl(p, q), [0.5, 0.0, 0.5])
    with pytest.raises(NoClosedForm, match="masks"):
        kb.kl(p, nd.Normal(1.0, jnp.ones(3)).mask(~mask))
    expanded = td.Normal(0.0, 1.0).expand([3])
    assert kb.kl(expanded, td.Normal(1.0, 1.0)).shape == (3,)


def test_scipys_shifts_of_one_family() -> None:
    assert kb.kl(ss.gamma(2, loc=3), ss.gamma(2.5, loc=3)) == kb.kl(ss.gamma(2), ss.gamma(2.5))
    batch = kb.kl(ss.gamma([2, 3], loc=3), ss.gamma(2.5, loc=3))
    np.testing.assert_array_equal(batch, kb.kl(ss.gamma([2, 3]), ss.gamma(2.5)))
    with pytest.raises(NoClosedForm, match="different loc"):
        kb.kl(ss.gamma(2, loc=3), ss.gamma(2.5, loc=2))
    estimated = kb.estimate(ss.gamma(2, loc=3), ss.gamma(2.5, loc=2))
    exact = kb.estimate(ss.gamma(2, loc=1), ss.gamma(2.5))
    assert float(estimated) == pytest.approx(float(exact), rel=1e-9)


def test_gaussian_copulas() -> None:
    r = jnp.array([[1.0, 0.5], [0.5, 1.0]])
    truth = -0.5 * np.log(0.75)

    def copula(marginals: object, correlation: object) -> object:
        return nd.GaussianCopula(marginals, correlation)

    gammas = nd.Gamma(jnp.array([2.0, 3.0]), jnp.ones(2))
    assert float(kb.kl(copula(gammas, r), copula(gammas, jnp.eye(2)))) == pytest.approx(truth, rel=1e-12)
    with pytest.raises(NoClosedForm, match="marginals differ"):
        kb.kl(copula(gammas, r), copula(nd.Gamma(jnp.array([2.0, 4.0]), jnp.ones(2)), r))
    # Normal marginals make it multivariate normal, equal or not.
    p, q = (nd.Normal(jnp.array([2.0, m]), jnp.array([1.0, 0.3])) for m in (3.0, 4.0))
    scale = jnp.array([1.0, 0.3])
    full = [MultivariateNormal(jnp.array([2.0, m]), r * scale * scale[:, None]) for m in (3.0, 4.0)]
    assert float(kb.kl(copula(p, r), copula(q, r))) == pytest.approx(float(kb.kl(*full)), rel=1e-12)


def test_low_rank_forms_never_build_the_matrix() -> None:
    n = 200_000
    rng = np.random.default_rng(0)
    p, q = (LowRankMultivariateNormal(np.zeros(n), rng.normal(size=(n, 2)), np.full(n, 1.0 + k)) for k in range(2))
    assert 0 < kb.kl(p, q) < np.inf
    assert 0 < kb.kl(DiagonalNormal(np.zeros(n), np.ones(n)), p) < np.inf


def test_hilbert_matrices_in_proportion() -> None:
    """Torch gives 1.16023; so badly conditioned that only the exact proportion can be right."""
    n = 12
    hilbert = 1 / (np.arange(n)[:, None] + np.arange(n) + 1)
    truth = n / 2 * (np.log(2) - 0.5)
    assert kb.kl(
        MultivariateNormal(np.zeros(n), hilbert), MultivariateNormal(np.zeros(n), 2 * hilbert)
    ) == pytest.approx(truth, rel=1e-14)


def test_repeated_eigenvalues_have_gradients_of_every_order() -> None:
    eye = torch.eye(3, dtype=torch.float64)

    def divergence(covariance: torch.Tensor) -> torch.Tensor:
        zero = torch.zeros(3, dtype=torch.float64)
        return kb.kl(td.MultivariateNormal(zero, covariance, validate_args=False), td.MultivariateNormal(zero, 2 * eye))

    second = torch.autograd.functional.hessian(lambda x: divergence(eye + x + x.T), torch.zeros_like(eye))
    assert torch.isfinite(second).all()
    # ½·tr dΣ² = ½·tr (x + xᵀ)²
    x = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert (x.ravel() @ second.reshape(9, 9) @ x.ravel()).item() == pytest.approx(0.5 * ((x + x.T) ** 2).sum().item())

    def of_jax(x: jax.Array) -> jax.Array:
        p = MultivariateNormal(jnp.zeros(3), jnp.eye(3) + x + x.T)
        return kb.kl(p, MultivariateNormal(jnp.zeros(3), jnp.eye(3)))

    np.testing.assert_allclose(jax.grad(of_jax)(jnp.zeros((3, 3))), np.zeros((3, 3)), atol=1e-15)


def test_a_gaussian_process_is_normal_at_points() -> None:
    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (x[:, None] - y[None, :]) ** 2)

    points = np.array([0.0, 1.0, 3.0])
    p = MultivariateNormal.of_process(None, kernel, points)
    q = MultivariateNormal.of_process(np.sin, lambda x, y: 2 * kernel(x, y), points)
    mean = np.sin(points)
    truth = kb.kl(
        MultivariateNormal(np.zeros(3), kernel(points, points)), MultivariateNormal(mean, 2 * kernel(points, points))
    )
    assert kb.kl(p, q) == truth


def test_all_forms_of_a_covariance_agree_and_mix() -> None:
    a = np.array([[2.0, 0.5], [0.5, 1.0]])
    forms = [
        MultivariateNormal([0.0, 1.0], a),
        MultivariateNormal([0.0, 1.0], precision_matrix=np.linalg.inv(a)),
        MultivariateNormal([0.0, 1.0], scale_tril=np.linalg.cholesky(a)),
    ]
    other = MultivariateNormal([0.3, 0.2], precision_matrix=np.array([[1.0, 0.2], [0.2, 3.0]]))
    forward, backward = (
        [float(kb.kl(*pair)) for pair in pairs] for pairs in ([(f, other) for f in forms], [(other, f) for f in forms])
    )
    np.testing.assert_allclose(forward, forward[0], rtol=1e-14)
    np.testing.assert_allclose(backward, backward[0], rtol=1e-14)
    for f in forms:
        np.testing.assert_allclose(f.log_density(np.ones(2)), ss.multivariate_normal([0.0, 1.0], a).logpdf(np.ones(2)))
        assert abs(kb.renyi(f, other, 1 + 1e-7) - kb.kl(f, other)) < 1e-6
    scipys = ss.multivariate_normal([0.0, 1.0], a)
    assert float(kb.kl(scipys, other)) == pytest.approx(forward[0], rel=1e-14)
    numpyros = nd.MultivariateNormal(0.0, precision_matrix=jnp.asarray(np.linalg.inv(a)))
    assert float(kb.kl(numpyros, MultivariateNormal([0.0, 0.0], a))) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MultivariateNormal([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "covariance_matrix must be a symmetric"),
        (lambda: MultivariateNormal([0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]]), "positive definite"),
        (lambda: MultivariateNormal([0.0, 0.0, 1.0], np.eye(2)), "length 3"),
        (lambda: MultivariateNormal([0.0, np.nan], np.eye(2)), "loc"),
        (lambda: MultivariateNormal([0.0, 0.0], scale_tril=[[1.0, 2.0], [0.0, 1.0]]), "scale_tril"),
        (lambda: DiagonalNormal([0.0, 0.0], [1.0, -2.0]), r"scale must be .* got -2.0 at index 1"),
        (lambda: LowRankMultivariateNormal([0.0, 0.0], np.ones((3, 1)), [1.0, 1.0]), "dimensions"),
        (lambda: kb.distributions.MatrixNormal(np.zeros((2, 3)), np.eye(2), np.eye(2)), "scale_tril_column"),
        (lambda: kb.distributions.Independent(Normal(0.0, 1.0), 1), "ndims"),
    ],
)
def test_bad_input_names_the_parameter(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_events_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="events of shape"):
        kb.kl(MultivariateNormal(np.zeros(2), np.eye(2)), MultivariateNormal(np.zeros(3), np.eye(3)))


def test_a_degenerate_covariance_is_refused() -> None:
    with pytest.raises(ValueError, match="positive definite"):
        kb.kl(ss.multivariate_normal([0, 0], np.ones((2, 2)), allow_singular=True), ss.multivariate_normal([0, 0]))
