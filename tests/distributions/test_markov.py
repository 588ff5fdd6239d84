"""Markov chains against every path written out, and against what the ergodic theorem says of the long run."""

from __future__ import annotations

import itertools
import math

import jax
import mpmath as mp
import numpy as np
import pytest
import torch

import kullback as kb
from backends import BACKENDS, Backend
from kullback._core.errors import InputError
from kullback.distributions import MarkovChain

START = ([0.2, 0.5, 0.3], [0.4, 0.4, 0.2])
MOVES = (
    [[0.1, 0.6, 0.3], [0.25, 0.5, 0.25], [0.7, 0.2, 0.1]],
    [[0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [0.6, 0.3, 0.1]],
)


def exact(values: object) -> np.ndarray:
    return np.vectorize(mp.mpf, otypes=[object])(np.asarray(values))


def by_paths(p: tuple, q: tuple, steps: int) -> mp.mpf:
    """D of the distributions of whole paths, in 50 digits."""
    with mp.workdps(50):
        (m, a), (n, b) = ([exact(x) for x in side] for side in (p, q))
        # Rows as float64 holds them sum to 1 only nearly: the chain's rows are what they are over their sum.
        m, n, a, b = (x / x.sum(axis=-1, keepdims=True) for x in (m, n, a, b))
        total = mp.mpf(0)
        for path in itertools.product(range(len(m)), repeat=steps + 1):
            moves = list(itertools.pairwise(path))
            probability = m[path[0]] * mp.fprod(a[i, j] for i, j in moves)
            model = n[path[0]] * mp.fprod(b[i, j] for i, j in moves)
            if probability:
                total += probability * mp.log(probability / model) if model else mp.inf
        return total


def near(x: list, size: float) -> np.ndarray:
    """Rows a little moved, as exactly summing to 1 as float64 lets them."""
    moved = np.array(x)
    moved[..., 0] += size * moved[..., 0]
    moved[..., 1] -= size * moved[..., 0]
    return moved


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_a_path_costs_what_all_paths_written_out_cost(steps: int) -> None:
    truth = by_paths((START[0], MOVES[0]), (START[1], MOVES[1]), steps)
    value = kb.kl(MarkovChain(START[0], MOVES[0], steps=steps), MarkovChain(START[1], MOVES[1], steps=steps))
    assert float(value) == pytest.approx(float(truth), rel=1e-14)


@pytest.mark.parametrize("size", [1e-9, 1e-4])
def test_nearly_equal_chains(size: float) -> None:
    q = near(START[0], size), near(MOVES[0], size)
    truth = by_paths((START[0], MOVES[0]), q, 4)
    value = kb.kl(MarkovChain(START[0], MOVES[0], steps=4), MarkovChain(*q, steps=4))
    # Rows whose sums are off by 1e-16 leave that, squared, of a divergence of size².
    assert float(value) == pytest.approx(float(truth), rel=1e-12 if size > 1e-6 else 1e-6)


def test_impossible_transitions_cost_everything_only_where_p_comes() -> None:
    p = [1.0, 0.0, 0.0], [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    q = [1.0, 0.0, 0.0], [[0.3, 0.7, 0.0], [0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]
    for steps in (0, 1, 5, 1000, None):
        assert math.isfinite(kb.kl(MarkovChain(*p, steps=steps), MarkovChain(*q, steps=steps)))
    reaching = [1.0, 0.0, 0.0], [[0.5, 0.5 - 1e-200, 1e-200], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    allowed = [1.0, 0.0, 0.0], [[0.3, 0.3, 0.4], [0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]
    for steps, finite in ((1, True), (2, False), (1000, False), (None, False)):
        value = kb.kl(MarkovChain(*reaching, steps=steps), MarkovChain(*allowed, steps=steps))
        assert math.isfinite(value) == finite
    assert kb.kl(MarkovChain([0.5, 0.5, 0.0], p[1]), MarkovChain([1.0, 0.0, 0.0], q[1])) == math.inf
    mp_truth = by_paths(p, q, 4)
    assert float(kb.kl(MarkovChain(*p, steps=4), MarkovChain(*q, steps=4))) == pytest.approx(float(mp_truth), rel=1e-14)


def rate(a: list, b: list, weights: list) -> float:
    with mp.workdps(50):
        rows = zip(exact(a), exact(b), exact(weights), strict=True)
        return float(sum(w * sum(x * mp.log(x / y) for x, y in zip(r, s, strict=True) if x) for r, s, w in rows))


def test_the_rate_weighs_rows_by_the_time_spent_in_them() -> None:
    a, b = [[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.2, 0.8]]
    value = kb.kl(MarkovChain([1.0, 0.0], a), MarkovChain([0.5, 0.5], b))
    assert float(value) == pytest.approx(rate(a, b, [0.75, 0.25]), rel=1e-14)


def test_a_slow_chain_settles() -> None:
    """Transitions of 1e-12 take 1e12 steps to be seen."""
    a, b = [[1 - 1e-12, 1e-12], [3e-12, 1 - 3e-12]], [[0.5, 0.5], [0.2, 0.8]]
    value = kb.kl(MarkovChain([1.0, 0.0], a), MarkovChain([0.5, 0.5], b))
    assert float(value) == pytest.approx(rate(a, b, [0.75, 0.25]), rel=1e-12)


def test_a_periodic_chain_has_a_rate() -> None:
    a, b = [[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]], [[0.0, 1.0, 0.0], [0.25, 0.0, 0.75], [0.0, 1.0, 0.0]]
    value = kb.kl(MarkovChain([1.0, 0.0, 0.0], a), MarkovChain([1.0, 0.0, 0.0], b))
    assert float(value) == pytest.approx(rate(a, b, [0.25, 0.5, 0.25]), rel=1e-14)


def test_each_closed_class_weighs_what_the_chain_is_likely_to_end_in_it() -> None:
    a = [[0.5, 0.125, 0.375], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    b = [[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [0.0, 0.75, 0.25]]
    value = kb.kl(MarkovChain([1.0, 0.0, 0.0], a), MarkovChain([1.0, 0.0, 0.0], b))
    assert float(value) == pytest.approx(0.25 * math.log(2) + 0.75 * math.log(4), rel=1e-14)
    elsewhere = kb.kl(MarkovChain([0.0, 0.0, 1.0], a), MarkovChain([0.0, 0.0, 1.0], b))
    assert float(elsewhere) == pytest.approx(math.log(4), rel=1e-15)


@pytest.mark.parametrize("steps", [64, 65, 1000, 10**9])
def test_long_paths_cost_the_rate_and_a_constant(steps: int) -> None:
    chains = [[MarkovChain(s, m, steps=n) for s, m in zip(START, MOVES, strict=True)] for n in (steps, steps + 1, None)]
    value, next_value, per_step = (float(kb.kl(*pair)) for pair in chains)
    assert next_value - value == pytest.approx(per_step, rel=1e-12 + 1e-15 * steps)
    assert value / steps == pytest.approx(per_step, rel=2 / steps)


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_libraries_agree(backend: Backend, dtype: str) -> None:
    for steps in (3, 100, None):
        reference = kb.kl(*(MarkovChain(s, m, steps=steps) for s, m in zip(START, MOVES, strict=True)))
        made = [
            MarkovChain(backend(s, dtype), backend(m, dtype), steps=steps) for s, m in zip(START, MOVES, strict=True)
        ]
        value = kb.kl(*made)
        assert dtype in str(value.dtype)
        assert float(backend.read(value)) == pytest.approx(float(reference), rel=1e-5 if dtype == "float32" else 1e-13)


def test_batches_broadcast() -> None:
    p = MarkovChain(np.array([START[0], START[1]])[:, None], np.array(MOVES[0]), steps=3)
    q = MarkovChain(np.array(START[1]), np.array(MOVES), steps=3)
    value = kb.kl(p, q)
    assert value.shape == (2, 2)
    for i, j in itertools.product(range(2), range(2)):
        alone = kb.kl(MarkovChain(START[i], MOVES[0], steps=3), MarkovChain(START[1], MOVES[j], steps=3))
        assert value[i, j] == pytest.approx(alone, rel=1e-14)


@pytest.mark.parametrize("steps", [3, 100, None])
def test_gradients_are_those_of_the_function(steps: int | None) -> None:
    """Along directions that keep rows summing to 1, against differences; alike in torch and JAX."""
    values = [np.array(x) for x in (START[0], MOVES[0], START[1], MOVES[1])]
    directions = [np.zeros_like(x) for x in values]
    for d in directions:
        d[..., 0], d[..., 2] = 1.0, -1.0

    def at(values: list) -> object:
        return kb.kl(MarkovChain(values[0], values[1], steps=steps), MarkovChain(values[2], values[3], steps=steps))

    leaves = [torch.tensor(x, requires_grad=True) for x in values]
    at(leaves).backward()
    of_jax = jax.grad(at)([jax.numpy.asarray(x) for x in values])
    for k, d in enumerate(directions):
        h = 1e-5
        ahead, behind = ([x + s * h * (d if i == k else 0) for i, x in enumerate(values)] for s in (1, -1))
        slope = (float(at(ahead)) - float(at(behind))) / (2 * h)
        torch_grad = leaves[k].grad if leaves[k].grad is not None else torch.zeros(leaves[k].shape)
        assert float((torch_grad.numpy() * d).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-8)
        assert float((np.asarray(of_jax[k]) * d).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_gradients_at_forbidden_transitions_are_no_nan() -> None:
    p = torch.tensor([[0.5, 0.5], [1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([[0.3, 0.7], [0.4, 0.6]], dtype=torch.float64, requires_grad=True)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for steps in (3, 100, None):
        kb.kl(MarkovChain(start, p, steps=steps), MarkovChain(start, q, steps=steps)).backward()
        assert not torch.isnan(p.grad).any()
        assert not torch.isnan(q.grad).any()
        assert p.grad[1, 1] == -math.inf


def test_entropy_and_draws_and_density_agree() -> None:
    chain = MarkovChain(START[0], MOVES[0], steps=3)
    draws = chain.sample(np.random.default_rng(0), 20000)
    assert draws.shape == (20000, 4)
    mean = -np.mean(chain.log_density(draws))
    assert float(kb.entropy(chain)) == pytest.approx(mean, abs=0.02)
    rates = [float(kb.entropy(MarkovChain(START[0], MOVES[0], steps=n))) for n in (50, 51)]
    assert float(kb.entropy(MarkovChain(START[0], MOVES[0]))) == pytest.approx(rates[1] - rates[0], rel=1e-10)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((START[0], [[0.5, 0.4, 0.0]] * 3), "transition must be rows of probabilities that sum to 1"),
        (([0.5, 0.5], MOVES[0]), "as large as initial"),
        (([0.5, 0.6, 0.0], MOVES[0]), "initial must be probabilities that sum to 1"),
    ],
)
def test_what_is_no_chain_is_refused(given: tuple, words: str) -> None:
    with pytest.raises(InputError, match=words):
        MarkovChain(*given)


def test_chains_that_do_not_compare_are_refused() -> None:
    with pytest.raises(InputError, match="steps must be a whole number"):
        MarkovChain(START[0], MOVES[0], steps=-1)
    with pytest.raises(InputError, match="events of shape"):
        kb.kl(MarkovChain(START[0], MOVES[0], steps=3), MarkovChain(START[1], MOVES[1]))
    with pytest.raises(InputError, match="3 outcomes and Q 2"):
        kb.kl(MarkovChain(START[0], MOVES[0]), MarkovChain([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]]))
