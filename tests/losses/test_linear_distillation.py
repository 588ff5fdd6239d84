"""Distillation from hidden states equals distillation of their logits, and keeps no more than a few rows of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import kullback as kb
from kullback import losses


def heads(dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Any, Any]:
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64).to(dtype)

    teacher = draw(3, 7, 6), draw(11, 6)
    student = tuple(x.requires_grad_() for x in (draw(3, 7, 4), draw(11, 4), draw(11)))
    return teacher, student


LABELS = torch.randint(0, 11, (3, 7), generator=torch.Generator().manual_seed(5))
LABELS[0, :3] = -100


def materialised(teacher: Any, student: Any, **options: Any) -> torch.Tensor:
    h, w, b = student
    hard, labels = options.pop("hard", 0.0), options.get("labels")
    logits = h @ w.T + b
    soft = losses.distillation(teacher=teacher[0] @ teacher[1].T, student=logits, **options)
    if not hard:
        return soft
    cap = options.get("soft_cap")
    logits = cap * torch.tanh(logits / cap) if cap else logits
    nll = torch.nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction=options["reduction"])
    return (1 - hard) * soft + hard * nll.reshape(soft.shape)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"divergence": "js(0.3)", "temperature": 1.5, "soft_cap": 5.0, "labels": LABELS},
        {"divergence": "reverse", "labels": LABELS, "hard": 0.4, "soft_cap": 3.0},
        {"divergence": "skew", "labels": LABELS, "hard": 1.0},
    ],
)
def test_equals_the_materialised_loss(options: dict[str, Any], reduction: str) -> None:
    teacher, student = heads()
    options = options | {"reduction": reduction}
    found = losses.linear_distillation(teacher=teacher, student=student, rows_at_once=4, **options)
    want = materialised(teacher, student, **options)
    assert torch.allclose(found, want, rtol=1e-12)
    upstream = torch.rand_like(found)
    ours = torch.autograd.grad(found, student, upstream, retain_graph=True)
    again = torch.autograd.grad(found, student, upstream)
    theirs = torch.autograd.grad(want, student, upstream)
    for a, b, c in zip(ours, again, theirs, strict=True):
        assert torch.allclose(a, c, rtol=1e-10, atol=1e-14)
        assert torch.allclose(b, c, rtol=1e-10, atol=1e-14)


def test_half_precision() -> None:
    teacher, student = heads(torch.bfloat16)
    found = losses.linear_distillation(teacher=teacher, student=student)
    exact_teacher = tuple(x.double() for x in teacher)
    exact_student = tuple(x.detach().double().requires_grad_() for x in student)
    want = materialised(exact_teacher, exact_student, reduction="mean")
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(want.item(), rel=1e-2)
    pairs = zip(torch.autograd.grad(found, student), torch.autograd.grad(want, exact_student), strict=True)
    for ours, exact in pairs:
        assert ours.dtype == torch.bfloat16
        assert (ours.double() - exact).norm() < 2e-2 * exact.norm()


def test_only_what_asks_for_a_gradient_gets_one() -> None:
    teacher, (h, w, b) = heads()
    value = losses.linear_distillation(teacher=teacher, student=(h.detach(), w, b.detach()))
    value.backward()
    assert w.grad is not None
    assert h.grad is None
    with torch.no_grad():
        assert losses.linear_distillation(teacher=teacher, student=(h, w, b)) == value


def test_rows_left_out_may_hold_anything() -> None:
    teacher, (h, w, b) = heads()
    with torch.no_grad():
        h[0, 0] = math.nan
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[0, 0] = False
    value = losses.linear_distillation(teacher=teacher, student=(h, w, b), mask=mask)
    grads = torch.autograd.grad(value, (h, w))
    assert value.isfinite()
    assert all(g.isfinite().all() for g in grads)
    assert losses.linear_distillation(teacher=teacher, student=(h, w, b), weight=mask.double()) == value
    nothing = losses.linear_distillation(teacher=teacher, student=(h, w, b), mask=torch.zeros_like(mask))
    assert nothing.item() == 0
    assert all(g.count_nonzero() == 0 for g in torch.autograd.grad(nothing, (w, b)))


def test_no_tensor_of_rows_by_outcomes_is_made() -> None:
    rows, outcomes = 512, 4096
    teacher = torch.randn(rows, 8), torch.randn(outcomes, 8)
    h, w = torch.randn(rows, 8, requires_grad=True), torch.randn(outcomes, 8, requires_grad=True)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as seen:
        losses.linear_distillation(teacher=teacher, student=(h, w), rows_at_once=16).backward()
    taken = [event.self_cpu_memory_usage for event in seen.events()]
    assert max(taken) == 4 * 16 * outcomes  # a block of logits, in float32
    assert sum(size == max(taken) for size in taken) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"student": (torch.randn(3, 4),)}, "student must be a tuple"),
        ({"student": (torch.randn(3, 4), torch.randn(11, 5))}, "do not fit"),
        ({"student": (torch.randn(3, 4), torch.randn(10, 4))}, "teacher has 11 outcomes and student 10"),
        ({"student": (torch.randn(2, 4), torch.randn(11, 4))}, "teacher has rows"),
        ({"student": (torch.randn(3, 4), torch.randn(11, 4), torch.randn(3))}, "bias has shape"),
        ({"student": (torch.randn(3, 4), torch.randn(11, 4).double())}, "bring them together"),
        ({"teacher": (torch.randn(3, 4), torch.randn(11, 4, requires_grad=True))}, "detach the teacher"),
        ({"rows_at_once": -1}, "rows_at_once must be a whole number of at least 1, got -1"),
        ({"rows_at_once": 0.5}, "rows_at_once must be"),
        ({"negligible": -1.0}, "negligible must be a finite number of at least 0"),
        ({"hard": 0.5}, "pass labels="),
        ({"hard": 1.5}, "hard must lie between 0 and 1"),
        ({"hard": 0.5, "labels": torch.tensor([0, 11, 2])}, "labels must lie below the 11 outcomes, got 11"),
    ],
)
def test_bad_input(change: dict[str, Any], message: str) -> None:
    given = {
        "teacher": (torch.randn(3, 4), torch.randn(11, 4)),
        "student": (torch.randn(3, 4), torch.randn(11, 4)),
    } | change
    with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
        losses.linear_distillation(**given)


def test_a_second_derivative_is_refused() -> None:
    teacher, student = heads()

    def loss(*student: torch.Tensor) -> torch.Tensor:
        return losses.linear_distillation(teacher=teacher, student=student)

    first = torch.autograd.grad(loss(*student), student, create_graph=True)
    exact = torch.autograd.grad(loss(*student), student)
    inner = torch.func.grad(loss, argnums=(0, 1, 2))(*student)
    for a, b, c in zip(first, inner, exact, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b, c)
    for again in (first, inner):
        with pytest.raises(kb.InputError, match="no second derivative"):
            torch.autograd.grad(again[1].sum(), student[0])
    with pytest.raises(kb.InputError, match="no second derivative"):
        torch.func.jacrev(torch.func.grad(loss))(*student)


def test_negligible_tiles_are_skipped_within_the_bound() -> None:
    rng = torch.Generator().manual_seed(4)
    teacher = torch.randn(9, 6, generator=rng), torch.randn(2000, 6, generator=rng)
    rare = torch.where(torch.arange(2000) < 700, 0.0, -9.0)  # outcomes in the order of their frequency
    student = tuple(x.requires_grad_() for x in (torch.randn(9, 4, generator=rng), torch.randn(2000, 4, generator=rng)))
    biases = rare, rare.clone().requires_grad_()
    given = {"teacher": (*teacher, biases[0]), "student": (*student, biases[1])}
    values, gradients = [], []
    for negligible in (0.0, 1e-3):
        values.append(losses.linear_distillation(**given, negligible=negligible))
        gradients.append(torch.autograd.grad(values[-1], (*student, biases[1])))
    assert values[0] == values[1]
    (h, w, b), (rough_h, rough_w, rough_b) = gradients
    assert (rough_w[768:] == 0).all()  # the second and third tile
    assert w[768:].count_nonzero() > 0
    assert torch.equal(rough_w[:768], w[:768])
    assert torch.equal(rough_b, b)
    largest = student[0].norm(dim=-1).max()
    assert (rough_w - w).norm(dim=-1).max() <= 1e-3 * largest
    assert (rough_h - h).norm(dim=-1).max() <= 1e-3 / 9 * student[1][768:].norm(dim=-1).sum()


def test_float16_keeps_its_gradients_under_a_scaled_loss() -> None:
    teacher, student = heads(torch.float16)
    value = losses.linear_distillation(teacher=teacher, student=student)
    large = torch.autograd.grad(value * 32768, student)
    exact = tuple(x.detach().double().requires_grad_() for x in student)
    want = torch.autograd.grad(materialised(tuple(x.double() for x in teacher), exact, reduction="mean"), exact)
    for found, true in zip(large, want, strict=True):
        assert found.dtype == torch.float16
        assert found.isfinite().all()
        assert torch.allclose(found.double() / 32768, true, rtol=2e-2, atol=2e-3 * float(true.abs().max()))


def test_under_autocast() -> None:
    teacher, student = (tuple(x.detach().float() for x in side) for side in heads())
    student = tuple(x.requires_grad_() for x in student)
    plain = losses.linear_distillation(teacher=teacher, student=student)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = losses.linear_distillation(teacher=teacher, student=student)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(plain.item(), rel=3e-2)
    pairs = zip(torch.autograd.grad(value, student), torch.autograd.grad(plain, student), strict=True)
    for ours, exact in pairs:
        assert ours.dtype == torch.float32
        assert (ours - exact).norm() < 3e-2 * exact.norm()


def test_outcomes_that_both_biases_mask() -> None:
    (h, w), (g, v, _) = heads()
    bias = torch.where(torch.arange(11) % 4 == 0, -math.inf, torch.zeros(11, dtype=torch.float64)).requires_grad_()
    labels = torch.full((3, 7), 5)
    value = losses.linear_distillation(
        teacher=(h, w, bias.detach()), student=(g, v, bias), labels=labels, hard=0.5, soft_cap=3.0
    )
    assert value.isfinite()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(value, (g, v, bias)))


def test_more_outcomes_than_a_tile_and_rows_than_a_block() -> None:
    rng = torch.Generator().manual_seed(3)
    draw = [torch.randn(*shape, generator=rng) for shape in ((5, 6), (2000, 6), (5, 4), (2000, 4), (2000,))]
    student = tuple(x.requires_grad_() for x in draw[2:])
    found = losses.linear_distillation(teacher=tuple(draw[:2]), student=student, rows_at_once=2, reduction="sum")
    exact = tuple(x.detach().double().requires_grad_() for x in student)
    want = materialised(tuple(x.double() for x in draw[:2]), exact, reduction="sum")
    assert found.item() == pytest.approx(want.item(), rel=1e-5)
    for ours, true in zip(torch.autograd.grad(found, student), torch.autograd.grad(want, exact), strict=True):
        assert torch.allclose(ours.double(), true, rtol=1e-4, atol=1e-5 * float(true.abs().max()))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # dynamo's own doing
def test_compiled_as_one_operator() -> None:
    teacher, student = heads()

    def loss(*student: torch.Tensor) -> torch.Tensor:
        return losses.linear_distillation(teacher=teacher, student=student)

    found = torch.compile(loss, fullgraph=True, backend="aot_eager")(*student)
    pairs = zip(*(torch.autograd.grad(x, student) for x in (found, loss(*student))), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    inputs = *teacher, None, *student, torch.ones(21, dtype=torch.float64), None
    flat = [x if x is None else x.detach() if x.ndim < 3 else x.detach().flatten(0, 1) for x in inputs]
    checks = "test_schema", "test_faketensor"
    operator, options = torch.ops.kullback.divergence_of_heads, ("js", 0.5, 1.0, 0.0, 0.0, 4, 0.0, [True, False, True])
    torch.library.opcheck(operator, (*flat, *options), test_utils=checks)
