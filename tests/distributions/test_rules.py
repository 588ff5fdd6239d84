"""What parameters may be, what their bounds say of supports, and which maker of a name is asked first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import kullback as kb
from kullback.distributions import _recognise
from kullback.distributions._constraints import BOUND, COUNT, COUNT_FROM_1, POSITIVE, PROBABILITY
from kullback.distributions._finite import LIMIT_OF_BATCH
from kullback.distributions._registry import find

d = kb.distributions


def test_bounds_that_may_be_reached() -> None:
    assert COUNT.allows(COUNT.lower)
    assert not COUNT.allows(COUNT.upper)
    assert PROBABILITY.allows(1.0)
    assert not POSITIVE.allows(POSITIVE.lower)
    assert BOUND.allows(-math.inf)
    assert COUNT_FROM_1.lower == 1


def test_an_interval_without_ends_is_the_line() -> None:
    cut = d.TruncatedNormal(0.5, 2.0, np.array([-1.0, -math.inf]), math.inf)
    value = kb.kl(d.Normal(0.0, 1.0), cut)
    assert value[0] == math.inf
    assert value[1] == pytest.approx(float(kb.kl(d.Normal(0.0, 1.0), d.Normal(0.5, 2.0))), rel=1e-12)


def test_supports_answer_where_there_is_no_form() -> None:
    assert find(d.Gamma, d.TruncatedNormal) is None
    assert kb.kl(d.Gamma(2.0, 1.0), d.TruncatedNormal(0.0, 1.0, 0.0, 5.0)) == math.inf
    with pytest.raises(kb.NoClosedForm, match="Gamma‖TruncatedNormal"):
        kb.kl(d.Gamma(2.0, 1.0), d.TruncatedNormal(0.0, 1.0, 0.0, math.inf))


def test_slack_is_that_of_float32() -> None:
    turn = np.array([0.6, 0.8])
    d.VonMisesFisher(turn.astype(np.float32).astype(np.float64), 1.0)
    with pytest.raises(kb.InputError, match="a vector of length 1"):
        d.VonMisesFisher(turn * (1 + 4e-6), 1.0)
    even = np.array([[2.0, 0.3], [0.3, 1.0]])
    d.MultivariateNormal(np.zeros(2), even + np.array([[0, 2e-7], [0, 0]]))
    with pytest.raises(kb.InputError, match="symmetric positive definite"):
        d.MultivariateNormal(np.zeros(2), even + np.array([[0, 8e-6], [0, 0]]))


def test_the_wrong_matrix_of_a_batch_is_named() -> None:
    batch = np.stack([np.eye(2), -np.eye(2), np.eye(2)])
    with pytest.raises(kb.InputError, match="at index 1"):
        d.MultivariateNormal(np.zeros(2), batch)


def test_the_limit_is_of_all_terms_of_a_batch() -> None:
    many = np.full(100, LIMIT_OF_BATCH / 50)
    with pytest.raises(kb.NoClosedForm, match="in each of 100 distributions"):
        kb.kl(d.Binomial(many, 1e-4), d.Poisson(2.0))
    with pytest.raises(kb.NoClosedForm, match="in each of 100 distributions"):
        kb.kl(d.Binomial(LIMIT_OF_BATCH / 50, np.full(100, 1e-4)), d.Poisson(2.0))


def test_makers_are_asked_in_the_order_of_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recognise, "_makers", {})
    law = d.Normal(0.0, 1.0)
    asked = []

    def maker(module: str, answer: Any) -> Any:
        def make(thing: Any) -> Any:
            asked.append(module)
            return answer

        make.__module__ = module
        return make

    for module, answer in (("b", law), ("c", law), ("a", None)):
        _recognise.recognise("torch", "Thing")(maker(module, answer))
    found = _recognise.maker("torch", "Thing")
    assert found is not None
    assert found(object()) is law
    assert asked == ["a", "b"]
    with pytest.raises(ValueError, match="takes other arguments"):
        _recognise.recognise("torch", "Thing")(lambda loc, scale: None)


def test_a_law_on_the_line_is_not_one_of_the_circle() -> None:
    import scipy.stats as st

    with pytest.raises(kb.NoClosedForm):
        kb.kl(st.vonmises_line(2.0), st.vonmises_line(1.0))
    assert kb.kl(st.vonmises(2.0), st.vonmises(1.0)) > 0
