"""Distributions over numbered outcomes: the same exact divergence as of arrays, whatever the events look like."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import mpmath as mp
import numpy as np
import pytest
import scipy.stats
import torch

import kullback as kb
from backends import BACKENDS, Backend
from kullback._core.errors import InputError, InputTypeError, NoClosedForm
from kullback.distributions import Bernoulli, Binomial, Categorical, Multinomial, OneHotCategorical

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import numpyro.distributions as numpyro

P = [0.1, 0.2, 0.3, 0.4]
Q = [0.4, 0.1, 0.25, 0.25]


def truth(p: Any, q: Any) -> float:
    """D in 50 digits, of rows divided by their sums."""
    with mp.workdps(50):
        p, q = ([mp.mpf(float(x)) for x in row] for row in (p, q))
        terms = (a / mp.fsum(p) * mp.log(a / mp.fsum(p) / (b / mp.fsum(q))) for a, b in zip(p, q, strict=True) if a)
        return float(mp.fsum(terms))


def of_logits(p: Any, q: Any) -> float:
    with mp.workdps(50):
        rows = [[mp.exp(mp.mpf(float(x))) for x in row] for row in (p, q)]
        p, q = ([x / mp.fsum(row) for x in row] for row in rows)
        return float(mp.fsum(a * mp.log(a / b) for a, b in zip(p, q, strict=True) if a))


KINDS = {
    "Categorical": (Categorical, 1),
    "OneHotCategorical": (OneHotCategorical, 1),
    "Multinomial": (lambda **given: Multinomial(total_count=5, **given), 5),
}


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_sum_that_defines_it(kind: str) -> None:
    make, n = KINDS[kind]
    assert float(kb.kl(make(probs=P), make(probs=Q))) == pytest.approx(n * truth(P, Q), rel=1e-14)
    logits = [3.0, -1.0, 0.5, 700.0], [2.0, -800.0, 0.5, 701.0]
    value = kb.kl(make(logits=logits[0]), make(logits=logits[1]))
    assert float(value) == pytest.approx(n * of_logits(*logits), rel=1e-12)
    mixed = kb.kl(make(probs=P), make(logits=[0.0, 1.0, -1.0, 2.0]))
    assert float(mixed) == pytest.approx(n * truth(P, np.exp([0.0, 1.0, -1.0, 2.0])), rel=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_near_equality_and_equality(kind: str) -> None:
    make, n = KINDS[kind]
    q = np.array([0.25, 0.25, 0.25, 0.25])
    # Powers of 2, so that both rows sum to 1 exactly.
    p = q + 2.0**-31 * np.array([1, -1, 2, -2])
    assert float(kb.kl(make(probs=p), make(probs=q))) == pytest.approx(n * truth(p, q), rel=1e-12)
    step = np.array([1e-9, -1e-9, 3e-9, 0.0])
    value = kb.kl(make(logits=np.log(P)), make(logits=np.log(P) + step))
    assert float(value) == pytest.approx(n * of_logits(np.log(P), np.log(P) + step), rel=1e-12)
    for given in ({"probs": P}, {"logits": [1000.0, 0.0, -math.inf, 3.0]}):
        assert kb.kl(make(**given), make(**given)) == 0


def test_rows_that_torch_gets_wrong() -> None:
    half, sure = torch.tensor([0.5, 0.5], dtype=torch.float64), torch.tensor([1.0, 1e-20], dtype=torch.float64)
    value = kb.kl(torch.distributions.Categorical(half), torch.distributions.Categorical(sure))
    assert float(value) == pytest.approx(22.332703749, rel=1e-10)
    logits = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]], dtype=torch.float64)
    value = kb.kl(*(torch.distributions.Categorical(logits=row) for row in logits))
    assert float(value) == 1000.0
    masked = torch.tensor([1.0, -math.inf, 2.0], dtype=torch.float64, requires_grad=True)
    p, q = torch.distributions.Categorical(logits=masked), torch.distributions.Categorical(logits=masked.detach() * 0.5)
    kb.kl(p, q).backward()
    assert torch.isfinite(masked.grad).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_p_may_and_q_may_not(kind: str) -> None:
    make, _ = KINDS[kind]
    p, q = [0.5, 0.5, 0.0], [0.5, 0.0, 0.5]
    assert kb.kl(make(probs=p), make(probs=q)) == math.inf
    assert kb.kl(make(probs=[1.0, 0.0, 0.0]), make(probs=q)) == pytest.approx(
        math.log(2) * (5 if kind == "Multinomial" else 1)
    )


def test_counts_of_other_totals_are_impossible() -> None:
    p, q = Multinomial([3, 3, 0], probs=P), Multinomial([3, 4, 0], probs=Q)
    np.testing.assert_allclose(kb.kl(p, q), [3 * truth(P, Q), math.inf, 0.0], rtol=1e-14)
    with pytest.raises(NoClosedForm, match="total_count"):
        kb.renyi(p, q, 2)


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_libraries_agree(kind: str, backend: Backend, dtype: str) -> None:
    make, n = KINDS[kind]
    for form in ("probs", "logits"):
        values = [row if form == "probs" else np.log(row) for row in (P, Q)]
        if kind == "Multinomial":
            made = [Multinomial(backend(5.0, dtype), **{form: backend(v, dtype)}) for v in values]
        else:
            made = [make(**{form: backend(v, dtype)}) for v in values]
        value = kb.kl(*made)
        assert dtype in str(value.dtype)
        assert float(backend.read(value)) == pytest.approx(n * truth(P, Q), rel=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_broadcast(kind: str) -> None:
    make, n = KINDS[kind]
    p, q = np.array([[P], [Q]]), np.array([Q, P, [0.25] * 4])
    expected = [[n * truth(a, b) for b in q] for a in p[:, 0]]
    np.testing.assert_allclose(kb.kl(make(probs=p), make(probs=q)), expected, rtol=1e-13, atol=1e-30)


@pytest.mark.parametrize("form", ["probs", "logits"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: str, form: str) -> None:
    """Along directions that keep the sum, as rows of probabilities have no others; alike in torch and JAX."""
    make, _ = KINDS[kind]
    values = [np.array(row) if form == "probs" else np.log(row) for row in (P, Q)]

    def at(values: list) -> Any:
        return kb.kl(*(make(**{form: v}) for v in values))

    leaves = [torch.tensor(v, requires_grad=True) for v in values]
    at(leaves).backward()
    of_jax = jax.grad(at)([jax.numpy.asarray(v) for v in values])
    direction, h = np.array([1.0, -2.0, 0.5, 0.5]), 1e-6
    for k in range(2):
        ahead, behind = ([v + s * h * (direction if i == k else 0) for i, v in enumerate(values)] for s in (1, -1))
        slope = (float(at(ahead)) - float(at(behind))) / (2 * h)
        assert float((leaves[k].grad.numpy() * direction).sum()) == pytest.approx(slope, rel=1e-6)
        assert float((np.asarray(of_jax[k]) * direction).sum()) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_for_exponential_families(kind: str) -> None:
    make, n = KINDS[kind]
    p, q = make(probs=P), make(probs=Q)
    assert float(kb.renyi(p, q, 0.5)) == pytest.approx(n * float(kb.renyi(P, Q, 0.5)), rel=1e-12)
    assert float(kb.renyi(p, q, 3)) == pytest.approx(n * float(kb.renyi(P, Q, 3)), rel=1e-12)
    assert float(kb.jeffreys(p, q)) == pytest.approx(n * float(kb.jeffreys(P, Q)), rel=1e-12)
    near = np.array(P) * (1 + 1e-9 * np.array([1, -1, 1, -0.5]))
    value = float(kb.renyi(p, make(probs=near), 0.5))
    assert value == pytest.approx(n * float(kb.renyi(P, near, 0.5)), rel=1e-6)
    holes = [0.5, 0.5, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]
    for order in (0.5, 2):
        assert float(kb.renyi(make(probs=holes[0]), make(probs=holes[1]), order)) == pytest.approx(
            n * float(kb.renyi(*holes, order))
        )


def test_objects_of_other_libraries() -> None:
    expected = truth(P, Q)
    t = [torch.tensor(row, dtype=torch.float64) for row in (P, Q)]
    d = torch.distributions
    made = [
        [d.Categorical(probs=row) for row in t],
        [d.Categorical(logits=row.log()) for row in t],
        [d.OneHotCategorical(probs=row) for row in t],
        [d.OneHotCategoricalStraightThrough(logits=row.log()) for row in t],
        [d.Multinomial(1, probs=row) for row in t],
        [numpyro.Categorical(probs=np.array(row)) for row in (P, Q)],
        [numpyro.Categorical(logits=np.log(row)) for row in (P, Q)],
        [numpyro.Multinomial(total_count=1, probs=np.array(row)) for row in (P, Q)],
        [scipy.stats.multinomial(1, row) for row in (P, Q)],
    ]
    for p, q in made:
        assert float(kb.kl(p, q)) == pytest.approx(expected, rel=1e-6 if "numpyro" in type(p).__module__ else 1e-13)
    seen = d.Categorical(logits=t[0].log())
    _ = seen.probs
    assert kb.kl(seen, d.Categorical(logits=t[0].log())) == 0


def test_a_coin_is_a_categorical_distribution() -> None:
    assert kb.kl(Bernoulli(0.3), Categorical([0.6, 0.4])) == pytest.approx(truth([0.7, 0.3], [0.6, 0.4]), rel=1e-13)
    assert kb.kl(Categorical([0.6, 0.4]), Bernoulli(0.3)) == pytest.approx(truth([0.6, 0.4], [0.7, 0.3]), rel=1e-13)


def test_draws_and_densities() -> None:
    rng = np.random.default_rng(0)
    for make in (lambda r: Categorical(r), lambda r: OneHotCategorical(r), lambda r: Multinomial(5, r)):
        law = make(P)
        draws = law.sample(rng, 20000)
        np.testing.assert_allclose(draws.mean(axis=0), law.mean(), rtol=0.05)
        np.testing.assert_allclose(draws.var(axis=0), law.variance(), rtol=0.05)
    assert -np.mean(Categorical(P).log_density(Categorical(P).sample(rng, 20000))) == pytest.approx(
        float(kb.entropy(Categorical(P))), rel=0.01
    )
    x = np.array([[2, 1, 2, 0], [5, 0, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_allclose(Multinomial(5, P).log_density(x), scipy.stats.multinomial(5, P).logpmf(x))


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"Categorical: probs must be probabilities that sum to 1, got .*0\.6"):
        Categorical([0.5, 0.6])
    with pytest.raises(InputError, match="logits must be numbers below inf"):
        Categorical(logits=[0.0, math.inf])
    with pytest.raises(InputError, match="probs must hold vectors"):
        Categorical(0.5)
    with pytest.raises(InputTypeError, match="exactly one of probs and logits"):
        Categorical()
    with pytest.raises(InputError, match="P has 2 outcomes and Q 3"):
        kb.kl(Categorical([0.5, 0.5]), Categorical([0.5, 0.25, 0.25]))
    with pytest.raises(InputError, match="events of shape"):
        kb.kl(Categorical([0.5, 0.5]), OneHotCategorical([0.5, 0.5]))
    with pytest.raises(InputError, match="total_count must be a whole number"):
        Multinomial(2.5, [0.5, 0.5])
    with pytest.raises(InputError, match="probs must be a number from 0 to 1"):
        Binomial(3, 1.5)
