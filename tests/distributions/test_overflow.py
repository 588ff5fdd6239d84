"""Pairs whose moments leave the floats: infinite, or what is right, but never NaN; and NaN stays NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import kullback as kb
from kullback.distributions._registry import find, nearest

d = kb.distributions


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (d.Normal(0.0, 1e170), d.Gumbel(0.0, 1.0)),
        (d.Normal(1e200, 1.0), d.Gumbel(0.0, 1e-200)),
        (d.Normal(1e200, 1e-20), d.Gumbel(0.0, 1e-200)),
        (d.Laplace(1e200, 1e-201), d.Gumbel(0.0, 1e-200)),
        (d.Logistic(-1e200, 1e-201), d.Gumbel(0.0, 1e-200)),
        (d.LogNormal(0.0, 60.0), d.Normal(0.0, 1.0)),
        (d.LogNormal(0.0, 60.0), d.Laplace(0.0, 1.0)),
        (d.InverseGamma(2.5, 1e308), d.Normal(0.0, 1.0)),
        (d.Pareto(1e308, 2.0001), d.Normal(0.0, 1.0)),
        (d.Pareto(1e308, 1.0001), d.Laplace(1.5e308, 1.0)),
    ],
    ids=lambda law: repr(law),
)
def test_what_overflows_is_infinite(p: Any, q: Any) -> None:
    assert kb.kl(p, q) == math.inf


@pytest.mark.parametrize("kind", [d.Laplace, d.Gumbel, d.Normal])
def test_a_value_that_is_nan_is_not_called_infinite(kind: Any) -> None:
    p = {
        d.Laplace: d.Normal.trusted(loc=np.asarray(math.nan), scale=np.asarray(3.0)),
        d.Gumbel: d.Laplace.trusted(loc=np.asarray(math.nan), scale=np.asarray(0.5)),
        d.Normal: d.StudentT.trusted(df=np.asarray(3.0), loc=np.asarray(math.nan), scale=np.asarray(1.0)),
    }[kind]
    assert np.isnan(kb.kl(p, kind(0.0, 1.0)))
    assert np.isnan(
        kb.kl(d.InverseGamma.trusted(concentration=np.asarray(3.0), rate=np.asarray(math.nan)), d.Normal(0, 1))
    )


@pytest.mark.parametrize("p", [d.Cauchy, d.HalfCauchy])
@pytest.mark.parametrize("q", [d.Normal, d.Laplace])
def test_pairs_that_are_infinite_by_their_tails_say_so(p: Any, q: Any) -> None:
    form = find(p, q)
    assert form is not None
    assert not form.finite
    law = p(0.0, np.ones(2)) if p is d.Cauchy else p(np.ones(2))
    assert np.array_equal(kb.kl(law, q(np.zeros((3, 1)), 1.0)), np.full((3, 2), math.inf))


def test_the_nearest_pairs_are_of_one_family_first() -> None:
    assert nearest(d.StudentT, d.Laplace)[:2] == ["StudentT‖StudentT", "Laplace‖Laplace"]
    assert nearest(d.Logistic, d.Laplace)[0] == "Laplace‖Laplace"
    assert find(d.Cauchy, d.Gumbel) is None
    assert nearest(d.Cauchy, d.Gumbel)[:2] == ["Cauchy‖Cauchy", "Gumbel‖Gumbel"]
