"""Cubature on the plane and in space: right where it answers, and it leaves to draws what it cannot settle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats as st
import torch

import kullback as kb

tilted = np.array([[1.0, 0.6], [0.6, 2.0]])
three = np.diag([1.0, 4.0, 0.25])


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (st.multivariate_normal([0, 0], tilted), st.multivariate_normal([1, 0], np.eye(2))),
        (st.multivariate_normal([0, 0], 1e-6 * tilted), st.multivariate_normal([1e-3, 0], 1e-6 * np.eye(2))),
        (st.multivariate_normal([50, 0], tilted), st.multivariate_normal([0, 0], 100 * np.eye(2))),
        (st.multivariate_normal([0, 0], tilted), st.multivariate_normal([1e-5, 0], tilted)),
        (st.multivariate_normal([0, 0, 0], three), st.multivariate_normal([1, 0, 0], np.eye(3))),
    ],
)
def test_agrees_with_closed_forms(p: Any, q: Any) -> None:
    true = float(kb.kl(p, q))
    found = kb.estimate(p, q, method="cubature")
    assert found.method == "cubature"
    assert abs(found.value - true) <= found.error + 1e-15 * true
    assert found.error <= 1e-5 * true


def test_power_tails_agree_with_draws() -> None:
    p, q = st.multivariate_t([0, 0], tilted, df=3), st.multivariate_t([1, 0], df=2)
    found, drawn = (kb.estimate(p, q, method=m, rng=0, tolerance=1e-3) for m in ("cubature", "Monte Carlo"))
    assert found.error < 1e-4
    assert abs(found.value - drawn.value) < 4 * drawn.error


def test_edges_are_left_to_draws() -> None:
    """Densities that end at edges: the trapezoidal rule does not converge, and is not believed."""
    p, q = (
        torch.distributions.Independent(torch.distributions.Uniform(torch.zeros(2), torch.full((2,), high)), 1)
        for high in (1.0, 1.7)
    )
    with pytest.raises(kb.InputError, match="cubature"):
        kb.estimate(p, q, method="cubature")
    found = kb.estimate(p, q, method="Monte Carlo", rng=0)
    assert found.value == pytest.approx(2 * math.log(1.7), abs=1e-5)


def test_integers_are_not_integrated() -> None:
    p, q = (
        torch.distributions.Independent(torch.distributions.Poisson(torch.tensor(r)), 1) for r in ([1.0, 2], [2.0, 2])
    )
    with pytest.raises(kb.InputError, match="densities of vectors of 2 or 3"):
        kb.estimate(p, q, method="cubature")
