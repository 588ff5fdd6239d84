"""One battery for every closed form on the line: adding a pair is adding a file, and this finds it."""

from __future__ import annotations

import math
from typing import Any

import jax
import mpmath as mp
import numpy as np
import pytest
import torch

import kullback as kb
from backends import BACKENDS, Backend
from kullback.distributions._registry import find
from truths.law import Parameters, laws, tolerance
from truths.values import cases, key, pairs_to_know, stored, truth

PAIRS = pairs_to_know()
IDS = ["‖".join(pair) for pair in PAIRS]
LARGEST = mp.mpf(2) ** 1023


def family(name: str) -> Any:
    return getattr(kb.distributions, name)


def by_name(p: str, q: str) -> Any:
    form = find(family(p), family(q))
    assert form is not None
    return form


def moves(name: str) -> list[str]:
    """Parameters that can be differentiated by."""
    law = laws()[name]
    rules = {n: family(name).parameters[n].rule for n in law.ordinary[0]}
    return [n for n, rule in rules.items() if "whole" not in rule.words and n not in law.tied]


def ordinary(p: str, q: str) -> list[tuple[Parameters, Parameters]]:
    return [(a, b) for a in laws()[p].ordinary for b in laws()[q].ordinary]


def columns(points: list[Parameters]) -> dict[str, np.ndarray]:
    """Many distributions of one family as a batch."""
    return {k: np.array([x[k] for x in points], dtype=np.float64) for k in points[0]}


def sides(pairs: list[tuple[Parameters, Parameters]]) -> list[dict[str, np.ndarray]]:
    return [columns([pair[side] for pair in pairs]) for side in (0, 1)]


def divergences(p: str, q: str, a: dict[str, Any], b: dict[str, Any]) -> Any:
    return kb.kl(family(p)(**a), family(q)(**b))


def code_paths() -> list[tuple[str, str]]:
    """The fewest pairs, about, that reach every formula and every way to see a family as another."""
    uses = {}
    for p, q in PAIRS:
        form = by_name(p, q)
        ends = form.via.split("‖") if form.via else (p, q)
        uses[p, q] = {("formula", *ends), ("view", p, ends[0]), ("view", q, ends[1])}
    wanted, chosen = set().union(*uses.values()), []
    while wanted:
        chosen.append(max(PAIRS, key=lambda pair: len(uses[pair] & wanted)))
        wanted -= uses[chosen[-1]]
    return chosen


PATHS = code_paths()
# JAX takes up to ten seconds to trace a formula: every eighth shows it the kinds there are.
FOR_JAX = PATHS[::8]


def test_every_finite_form_on_the_line_has_its_truth() -> None:
    of_numbers = {
        f.__name__
        for f in kb.distributions.all_families()
        if f.domain.space in ("reals", "integers", "circle")
        and all(parameter.rule.event_ndim == 0 for parameter in f.parameters.values())
    }
    assert of_numbers <= laws().keys()


@pytest.mark.parametrize(("p", "q"), PAIRS, ids=IDS)
def test_is_the_integral_that_defines_it(p: str, q: str) -> None:
    """Ordinary, extreme and nearly equal parameters, to 1e-12 unless the family states a condition."""
    tried = cases(laws()[p], laws()[q])
    for (a, b), value in zip(tried, map(float, divergences(p, q, *sides(tried))), strict=True):
        exact = mp.mpf(stored(p)[q][key(a, b)])
        assert value >= 0
        if exact == 0 or exact >= LARGEST:
            assert value == (0 if exact == 0 else math.inf), (a, b)
        else:
            error = float(abs(mp.mpf(value) - exact) / exact)
            # Below the smallest normal number there are not 52 bits to be right in.
            assert error <= tolerance(p, a, q, b) or abs(mp.mpf(value) - exact) < 1e-308, (
                a,
                b,
                value,
                mp.nstr(exact, 17),
            )


@pytest.mark.parametrize("name", sorted({p for p, _ in PAIRS}))
def test_the_stored_truth_is_what_quadrature_gives(name: str) -> None:
    law = laws()[name]
    other = law if (name, name) in PAIRS else laws()[next(q for p, q in PAIRS if p == name)]
    a, b = law.ordinary[0], other.ordinary[-1]
    assert truth(law, a, other, b) == stored(name)[other.name][key(a, b)]


def through(backend: Backend) -> list[tuple[str, str]]:
    """The pairs that a library is tried on; the gradients of all pairs are torch's."""
    return FOR_JAX if backend.name == "jax" else PATHS


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_agrees_across_libraries(backend: Backend) -> None:
    for p, q in through(backend):
        a, b = sides(ordinary(p, q))
        made = [{k: backend(v) for k, v in side.items()} for side in (a, b)]
        value = backend.read(divergences(p, q, *made))
        np.testing.assert_allclose(value, divergences(p, q, a, b), rtol=1e-12, atol=1e-300, err_msg=f"{p}‖{q}")


@pytest.mark.parametrize("backend", [b for b in BACKENDS if b.name in ("numpy", "torch", "jax")], ids=str)
def test_single_precision(backend: Backend) -> None:
    for p, q in through(backend):
        a, b = ({k: v.astype(np.float32).astype(float) for k, v in side.items()} for side in sides(ordinary(p, q)))
        value = divergences(p, q, *({k: backend(v, "float32") for k, v in side.items()} for side in (a, b)))
        assert "float32" in str(value.dtype)
        np.testing.assert_allclose(backend.read(value), divergences(p, q, a, b), rtol=1e-5, err_msg=f"{p}‖{q}")


@pytest.mark.parametrize(("p", "q"), PAIRS, ids=IDS)
def test_batches_broadcast(p: str, q: str) -> None:
    a = {k: np.array([[x[k]] for x in laws()[p].ordinary]) for k in laws()[p].ordinary[0]}
    b = {k: np.array([x[k] for x in laws()[q].ordinary]) for k in laws()[q].ordinary[0]}
    both = kb.kl(family(p)(**a), family(q)(**b))
    alone = [[kb.kl(family(p)(**x), family(q)(**y)) for y in laws()[q].ordinary] for x in laws()[p].ordinary]
    # The logarithms that NumPy takes of many numbers at once may differ in the last bit from those of one.
    np.testing.assert_allclose(both, alone, rtol=1e-13)


def test_jit_keeps_the_digits_near_equality() -> None:
    """Also where Q is made of P inside, and the compiler might contract the product with our difference."""
    a, b, step = 2.5, 3.7, 1e-9
    exact = float(kb.kl(kb.distributions.Beta(a, b), kb.distributions.Beta(a * (1 + step), b * (1 + 2 * step))))

    @jax.jit
    def within(a: Any, b: Any, step: Any) -> Any:
        return kb.kl(kb.distributions.Beta(a, b), kb.distributions.Beta(a * (1 + step), b * (1 + 2 * step)))

    assert float(within(*map(jax.numpy.asarray, (a, b, step)))) == pytest.approx(exact, rel=1e-12)


def derivative(p: str, a: dict[str, np.ndarray], q: str, b: dict[str, np.ndarray], side: int, name: str) -> np.ndarray:
    """By central differences of the fourth order, of our own values."""
    value = (a, b)[side][name]
    step = 1e-3 * np.where(value == 0, 1.0, np.abs(value))
    rule = family((p, q)[side]).parameters[name].rule
    for end in (rule.lower, rule.upper):
        step = np.where(value == end, step, np.minimum(step, np.abs(value - end) / 4))
    moved = [{k: v[:, None] for k, v in values.items()} for values in (a, b)]
    moved[side][name] = value[:, None] + step[:, None] * np.array([-2, -1, 1, 2])
    at = divergences(p, q, *moved)
    with np.errstate(invalid="ignore"):
        return (8 * (at[:, 2] - at[:, 1]) - (at[:, 3] - at[:, 0])) / (12 * step)


@pytest.mark.parametrize(("p", "q"), PAIRS, ids=IDS)
def test_gradients(p: str, q: str) -> None:
    wanted = [(side, n) for side, name in enumerate((p, q)) for n in moves(name)]
    tried = [ordinary(p, q)[1], ordinary(p, q)[0]]
    finite = np.isfinite(divergences(p, q, *sides(tried)))
    tried = [pair for pair, keep in zip(tried, finite, strict=True) if keep]
    if not tried or not wanted:
        return
    a, b = sides(tried)
    values = divergences(p, q, a, b)
    found = [by_torch(p, q, a, b, wanted)]
    if (p, q) in FOR_JAX:
        found.append(by_jax(p, q, a, b, wanted))
    for k, (side, n) in enumerate(wanted):
        truth = derivative(p, a, q, b, side, n)
        # A step past the end of a support makes D infinite: the slope is that of the other side.
        known = np.isfinite(truth)
        for gradients in found:
            assert np.all(np.isfinite(gradients[k])), ("PQ"[side], n)
            error = np.abs(gradients[k] - truth)[known]
            allowed = np.maximum(1e-5 * np.abs(truth), 1e-6 * (1 + np.abs(values)))[known]
            assert np.all(error <= allowed), (tried, "PQ"[side], n, gradients[k], truth)


def by_torch(p: str, q: str, a: Any, b: Any, wanted: list[tuple[int, str]]) -> list[np.ndarray]:
    leaves = [{k: torch.tensor(v, requires_grad=True) for k, v in side.items()} for side in (a, b)]
    tensors = [leaves[side][n] for side, n in wanted]
    value = divergences(p, q, *leaves).sum()
    return [g.numpy() for g in torch.autograd.grad(value, tensors, allow_unused=True, materialize_grads=True)]


def by_jax(p: str, q: str, a: Any, b: Any, wanted: list[tuple[int, str]]) -> list[np.ndarray]:
    # Counts are not differentiated, but must be of the same library.
    fixed = [{k: jax.numpy.asarray(v) for k, v in side.items()} for side in (a, b)]

    def total(values: list[Any]) -> Any:
        given = [dict(side) for side in fixed]
        for (side, n), v in zip(wanted, values, strict=True):
            given[side][n] = v
        return divergences(p, q, *given).sum()

    return [np.asarray(g) for g in jax.grad(total)([fixed[side][n] for side, n in wanted])]


@pytest.mark.parametrize("name", sorted({p for p, q in PAIRS if p == q}))
def test_never_negative_and_zero_at_equality(name: str) -> None:
    rng = np.random.default_rng(0)
    for parameters in [*laws()[name].ordinary, *laws()[name].extreme]:
        size = 2000
        p = {k: np.full(size, v) for k, v in parameters.items()}
        q = {k: v * (1 + rng.choice([0, 1e-16, 1e-12, 1e-7], size) * rng.normal(size)) for k, v in p.items()}
        for k, parameter in family(name).parameters.items():
            if k in q and k not in moves(name):
                q[k] = p[k]
            elif k in q:
                outside = (q[k] < parameter.rule.lower) | (q[k] > parameter.rule.upper)
                q[k] = np.where(outside, p[k], q[k])
        assert np.all(kb.kl(family(name)(**p), family(name)(**q)) >= 0), parameters
        assert np.all(kb.kl(family(name)(**p), family(name)(**p)) == 0), parameters
