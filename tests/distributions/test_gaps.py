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
from kullback.distributions import _chance, _gamma, _numeric, _shape
from kullback.distributions import _tilt as _tilt_module


def _stirling(a: Any, b: Any) -> Any:
    return mp.loggamma(b) - mp.loggamma(a) - mp.digamma(a) * (b - a) - (b * mp.log(b / a) - b + a)


def _entropy(p: Any, q: Any) -> Any:
    return p * mp.log(p / q) - p + q


def _rest(x: Any) -> Any:
    return mp.loggamma(x) - (x - mp.mpf(0.5)) * mp.log(x) + x - mp.log(2 * mp.pi) / 2


def _tilt(eta: Any) -> Any:
    return mp.log(mp.sinh(eta / 2) / (eta / 2)) if eta else mp.mpf(0)


def _shift(eta: Any) -> Any:
    return mp.coth(eta / 2) / 2 - 1 / eta if eta else mp.mpf(0)


def _variance(eta: Any) -> Any:
    return 1 / eta**2 - 1 / (4 * mp.sinh(eta / 2) ** 2) if eta else mp.mpf(1) / 12


def _tilt_gap(eta: Any, theta: Any, d: Any) -> Any:
    return _tilt(eta + d) - _tilt(eta) - _shift(eta) * d


Function = Callable[..., Any]
# What has a kernel, and what it is.
OF_TWO: dict[str, tuple[Function, Function]] = {
    "log_ratio": (_numeric.log_ratio, lambda a, b: mp.log(a / b)),
    "ratio_gap": (_numeric.ratio_gap, lambda a, b: a / b - 1 - mp.log(a / b)),
    "square_ratio_gap": (_numeric.square_ratio_gap, lambda a, b: (a / b) ** 2 - 1 - 2 * mp.log(a / b)),
    "relative_entropy": (_numeric.relative_entropy, _entropy),
    "stirling_gap": (_numeric.stirling_gap, _stirling),
}
OF_ONE: dict[str, tuple[Function, Function]] = {
    "exp_gap": (_numeric.exp_gap, lambda x: mp.exp(x) - 1 - x),
    "log_gap": (_numeric.log_gap, lambda t: t - mp.log1p(t)),
    "stirling_rest": (_numeric.stirling_rest, _rest),
    "stirling_slope": (_numeric.stirling_slope, lambda x: mp.digamma(x) - mp.log(x)),
    "slope_beyond_first": (_shape.slope_beyond_first, lambda x: mp.digamma(x) - mp.log(x) + 1 / (2 * x)),
    "beyond_first": (
        _shape.beyond_first,
        lambda x: 0.5 - _rest(x) + (x - 1) * (mp.digamma(x) - mp.log(x)) - 1 / (3 * x),
    ),
    "trigamma": (_gamma.trigamma, lambda x: mp.psi(1, x)),
    "log_sinhc": (_tilt_module.log_sinhc, _tilt),
    "tilt_shift": (_tilt_module.tilt_shift, _shift),
    "tilt_variance": (_tilt_module.tilt_variance, _variance),
    "tilt_entropy": (_tilt_module.tilt_entropy, lambda eta: _tilt(eta) - eta * _shift(eta)),
}
# The same told the exact difference of the two, and others of more than numbers can tell.
TOLD: dict[str, tuple[Function, Function]] = {
    "log_ratio by": (_numeric.log_ratio, lambda a, b, d: mp.log(a / (a - d))),
    "relative_entropy by": (_numeric.relative_entropy, lambda p, q, d: _entropy(p, p - d)),
    "stirling_gap by": (_numeric.stirling_gap, lambda a, b, d: _stirling(a, a + d)),
    "digamma_difference": (_shape.digamma_difference, lambda a, d: mp.digamma(a + d) - mp.digamma(a)),
    "one_trial": (_chance.one_trial, lambda p, q: _entropy(p, q) + _entropy(1 - p, 1 - q)),
    "products": (_numeric.products, lambda a, b, c, d: a * b - c * d),
    "tilt_gap": (_tilt_module.tilt_gap, _tilt_gap),
}
SIZES = [1e-300, 1e-8, 0.01, 0.5, 1, 9.9, 10, 11, 1e6, 1e15]
RATIOS = [1e-200, 1e-6, 0.1, 0.24, 0.26, 0.5, 0.9, 1 - 1e-9, 1 + 1e-12, 1.9, 2.1, 3.9, 4.1, 1e6]
A, B = (np.array(c) for c in zip(*[(x, x * r) for x in SIZES for r in RATIOS if x * r], strict=True))
POSITIVE = np.array([1e-300, 1e-8, 1e-3, 0.5, 0.999, 1, 1.001, 1.9, 2, 2.7, 5, 7.3, 9.99, 10, 11, 40, 1e9, 1e100])
TILTS = np.array([-1e300, -800, -20, -1.51, -1.49, -1e-3, -1e-160, 0, 1e-9, 0.7, 1.49, 1.51, 3, 30, 711, 1e9])
ONES = {
    "exp_gap": np.array(
        [-800, -50, -1.01, -1, -0.5, -1e-3, -1e-9, -1e-160, 1e-300, 1e-12, 0.3, 1, 1.01, 5, 709, 709.7]
    ),
    "log_gap": np.array([-1 + 1e-15, -0.999, -0.51, -0.49, -1e-4, -1e-12, 1e-12, 0.5, 0.99, 1.01, 1e3, 1e15, 1e300]),
    **dict.fromkeys(("stirling_rest", "stirling_slope", "beyond_first", "slope_beyond_first", "trigamma"), POSITIVE),
    **dict.fromkeys(("log_sinhc", "tilt_shift", "tilt_variance", "tilt_entropy"), TILTS),
}


def _told() -> dict[str, tuple[np.ndarray, ...]]:
    """Arguments that differ by less than their last digits, by all of them and by anything between."""
    steps = np.array([-0.9, -0.5, -0.2, -1e-5, -1e-17, 1e-20, 1e-9, 0.1, 0.4, 0.8, 2.0, 30.0])
    a, d = (x.ravel() for x in np.meshgrid([1e-8, 0.01, 0.7, 1.0, 3.3, 9.9, 12.0, 1e6, 1e15], steps))
    d = d * a
    p, q = (x.ravel() for x in np.meshgrid([1e-300, 1e-20, 1e-3, 0.3, 0.5, 1 - 1e-9, 1 - 2**-53], [1.0, 0.9, 1 - 1e-8]))
    q, eta = np.concatenate([p * q, q * 0.999]), np.concatenate([TILTS[1:-1], TILTS[1:-1]])
    theta = eta + np.concatenate([np.full(len(eta) // 2, 1e-3), np.linspace(-40, 40, len(eta) // 2)])
    eta, theta = np.append(eta, [2.0**52, -(2.0**52)]), np.append(theta, [-3.0, 1.0])
    x, y = a[:-1] * 1.1, a[1:] / 3
    return {
        "log_ratio by": (a, a - np.minimum(d, 0.95 * a), np.minimum(d, 0.95 * a)),
        "relative_entropy by": (a, a - np.minimum(d, 0.95 * a), np.minimum(d, 0.95 * a)),
        "stirling_gap by": (a, a + d, d),
        "digamma_difference": (a, d),
        "one_trial": (np.concatenate([p, p]), q),
        # The second product is the first, rounded in other places.
        "products": (x, y, x * (1 + 1e-15), y * (1 - 1e-15)),
        "tilt_gap": (eta, theta, theta - eta),
    }


FUNCTIONS = {**OF_TWO, **OF_ONE, **TOLD}
CASES = [*((name, (A, B)) for name in OF_TWO), *((name, (x,)) for name, x in ONES.items()), *_told().items()]


@pytest.fixture(params=[*_native.instruction_sets(), "formula"])
def way(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """How a gap is computed: by the kernel of an instruction set, or by the formula."""
    if request.param == "formula":
        yield lambda name: FUNCTIONS[name][0].__wrapped__  # type: ignore[attr-defined]
        return
    _native.use(request.param)
    yield lambda name: FUNCTIONS[name][0]
    _native.use(_native.instruction_sets()[-1])


@pytest.mark.parametrize(("name", "values"), CASES, ids=[name for name, _ in CASES])
def test_is_right_to_the_last_bits(way: Callable[[str], Any], name: str, values: tuple[np.ndarray, ...]) -> None:
    with np.errstate(all="ignore"):
        result = way(name)(xp, *values)
    truth = FUNCTIONS[name][1]
    with mp.workdps(400):
        for got, *given in zip(result, *values, strict=True):
            exact = truth(*map(mp.mpf, given))
            if abs(exact) > 1.7e308:
                assert np.isinf(got), given
            elif abs(exact) > 1e-300:
                # Logarithms of 1e-300 are 690 times their result's size; elsewhere slopes of log Γ lose two digits, and
                # what is left of them beyond the first order one more.
                kept = 4 if name == "beyond_first" else 1
                assert abs(mp.mpf(float(got)) - exact) <= kept * abs(exact) * 6e-14, given
                if min(given) > 1e-100 and max(map(abs, given)) < 1e100:
                    assert abs(mp.mpf(float(got)) - exact) <= kept * abs(exact) * 3e-14, given
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


CHANCES = [0.0, 5e-324, 1e-310, 1e-300, 0.5, 1 - 2.0**-53, 1.0]
SIZES_AT_THE_ENDS = [5e-324, 1e-310, 1e-5, 1.0, 1e300, 1.7e308]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_kernel_is_the_formula_at_the_ends_of_the_floats(name: str) -> None:
    """Zeros, subnormals, the largest numbers and NaN: where neither has a truth to be held to, both say the same."""
    kernel = FUNCTIONS[name][0]
    p, q = (x.ravel() for x in np.meshgrid(*2 * [CHANCES if name == "one_trial" else SIZES_AT_THE_ENDS]))
    with np.errstate(all="ignore"):
        values = {
            "one_trial": (p, q),
            "relative_entropy": (np.append(p, [0.0, 0.0, 3.0]), np.append(q, [0.0, 2.0, 0.0])),
            "relative_entropy by": (p, q, p - q),
            "log_ratio by": (p, q, p - q),
            "stirling_gap by": (p, q, q - p),
            "digamma_difference": (p, np.minimum(p, 1.0)),
            "tilt_gap": ([0.0, 5e-324, -1e308, 3.0], [1.0, 2.0, -1e307, 3.0], [1.0, 2.0, 9e307, 0.0]),
            # The formula's halves leave the floats before the product does.
            "products": (np.minimum(p, 1e150), np.minimum(q, 1e150), np.minimum(q, 1e150), np.ones_like(p)),
        }.get(name, (p, q) if name in OF_TWO else (np.array([1e-300, *SIZES_AT_THE_ENDS[2:]]),))
        values = tuple(np.append(x, np.nan) for x in values)
        np.testing.assert_allclose(kernel(xp, *values), kernel.__wrapped__(xp, *values), rtol=1e-12, atol=1e-307)
