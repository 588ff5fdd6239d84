"""The gaps that closed forms are sums of: the kernel and the formula, against 400 digits, on every instruction set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import array_api_compat.numpy as xp
import mpmath as mp
import numpy as np
import pytest
import torch

from kullback.arrays._kernels import _native, gaps
from kullback.distributions import _numeric


def _stirling(a: Any, b: Any) -> Any:
    return mp.loggamma(b) - mp.loggamma(a) - mp.digamma(a) * (b - a) - (b * mp.log(b / a) - b + a)


OF_TWO: dict[str, Callable[..., Any]] = {
    "log_ratio": lambda a, b: mp.log(a / b),
    "ratio_gap": lambda a, b: a / b - 1 - mp.log(a / b),
    "square_ratio_gap": lambda a, b: (a / b) ** 2 - 1 - 2 * mp.log(a / b),
    "relative_entropy": lambda a, b: a * mp.log(a / b) - a + b,
    "stirling_gap": _stirling,
}
OF_ONE: dict[str, Callable[..., Any]] = {
    "exp_gap": lambda x: mp.exp(x) - 1 - x,
    "log_gap": lambda t: t - mp.log1p(t),
}
SIZES = [1e-300, 1e-8, 0.01, 0.5, 1, 9.9, 10, 11, 1e6, 1e15]
RATIOS = [1e-200, 1e-6, 0.1, 0.24, 0.26, 0.5, 0.9, 1 - 1e-9, 1 + 1e-12, 1.9, 2.1, 3.9, 4.1, 1e6]
A, B = (np.array(c) for c in zip(*[(x, x * r) for x in SIZES for r in RATIOS if x * r], strict=True))
ONES = {
    "exp_gap": np.array(
        [-800, -50, -1.01, -1, -0.5, -1e-3, -1e-9, -1e-160, 1e-300, 1e-12, 0.3, 1, 1.01, 5, 709, 709.7]
    ),
    "log_gap": np.array([-1 + 1e-15, -0.999, -0.51, -0.49, -1e-4, -1e-12, 1e-12, 0.5, 0.99, 1.01, 1e3, 1e15, 1e300]),
}
CASES = [(name, (A, B)) for name in OF_TWO] + [(name, (x,)) for name, x in ONES.items()]


@pytest.fixture(params=[*_native.instruction_sets(), "formula"])
def way(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """How a gap is computed: by the kernel of an instruction set, or by the formula."""
    if request.param == "formula":
        yield lambda name: getattr(_numeric, name).__wrapped__
        return
    _native.use(request.param)
    yield lambda name: getattr(_numeric, name)
    _native.use(_native.instruction_sets()[-1])


@pytest.mark.parametrize(("name", "values"), CASES, ids=[name for name, _ in CASES])
def test_is_right_to_the_last_bits(way: Callable[[str], Any], name: str, values: tuple[np.ndarray, ...]) -> None:
    with np.errstate(all="ignore"):
        result = way(name)(xp, *values)
    truth = {**OF_TWO, **OF_ONE}[name]
    with mp.workdps(400):
        for got, *given in zip(result, *values, strict=True):
            exact = truth(*map(mp.mpf, given))
            if abs(exact) > 1.7e308:
                assert np.isinf(got), given
            elif abs(exact) > 1e-300:
                # Logarithms of 1e-300 are 690 times their result's size; elsewhere slopes of log Γ lose two digits.
                assert abs(mp.mpf(float(got)) - exact) <= abs(exact) * 6e-14, given
                if min(given) > 1e-100 and max(map(abs, given)) < 1e100:
                    assert abs(mp.mpf(float(got)) - exact) <= abs(exact) * 3e-14, given
            else:
                assert abs(got) <= 1e-299, given


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8, 9, 17, 200_001])
def test_every_length_and_layout(length: int) -> None:
    rng = np.random.default_rng(length)
    a, b = rng.gamma(1.0, size=(2, length)) + 0.01
    for name in OF_TWO:
        both = getattr(_numeric, name)(xp, a, b)
        assert both.shape == (length,)
        np.testing.assert_allclose(both, getattr(_numeric, name).__wrapped__(xp, a, b), rtol=1e-12)
        wide = np.zeros((length, 3))
        wide[:, 1] = a
        assert np.array_equal(getattr(_numeric, name)(xp, wide[:, 1], b), both)
        assert np.array_equal(
            getattr(_numeric, name)(xp, a, b[:1]), getattr(_numeric, name)(xp, a, np.full(length, b[0]))
        )
        assert getattr(_numeric, name)(xp, a[:, None], b[None, :3]).shape == (length, min(3, length))


def test_tensors_with_a_gradient_take_the_formula() -> None:
    a, b = torch.tensor([1.0, 12.0], dtype=torch.float64), torch.tensor([1.5, 12.5], dtype=torch.float64)
    import array_api_compat.torch as xt

    plain = _numeric.stirling_gap(xt, a, b)
    a.requires_grad_()
    live = _numeric.stirling_gap(xt, a, b)
    assert plain.grad_fn is None
    assert live.grad_fn is not None
    torch.testing.assert_close(plain, live.detach(), rtol=1e-13, atol=0)
    with torch.no_grad():
        assert torch.equal(_numeric.stirling_gap(xt, a, b), plain)
    assert torch.autograd.gradcheck(lambda x, y: _numeric.stirling_gap(xt, x, y), (a, b.clone().requires_grad_()))
    assert torch.autograd.gradgradcheck(lambda x, y: _numeric.stirling_gap(xt, x, y), (a, b.clone().requires_grad_()))


def test_no_difference_is_none_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference of None, by place or by name, leaves the kernel its pair; an exact one is used."""
    a, b = np.array([1.0, 2.0]), np.array([1.1, 3.0])
    plain = _numeric.log_ratio(xp, a, b)
    assert np.array_equal(_numeric.log_ratio(xp, a, b, None), plain)
    assert np.array_equal(_numeric.log_ratio(xp, a, b, difference=None), plain)
    exact = np.array([-1e-20, -1.0])
    assert _numeric.log_ratio(xp, a, a, difference=exact)[0] == _numeric.log_ratio(xp, a, a, exact)[0] == -1e-20
    calls: list[int] = []
    monkeypatch.setattr(gaps, "_gap", lambda number, values: calls.append(number))
    _numeric.log_ratio(xp, a, b, difference=None)
    assert calls == [0]


def test_the_rest_of_stirling_keeps_its_digits_for_middle_arguments() -> None:
    x = np.array([1e-3, 0.5, 1.9, 2.0, 2.7, 5.0, 7.3, 9.99, 10.0, 40.0, 1e9])
    got = _numeric.stirling_rest(xp, x)
    with mp.workdps(60):
        for value, at in zip(got, map(mp.mpf, x.tolist()), strict=True):
            truth = mp.loggamma(at) - (at - 0.5) * mp.log(at) + at - mp.log(2 * mp.pi) / 2
            assert abs(mp.mpf(float(value)) - truth) <= abs(truth) * 4e-15, at
