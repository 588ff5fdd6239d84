"""Latent-variable models, Bayesian layers, adversaries, and the geometry of the divergence."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch import distributions as td

import kullback as kb
from kullback import losses


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def posterior(rows: int = 20, dimensions: int = 4, size: float = 1.0) -> td.Normal:
    return td.Normal(size * draw(rows, dimensions).requires_grad_(), draw(rows, dimensions, seed=1).exp())


def standard(*shape: int) -> td.Normal:
    return td.Normal(torch.zeros(*shape, dtype=torch.float64), torch.ones(*shape, dtype=torch.float64))


def test_latent_kl_sums_over_dimensions_and_averages_over_rows() -> None:
    q = posterior()
    want = td.kl_divergence(q, standard(4))
    assert torch.allclose(losses.latent_kl(q, standard(4)), want.sum(-1).mean())
    assert torch.allclose(losses.latent_kl(q, standard(4), beta=3.0, reduction="none"), 3 * want.sum(-1))
    assert torch.allclose(losses.latent_kl(td.Independent(q, 1), td.Independent(standard(4), 1)), want.sum(-1).mean())
    mask = torch.arange(20) < 5
    assert torch.allclose(losses.latent_kl(q, standard(4), mask=mask), want[:5].sum(-1).mean())
    assert losses.latent_kl(standard(3, 2), standard(2)).item() == 0


def test_free_bits_are_for_each_dimension() -> None:
    q = posterior()
    means = td.kl_divergence(q, standard(4)).mean(0).detach()
    bits = float(means.sort().values[1:3].mean())
    found = losses.latent_kl(q, standard(4), free_bits=bits)
    assert torch.allclose(found, means.clamp(min=bits).sum())
    gradient = torch.autograd.grad(found, q.loc)[0]
    assert ((gradient.abs().sum(0) == 0) == (means < bits)).all()
    with pytest.raises(kb.InputError, match="free_bits bound the mean over rows"):
        losses.latent_kl(q, standard(4), free_bits=1.0, reduction="none")


def test_capacity() -> None:
    q = posterior()
    rows = td.kl_divergence(q, standard(4)).sum(-1)
    assert torch.allclose(losses.latent_kl(q, standard(4), capacity=2.0, beta=10.0), 10 * (rows - 2).abs().mean())


def test_without_a_closed_form_it_is_drawn_with_its_error_or_refused() -> None:
    q = td.Gumbel(draw(3, 2).requires_grad_(), torch.ones(3, 2, dtype=torch.float64))
    p = td.StudentT(torch.full((2,), 5.0, dtype=torch.float64))
    with pytest.raises(kb.NoClosedForm, match="or pass samples= for a reparameterised estimate"):
        losses.latent_kl(q, p)
    torch.manual_seed(0)
    found = losses.latent_kl(q, p, samples=4000, reduction="none")
    error = losses.latent_kl_error(q, p, samples=4000)
    for row in range(3):
        each = (kb.estimate(td.Gumbel(q.loc[row, j].detach(), 1.0), td.StudentT(5.0)).value for j in range(2))
        assert abs(found[row].item() - sum(each)) < 4 * error[row].item()
    assert torch.autograd.grad(found.sum(), q.loc)[0].abs().min() > 0


def test_annealing() -> None:
    beta = losses.Annealing("cyclical", 100, cycles=4, rise=0.5)
    assert [beta(s) for s in (0, 5, 12.5, 20, 25, 30, 99, 100, 500)] == pytest.approx([0, 0.4, 1, 1, 0, 0.4, 1, 1, 1])
    linear = losses.Annealing("linear", 10, start=0.5, end=4.0)
    assert [linear(s) for s in (0, 5, 10, 99)] == [0.5, 2.25, 4.0, 4.0]
    with pytest.raises(kb.InputError, match="shape must be one of"):
        losses.Annealing("cosine", 10)
    with pytest.raises(kb.InputError, match="step must be"):
        linear(-1)


def test_collapse_in_words() -> None:
    rows = 300
    means = torch.stack([2 * draw(rows), torch.zeros(rows), torch.full((rows,), 1.0)], -1).double()
    scale = torch.stack([torch.full((rows,), 0.1), torch.ones(rows), torch.ones(rows)], -1).double()
    found = losses.collapse(td.Normal(means, scale), standard(3))
    assert found.active == (True, False, False)
    assert "1 of 3 dimensions are active" in str(found)
    assert "Idle: 1, 2." in str(found)
    assert "Dimensions 2 pay for a posterior that differs from the prior but not from row to row" in str(found)
    gone = losses.collapse(standard(rows, 2), standard(2))
    assert gone.collapsed
    assert "collapsed: the means of none of 2 dimensions vary" in str(gone)
    narrow = td.Normal(torch.zeros(1).double(), torch.full((1,), 0.05).double())
    assert not losses.collapse(td.Normal(0.05 * draw(rows, 1), torch.full((rows, 1), 1e-3).double()), narrow).collapsed
    with pytest.raises(kb.InputError, match="posterior has 1 row"):
        losses.collapse(standard(1, 2), standard(2))
    with pytest.raises(kb.InputError, match="means of dimension 0 are NaN"):
        losses.collapse(td.Cauchy(draw(9, 2), 1.0), td.Cauchy(torch.zeros(2).double(), 1.0))


def test_the_kl_term_decomposed() -> None:
    # Two well separated rows for one dimension: I(x; z) = log 2; q(z) is a product, so that total correlation is 0.
    means = torch.tensor([[-5.0, 0.0], [5.0, 0.0]], dtype=torch.float64).repeat(100, 1)
    q = td.Normal(means, torch.full_like(means, 0.1))
    torch.manual_seed(0)
    found = losses.decompose_kl(q, standard(2), samples=20)
    assert found.value == pytest.approx(td.kl_divergence(q, standard(2)).sum(-1).mean().item())
    assert found.parts["index-code information"] == pytest.approx(math.log(2), abs=1e-9)
    assert found.parts["total correlation"] == pytest.approx(0, abs=1e-9)
    assert abs(found.parts["sampling error"]) < 1
    with pytest.raises(kb.InputError, match="posterior must have batch shape"):
        losses.decompose_kl(td.Independent(q, 1), standard(2))


def test_correlated_codes_have_total_correlation() -> None:
    means = draw(400, 1).expand(400, 2).contiguous()
    q = td.Normal(means, torch.full_like(means, 0.5))
    torch.manual_seed(0)
    found = losses.decompose_kl(q, standard(2), samples=20).parts["total correlation"]
    rho = float(means.var() / (means.var() + 0.25))
    assert found == pytest.approx(-0.5 * math.log(1 - rho**2), rel=0.15)


def test_importance_bound_rises_to_the_evidence() -> None:
    # x = z + noise, both standard normal: log p(x) of N(0, 2); the prior as the proposal.
    x, rng = 1.5, torch.Generator().manual_seed(0)
    bounds = []
    for k in (1, 10, 1000):
        z = torch.randn(k, 4000, generator=rng, dtype=torch.float64)
        bounds.append(losses.importance_bound(-0.5 * (x - z) ** 2 - 0.5 * math.log(2 * math.pi)).mean().item())
    want = td.Normal(0.0, math.sqrt(2)).log_prob(torch.tensor(x)).item()
    assert bounds[0] < bounds[1] < bounds[2] + 1e-3
    assert bounds[2] == pytest.approx(want, abs=2e-3)


class Layer(torch.nn.Module):
    def __init__(self, mean: str, rho: str) -> None:
        super().__init__()
        for name, seed in ((mean, 0), (rho, 1)):
            self.register_parameter(name, torch.nn.Parameter(draw(5, 3, seed=seed)))


@pytest.mark.parametrize("names", [("mu_weight", "rho_weight"), ("weight_mu", "weight_rho"), ("mu", "rho")])
def test_weight_kl_is_the_whole_sum(names: tuple[str, str]) -> None:
    module = torch.nn.Sequential(Layer(*names), torch.nn.Linear(3, 3), Layer(*names))
    layer: Any = module[0]
    mean, rho = (getattr(layer, name) for name in names)
    q = td.Normal(mean, torch.nn.functional.softplus(rho))
    want = 2 * td.kl_divergence(q, standard(5, 3)).sum()
    assert torch.allclose(losses.weight_kl(module), want)
    wide = td.Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64))
    assert torch.allclose(losses.weight_kl([q], wide), td.kl_divergence(q, wide).sum())


def test_weight_kl_counts_every_pair_once() -> None:
    # A sampler that holds the same memory under another name is no second posterior; another rho is.
    layer: Any = Layer("weight_mu", "weight_rho")
    once = losses.weight_kl(layer)
    sampler: Any = torch.nn.Module()
    sampler.mu, sampler.rho = (torch.nn.Parameter(x.data) for x in layer.parameters())
    layer.add_module("sampler", sampler)
    assert torch.allclose(losses.weight_kl(layer), once)
    other: Any = Layer("weight_mu", "weight_rho")
    other.weight_mu = layer.weight_mu
    assert torch.allclose(losses.weight_kl(torch.nn.ModuleList([Layer("mu", "rho"), layer, other])), 3 * once)
    layer.register_parameter("bias_rho", torch.nn.Parameter(torch.zeros(3)))
    with pytest.raises(kb.InputError, match="parameter bias_rho has no mu beside it"):
        losses.weight_kl(layer)


def test_weight_kl_far_out_and_bad_input() -> None:
    # A weight ten deviations out: its cost is not hidden by a constant added to densities.
    q = td.Normal(torch.tensor([100.0]), torch.tensor([1e-3]))
    assert losses.weight_kl(q).item() == pytest.approx(5000 - 0.5 + math.log(1e3), rel=1e-6)
    with pytest.raises(kb.InputError, match="has no pair of parameters named mu and rho"):
        losses.weight_kl(torch.nn.Linear(2, 2))
    with pytest.raises(kb.InputError, match=r"parameter mu has no rho beside it"):
        losses.weight_kl(Layer("mu", "sigma"))
    with pytest.raises(kb.InputTypeError, match="must be a torch distribution"):
        losses.weight_kl([torch.zeros(2)])


def test_local_reparameterization_has_the_right_moments() -> None:
    x, mean, scale, bias = draw(3, 4), draw(2, 4, seed=1), draw(2, 4, seed=2).abs(), draw(2, seed=3)
    torch.manual_seed(0)
    drawn = losses.local_reparameterization(x.expand(20_000, 3, 4), mean, scale, bias)
    deviation = (x**2 @ (scale**2).T).sqrt()
    assert torch.allclose(drawn.mean(0), x @ mean.T + bias, atol=5 * float(deviation.max()) / 20_000**0.5)
    assert torch.allclose(drawn.std(0), deviation, rtol=0.03)
    nothing = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    losses.local_reparameterization(x, mean, nothing).sum().backward()
    assert nothing.grad.isfinite().all()


def test_information_bottleneck() -> None:
    x, y, q = draw(20, 3), torch.arange(20) % 3, posterior()
    found = losses.information_bottleneck(logits=x, labels=y, posterior=q, prior=standard(4), beta=0.1)
    want = torch.nn.functional.cross_entropy(x, y) + 0.1 * losses.latent_kl(q, standard(4))
    assert torch.allclose(found, want)
    broken = torch.where(torch.arange(20)[:, None] < 5, x, math.nan).requires_grad_()
    kept = torch.arange(20) < 5
    value = losses.information_bottleneck(
        logits=broken, labels=torch.where(kept, y, 99), posterior=q, prior=standard(4), beta=0.1, mask=kept
    )
    assert value.isfinite()
    assert torch.autograd.grad(value, broken)[0].isfinite().all()
    with pytest.raises(kb.InputError, match=r"posterior has rows \(10,\) and logits \(20,\)"):
        losses.information_bottleneck(logits=x, labels=y, posterior=posterior(10), prior=standard(4), beta=0.1)


@pytest.mark.parametrize("name", sorted(kb.GENERATORS))
def test_the_best_critic_reaches_the_divergence(name: str) -> None:
    p, q = draw(6).softmax(-1), draw(6, seed=1).softmax(-1)
    game = losses.adversarial(name)
    critic = torch.zeros(6, dtype=torch.float64, requires_grad=True)

    # Expectations over six outcomes, by repeating each in proportion, are exact when written as weights.
    def bound() -> Tensor:
        return p @ game._activated(critic, "critic") - q @ game._conjugate(critic, "critic")

    optimiser = torch.optim.LBFGS([critic], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = -bound()
        loss.backward()
        return loss

    optimiser.step(closure)
    want = kb.f_divergence(p, q, name).item()
    assert bound().item() <= want + 1e-12
    assert bound().item() == pytest.approx(want, rel=1e-2 if name == "total_variation" else 1e-6)
    if name != "total_variation":
        assert torch.allclose(game.ratio(critic), p / q, rtol=1e-3)


@pytest.mark.parametrize("name", ["js", "reverse_kl", "hellinger", "neyman", "kl", "total_variation"])
def test_a_sure_critic_neither_saturates_nor_overflows(name: str) -> None:
    game = losses.adversarial(name)
    v = torch.tensor([-30.0, -3.0, 0.0, 3.0, 14.0, 20.0, 40.0])
    far, near = v.clone().requires_grad_(), v.double().requires_grad_()
    for loss in (game.generator, lambda x: game.critic(torch.zeros(2, dtype=x.dtype), x)):
        found, want = loss(far), loss(near)
        assert found.item() == pytest.approx(want.item(), rel=1e-5)
        gradients = [torch.autograd.grad(x, side)[0] for x, side in ((found, far), (want, near))]
        assert torch.allclose(gradients[0].double(), gradients[1], rtol=1e-4, atol=1e-9)
        assert ((gradients[0] != 0) | (gradients[1].abs() < 1e-9)).all()
    if name == "total_variation":
        with pytest.raises(kb.InputError, match="not their ratio"):
            game.ratio(v)
        return
    assert torch.allclose(game.ratio(v[:5]).double(), game.ratio(v[:5].double()), rtol=1e-4)
    assert (game.ratio(v[:5]).diff() >= 0).all()


def test_adversarial_losses_and_bound() -> None:
    game = losses.adversarial("kl")
    rng = torch.Generator().manual_seed(0)
    real = 1 + torch.randn(20_000, generator=rng, dtype=torch.float64)
    fake = torch.randn(20_000, generator=rng, dtype=torch.float64)
    # log p/q + 1 of N(1, 1)‖N(0, 1), less 1 for f'(1) = 0: V = x − 1/2.
    found = game.bound(real - 0.5, fake - 0.5)
    assert found.interval is not None
    assert found.interval[0] < 0.5 < found.value + 4 * found.error
    assert found.interval[1] == math.inf
    assert game.critic(real - 0.5, fake - 0.5).item() == pytest.approx(-found.value)
    x = fake.clone().requires_grad_()
    a = torch.autograd.grad(game.generator(x), x)[0]
    b = torch.autograd.grad(game.generator_non_saturating(x), x)[0]
    assert (a * b > 0).all()
    with pytest.raises(kb.InputError, match="divergence must be one of"):
        losses.adversarial("wasserstein")
    with pytest.raises(kb.InputError, match="need 2 draws each"):
        game.bound(real[:1], fake)


def test_fisher_vector_product_is_the_information_matrix() -> None:
    x, theta = draw(7, 3), draw(3, 4, seed=1).requires_grad_()
    v = draw(3, 4, seed=2)

    def divergence() -> Tensor:
        return losses.distillation(teacher=(x @ theta).detach(), student=x @ theta)

    found = losses.fisher_vector_product(divergence, [theta], [v], damping=0.1)[0]
    q = (x @ theta).softmax(-1).detach()
    moved = x @ v
    want = x.T @ (q * (moved - (q * moved).sum(-1, keepdim=True))) / 7 + 0.1 * v
    assert torch.allclose(found, want)
    with pytest.raises(kb.InputError, match="vectors are shaped"):
        losses.fisher_vector_product(divergence, [theta], [v[:2]])


def test_rows_of_categorical_laws_cannot_be_told_from_dimensions() -> None:
    with pytest.raises(kb.InputError, match="may be 5 rows or 5 dimensions of one"):
        losses.latent_kl(td.Categorical(logits=draw(5, 4)), td.Categorical(logits=torch.zeros(4).double()))
    q, p = td.Categorical(logits=draw(5, 2, 4)), td.Categorical(logits=torch.zeros(2, 4).double())
    assert torch.allclose(losses.latent_kl(q, p), td.kl_divergence(q, p).sum(-1).mean())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_worked_out_in_float32(dtype: torch.dtype) -> None:
    mean, scale = (40 * draw(200, 30)).to(dtype).requires_grad_(), draw(200, 30, seed=1).exp().to(dtype)
    q, p = td.Normal(mean, scale), td.Normal(torch.zeros(30, dtype=dtype), torch.ones(30, dtype=dtype))
    exact = td.kl_divergence(td.Normal(mean.double(), scale.double()), standard(30)).sum(-1)
    found = losses.latent_kl(q, p, reduction="none")
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), exact, rtol=1e-6)
    assert torch.allclose(
        losses.latent_kl(td.Independent(q, 1), td.Independent(p, 1)).double(), exact.mean(), rtol=1e-6
    )
    whole = losses.weight_kl([q])
    assert whole.item() == pytest.approx(exact.sum().item(), rel=1e-6)  # above the range of float16
    gradient = torch.autograd.grad(whole, mean)[0]
    assert gradient.dtype == dtype
    assert torch.equal(gradient, mean.detach())  # of m²/2


def test_a_closed_form_has_no_error() -> None:
    assert torch.equal(losses.latent_kl_error(posterior(), standard(4), samples=5), torch.zeros(20).double())


def test_the_bound_decomposed() -> None:
    # x = z + noise, both standard normal, and its exact posterior N(x/2, 1/2): the bound is log p(x).
    x = math.sqrt(2) * draw(500, 1)
    q = td.Normal(x / 2, math.sqrt(0.5))
    torch.manual_seed(0)
    found = losses.decompose_bound(td.Normal(q.sample((2000,)), 1.0).log_prob(x).sum(-1), q, standard(1))
    evidence = td.Normal(0.0, math.sqrt(2)).log_prob(x).mean().item()
    assert abs(found.value - evidence) < 4 * found.error
    assert 0 < found.error < 1e-2
    assert math.fsum(found.parts.values()) == pytest.approx(found.value)
    assert found.parts["total correlation"] == pytest.approx(0, abs=1e-9)  # of one dimension
    assert losses.decompose_bound(torch.zeros(500), q, standard(1)).error == 0
    with pytest.raises(kb.InputError, match=r"log_likelihood has shape \(2, 3\), not \(500,\) or \(draws, 500\)"):
        losses.decompose_bound(torch.zeros(2, 3), q, standard(1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_critic_of_jeffreys_divergence_who_is_sure(dtype: torch.dtype) -> None:
    v = torch.tensor([39.0, 41.0, 60.0, 80.0], dtype=dtype, requires_grad=True)
    loss = losses.adversarial("jeffreys").critic(torch.zeros(1, dtype=dtype), v)
    # f*′(T) = x where log x + 1 − 1/x = T: e^(T − 1) + 1 but for less than a rounding.
    slope = torch.exp(v.detach().double() - 1) + 1
    assert torch.allclose(4 * torch.autograd.grad(loss, v)[0].double(), slope, rtol=1e-5)
    far = torch.tensor([1000.0], dtype=dtype, requires_grad=True)
    beyond = losses.adversarial("jeffreys").critic(torch.zeros(1, dtype=dtype), far)
    assert beyond == torch.autograd.grad(beyond, far)[0] == math.inf
