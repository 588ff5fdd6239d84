"""Reverse fits against answers known otherwise: closed forms, quadrature, and draws made apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize as scipy_minimize
from torch import Tensor

import kullback as kb

double = {"dtype": torch.float64}
MEAN = torch.tensor([1.0, -2.0, 0.5], **double)
ROOT = torch.tensor([[2.0, 0.0, 0.0], [1.5, 0.5, 0.0], [-1.0, 0.3, 0.1]], **double)
LAW = torch.distributions.MultivariateNormal(MEAN, scale_tril=ROOT)
LOG_Z = 5.0


def reverse(family: str, to: Any, **options: Any) -> Any:
    return kb.fit(family, to, direction="reverse", **options)


def gaussian(x: Tensor) -> Tensor:
    return LAW.log_prob(x) + LOG_Z


def bimodal(x: Tensor) -> Tensor:
    """0.3 N((4, 0), I) + 0.7 N((-4, 0), diag(1/4, 1))."""
    at = torch.tensor([4.0, 0.0], **double)
    right = -0.5 * ((x - at) ** 2).sum(-1) + math.log(0.3)
    left = -0.5 * ((x + at) ** 2 * torch.tensor([4.0, 1.0], **double)).sum(-1) + math.log(0.7 * 2)
    return torch.logaddexp(left, right) - math.log(2 * math.pi)


@pytest.mark.parametrize("target", [gaussian, LAW], ids=["function", "object"])
def test_a_gaussian_is_found_exactly(target: Any) -> None:
    options = {} if target is LAW else {"dim": 3}
    match = reverse("gaussian", target, **options)
    assert match.converged
    assert match.max_error < 1e-12
    torch.testing.assert_close(match.result.mean, MEAN, rtol=0, atol=1e-8)
    torch.testing.assert_close(match.result.covariance_matrix, LAW.covariance_matrix, rtol=1e-8, atol=0)
    assert match.log_evidence == pytest.approx(0.0 if target is LAW else LOG_Z, abs=1e-10)
    assert match.elbo == pytest.approx(match.log_evidence, abs=1e-10)
    assert match.after.value < 1e-10
    assert match.khat < 0.7


def test_meanfield_of_a_correlated_gaussian_has_the_inverse_precisions() -> None:
    match = reverse("meanfield", gaussian, dim=3)
    assert match.converged
    torch.testing.assert_close(match.result.mean, MEAN, rtol=0, atol=1e-6)
    torch.testing.assert_close(match.result.variance, 1 / LAW.precision_matrix.diagonal(), rtol=1e-6, atol=0)
    answer = torch.distributions.MultivariateNormal(MEAN, torch.diag(1 / LAW.precision_matrix.diagonal()))
    # Bishop (2006), section 10.1.2; importance weights of so narrow a fit tell of little but this.
    assert match.after.interval[0] <= float(torch.distributions.kl_divergence(answer, LAW))
    assert match.elbo == pytest.approx(LOG_Z - float(torch.distributions.kl_divergence(answer, LAW)), abs=0.05)


def test_low_rank_finds_a_low_rank_covariance() -> None:
    loadings = torch.tensor([[2.0], [-1.0], [0.5], [1.0]], **double)
    law = torch.distributions.LowRankMultivariateNormal(
        torch.zeros(4, **double), loadings, torch.tensor([0.5, 1.0, 0.2, 0.1], **double)
    )
    match = reverse("lowrank(1)", law)
    assert match.converged
    assert float(torch.distributions.kl_divergence(match.result, law)) <= match.tolerance
    with pytest.raises(kb.InputError, match="any Gaussian"):
        reverse("lowrank(4)", law)


def test_a_long_first_step_does_not_leave_the_low_ranks_in_rounding() -> None:
    """A narrow and skewed target: log q by Woodbury's identity is nonsense where the diagonal all but vanishes."""
    axes = torch.linalg.qr(torch.from_numpy(np.random.default_rng(1).normal(size=(3, 3))))[0]
    narrow = axes * torch.tensor([1.0, 30.0, 900.0], **double)

    def log_density(x: Tensor) -> Tensor:
        y = x @ narrow
        return -2 * torch.log1p(y[..., 0] ** 2 / 3) - 0.5 * (y[..., 1:] ** 2).sum(-1)

    log_z = math.log(math.pi * math.sqrt(3) / 2) + math.log(2 * math.pi) - math.log(27000)
    match = reverse("lowrank(1)", log_density, dim=3, tolerance=0.05, most_draws=2048)
    assert log_z - 5 < match.elbo <= log_z + 5 * match.elbo_error


def test_a_mixture_finds_two_modes_and_one_gaussian_says_that_it_does_not() -> None:
    one = reverse("gaussian", bimodal, dim=2)
    two = reverse("mixture(2)", bimodal, dim=2)
    # The minor mode's mass is what the major one lacks: D = −log 0.7.
    assert one.after.value == pytest.approx(-math.log(0.7), abs=0.01)
    assert one.after.interval[1] == math.inf
    assert one.khat == math.inf
    assert any("mode" in sentence for sentence in one.check())
    with pytest.raises(kb.InputError, match="cannot be had"):
        one.expectation()
    assert two.converged
    assert two.after.value < 1e-3
    assert two.log_evidence == pytest.approx(0.0, abs=1e-3)
    mean = two.expectation()
    np.testing.assert_allclose(mean.value, [-1.6, 0.0], atol=4 * mean.error.max() + 0.05)


@pytest.mark.parametrize("shape", [3.0, 30.0])
def test_a_gamma_in_the_log_normals_is_the_best_of_them(shape: float) -> None:
    def log_density(x: Tensor) -> Tensor:
        return ((shape - 1) * x.log() - x).sum(-1)

    def divergence(at: Any) -> float:
        """D(LogNormal‖Gamma): of log x ~ N(m, s²) the mean of log p is exact, by its moment generating function."""
        m, log_s = at
        s = math.exp(log_s)
        return -(0.5 + 0.5 * math.log(2 * math.pi) + log_s) - shape * m + math.exp(m + s * s / 2) + math.lgamma(shape)

    best = scipy_minimize(divergence, [math.log(shape), -0.5 * math.log(shape)], tol=1e-12)
    match = reverse("gaussian", log_density, dim=1, support="positive", tolerance=1e-4)
    assert match.converged
    law = match.result.base_dist
    m, s = float(law.mean[0]), float(law.covariance_matrix[0, 0]) ** 0.5
    assert divergence([m, math.log(s)]) - best.fun <= match.max_error
    assert match.log_evidence == pytest.approx(math.lgamma(shape), abs=5 * match.log_evidence_error + 1e-3)
    found = match.expectation(lambda x: x[:, 0])
    assert abs(float(found.value) - shape) <= 5 * float(found.error)


def test_the_unit_interval_by_quadrature() -> None:
    """A beta in the logit-normals: the ELBO of the result, by quadrature, is what was said."""

    def log_density(x: Tensor) -> Tensor:
        return (2 * x.log() + 4 * torch.log1p(-x)).sum(-1)

    match = reverse("gaussian", log_density, dim=1, support="unit_interval")
    law = match.result.base_dist
    m, s = float(law.mean[0]), float(law.covariance_matrix[0, 0]) ** 0.5

    def term(z: float) -> float:
        u = m + s * z
        log_p = -3 * math.log1p(math.exp(-u)) - 5 * math.log1p(math.exp(u))
        return math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) * log_p

    elbo = quad(term, -12, 12)[0] + 0.5 + 0.5 * math.log(2 * math.pi) + math.log(s)
    assert match.elbo == pytest.approx(elbo, abs=5 * match.elbo_error + 1e-6)
    assert match.log_evidence == pytest.approx(math.lgamma(3) + math.lgamma(5) - math.lgamma(8), abs=1e-3)
    assert match.result.support.check(match.result.sample((100,))).all()


def test_a_simplex_and_a_list_of_supports() -> None:
    alpha = torch.tensor([3.0, 4.0, 5.0], **double)
    match = reverse("gaussian", torch.distributions.Dirichlet(alpha))
    assert match.converged
    assert match.draws.shape[1] == 3
    mean = match.expectation()
    np.testing.assert_allclose(mean.value, alpha / alpha.sum(), atol=6 * mean.error.max())
    assert match.log_evidence == pytest.approx(0.0, abs=0.01)

    def log_density(x: Tensor) -> Tensor:
        return -0.5 * x[..., 0] ** 2 + 4 * x[..., 1].log() - 2 * x[..., 1]

    match = reverse("gaussian", log_density, dim=2, support=["real", "positive"])
    np.testing.assert_allclose(match.expectation().value, [0.0, 2.5], atol=0.03)


def test_a_flow_is_nearer_than_the_gaussian_that_it_starts_from() -> None:
    def bent(x: Tensor) -> Tensor:
        return -0.5 * x[..., 0] ** 2 - 0.5 * (x[..., 1] - 0.5 * x[..., 0] ** 2) ** 2

    gaussian = reverse("gaussian", bent, dim=2)
    flow = reverse("flow(2)", bent, dim=2, most_draws=2048, tolerance=0.05)
    assert flow.elbo > gaussian.elbo + 0.05
    x = torch.zeros(4, 2, **double)
    assert flow.result.log_prob(x).shape == (4,)
    axis = torch.linspace(-8, 12, 201, **double)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
    # The step is a tenth, and the density is smooth: the sum over the grid is the integral.
    assert float(flow.result.log_prob(grid).exp().sum()) * 0.01 == pytest.approx(1.0, abs=1e-3)


def test_seeds_make_fits_the_same() -> None:
    fits = [reverse("gaussian", bimodal, dim=2, rng=3) for _ in range(2)]
    assert torch.equal(fits[0].result.mean, fits[1].result.mean)
    assert fits[0].to_dict() == fits[1].to_dict()
    assert {"elbo", "log_evidence", "khat", "before"} <= fits[0].to_dict().keys()


def test_minibatches_come_to_the_same() -> None:
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.normal(1.0, 2.0, (100, 2)))

    def batch(x: Tensor, generator: np.random.Generator) -> Tensor:
        chosen = rows[generator.integers(0, 100, 50)]
        return -0.5 * 2 * ((x[..., None, :] - chosen) ** 2 / 4).sum((-1, -2))

    match = reverse("gaussian", batch, dim=2, stochastic=True, tolerance=0.2)
    truth = torch.distributions.MultivariateNormal(rows.mean(0), 4 / 100 * torch.eye(2, **double))
    assert match.converged
    assert float(torch.distributions.kl_divergence(match.result, truth)) <= 0.2
    assert match.log_evidence is None
    assert match.khat is None
    assert match.after.interval == (0.0, math.inf)
    with pytest.raises(kb.InputError, match="known metric"):
        reverse("mixture(2)", batch, dim=2, stochastic=True)
