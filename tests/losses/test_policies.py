"""The penalty of policy optimisation: values and expected gradients, summed exactly over all actions."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import kullback as kb
from kullback import losses

SAMPLED = ["k1", "k2", "k3"]


def setting(size: float = 1.0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    theta = size * torch.randn(6, generator=rng, dtype=torch.float64)
    reference = (theta + 0.3 * torch.randn(6, generator=rng, dtype=torch.float64)).log_softmax(-1)
    return theta.requires_grad_(), reference


def expectation(theta: Tensor, reference: Tensor, drawn_by: Tensor, **options: Any) -> Tensor:
    """Sum over all actions with the chances they were drawn with, which are not differentiated."""
    logp = theta.log_softmax(-1)
    each = losses.policy_kl(logp, reference, reduction="none", **options)
    return (drawn_by.detach() * each).sum()


def exact(theta: Tensor, reference: Tensor) -> Tensor:
    return kb.kl(theta.log_softmax(-1), reference, form="log_probs")


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_rewards_are_unbiased(estimator: str) -> None:
    theta, reference = setting()
    pi = theta.softmax(-1)
    found = expectation(theta, reference, pi, estimator=estimator, use="reward")
    assert not found.requires_grad
    assert found.item() == pytest.approx(exact(theta, reference).item(), rel=1e-10)


@pytest.mark.parametrize("estimator", SAMPLED)
def test_the_expected_gradient_is_that_of_the_divergence(estimator: str) -> None:
    theta, reference = setting()
    found = expectation(theta, reference, theta.softmax(-1), estimator=estimator, use="loss")
    want = torch.autograd.grad(exact(theta, reference), theta)[0]
    assert torch.allclose(torch.autograd.grad(found, theta)[0], want, atol=1e-14)


def test_what_peers_differentiate_is_another_divergence() -> None:
    # k3 differentiated as it stands: the gradient of D(ref‖π); k1: none at all.
    theta, reference = setting()
    logp = theta.log_softmax(-1)
    d = logp - reference
    naive = (logp.exp().detach() * (torch.exp(-d) - 1 + d)).sum()
    forward = kb.kl(reference, theta.log_softmax(-1), form="log_probs")
    a, b = (torch.autograd.grad(x, theta, retain_graph=True)[0] for x in (naive, forward))
    assert torch.allclose(a, b, atol=1e-14)
    k1 = (logp.exp().detach() * d).sum()
    assert torch.autograd.grad(k1, theta)[0].abs().max() < 1e-15


@pytest.mark.parametrize("estimator", SAMPLED)
def test_importance_makes_up_for_another_sampler(estimator: str) -> None:
    theta, reference = setting()
    drawn_by = torch.full((6,), 1 / 6, dtype=torch.float64)
    ratio = theta.softmax(-1) / drawn_by  # still attached, as a trainer may leave it
    found = expectation(theta, reference, drawn_by, estimator=estimator, use="loss", importance=ratio)
    on_policy = expectation(theta, reference, theta.softmax(-1), estimator=estimator, use="loss")
    assert torch.allclose(found, on_policy)
    assert torch.allclose(*(torch.autograd.grad(x, theta)[0] for x in (found, on_policy)))


def test_full_is_exact_in_value_and_gradient() -> None:
    theta, reference = setting()
    value = losses.policy_kl(theta.expand(2, 3, 6), reference.expand(2, 3, 6), estimator="full", use="loss")
    want = exact(theta, reference)
    assert torch.allclose(value, want)
    assert torch.allclose(*(torch.autograd.grad(x, theta)[0] for x in (value, want)), atol=1e-15)


@pytest.mark.parametrize("gap", [1e-8, -1e-4, 0.3, -0.499, 0.501, 5.0, -30.0])
def test_k3_does_not_cancel(gap: float) -> None:
    import mpmath as mp

    with mp.workdps(40):
        want = float(mp.expm1(-mp.mpf(gap)) + mp.mpf(gap))
    x = torch.tensor([gap], dtype=torch.float64)
    found = losses.policy_kl(x, torch.zeros_like(x), estimator="k3", use="reward").item()
    assert found == pytest.approx(want, rel=1e-14)


def test_padding_may_hold_anything() -> None:
    # As TRL and verl shape them: (sequences, tokens), padded on the right.
    logp = torch.tensor([[-1.0, -2.0, math.nan]], requires_grad=True)
    mask = torch.tensor([[True, True, False]])
    reference = torch.tensor([[-1.5, -1.0, 7.0]])
    value = losses.policy_kl(logp, reference, use="loss", mask=mask)
    value.backward()
    assert torch.equal(logp.grad, torch.tensor([[0.25, -0.5, 0.0]]))
    ratio = torch.tensor([[1.0, 1.0, math.nan]])
    assert losses.policy_kl(logp, reference, use="reward", mask=mask, importance=ratio).isfinite()


def test_an_action_that_the_reference_never_takes() -> None:
    x = torch.tensor([-1.0])
    for estimator in SAMPLED:
        found = losses.policy_kl(x, torch.tensor([-math.inf]), estimator=estimator, use="reward")
        assert found.item() == math.inf


def test_second_derivatives_are_those_of_the_square() -> None:
    logp = torch.tensor([-1.0, -2.0], dtype=torch.float64, requires_grad=True)
    for estimator in SAMPLED:
        loss = losses.policy_kl(logp, torch.zeros(2, dtype=torch.float64), estimator=estimator, use="loss")
        first = torch.autograd.grad(loss, logp, create_graph=True)[0]
        assert torch.allclose(torch.autograd.grad(first.sum(), logp)[0], torch.full((2,), 0.5).double())


def test_bad_input() -> None:
    x = torch.zeros(3)
    for change, message in [
        ({"estimator": "k4"}, "estimator must be one of 'k1', 'k2', 'k3', 'full'"),
        ({"use": "penalty"}, "use must be 'reward'"),
        ({"importance": torch.ones(2)}, "importance has shape"),
    ]:
        with pytest.raises(kb.InputError, match=message):
            losses.policy_kl(x, x, **({"use": "loss"} | change))  # type: ignore[arg-type]
    with pytest.raises(kb.InputError, match="logp has shape"):
        losses.policy_kl(x, torch.zeros(4), use="loss")


def test_the_coefficient_follows_its_target() -> None:
    beta = losses.AdaptiveCoefficient(target=0.1, horizon=100, value=0.5)
    assert beta.update(0.1) == 0.5
    assert beta.update(1.0, steps=10) == pytest.approx(0.5 * math.exp(0.02))  # the error is cut at 0.2
    assert beta.update(0.0, steps=10) == pytest.approx(0.5)
    assert beta.update(0.0, steps=1000) > 0
    other = losses.AdaptiveCoefficient(1, 1)
    other.load_state_dict(beta.state_dict())
    assert float(other) == float(beta)
    with pytest.raises(kb.InputError, match="divergence must be a finite number"):
        beta.update(math.nan)
    # A divergence that falls as the coefficient grows is brought to the target.
    for _ in range(3000):
        beta.update(0.05 / beta.value)
    assert 0.05 / beta.value == pytest.approx(0.1, rel=1e-2)
