"""Where P has mass and Q has none: boxes in several dimensions, lattices, points, and ranges of one circle."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
import scipy.stats as st
import torch
import torch.distributions as td

import kullback as kb
from kullback.distributions.adapters import adapt


def cube(d: int, high: float = 1.0) -> Any:
    return td.Independent(td.Uniform(torch.zeros(d), torch.full((d,), high)), 1)


half = np.full(3, 0.5)
small = torch.full((3,), 0.01)
OUTSIDE: dict[str, tuple[Any, Any]] = {
    "scipy in a cube of torch": (st.multivariate_normal(half, 1e-4 * np.eye(3)), cube(3)),
    "torch": (td.MultivariateNormal(torch.full((3,), 0.5), 1e-4 * torch.eye(3)), cube(3)),
    "torch, independent": (td.Independent(td.Normal(torch.full((3,), 0.5), small), 1), cube(3)),
    "torch, low rank": (td.LowRankMultivariateNormal(torch.full((3,), 0.5), small[:, None], small**2), cube(3)),
    "t of scipy": (st.multivariate_t(half, 1e-4 * np.eye(3), df=9), cube(3)),
    "numpyro": (nd.MultivariateNormal(jnp.full(3, 0.5), 1e-4 * jnp.eye(3)), cube(3)),
    "numpyro in its own": (
        nd.MultivariateNormal(jnp.full(2, 0.5), 1e-4 * jnp.eye(2)),
        nd.Uniform(jnp.zeros(2), 1.0).to_event(1),
    ),
    "a mixture": (kb.distributions.GaussianMixture([1.0], half[None], 1e-4 * np.eye(3)[None]), cube(3)),
    "a larger cube": (cube(2, 1.0 + 1e-6), cube(2)),
    "unknown kinds in a cube": (
        st.multivariate_normal(half[:2], 1e-4 * np.eye(2)),
        td.Independent(td.Kumaraswamy(torch.full((2,), 2.0), torch.full((2,), 2.0)), 1),
    ),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_mass_beyond_a_box_is_infinite_though_no_draw_shows_it(name: str) -> None:
    found = kb.estimate(*OUTSIDE[name], rng=0)
    assert (found.value, found.error) == (math.inf, 0)


def test_inside_a_box_is_finite() -> None:
    found = kb.estimate(cube(2), cube(2, 1.7))
    assert found.value == pytest.approx(2 * math.log(1.7), rel=1e-6)
    found = kb.estimate(cube(2), st.multivariate_normal([0, 0]), rng=0)
    # E[x²] = 1/3 for each.
    assert found.value == pytest.approx(math.log(2 * math.pi) + 1 / 3, abs=5 * found.error)


def test_unlike_lattices_share_no_value_and_like_ones_are_compared() -> None:
    for p, q in (
        (st.poisson(3, loc=0.5), st.poisson(3)),
        (st.hypergeom(20, 7, 12, loc=0.5), st.poisson(3)),
        (st.hypergeom(20, 7, 12, 0.5), st.poisson(3)),
        (st.poisson_binom([0.2, 0.5], 0.5), st.poisson(3)),
        (st.poisson(3), st.dlaplace(0.5, loc=0.25)),
        (st.poisson(0, loc=0.5), st.poisson(3)),
    ):
        found = kb.estimate(p, q)
        assert found.value == math.inf
        assert "none is of both" in found.caveats[0]
        if not isinstance(adapt(p), kb.distributions.foreign.Foreign):
            assert kb.kl(p, q) == math.inf
    for p, q, plain_p, plain_q in (
        (st.poisson(3, loc=0.5), st.poisson(4, loc=0.5), st.poisson(3), st.poisson(4)),
        (st.poisson(3, loc=0.5), st.nbinom(4, 0.5, loc=0.5), st.poisson(3), st.nbinom(4, 0.5)),
        (st.zipf(3.0, loc=0.5), st.yulesimon(2.0, loc=0.5), st.zipf(3.0), st.yulesimon(2.0)),
        (st.geom(0.3, loc=1.5), st.geom(0.5, loc=-0.5), st.geom(0.3, loc=2), st.geom(0.5)),
        (st.dlaplace(0.3, loc=0.1), st.skellam(2, 3, loc=2.1), st.dlaplace(0.3), st.skellam(2, 3, loc=2)),
    ):
        found, plain = kb.estimate(p, q), kb.estimate(plain_p, plain_q)
        assert abs(found.value - plain.value) <= found.error + plain.error + 1e-15
        assert not found.caveats
    with pytest.raises(kb.InputError, match="loc must be all whole"):
        kb.kl(st.poisson(3, loc=[0, 0.5]), st.poisson(3))


def test_listed_values() -> None:
    p = st.rv_discrete(values=([1.5, 3.5], [0.25, 0.75]))
    found = kb.estimate(p, st.poisson(2, loc=0.5))
    true = sum(w * (math.log(w) - st.poisson(2).logpmf(k)) for w, k in ((0.25, 1), (0.75, 3)))
    assert found.value == pytest.approx(true, rel=1e-13)
    assert kb.estimate(p, st.poisson(2)).value == math.inf
    assert kb.estimate(st.poisson(2, loc=0.5), p).value == math.inf
    moved = st.rv_discrete(values=([1, 3], [0.25, 0.75]))(loc=1)
    again = kb.estimate(moved, st.poisson(2, loc=1))
    assert again.value == pytest.approx(true, rel=1e-13)


POINT = nd.Delta(jnp.array([1.0, 2.0]), event_dim=1)


@pytest.mark.parametrize(
    ("p", "q", "true"),
    [
        (nd.Delta(0.0), nd.Normal(0.0, 1.0), math.inf),
        (nd.Normal(0.0, 1.0), nd.Delta(0.0), math.inf),
        (nd.Delta(2.0), st.poisson(1.0), 1 + math.log(2)),
        (nd.Delta(2.5), st.poisson(1.0), math.inf),
        (nd.Delta(2.5), st.poisson(1.0, loc=0.5), 1 + math.log(2)),
        (st.poisson(1.0), nd.Delta(2.0), math.inf),
        (st.poisson(0.0), nd.Delta(0.0), 0.0),
        (nd.Delta(0.5), nd.Delta(0.5), 0.0),
        (nd.Delta(0.5), nd.Delta(1.5), math.inf),
        (POINT, st.multivariate_normal([0, 0]), math.inf),
        (POINT, td.Multinomial(3, torch.tensor([0.5, 0.5]).double()), -math.log(3 / 8)),
        (td.Binomial(3, torch.tensor(1.0).double()), st.hypergeom(20, 7, 12), -st.hypergeom(20, 7, 12).logpmf(3)),
        (td.Geometric(torch.tensor(1.0).double()), st.poisson(2.0), 2.0),
    ],
)
def test_masses_at_a_point(p: Any, q: Any, true: float) -> None:
    found = kb.estimate(p, q, rng=0)
    assert found.value == pytest.approx(true, rel=1e-12)


def test_ranges_of_one_circle_and_the_line() -> None:
    wrapped, von_mises = st.wrapcauchy(0.5, loc=1.0), st.vonmises(1.5, loc=0.5)
    found = kb.estimate(von_mises, wrapped)
    x = np.linspace(-math.pi, math.pi, 20_001)[:-1]
    own = kb.distributions.WrappedCauchy(1.0, 0.5)
    terms = von_mises.pdf(x) * (von_mises.logpdf(x) - own.log_density(x))
    assert found.value == pytest.approx(float(np.mean(terms)) * 2 * math.pi, rel=1e-12)
    # Two ranges on the line that differ are of different supports.
    assert kb.estimate(wrapped, st.wrapcauchy(0.5)).value == math.inf


def test_the_simplex_is_known_by_what_is_on_it() -> None:
    concentration = torch.tensor([2.0, 3.0, 4.0]).double()
    q = td.LogisticNormal(torch.zeros(2).double(), torch.ones(2).double())
    found = kb.estimate(td.Dirichlet(concentration), q, rng=0)
    assert found.method.startswith("Monte Carlo")
    assert not any("mass" in text for text in found.caveats)
    # By its definition: the logits against the last are normal, but for the bijection that torch takes.
    draws = np.random.default_rng(1).dirichlet(concentration.numpy(), 200_000)
    points = torch.tensor(draws)
    terms = (td.Dirichlet(concentration).log_prob(points) - q.log_prob(points)).numpy()
    error = terms.std() / math.sqrt(terms.size)
    assert found.value == pytest.approx(float(terms.mean()), abs=5 * (found.error + error))
    with pytest.raises(kb.InputError, match="P is over simplex and Q over vectors"):
        kb.estimate(td.Dirichlet(concentration), st.multivariate_normal(np.zeros(3)))
