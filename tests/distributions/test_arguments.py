"""Which argument is P and which Q, by place and by name, as the functions of arrays have them."""

from __future__ import annotations

import numpy as np
import pytest

import kullback as kb

P, Q = kb.distributions.Normal(1.0, 2.0), kb.distributions.Normal(0.0, 1.0)


def test_sides_by_name_keep_their_roles() -> None:
    assert kb.kl(q=Q, p=P) == kb.kl(P, q=Q) == kb.kl(P, Q) != kb.kl(Q, P)
    assert kb.renyi(P, q=Q, order=0.5) == kb.renyi(P, Q, 0.5) == kb.renyi(order=0.5, q=Q, p=P)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TypeError, match="kl: multiple values for argument 'p'"):
        kb.kl(P, p=Q)
    with pytest.raises(TypeError, match="kl: missing a required argument: 'q'"):
        kb.kl(P)
    with pytest.raises(TypeError, match="renyi: missing a required argument: 'order'"):
        kb.renyi(P, Q)
    with pytest.raises(TypeError, match="hellinger: got an unexpected keyword argument 'base'"):
        kb.hellinger(P, Q, base=2)


def test_a_distribution_beside_an_array_is_seen_by_name_too() -> None:
    with pytest.raises(TypeError, match="ndarray is not a distribution object"):
        kb.kl(np.array([0.5, 0.5]), q=Q)
