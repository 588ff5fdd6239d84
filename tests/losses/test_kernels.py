"""The compiled kernels of logits against the plain formula, on every edge and every instruction set."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from kullback.arrays._kernels import _native
from kullback.losses import _kernels, _logits

DIRECTIONS = ["forward", "reverse"]


@pytest.fixture(params=_native.instruction_sets())
def _instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    before = _native.instruction_set()
    _native.use(request.param)
    yield
    _native.use(before)


pytestmark = pytest.mark.usefixtures("_instruction_set")


def draw(rows: int, outcomes: int, seed: int, size: float = 3.0) -> Tensor:
    return size * torch.randn(rows, outcomes, generator=torch.Generator().manual_seed(seed))


def check(t: Tensor, s: Tensor, name: str, temperature: float = 1.0, rel: float = 2e-6, slope: float = 3e-6) -> None:
    assert _kernels.serves(t, s, name, temperature, 0.0)
    found, numbers = _kernels.values(t, s, name, temperature)
    want = _logits.plain(t.double(), s.double(), name, 0.0, temperature, 0.0)
    assert (found >= 0).all()
    assert torch.allclose(found.double(), want, rtol=rel, atol=1e-13)
    upstream = torch.linspace(0.5, 2.0, len(t))
    exact = _logits.plain_gradients(upstream.double(), t.double(), s.double(), name, 0.0, temperature, 0.0)
    over = s.clone(memory_format=torch.contiguous_format)
    assert torch.equal(_kernels.over_student(upstream, t, over, name, temperature), found)
    sides = [_kernels.gradients(upstream, t, s, numbers, name, temperature, side) for side in (True, False)]
    for ours, gradient in zip((*sides, over), (*exact, exact[1]), strict=True):
        ours = ours.double()
        finite = want.isfinite()
        scale = gradient[finite].abs().sum(-1, keepdim=True)
        assert (
            (ours[finite] - gradient[finite]).abs() <= slope * scale + 2e-7
        ).all()  # float32 rounds a share near 1 by 6e-8


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("outcomes", [1, 2, 7, 8, 9, 15, 16, 17, 129, 1000, 5003])
def test_lengths(outcomes: int, name: str) -> None:
    check(draw(5, outcomes, 0), draw(5, outcomes, 1), name, temperature=1.7)


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("noise", [1e-1, 1e-2, 1e-3])
def test_near_agreement(noise: float, name: str) -> None:
    t = draw(20, 3000, 0)
    check(t, t + noise * draw(20, 3000, 1), name, rel=1e-4 * 1e-3 / noise + 2e-6, slope=1e-4 * 1e-3 / noise + 3e-6)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_agreement(name: str) -> None:
    t = draw(20, 3000, 0, size=20.0)
    found, numbers = _kernels.values(t, t.clone(), name, 1.3)
    assert found.count_nonzero() == 0
    for side in (True, False):
        assert _kernels.gradients(torch.ones(20), t, t.clone(), numbers, name, 1.3, side).count_nonzero() == 0


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("shift", [30.0, 300.0])
def test_a_constant_added_to_one_side_changes_nothing(shift: float, name: str) -> None:
    t = draw(20, 3000, 0)
    check(t + shift, t + 1e-2 * draw(20, 3000, 1), name, rel=1e-4, slope=1e-4)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_masks_by_the_least_number(name: str) -> None:
    t, s = torch.tensor([[1.0, 2.0, torch.finfo(torch.float32).min]]), torch.tensor([[0.0, 1.0, 1.5]])
    check(*((t, s) if name == "forward" else (s, t)), name, temperature=0.5)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_gradients_beside_an_infinite_value_are_those_of_the_formula(name: str) -> None:
    t, s = draw(2, 9, 0), draw(2, 9, 1)
    (t if name == "reverse" else s)[:, 4] = -math.inf
    found, numbers = _kernels.values(t, s, name, 1.0)
    assert (found == math.inf).all()
    exact = _logits.plain_gradients(torch.ones(2).double(), t.double(), s.double(), name, 0.0, 1.0, 0.0)
    for of_teacher, gradient in zip((True, False), exact, strict=True):
        ours = _kernels.gradients(torch.ones(2), t, s, numbers, name, 1.0, of_teacher)
        assert torch.allclose(ours.double(), gradient, atol=1e-6)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_masks(name: str) -> None:
    t, s = draw(6, 37, 0), draw(6, 37, 1)
    both = torch.arange(37) % 3 == 0
    check(t.masked_fill(both, -math.inf), s.masked_fill(both, -math.inf), name)
    one_sided = torch.where(torch.arange(37) == 5, -math.inf, t), s
    check(*(one_sided if name == "forward" else one_sided[::-1]), name)
    found, _ = _kernels.values(*(one_sided[::-1] if name == "forward" else one_sided), name, 1.0)
    assert (found == math.inf).all()


@pytest.mark.parametrize("name", DIRECTIONS)
def test_far_apart(name: str) -> None:
    t, s = torch.tensor([[1000.0, 0.0, -50.0]]), torch.tensor([[0.0, 1000.0, 80.0]])
    check(t, s, name)


def test_nan_in_is_nan_out_and_only_in_its_row() -> None:
    t, s = draw(3, 20, 0), draw(3, 20, 1)
    t[0, 7], s[1, 19] = math.nan, math.nan
    found, _ = _kernels.values(t, s, "forward", 1.0)
    assert found.isnan().tolist() == [True, True, False]


def test_strides_and_rows_without_upstream() -> None:
    t, s = draw(6, 40, 0)[::2, :31], draw(40, 6, 1).T[::2, :31]
    check(t, s, "forward")
    found, numbers = _kernels.values(t, s, "forward", 1.0)
    assert torch.equal(found, _kernels.values(t.contiguous(), s.contiguous(), "forward", 1.0)[0])
    gradient = _kernels.gradients(torch.tensor([0.0, 1.0, 0.0]), t, s, numbers, "forward", 1.0, False)
    assert (gradient.abs().sum(-1) > 0).tolist() == [False, True, False]


def test_the_result_does_not_depend_on_the_number_of_rows() -> None:
    t, s = draw(300, 900, 0), draw(300, 900, 1)
    whole = _kernels.values(t, s, "forward", 1.0)[0]
    assert torch.equal(whole[7:8], _kernels.values(t[7:8], s[7:8], "forward", 1.0)[0])
