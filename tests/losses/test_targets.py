"""Losses against targets that are not a teacher's logits: likeliest outcomes, soft targets, labels, units."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import pytest
import torch
from torch import Tensor

import kullback as kb
from kullback import losses


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# The teacher's likeliest outcomes.


@pytest.mark.parametrize("divergence", ["forward", "reverse", "js(0.3)"])
def test_topk_is_the_divergence_of_the_merged_outcomes(divergence: str) -> None:
    t, s = draw(4, 9), draw(4, 9, seed=1).requires_grad_()
    top = t.log_softmax(-1).topk(3)
    found = losses.topk_distillation(teacher=(top.indices, top.values), student=s, divergence=divergence)
    q = s.softmax(-1)
    p_few, q_few = top.values.exp(), q.gather(-1, top.indices)
    p, q = (torch.cat([few, 1 - few.sum(-1, keepdim=True)], -1) for few in (p_few, q_few))
    want = losses.distillation(teacher=p.log(), student=q.log(), divergence=divergence)
    assert torch.allclose(found, want, rtol=1e-12)
    assert torch.allclose(*(torch.autograd.grad(x, s)[0] for x in (found, want)), atol=1e-14)
    whole = losses.distillation(teacher=t, student=s, divergence=divergence)
    assert found < whole  # data processing
    every = t.log_softmax(-1).topk(9)
    assert torch.allclose(
        losses.topk_distillation(teacher=(every.indices, every.values), student=s, divergence=divergence), whole
    )


def test_topk_at_agreement_and_renormalised() -> None:
    t = draw(4, 9)
    top = t.log_softmax(-1).topk(3)
    s = t.clone().requires_grad_()
    value = losses.topk_distillation(teacher=(top.indices, top.values), student=s)
    assert 0 <= value.item() < 1e-15
    assert torch.autograd.grad(value, s)[0].abs().max() < 1e-15
    s = draw(4, 9, seed=1)
    found = losses.topk_distillation(teacher=(top.indices, top.values), student=s, tail="renormalize")
    want = losses.distillation(teacher=top.values, student=s.gather(-1, top.indices))
    assert torch.allclose(found, want)


def test_topk_with_masked_vocabulary_and_no_rest() -> None:
    s = torch.tensor([[1.0, 0.5, -math.inf, -math.inf]], dtype=torch.float64, requires_grad=True)
    indices, log_probs = torch.tensor([[0, 1]]), torch.tensor([[0.75, 0.25]], dtype=torch.float64).log()
    value = losses.topk_distillation(teacher=(indices, log_probs), student=s)
    assert value.item() == pytest.approx(float(kb.kl([0.75, 0.25], s.detach()[0, :2].softmax(-1).numpy())), rel=1e-12)
    gradient = torch.autograd.grad(value, s)[0]
    assert gradient.isfinite().all()
    assert gradient[0, 2:].count_nonzero() == 0


@pytest.mark.parametrize(
    ("indices", "shares", "message"),
    [
        ([[0, 0]], [[0.5, 0.2]], r"row \(0,\) repeat an outcome"),
        ([[0, 7]], [[0.5, 0.2]], "do not all lie below the student's 4 outcomes"),
        ([[0, 1]], [[0.9, 0.2]], r"sum to 1.1, more than 1"),
        ([[0, 1]], [[0.7, 0.7]], "sum to 1.4, more than 1"),
        ([[0, 1], [0, 1]], [[0.5, 0.2], [0.5, 0.2]], "do not fit the student's"),
    ],
)
def test_topk_bad_input(indices: Any, shares: Any, message: str) -> None:
    teacher = torch.tensor(indices), torch.tensor(shares).log()
    with pytest.raises(kb.InputError, match=message):
        losses.topk_distillation(teacher=teacher, student=torch.zeros(1, 4))


def test_topk_of_a_sure_teacher_wants_its_rest() -> None:
    t, s = torch.tensor([[20.0, 0.0, -1.0, -2.0]]), torch.tensor([[20.0, 0.5, -1.0, -2.0]])
    log_p = t.double().log_softmax(-1)
    top = log_p.float().topk(2)
    with pytest.raises(kb.InputError, match="what is left of 1 is rounding"):
        losses.topk_distillation(teacher=(top.indices, top.values), student=s, divergence="reverse")
    rest = log_p[:, 2:].logsumexp(-1).float()
    found = losses.topk_distillation(teacher=(top.indices, top.values, rest), student=s, divergence="reverse")
    merged = [torch.cat([x[:, :2], x[:, 2:].logsumexp(-1, keepdim=True)], -1) for x in (t.double(), s.double())]
    want = losses.distillation(teacher=merged[0], student=merged[1], divergence="reverse")
    assert found.item() == pytest.approx(want.item(), rel=1e-2)
    kept = torch.tensor([True, False])
    padded = torch.tensor([[0, 1], [-100, -100]]), torch.tensor([[0.6, 0.2], [0.5, 0.2]]).log()
    assert losses.topk_distillation(teacher=padded, student=torch.zeros(2, 4), mask=kept).isfinite()


# Soft targets.


def test_cross_entropy_is_entropy_plus_divergence() -> None:
    p, x = draw(5, 7).softmax(-1), draw(5, 7, seed=1).requires_grad_()
    found = losses.soft_cross_entropy(target=p, logits=x)
    assert torch.allclose(found, torch.nn.functional.cross_entropy(x, p))
    parts = losses.soft_cross_entropy.decompose(target=p, logits=x)
    assert torch.allclose(parts.entropy, kb.entropy(p).mean())
    assert torch.allclose(parts.divergence, kb.kl(p, x.softmax(-1)).mean())
    assert torch.allclose(parts.cross_entropy, found)
    # Minimising either moves q alike: the gradients differ by nothing.
    a, b = (torch.autograd.grad(loss, x, retain_graph=True)[0] for loss in (found, parts.divergence))
    assert torch.allclose(a, b, atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_label_smoothing_and_class_weight_are_those_of_torch(smoothing: float) -> None:
    p, x = draw(5, 7).softmax(-1), draw(5, 7, seed=1)
    found = losses.soft_cross_entropy(target=p, logits=x, label_smoothing=smoothing)
    assert torch.allclose(found, torch.nn.functional.cross_entropy(x, p, label_smoothing=smoothing))
    c = torch.rand(7, dtype=torch.float64)
    found = losses.soft_cross_entropy(target=p, logits=x, class_weight=c)
    assert torch.allclose(found, torch.nn.functional.cross_entropy(x, p, weight=c))


def test_smoothing_spares_masked_outcomes() -> None:
    p = torch.tensor([[1.0, 0.0, 0.0]])
    x = torch.tensor([[0.0, 1.0, -math.inf]], requires_grad=True)
    value = losses.soft_cross_entropy(target=p, logits=x, label_smoothing=0.2)
    want = losses.soft_cross_entropy(target=torch.tensor([[0.9, 0.1]]), logits=x[:, :2])
    assert torch.allclose(value, want)
    assert torch.autograd.grad(value, x)[0].isfinite().all()


def test_soft_targets_are_checked() -> None:
    with pytest.raises(kb.InputError, match="target"):
        losses.soft_cross_entropy(target=torch.tensor([[0.5, 0.6]]), logits=torch.zeros(1, 2))
    kept = torch.tensor([True, False])
    target = torch.tensor([[0.5, 0.5], [3.0, 0.0]])
    assert losses.soft_cross_entropy(target=target, logits=torch.zeros(2, 2), mask=kept) == pytest.approx(math.log(2))


def test_rows_left_out_may_hold_anything() -> None:
    target = torch.tensor([[0.5, 0.5], [math.nan, 3.0]])
    x = torch.tensor([[0.0, 1.0], [math.nan, math.inf]], requires_grad=True)
    kept = torch.tensor([True, False])
    parts = losses.soft_cross_entropy.decompose(target=target, logits=x, mask=kept)
    for loss in (losses.soft_cross_entropy(target=target, logits=x, mask=kept), *parts):
        assert loss.isfinite()
    assert torch.autograd.grad(parts.cross_entropy, x)[0][1].count_nonzero() == 0


def test_multilabel_is_the_sum_of_bernoullis() -> None:
    p, x = draw(4, 6).sigmoid(), 3 * draw(4, 6, seed=1).requires_grad_()
    found = losses.multilabel_kl(target=p, logits=x, reduction="none")
    q = x.sigmoid()
    want = kb.kl(torch.stack([p, 1 - p], -1), torch.stack([q, 1 - q], -1)).sum(-1)
    assert torch.allclose(found, want, rtol=1e-10)
    far = torch.tensor([[math.inf, -math.inf]]), torch.tensor([[1.0, 0.0]])
    assert losses.multilabel_kl(target=far[1], logits=far[0]).item() == 0
    kept = torch.tensor([True, False, False, False])
    broken = torch.where(kept[:, None], p, math.nan)
    assert torch.allclose(losses.multilabel_kl(target=broken, logits=x, mask=kept), want[0])
    bce = torch.nn.functional.binary_cross_entropy_with_logits(x, p, reduction="sum")
    assert torch.allclose(*(torch.autograd.grad(loss, x, retain_graph=True)[0] for loss in (found.sum(), bce)))


@pytest.mark.parametrize(("p", "x"), [(1e-20, -50.0), (1.0, 40.0), (0.0, 800.0), (1 - 1e-12, 20.0)])
def test_multilabel_at_the_extremes(p: float, x: float) -> None:
    with mp.workdps(50):
        q, r, rest = 1 / (1 + mp.e ** -mp.mpf(x)), mp.mpf(p), 1 - mp.mpf(p)
        other = 1 / (1 + mp.e ** mp.mpf(x))
        want = (r * mp.log(r / q) if r else 0) + (rest * mp.log(rest / other) if rest else 0)
    given = {"target": torch.tensor([[p]], dtype=torch.float64), "logits": torch.tensor([[x]], dtype=torch.float64)}
    assert losses.multilabel_kl(**given).item() == pytest.approx(float(want), rel=1e-12)


def test_multilabel_hard_targets_and_bad_ones() -> None:
    x = draw(4, 6).requires_grad_()
    hard = (draw(4, 6, seed=1) > 0).double()
    found = losses.multilabel_kl(target=hard, logits=x, reduction="sum")
    assert torch.allclose(found, torch.nn.functional.binary_cross_entropy_with_logits(x, hard, reduction="sum"))
    assert torch.autograd.gradcheck(lambda x: losses.multilabel_kl(target=hard, logits=x), x)
    with pytest.raises(kb.InputError, match=r"target must lie in \[0, 1\], got 1.5 at \(0, 1\)"):
        losses.multilabel_kl(target=torch.tensor([[0.5, 1.5]]), logits=torch.zeros(1, 2))


# Regularisers on outputs and units.


def test_confidence_penalty_is_log_k_less_entropy() -> None:
    x = draw(4, 6).requires_grad_()
    found = losses.confidence_penalty(x, reduction="none")
    assert torch.allclose(found, math.log(6) - kb.entropy(x.softmax(-1)))
    assert losses.confidence_penalty(torch.zeros(2, 5)).item() == 0
    assert torch.autograd.gradcheck(losses.confidence_penalty, x)
    masked = torch.cat([x, torch.full((4, 2), -math.inf, dtype=torch.float64)], -1)
    assert torch.allclose(losses.confidence_penalty(masked, reduction="none"), found)


def test_consistency_is_symmetric() -> None:
    a, b = draw(4, 6).requires_grad_(), draw(4, 6, seed=1).requires_grad_()
    found = losses.consistency(a, b)
    assert torch.allclose(found, losses.consistency(b, a))
    assert torch.allclose(found, kb.jeffreys(a.softmax(-1), b.softmax(-1)).mean() / 2)
    assert torch.autograd.gradcheck(losses.consistency, (a, b))


def test_sparsity() -> None:
    h = draw(50, 3).sigmoid().requires_grad_()
    found = losses.sparsity_kl(h, 0.05, reduction="none")
    means = h.mean(0)
    want = 0.05 * torch.log(0.05 / means) + 0.95 * torch.log(0.95 / (1 - means))
    assert torch.allclose(found, want)
    assert torch.allclose(losses.sparsity_kl(h, 0.05), want.sum())
    assert losses.sparsity_kl(torch.zeros(4, 2), 0.1).item() == math.inf
    with pytest.raises(kb.InputError, match="activations must lie in"):
        losses.sparsity_kl(-h, 0.1)
    with pytest.raises(kb.InputError, match="rate must lie strictly"):
        losses.sparsity_kl(h, 1.0)


def test_a_share_of_a_masked_outcome_is_refused_or_infinite() -> None:
    target = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    x = torch.tensor([[0.0, -math.inf, 0.0], [0.0, -math.inf, 0.0]], requires_grad=True)
    for loss in (losses.soft_cross_entropy, losses.soft_cross_entropy.decompose):
        with pytest.raises(kb.InputError, match=r"gives 0.25 to outcome 1 of row \(1,\), which the logits mask"):
            loss(target=target, logits=x)
        with pytest.raises(kb.InputError, match=r"outcome 0 of row \(0,\), which the logits mask"):
            loss(target=target, logits=torch.full((2, 3), -math.inf))
    assert losses.soft_cross_entropy(target=target, logits=x, validate=False) == math.inf
    none = torch.tensor([1.0, 0.0, 1.0])
    value = losses.soft_cross_entropy(target=target, logits=x, class_weight=none)
    assert value.item() == pytest.approx((1 + 0.75) * math.log(2) / 2)
    gradient = torch.autograd.grad(value, x)[0]
    assert torch.allclose(gradient, torch.tensor([[-0.25, 0.0, 0.25], [-0.0625, 0.0, 0.0625]]))
    with pytest.raises(kb.InputError, match=r"class_weight must be at least 0, got -1\.0 at 2"):
        losses.soft_cross_entropy(target=target, logits=x, class_weight=torch.tensor([1.0, 0.0, -1.0]))


ONE = {"teacher": torch.zeros(2, 3), "student": torch.zeros(2, 3)}
NORMAL = torch.distributions.Normal(torch.zeros(2, 3), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.distillation(**ONE, vocabulary=2.5),
            "vocabulary, of teacher, must be a whole number between 1",
        ),
        (lambda: losses.distillation(**ONE, weight="2"), "weight must be a number or a tensor, got '2'"),
        (lambda: losses.distillation(**ONE, labels=torch.zeros(2)), "labels must be whole numbers, got torch.float32"),
        (
            lambda: losses.latent_kl(NORMAL, NORMAL, samples=1.5),
            "samples must be a whole number of at least 1, got 1.5",
        ),
        (lambda: losses.latent_kl_error(NORMAL, NORMAL, samples=1), "samples must be a whole number of at least 2"),
        (lambda: losses.latent_kl(1, NORMAL), "posterior must be a torch distribution, got int"),
        (lambda: losses.collapse(NORMAL, None), "prior must be a torch distribution, got NoneType"),
        (lambda: losses.weight_kl(None), "module must be a module or distributions, got NoneType"),
        (lambda: losses.weight_kl([3]), "posterior 0 must be a torch distribution, got int"),
        (lambda: losses.importance_bound(torch.zeros(3), dim=2), "dim must be a whole number between -1 and 0, got 2"),
        (lambda: losses.importance_bound(torch.zeros(0)), "has no draws along axis 0"),
        (lambda: losses.adversarial(["kl"]), "divergence must be one of"),
        (lambda: losses.adversarial().bound([0.0], torch.zeros(3)), "real must be a torch tensor of critic outputs"),
        (lambda: losses.adversarial().bound(*torch.zeros(2, 3), confidence=2), "confidence must lie strictly between"),
        (lambda: losses.local_reparameterization(*torch.zeros(2, 2, 3), torch.zeros(1)), "inputs, mean and scale have"),
        (lambda: losses.sparsity_kl(torch.tensor(0.5), 0.1), r"activations have shape \(\), not"),
        (lambda: losses.AdaptiveCoefficient(1, 10).update(torch.zeros(3)), "divergence must be a finite number"),
        (lambda: losses.fisher_vector_product(lambda: 1.0, [], []), "divergence must return one number"),
        (
            lambda: losses.information_bottleneck(
                logits=torch.zeros(2, 3), labels=torch.tensor([0, 3]), posterior=NORMAL, prior=NORMAL, beta=1.0
            ),
            "labels must lie below the 3 outcomes, got 3",
        ),
    ],
)
def test_odd_options_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
        call()
