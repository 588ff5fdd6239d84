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
# JAX compiles every operation of every pair anew, seconds each: every fifteenth pair shows it the kinds there are.
FOR_JAX = PAIRS[::15]
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
    for a, b in cases(laws()[p], laws()[q]):
        exact = mp.mpf(stored(p)[q][key(a, b)])
        value = float(kb.kl(family(p)(**a), family(q)(**b)))
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


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_agrees_across_libraries(backend: Backend) -> None:
    for p, q in FOR_JAX if backend.name == "jax" else PAIRS:
        for a, b in ordinary(p, q)[:2]:
            reference = float(kb.kl(family(p)(**a), family(q)(**b)))
            made = [family(name)(**{k: backend([v]) for k, v in values.items()}) for name, values in ((p, a), (q, b))]
            value = backend.read(kb.kl(*made))
            assert value.shape == (1,)
            assert value[0] == pytest.approx(reference, rel=1e-12, abs=1e-300), (p, q, a, b)


@pytest.mark.parametrize("backend", [b for b in BACKENDS if b.name in ("numpy", "torch", "jax")], ids=str)
def test_single_precision(backend: Backend) -> None:
    for p, q in FOR_JAX if backend.name == "jax" else PAIRS:
        for a, b in ordinary(p, q):
            singles = [{k: float(np.float32(v)) for k, v in values.items()} for values in (a, b)]
            reference = float(kb.kl(family(p)(**singles[0]), family(q)(**singles[1])))
            made = [
                family(name)(**{k: backend(v, "float32") for k, v in values.items()})
                for name, values in zip((p, q), singles, strict=True)
            ]
            value = kb.kl(*made)
            assert "float32" in str(value.dtype)
            assert float(value) == pytest.approx(reference, rel=1e-5, abs=1e-7), (p, q, a, b)


@pytest.mark.parametrize(("p", "q"), PAIRS, ids=IDS)
def test_batches_broadcast(p: str, q: str) -> None:
    a = {k: np.array([[x[k]] for x in laws()[p].ordinary]) for k in laws()[p].ordinary[0]}
    b = {k: np.array([x[k] for x in laws()[q].ordinary]) for k in laws()[q].ordinary[0]}
    both = kb.kl(family(p)(**a), family(q)(**b))
    alone = [[kb.kl(family(p)(**x), family(q)(**y)) for y in laws()[q].ordinary] for x in laws()[p].ordinary]
    np.testing.assert_allclose(both, alone, rtol=1e-14)


def derivative(p: str, a: Parameters, q: str, b: Parameters, side: int, name: str) -> float:
    """By central differences of the fourth order, of our own values."""
    value = (a, b)[side][name]
    step = 1e-3 * (abs(value) or 1.0)
    rule = family((p, q)[side]).parameters[name].rule
    step = min(step, *(abs(value - end) / 4 for end in (rule.lower, rule.upper) if value != end))

    def at(k: int) -> float:
        moved = [dict(a), dict(b)]
        moved[side][name] = value + k * step
        return float(kb.kl(family(p)(**moved[0]), family(q)(**moved[1])))

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


@pytest.mark.parametrize(("p", "q"), PAIRS, ids=IDS)
def test_gradients(p: str, q: str) -> None:
    for a, b in [ordinary(p, q)[1], (laws()[p].ordinary[0], laws()[q].ordinary[0])]:
        if not math.isfinite(float(kb.kl(family(p)(**a), family(q)(**b)))):
            continue
        if not (moves(p) or moves(q)):
            continue
        leaves = [{k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in s.items()} for s in (a, b)]
        wanted = [(side, n) for side, name in enumerate((p, q)) for n in moves(name)]
        value = kb.kl(family(p)(**leaves[0]), family(q)(**leaves[1]))
        tensors = [leaves[side][n] for side, n in wanted]
        of_torch = torch.autograd.grad(value, tensors, allow_unused=True, materialize_grads=True)

        def through_jax(values: list[Any], a: Parameters = a, b: Parameters = b, wanted: Any = wanted) -> Any:
            sides = [dict(a), dict(b)]
            for (side, n), v in zip(wanted, values, strict=True):
                sides[side][n] = v
            # Counts are not differentiated, but must be of the same library.
            sides = [{k: jax.numpy.asarray(v) for k, v in s.items()} for s in sides]
            return kb.kl(family(p)(**sides[0]), family(q)(**sides[1]))

        values = [jax.numpy.asarray((a, b)[side][n], dtype=float) for side, n in wanted]
        of_jax = jax.grad(through_jax)(values) if (p, q) in FOR_JAX else of_torch
        for (side, n), by_torch, by_jax in zip(wanted, of_torch, of_jax, strict=True):
            truth = derivative(p, a, q, b, side, n)
            if not math.isfinite(truth):
                # A step past the end of a support makes D infinite: the slope is that of the other side.
                assert math.isfinite(float(by_torch))
                assert math.isfinite(float(by_jax))
                continue
            scale = 1e-6 * (1 + abs(float(value.detach())))
            assert float(by_torch) == pytest.approx(truth, rel=1e-5, abs=scale), (a, b, "PQ"[side], n)
            assert float(by_jax) == pytest.approx(truth, rel=1e-5, abs=scale), (a, b, "PQ"[side], n)


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
