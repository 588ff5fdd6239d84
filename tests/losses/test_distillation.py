"""The laws of every divergence between logits: values, gradients, masks, dtypes, transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import kullback as kb
from kullback import losses

DIVERGENCES = ["forward", "reverse", "js", "js(0.1)", "skew(0.3)", "reverse_skew", "total_variation", "alpha(2)"]
SMOOTH = [d for d in DIVERGENCES if d != "total_variation"]


def logits(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64, size: float = 2.0) -> Tensor:
    return (size * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(dtype)


def loss(divergence: str, **options: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda t, s: losses.distillation(teacher=t, student=s, divergence=divergence, **options)


def expected(p: Tensor, q: Tensor, divergence: str) -> Tensor:
    """The textbook sums, of probabilities."""
    name, _, number = divergence.rstrip(")").partition("(")
    w = float(number or {"js": 0.5, "reverse_skew": 0.1}.get(name, 0))

    def kl(a: Tensor, b: Tensor) -> Tensor:
        return (a * (a / b).log()).sum(-1)

    return {
        "forward": lambda: kl(p, q),
        "reverse": lambda: kl(q, p),
        "js": lambda: w * kl(p, w * p + (1 - w) * q) + (1 - w) * kl(q, w * p + (1 - w) * q),
        "skew": lambda: kl(p, w * p + (1 - w) * q),
        "reverse_skew": lambda: kl(q, w * q + (1 - w) * p),
        "total_variation": lambda: 0.5 * (p - q).abs().sum(-1),
        "alpha": lambda: ((p**w * q ** (1 - w)).sum(-1) - 1) / (w * (w - 1)),
    }[name]()


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_values_are_those_of_the_textbook(divergence: str) -> None:
    t, s = logits(5, 9), logits(5, 9, seed=1)
    found = loss(divergence, temperature=1.7, reduction="none")(t, s)
    assert torch.allclose(found, expected((t / 1.7).softmax(-1), (s / 1.7).softmax(-1), divergence), rtol=1e-12)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_gradients_to_the_second_order(divergence: str) -> None:
    sides = [logits(2, 4, seed=k).requires_grad_() for k in range(2)]
    f = loss(divergence, temperature=1.3, soft_cap=4.0)
    assert torch.autograd.gradcheck(f, sides)
    assert torch.autograd.gradgradcheck(f, sides)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_agreement_costs_nothing_and_has_no_gradient(divergence: str, dtype: torch.dtype) -> None:
    t, s = (logits(3, 50, dtype=dtype, size=8.0).requires_grad_() for _ in range(2))
    value = loss(divergence, temperature=2.0)(t, s)
    value.backward()
    assert value.item() == 0
    assert t.grad.count_nonzero() == 0
    assert s.grad.count_nonzero() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_never_negative_and_near_float64(divergence: str, dtype: torch.dtype) -> None:
    t = logits(200, 300, dtype=dtype)
    s = (t.double() + 1e-3 * logits(200, 300, seed=3)).to(dtype)
    found = loss(divergence, reduction="none")(t, s)
    exact = loss(divergence, reduction="none")(t.double(), s.double())
    assert found.dtype == torch.float32
    assert (found >= 0).all()
    assert torch.allclose(found.double(), exact, rtol=1e-5)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_masked_vocabulary(divergence: str) -> None:
    t, s = logits(4, 7), logits(4, 7, seed=1)
    open_ = torch.tensor([True, False, True, True, False, True, True])
    masked = [side.masked_fill(~open_, -math.inf).requires_grad_() for side in (t, s)]
    cut = [side[:, open_].clone().requires_grad_() for side in (t, s)]
    f = loss(divergence, soft_cap=6.0)
    assert torch.allclose(f(*masked), f(*cut), rtol=1e-14)
    for whole, part in zip(torch.autograd.grad(f(*masked), masked), torch.autograd.grad(f(*cut), cut), strict=True):
        assert torch.allclose(whole[:, open_], part, atol=1e-15)
        assert whole[:, ~open_].count_nonzero() == 0


def test_mass_where_the_student_has_none_is_infinite_or_finite_as_the_divergence_is() -> None:
    t, s = torch.zeros(1, 2), torch.tensor([[0.0, -math.inf]])
    assert float(loss("forward")(t, s)) == math.inf
    assert float(loss("reverse")(t, s)) == pytest.approx(math.log(2))
    assert float(loss("js")(t, s)) == pytest.approx(float(kb.js([0.5, 0.5], [1.0, 0.0])))
    assert float(loss("total_variation")(t, s)) == pytest.approx(0.5)


def test_far_apart() -> None:
    t, s = torch.tensor([[1000.0, 0.0]]), torch.tensor([[0.0, 1000.0]])
    assert float(loss("forward")(t, s)) == 1000
    assert math.isfinite(float(loss("js")(t, s)))


@pytest.mark.parametrize("divergence", SMOOTH)
def test_loss_and_gradient_scale_alike_under_temperature(divergence: str) -> None:
    # Far above the logits, D is quadratic in logits/T: T² times loss, and T² times gradient, are constant.
    t, s = logits(3, 5), logits(3, 5, seed=1).requires_grad_()
    scaled = []
    for temperature in (1e4, 2e4):
        value = temperature**2 * loss(divergence, temperature=temperature)(t, s)
        scaled.append((value.detach(), torch.autograd.grad(value, s)[0]))
    (v1, g1), (v2, g2) = scaled
    assert torch.allclose(v1, v2, rtol=1e-3)
    assert torch.allclose(g1, g2, rtol=1e-2)


def test_reductions_and_rows_left_out() -> None:
    t, s = logits(2, 3, 5), logits(2, 3, 5, seed=1)
    each = loss("forward", reduction="none")(t, s)
    mask = torch.tensor([[True, False, True], [True, True, False]])
    weight = torch.rand(2, 3, dtype=torch.float64)
    assert torch.allclose(loss("forward", mask=mask)(t, s), each[mask].mean())
    assert torch.allclose(loss("forward", mask=mask, reduction="sum")(t, s), each[mask].sum())
    weighted = (weight * each)[mask].sum() / weight[mask].sum()
    assert torch.allclose(loss("forward", mask=mask, weight=weight)(t, s), weighted)
    labels = torch.where(mask, 1, -100)
    assert loss("forward", labels=labels)(t, s) == loss("forward", mask=mask)(t, s)
    # The mean over kept rows does not depend on how a batch is split.
    parts = [loss("forward", mask=mask[i], reduction="sum")(t[i], s[i]) for i in range(2)]
    assert torch.allclose(sum(parts) / mask.sum(), loss("forward", mask=mask)(t, s))


def test_rows_left_out_may_hold_anything() -> None:
    t, s = logits(3, 4), logits(3, 4, seed=1)
    t[1], s[2] = math.nan, -math.inf
    s.requires_grad_()
    value = loss("forward", mask=torch.tensor([True, False, False]))(t, s)
    value.backward()
    assert value.isfinite()
    assert s.grad[0].abs().sum() > 0
    assert s.grad[1:].count_nonzero() == 0


def test_no_row_kept_is_zero_with_zero_gradient() -> None:
    s = logits(3, 4).requires_grad_()
    value = loss("js", mask=torch.zeros(3, dtype=torch.bool))(logits(3, 4, seed=1), s)
    value.backward()
    assert value.item() == 0
    assert s.grad.count_nonzero() == 0


def test_vocabularies_that_pad_differently() -> None:
    t, s = logits(3, 8), logits(3, 6, seed=1)
    assert loss("forward", vocabulary=5)(t, s) == loss("forward")(t[:, :5], s[:, :5])
    with pytest.raises(kb.InputError, match=r"teacher has 8 outcomes and student 6: .* pass vocabulary="):
        loss("forward")(t, s)


def test_many_rows_go_block_by_block() -> None:
    t, s = (logits(130, 20_000, seed=k, dtype=torch.float32).requires_grad_() for k in range(2))
    value = loss("forward")(t, s)
    value.backward()
    some = slice(50, 60)
    part = losses.distillation(teacher=t[some].detach(), student=s[some].detach(), reduction="none")
    whole = losses.distillation(teacher=t, student=s, reduction="none")
    assert torch.equal(whole[some], part)
    exact = (s[some].double().softmax(-1) - t[some].double().softmax(-1)) / 130
    assert torch.allclose(s.grad[some].double(), exact, atol=1e-9)


def test_transforms_of_torch_func() -> None:
    t, s = logits(4, 5), logits(4, 5, seed=1)
    f = loss("forward")
    gradient = torch.func.grad(f, argnums=1)(t, s)
    assert torch.allclose(gradient, (s.softmax(-1) - t.softmax(-1)) / 4)
    rows = torch.func.vmap(torch.func.grad(lambda a, b: f(a[None], b[None]), argnums=1))(t, s)
    assert torch.allclose(rows, 4 * gradient)
    hessian = torch.func.jacrev(torch.func.jacrev(f, argnums=1), argnums=1)(t[:1], s[:1])
    q = s[0].softmax(-1)
    assert torch.allclose(hessian[0, :, 0], torch.diag(q) - q[:, None] * q)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # dynamo's own doing
def test_compiles_whole() -> None:
    f = torch.compile(loss("js(0.3)"), backend="aot_eager", fullgraph=True)
    t, s = logits(4, 5), logits(4, 5, seed=1).requires_grad_()
    value = f(t, s)
    assert torch.allclose(value, loss("js(0.3)")(t, s))
    ours = torch.autograd.grad(loss("js(0.3)")(t, s), s)[0]
    assert torch.allclose(torch.autograd.grad(value, s)[0], ours)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_operators_are_registered_soundly(dtype: torch.dtype) -> None:
    t, s = logits(3, 5, dtype=dtype), logits(3, 5, seed=1, dtype=dtype)
    options = ("forward", 0.0, 1.0, 0.0)
    checks = ("test_schema", "test_faketensor", "test_aot_dispatch_dynamic")
    operators = torch.ops.kullback.divergence_of_logits, torch.ops.kullback.divergence_of_logits_gradients
    torch.library.opcheck(operators[0], (t, s, *options), test_utils=checks)
    _, numbers = operators[0](t, s, *options)
    given = (torch.ones(3, dtype=dtype), t, s, numbers, *options, True, True)
    torch.library.opcheck(operators[1], given, test_utils=checks)


def test_under_autocast() -> None:
    t, s = logits(4, 5, dtype=torch.bfloat16), logits(4, 5, seed=1, dtype=torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss("forward")(t, s)
    assert inside.dtype == torch.float32
    assert inside == loss("forward")(t, s)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"student": logits(3, 5).long()}, "student must be of floating dtype, got torch.int64"),
        ({"student": [[1.0]]}, "student must be a torch tensor of logits, got list"),
        ({"student": logits(4, 5)}, r"teacher has shape \(3, 5\) and student \(4, 5\)"),
        ({"student": logits(3, 5).to("meta")}, "teacher is on cpu and student on meta"),
        ({"temperature": 0.0}, "temperature must be a finite number above 0, got 0.0"),
        ({"temperature": True}, "temperature must be"),
        ({"soft_cap": -1.0}, "soft_cap must be a finite number above 0"),
        ({"divergence": "kl"}, "divergence must be one of forward, reverse, js"),
        ({"divergence": "js(2)"}, "weight of divergence 'js' must lie strictly between 0.0 and 1.0, got 2.0"),
        ({"divergence": "forward(2)"}, "takes no number"),
        ({"divergence": "js(x)"}, "is not a number"),
        ({"divergence": 3}, "must be a string"),
        ({"reduction": "batchmean"}, "reduction must be one of 'mean', 'sum', 'none'"),
        ({"mask": torch.ones(3)}, "mask must be a tensor of bool"),
        ({"mask": torch.ones(2, dtype=torch.bool)}, r"mask of shape \(2,\) does not broadcast to the rows \(3,\)"),
        ({"weight": torch.tensor([1.0, -1.0, 1.0])}, "weight must be at least 0, got -1.0"),
        ({"labels": torch.ones(5, dtype=torch.long)}, "labels of shape"),
        ({"vocabulary": 6}, "vocabulary, of teacher, must be a whole number between 1 and 5, got 6"),
        ({"student": torch.full((3, 5), -math.inf)}, r"student masks every outcome of row \(0,\)"),
    ],
)
def test_bad_input(change: dict[str, Any], message: str) -> None:
    given = {"teacher": logits(3, 5), "student": logits(3, 5, seed=1)} | change
    with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
        losses.distillation(**given)


def test_nan_in_gives_nan_out() -> None:
    s = logits(2, 3)
    s[0, 1] = math.nan
    found = loss("forward", reduction="none")(logits(2, 3, seed=1), s)
    assert found.isnan().tolist() == [True, False]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("divergence", ["forward", "js"])
def test_no_rows_are_no_loss(divergence: str, dtype: torch.dtype) -> None:
    s = torch.zeros(2, 0, 5, dtype=dtype, requires_grad=True)
    value = loss(divergence)(torch.zeros(2, 0, 5, dtype=dtype), s)
    value.backward()
    assert value.item() == 0
    assert s.grad.shape == (2, 0, 5)


def test_second_derivatives_of_rows_left_out_are_zero() -> None:
    x = logits(2, 3, dtype=torch.float32)
    x[1] = -math.inf
    x.requires_grad_()
    value = loss("forward", mask=torch.tensor([True, False]))(logits(2, 3, seed=1, dtype=torch.float32), x)
    first = torch.autograd.grad(value, x, create_graph=True)[0]
    second = torch.autograd.grad(first.pow(2).sum(), x)[0]
    assert second[0].abs().sum() > 0
    assert second[1].count_nonzero() == 0


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # dynamo's own doing
def test_a_compiled_evaluation_takes_any_number_of_rows() -> None:
    f = torch.compile(loss("forward"), backend="aot_eager", fullgraph=True)
    for rows in (3, 4, 5):
        t, s = logits(rows, 5, dtype=torch.float32), logits(rows, 5, seed=1, dtype=torch.float32)
        assert f(t, s) == loss("forward")(t, s)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # dynamo's own doing
def test_a_compiled_loss_takes_rows_and_outcomes_of_any_number() -> None:
    f = torch.compile(loss("forward"), backend="aot_eager", fullgraph=True, dynamic=True)
    for rows, outcomes in ((3, 5), (4, 7), (9, 11)):
        t, s = logits(rows, outcomes), logits(rows, outcomes, seed=1).requires_grad_()
        ours, want = (torch.autograd.grad(g(t, s), s)[0] for g in (f, loss("forward")))
        assert torch.equal(ours, want)


@pytest.mark.filterwarnings("ignore:.*jit.script. is deprecated:DeprecationWarning")  # torch's own doing
@pytest.mark.parametrize("divergence", ["forward", "js(0.3)"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_forward_mode(divergence: str, dtype: torch.dtype) -> None:
    sides = logits(4, 5, dtype=dtype), logits(4, 5, seed=1, dtype=dtype)
    along = logits(4, 5, seed=2, dtype=dtype), logits(4, 5, seed=3, dtype=dtype)
    f = loss(divergence)
    value, change = torch.func.jvp(f, sides, along)
    gradients = torch.func.grad(f, argnums=(0, 1))(*sides)
    assert value == f(*sides)
    assert torch.allclose(change, sum((g * v).sum() for g, v in zip(gradients, along, strict=True)), rtol=1e-5)
    of_student = partial(f, sides[0])
    backwards = torch.func.jacrev(torch.func.grad(of_student))(sides[1])
    for hessian in (torch.func.jacfwd(torch.func.grad(of_student)), torch.func.jacrev(torch.func.jacfwd(of_student))):
        assert torch.allclose(hessian(sides[1]), backwards, rtol=1e-5, atol=1e-7)
    with pytest.raises(kb.InputError, match="take jacfwd of jacrev"):
        torch.func.jacfwd(torch.func.jacfwd(of_student))(sides[1])
