"""One battery for every family of vectors and matrices: adding one is adding a file in truths/vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import mpmath as mp
import numpy as np
import pytest
import torch

import kullback as kb
from backends import BACKENDS, Backend
from kullback.distributions._constraints import DIRECTION
from kullback.distributions._family import knows
from kullback.distributions._registry import find
from truths.vectors import Parameters, VectorLaw, moved, tangent, truth, vector_laws

LAWS = list(vector_laws().values())
IDS = [law.name for law in LAWS]
LARGEST = mp.mpf(2) ** 1023
every_law = pytest.mark.parametrize("law", LAWS, ids=IDS)


def make(law: VectorLaw, parameters: Parameters) -> Any:
    return getattr(kb.distributions, law.name)(**parameters)


def shapes(parameters: Parameters) -> dict[str, tuple[int, ...]]:
    return {name: np.shape(v) for name, v in parameters.items()}


def cases(law: VectorLaw) -> list[tuple[Parameters, Parameters]]:
    pairs = [(a, b) for a in law.ordinary for b in law.ordinary if a is not b]
    everything = [*law.ordinary, *law.extreme]
    pairs += [(a, moved(law, a, step)) for a in everything for step in (1e-9, 1e-3)]
    return pairs + [(a, b) for a in everything for b in law.extreme if a is not b and events(law, a) == events(law, b)]


def events(law: VectorLaw, parameters: Parameters) -> tuple[int, ...]:
    shape: tuple[int, ...] = make(law, parameters).event_shape
    return shape


def test_every_family_of_vectors_has_its_truth() -> None:
    ours = {"vectors", "matrices", "simplex", "positive definite", "sphere", "vector and number", "vector and matrix"}
    found = {f.__name__ for f in kb.distributions.all_families() if f.domain.space in ours and f.parameters}
    assert found <= vector_laws().keys()
    for name in found:
        family = getattr(kb.distributions, name)
        assert find(family, family) is not None


@every_law
def test_is_what_the_textbook_gives_in_many_digits(law: VectorLaw) -> None:
    """Ordinary, extreme and nearly equal parameters, to 1e-12 unless the law states a condition."""
    for a, b in cases(law):
        exact = truth(law, a, b)
        value = float(kb.kl(make(law, a), make(law, b)))
        if exact >= LARGEST:
            assert value == math.inf, (a, b)
        else:
            error = float(abs(mp.mpf(value) - exact) / exact)
            assert error <= law.tolerance(a, b), (a, b, value, mp.nstr(exact, 17), error)
            assert value >= 0


@every_law
def test_the_textbook_is_the_mean_of_the_log_ratio(law: VectorLaw) -> None:
    """By draws and densities of another library: within 5 standard errors."""
    assert law.density is not None
    a, b = law.ordinary[:2]
    draw, log_p = law.density(a)
    x = draw(np.random.default_rng(7), 20_000)
    ratios = log_p(x) - law.density(b)[1](x)
    error = ratios.std() / math.sqrt(len(ratios))
    assert error < 0.1 * ratios.mean()
    assert abs(ratios.mean() - float(truth(law, a, b))) < 5 * error


@every_law
def test_density_entropy_and_draws_agree(law: VectorLaw) -> None:
    family = getattr(kb.distributions, law.name)
    for a in law.ordinary:
        ours = family(**a)
        assert law.density is not None
        draw, log_p = law.density(a)
        x = draw(np.random.default_rng(3), 5)
        np.testing.assert_allclose(ours.log_density(x), log_p(x), rtol=1e-9, atol=1e-9)
        mine = ours.sample(np.random.default_rng(5), 20_000)
        assert mine.shape == (20_000, *ours.event_shape)
        heights = -ours.log_density(mine)
        assert abs(heights.mean() - float(ours.entropy())) < 5 * heights.std() / math.sqrt(len(heights))
        if not knows(family, "mean"):
            continue
        spread = mine.std(axis=0) / math.sqrt(len(mine)) + 1e-12
        assert np.all(np.abs(mine.mean(axis=0) - ours.mean()) < 5 * spread)
        assert np.shape(ours.variance()) == np.shape(ours.mean())
        np.testing.assert_allclose(mine.var(axis=0), ours.variance(), rtol=0.2, atol=1e-12)


def divergence(law: VectorLaw, backend: Backend, dtype: str, a: Parameters, b: Parameters) -> Any:
    """D in a library; in JAX as its users run it, compiled."""

    def of(x: Parameters, y: Parameters) -> Any:
        return kb.kl(make(law, x), make(law, y))

    sides = [{k: backend(v, dtype) for k, v in values.items()} for values in (a, b)]
    return (jax.jit(of) if backend.name == "jax" else of)(*sides)


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@every_law
def test_agrees_across_libraries(law: VectorLaw, backend: Backend) -> None:
    for a, b in [(law.ordinary[0], law.ordinary[1]), (law.ordinary[0], moved(law, law.ordinary[0], 1e-9))]:
        reference = float(kb.kl(make(law, a), make(law, b)))
        value = backend.read(divergence(law, backend, "float64", a, b))
        assert value == pytest.approx(reference, rel=max(1e-12, law.tolerance(a, b)), abs=0)


@pytest.mark.parametrize("backend", [b for b in BACKENDS if b.name in ("numpy", "torch", "jax")], ids=str)
@every_law
def test_single_precision(law: VectorLaw, backend: Backend) -> None:
    a, b = ({k: np.float64(np.float32(v)) for k, v in values.items()} for values in law.ordinary[:2])
    reference = float(kb.kl(make(law, a), make(law, b)))
    value = divergence(law, backend, "float32", a, b)
    assert "float32" in str(value.dtype)
    assert float(value) == pytest.approx(reference, rel=1e-5, abs=0)


@every_law
def test_batches_broadcast(law: VectorLaw) -> None:
    """(2, 1) against (2,), and each parameter of another batch shape than its neighbours."""
    first, second = law.ordinary[:2]
    both = [first, second]
    p = {k: np.stack([np.asarray(x[k])[None] for x in both]) for k in first}
    q = {k: np.stack([np.asarray(x[k]) for x in both]) for k in first}
    alone = [[float(kb.kl(make(law, x), make(law, y))) for y in both] for x in both]
    np.testing.assert_allclose(kb.kl(make(law, p), make(law, q)), alone, rtol=1e-13)
    mixed = {k: v if i % 2 else np.asarray(first[k]) for i, (k, v) in enumerate(q.items())}
    value = kb.kl(make(law, mixed), make(law, second))
    each = [
        float(kb.kl(make(law, {k: x[k] if i % 2 else first[k] for i, k in enumerate(first)}), make(law, second)))
        for x in both
    ]
    np.testing.assert_allclose(value, each[:1] if np.shape(value) == () else each, rtol=1e-12)


@every_law
def test_gradients(law: VectorLaw) -> None:
    """In torch and JAX against differences along a direction that stays in the set, for both sides; none at P = Q."""
    rng = np.random.default_rng(11)
    a, b = law.ordinary[:2]
    by_jax = in_jax(law)
    found, at_equality = ([by_torch(law, x, y), by_jax(x, y)] for x, y in ((a, b), (a, a)))
    for side, name in [(side, name) for side in (0, 1) for name in a]:
        along = tangent(law, name, (a, b)[side][name], rng)

        def at(step: float, side: int = side, name: str = name, along: np.ndarray = along) -> float:
            sides = [dict(a), dict(b)]
            there = np.asarray(sides[side][name]) + step * along
            # A step along the tangent of a sphere leaves it by half its square.
            on_sphere = getattr(kb.distributions, law.name).parameters[name].rule is DIRECTION
            sides[side][name] = there / np.linalg.norm(there) if on_sphere else there
            return float(kb.kl(make(law, sides[0]), make(law, sides[1])))

        h = 1e-3
        slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        for gradients in found:
            ours = np.sum(along * gradients[side][name])
            assert ours == pytest.approx(slope, rel=1e-6, abs=1e-6 * (1 + at(0))), (side, name)
        for gradients in at_equality:
            assert abs(np.sum(along * gradients[side][name])) < 1e-12


def by_torch(law: VectorLaw, a: Parameters, b: Parameters) -> list[dict[str, Any]]:
    sides = [
        {k: torch.tensor(np.asarray(v), dtype=torch.float64, requires_grad=True) for k, v in x.items()} for x in (a, b)
    ]
    kb.kl(make(law, sides[0]), make(law, sides[1])).backward()
    return [{k: v.grad.numpy() for k, v in x.items()} for x in sides]


def in_jax(law: VectorLaw) -> Callable[[Parameters, Parameters], Any]:
    """Compiled as one: op by op JAX compiles each for itself."""
    gradients = jax.jit(jax.grad(lambda x, y: kb.kl(make(law, x), make(law, y)), argnums=(0, 1)))
    return lambda *sides: gradients(*({k: jax.numpy.asarray(v, dtype=float) for k, v in x.items()} for x in sides))


@every_law
def test_never_negative_and_zero_at_equality(law: VectorLaw) -> None:
    rng = np.random.default_rng(0)
    for parameters in [*law.ordinary, *law.extreme]:
        p = make(law, parameters)
        assert float(kb.kl(p, make(law, {k: np.array(v) for k, v in parameters.items()}))) == 0
        for _ in range(50):
            step = rng.choice([1e-16, 1e-14, 1e-12, 1e-7])
            near = {k: np.asarray(v) + step * rng.normal() * tangent(law, k, v, rng) for k, v in parameters.items()}
            assert float(kb.kl(p, make(law, near))) >= 0
