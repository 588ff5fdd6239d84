"""A reverse fit says that it converged only where it did, survives interruption, and refuses what it cannot use."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

import kullback as kb
from kullback.matching.reverse.judgement import promised

double = {"dtype": torch.float64}


def reverse(family: str, to: Any, **options: Any) -> Any:
    return kb.fit(family, to, direction="reverse", **options)


def normal(x: Tensor) -> Tensor:
    return -0.5 * (x**2).sum(-1)


@settings(max_examples=15)
@given(
    skew=st.floats(-3, 3),
    heavy=st.floats(0.5, 30),
    bend=st.floats(-1, 1),
    family=st.sampled_from(["gaussian", "meanfield"]),
    tolerance=st.sampled_from([0.1, 0.01, 0.002]),
    seed=st.integers(0, 1000),
)
def test_none_converges_with_an_error_above_the_tolerance(
    skew: float, heavy: float, bend: float, family: str, tolerance: float, seed: int
) -> None:
    """The gradient over a product rule of 64 × 64 nodes, which is exact to rounding here, is the judge."""

    def log_density(x: Tensor) -> Tensor:
        a, b = x[..., 0], x[..., 1] + bend * x[..., 0] ** 2
        tail = -(heavy + 1) / 2 * torch.log1p(a**2 / heavy)
        return tail + torch.nn.functional.logsigmoid(skew * a) - 0.5 * b**2

    match = reverse(family, log_density, dim=2, tolerance=tolerance, rng=seed, most_draws=2048)
    if not match.converged:
        assert match.max_error > 0
        return
    assert match.max_error <= tolerance
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    grid = torch.from_numpy(np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2))
    weight = torch.from_numpy(np.outer(weights, weights).ravel() / (2 * math.pi))
    mean = match.result.mean
    root = match.result.scale_tril if family == "gaussian" else torch.diag(match.result.stddev)
    u = (mean + grid @ root.T).requires_grad_()
    (slope,) = torch.autograd.grad(log_density(u).sum(), u)
    white = slope @ root
    by_mean = weight @ white
    by_root = (weight[:, None] * white).T @ grid + torch.eye(2, **double)
    squares = by_root.diagonal() ** 2 / 2  # Fisher information 2 on the diagonal, 1 below it
    size = (by_mean @ by_mean) + squares.sum() + (by_root[1, 0] ** 2 if family == "gaussian" else 0.0)
    assert float(size) / 2 <= tolerance


@pytest.mark.parametrize("size", [1, 3, 300])
def test_what_a_gradient_promises_is_an_upper_end(size: int) -> None:
    """Of a gradient known to be g, in noise, the end is above ½‖g‖² at least nineteen times in twenty."""
    rng = np.random.default_rng(size)
    g = rng.normal(size=size)
    g /= np.linalg.norm(g)
    for noise in (0.03, 0.3, 3.0):
        rows = [g + noise / math.sqrt(size) * rng.normal(size=(8, size)) for _ in range(1000)]
        short = np.mean([promised(r) < 0.5 for r in rows])
        assert short <= 0.06
        near = np.mean([promised(r) for r in rows])
        assert near <= 0.5 + 2 * noise + 2 * noise**2


def test_an_interruption_keeps_the_best_so_far() -> None:
    calls = 0

    def log_density(x: Tensor) -> Tensor:
        return torch.nn.functional.logsigmoid(3 * x).sum(-1) - 0.5 * (x**2).sum(-1)

    def interrupt(draws: int, most: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    match = reverse("gaussian", log_density, dim=4, tolerance=1e-6, progress=interrupt)
    assert calls == 2
    assert not match.converged
    assert "Interrupted" in match.reason
    assert math.isfinite(match.max_error)
    assert match.elbo > -10
    assert any("Not converged" in sentence for sentence in match.check())


def test_an_interruption_within_a_stage_keeps_its_steps() -> None:
    calls = 0

    def log_density(x: Tensor) -> Tensor:
        nonlocal calls
        calls += x.shape[0] == 256 and x.requires_grad  # draws that a step is tried on
        if calls == 4:
            calls += 1
            raise KeyboardInterrupt
        return torch.nn.functional.logsigmoid(3 * x).sum(-1) - 0.5 * (x**2).sum(-1)

    match = reverse("gaussian", log_density, dim=3, tolerance=1e-9)
    assert not match.converged
    assert 0 < match.iterations < 4
    assert len(match.history) == match.iterations + 1
    assert match.history[-1] < match.history[0]


def test_too_few_draws_are_no_convergence() -> None:
    match = reverse("gaussian", lambda x: -(x**4).sum(-1) + x.sum(-1), dim=2, tolerance=1e-9, most_draws=256)
    assert not match.converged
    assert match.max_error > 1e-9
    assert "not enough" in match.reason


def step(x: Tensor) -> Tensor:
    return -(x.round() ** 2).sum(-1) - 0.0 * x.sum(-1)


def half_line(x: Tensor) -> Tensor:
    return torch.where(x[..., 0] > 0, -x.sum(-1), -torch.inf)


def nan_beyond(x: Tensor) -> Tensor:
    return torch.where(x[..., 0] > 0.5, torch.nan, normal(x))


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (normal, {}, "dim is missing"),
    (normal, {"dim": 0}, "at least 1"),
    (lambda x: -0.5 * (x**2).sum(), {"dim": 2}, "one value a point"),
    (lambda x: -0.5 * x**2, {"dim": 2}, "one value a point"),
    (lambda x: normal(x).detach(), {"dim": 2}, "no derivative"),
    (lambda x: normal(x) + x.sum(), {"dim": 2}, "points beside it"),
    (step, {"dim": 2}, "0 at all 8 starting points"),
    (lambda x: normal(x) + 0.5 * (x.detach() ** 2).sum(-1), {"dim": 2}, "not the slope"),
    (half_line, {"dim": 2}, "support="),
    (nan_beyond, {"dim": 2}, r"NaN at \d+ of \d+ .*first at x = \["),
    (lambda x: normal(x) - torch.inf, {"dim": 2}, "-inf at all 8 starting points"),
    (lambda x: normal(x) @ torch.ones(7, **double), {"dim": 2}, "raised RuntimeError"),
    (lambda x: 0.0 * x.sum(-1), {"dim": 2}, "no finite integral"),
    (lambda x: x.sum(-1), {"dim": 2}, "no finite integral"),
    (normal, {"dim": 2, "support": "circle"}, "unknown"),
    (normal, {"dim": 2, "support": ["real"]}, "1 entries"),
    (normal, {"dim": 2, "start": [1.0, 2.0, 3.0]}, "vectors of 2"),
    (normal, {"dim": 2, "support": "positive", "start": [1.0, -2.0]}, "outside the support"),
    (normal, {"dim": 2, "tolerance": 0.0}, "above 0"),
    (normal, {"dim": 2, "most_draws": 1000}, "power of 2"),
    (normal, {"dim": 2, "most_draws": 16}, "at least 256"),
]


@pytest.mark.parametrize(("to", "options", "message"), BAD, ids=[message for _, _, message in BAD])
def test_bad_input_says_what_and_what_to_try(to: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.InputError, match=message):
        reverse("gaussian", to, **options)


def test_wrong_kinds_and_names() -> None:
    with pytest.raises(kb.InputTypeError, match="torch tensor or a JAX array"):
        reverse("gaussian", lambda x: np.zeros(len(x)), dim=2)
    with pytest.raises(kb.InputTypeError, match="a function"):
        reverse("gaussian", 3.0, dim=2)
    with pytest.raises(kb.InputError, match="one of flow, gaussian, lowrank, meanfield, mixture"):
        reverse("gamma", normal, dim=2)
    with pytest.raises(kb.InputError, match="no number in brackets"):
        reverse("gaussian(2)", normal, dim=2)
    with pytest.raises(kb.InputError, match="components"):
        reverse("mixture", normal, dim=2)
    with pytest.raises(kb.InputError, match="direction"):
        kb.fit("gaussian", normal, direction="sideways", dim=2)


def test_float32_is_used_where_the_data_are_and_said() -> None:
    data = torch.eye(2)
    match = reverse("gaussian", lambda x: normal(x @ data), dim=2)
    assert match.converged
    assert any("float32" in sentence for sentence in match.check())


def test_jax_gives_what_torch_gives() -> None:
    jnp = pytest.importorskip("jax.numpy")
    data = np.array([0.3, -1.2, 2.0])

    def in_jax(x: Any) -> Any:
        return -jnp.logaddexp(0.0, -x @ data[:2]) - 0.5 * (x**2).sum(-1)

    def in_torch(x: Tensor) -> Tensor:
        return torch.nn.functional.logsigmoid(x @ torch.from_numpy(data[:2])) - 0.5 * (x**2).sum(-1)

    one, other = (reverse("gaussian", to, dim=2) for to in (in_jax, in_torch))
    assert one.converged
    torch.testing.assert_close(one.result.mean, other.result.mean, rtol=0, atol=1e-6)
    torch.testing.assert_close(one.result.covariance_matrix, other.result.covariance_matrix, rtol=0, atol=1e-6)
    with pytest.raises(kb.InputError, match="one value a point"):
        reverse("gaussian", lambda x: jnp.sin(x), dim=2)
    with pytest.raises(kb.InputError, match="torch function"):
        reverse("gaussian", lambda x, generator: jnp.sin(x).sum(-1), dim=2, stochastic=True)
