"""What cannot be meant is refused, with the row, the value and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import kullback as kb
from backends import BACKENDS, Backend

HALF = [0.5, 0.5]
each_backend = pytest.mark.parametrize("backend", BACKENDS, ids=str)


@each_backend
@pytest.mark.parametrize(
    ("p", "q", "options", "message"),
    [
        ([-0.1, 1.1], HALF, {}, "p is negative at outcome 0 (found -0.1"),
        (HALF, [[0.5, 0.5], [1.5, -0.5]], {}, "q is negative in row 1 at outcome 1 (found -0.5)"),
        ([[0.5, 0.5], [0.5, 0.75]], HALF, {}, "p does not sum to 1 in row 1 (found 1.25): pass normalize=True"),
        ([0.5, 0.25], HALF, {}, "p does not sum to 1 (found 0.75): pass normalize=True"),
        ([[[0.5, 0.25]]], HALF, {}, "p does not sum to 1 in row (0, 0) (found 0.75)"),
        ([0.0, 0.0], HALF, {}, "p sums to 0 (found 0.0): there is nothing to normalise"),
        ([[0.5, 0.5], [0.0, 0.0]], HALF, {"normalize": True}, "p sums to 0 in row 1 (found 0.0)"),
        ([-1.0, 2.0], HALF, {"normalize": True}, "p is negative at outcome 0 (found -1.0)"),
        ([np.inf, 1.0], HALF, {"normalize": True}, "p sums to inf (found inf): its entries must be finite"),
        ([0.2, 0.3, 0.5], HALF, {}, "p and q have 3 and 2 outcomes along axis 0"),
        ([1.0], HALF, {}, "p and q have 1 and 2 outcomes along axis 0"),
        ([[0.5, 0.5]] * 2, [[0.5, 0.5]] * 3, {}, "the shapes of p (2, 2) and q (3, 2) do not broadcast"),
        ([[0.5, 0.5]] * 2, HALF, {"axis": 0}, "q has shape (2,), which lacks axis 0: give it 2 dimensions"),
        ([], [], {}, "axis 0 has no outcomes"),
        (0.5, 0.5, {}, "axis -1 is out of range for arrays of 0 dimensions"),
        (HALF, HALF, {"axis": 1}, "axis 1 is out of range for arrays of 1 dimension"),
        ([HALF], [HALF], {"axis": (1, -1)}, "axis (1, -1) names one dimension twice"),
        (HALF, HALF, {"form": "counts"}, "form must be 'probs', 'log_probs' or 'logits'"),
        (HALF, HALF, {"form": ("probs",)}, "form must be one name or 2 of them"),
        (HALF, HALF, {"base": 1}, "base must be"),
        (HALF, HALF, {"base": -2.0}, "base must be"),
        ([-1.0, -1.0], [-1.0, -1.0], {"form": "log_probs"}, "p does not sum to 1 (found 0.7357588823"),
        ([-np.inf, -np.inf], [0.0, 0.0], {"form": "logits"}, "p is -inf everywhere"),
        ([0.0, np.inf], [0.0, 0.0], {"form": "logits"}, "p is inf at outcome 1"),
    ],
)
def test_values(backend: Backend, p: Any, q: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.InputError) as caught:
        kb.kl(backend(p), backend(q), **options)
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("p", "q", "options", "message"),
    [
        ([3, 4], HALF, {}, "p has integer dtype int64: pass normalize=True if these are counts"),
        (np.array([1, 0]), np.array([0.5, 0.5]), {}, "p has integer dtype int64"),
        ([0.5, 0.5j], HALF, {}, "p has dtype complex128"),
        (np.array([0.5, 0.5], dtype=object), HALF, {}, "p has dtype object"),
        ([True, False], HALF, {}, "p has dtype bool"),
        (["a", "b"], HALF, {}, "p has dtype <U1"),
        (torch.tensor([1, 2]), torch.tensor([0.5, 0.5]), {}, "p has integer dtype torch.int64"),
        (torch.tensor([0.5, 0.5j]), torch.tensor([0.5, 0.5]), {}, "p has dtype torch.complex64"),
        (np.array(HALF), torch.tensor(HALF), {}, "arrays of one library are needed, got numpy, torch"),
        (np.ma.masked_array(HALF, [True, False]), HALF, {}, "masked arrays are not accepted"),
        (HALF, HALF, {"axis": 0.5}, "axis must be an integer"),
        (HALF, HALF, {"axis": None}, "axis must be an integer"),
        (HALF, HALF, {"axis": ()}, "axis must be an integer"),
        (HALF, HALF, {"normalize": "no"}, "normalize must be True or False, got 'no'"),
        (HALF, HALF, {"normalize": 1}, "normalize must be True or False, got 1"),
    ],
)
def test_types(p: Any, q: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.InputTypeError) as caught:
        kb.kl(p, q, **options)
    assert message in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_other_arguments() -> None:
    for order in (-1, np.nan):
        with pytest.raises(kb.InputError, match="order must be"):
            kb.renyi(HALF, HALF, order)
    with pytest.raises(kb.InputError, match="finite"):
        kb.alpha_divergence(HALF, HALF, np.inf)
    with pytest.raises(kb.InputTypeError, match="order must be a number"):
        kb.tsallis(HALF, HALF, "two")
    for weight in (1.5, -0.1, (0.5, 0.4), (1.0,), "half"):
        with pytest.raises(kb.InputError, match="weight must be 2 numbers"):
            kb.js(HALF, HALF, weight=weight)
    with pytest.raises(kb.InputError, match="weight must be 3 numbers"):
        kb.js(HALF, HALF, HALF, weight=0.5)
    with pytest.raises(kb.InputError, match="generator must be one of kl"):
        kb.f_divergence(HALF, HALF, "chi")
    with pytest.raises(kb.InputTypeError, match="callable"):
        kb.f_divergence(HALF, HALF, 3)
    with pytest.raises(kb.InputError, match="q is 0 where p is not"):
        kb.f_divergence([0.5, 0.5], [1.0, 0.0], lambda x: (x - 1) ** 2)
    with pytest.raises(kb.InputError, match="p is negative at outcome 0"):
        kb.generalized_kl([-1.0, 2.0], [1.0, 1.0])
    with pytest.raises(kb.InputError, match="p is inf"):
        kb.generalized_kl([np.inf, 2.0], [1.0, 1.0])
    with pytest.raises(kb.InputTypeError, match="two axes"):
        kb.mutual_information(np.full((2, 2), 0.25), axis=1)
    with pytest.raises(kb.InputError, match="q_joint is NaN in row 1 at outcome 0"):
        kb.chain_rule(np.full((2, 2), 0.25), np.array([[0.25, 0.25], [np.nan, 0.25]]))
    with pytest.raises(kb.InputTypeError, match="normalize must be"):
        kb.chain_rule(np.full((2, 2), 0.25), np.full((2, 2), 0.25), normalize="no")
    with pytest.raises(kb.InputError, match="axes must name every axis"):
        kb.chain_rule(np.full((2, 2), 0.25), np.full((2, 2), 0.25), (0,))


@each_backend
def test_what_is_accepted(backend: Backend) -> None:
    rounded = np.full(7, 1 / 7)
    assert backend.read(kb.kl(backend(rounded), backend(rounded))) == 0
    empty_batch = backend(np.empty((0, 3)))
    assert kb.kl(empty_batch, backend([0.2, 0.3, 0.5])).shape == (0,)
    assert kb.kl([3, 4], [1, 1], normalize=True) > 0
    assert kb.kl([1000, 0], [0, 1000], form="logits") == 1000
    assert kb.kl([0.5, 0.5], np.float32([0.5, 0.5])) == 0


@each_backend
def test_float32_softmax_rows_are_accepted(backend: Backend) -> None:
    rng = np.random.default_rng(31)
    for n in (3, 100, 32_000):
        z = rng.normal(0, 3, (4, n)).astype(np.float32)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        assert (backend.read(kb.kl(backend(p, "float32"), backend(p, "float32"))) == 0).all()
