"""Families of vectors and matrices in the objects of other libraries: each is what its own density says."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as nd
import pytest
import scipy.stats as ss
import torch
import torch.distributions as td

import kullback as kb
from kullback._core.errors import InputError, NoClosedForm
from kullback.distributions.adapters import adapt

A = np.array([[2.0, 0.5], [0.5, 1.0]])
B = np.array([[1.0, -0.2], [-0.2, 0.6]])
L = np.linalg.cholesky(A)
POINT = np.array([0.3, 0.7])


def t(x: object) -> torch.Tensor:
    return torch.tensor(np.asarray(x), dtype=torch.float64)


OBJECTS = [
    td.MultivariateNormal(t(POINT), t(A)),
    td.MultivariateNormal(t(POINT), precision_matrix=t(A)),
    td.MultivariateNormal(t(POINT), scale_tril=t(L)),
    td.LowRankMultivariateNormal(t(POINT), t([[1.0], [0.3]]), t([0.4, 2.0])),
    td.Independent(td.Normal(t(POINT), t([0.4, 2.0])), 1),
    td.Dirichlet(t([1.5, 2.0])),
    td.Wishart(t(4.5), t(A)),
    td.Wishart(t(4.5), precision_matrix=t(A)),
    td.Wishart(t(4.5), scale_tril=t(L)),
    nd.MultivariateNormal(jnp.asarray(POINT), jnp.asarray(A)),
    nd.MultivariateNormal(0.0, precision_matrix=jnp.asarray(A)),
    nd.LowRankMultivariateNormal(jnp.asarray(POINT), jnp.asarray([[1.0], [0.3]]), jnp.asarray([0.4, 2.0])),
    nd.MatrixNormal(jnp.asarray(A), jnp.asarray(L), jnp.asarray(L)),
    nd.Dirichlet(jnp.asarray([1.5, 2.0])),
    nd.Wishart(4.5, jnp.asarray(A)),
    nd.Wishart(4.5, rate_matrix=jnp.asarray(A)),
    nd.Wishart(4.5, scale_tril=jnp.asarray(L)),
    nd.InverseWishart(4.5, jnp.asarray(A)),
    nd.InverseWishart(4.5, scale_tril=jnp.asarray(L)),
    ss.multivariate_normal(POINT, A),
    ss.matrix_normal(B, A, B),
    ss.dirichlet([1.5, 2.0]),
    ss.wishart(4.5, A),
    ss.invwishart(4.5, A),
    ss.vonmises_fisher([0.6, 0.8], 3.0),
]


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda x: f"{type(x).__module__.split('.')[0]}-{type(x).__name__}")
def test_density_is_that_of_the_object(thing: object) -> None:
    law = adapt(thing)
    rng = np.random.default_rng(0)
    for x in law.sample(rng, 3):
        if isinstance(thing, td.Distribution):
            theirs = float(thing.log_prob(t(x)))
        elif isinstance(thing, nd.Distribution):
            theirs = float(thing.log_prob(jnp.asarray(x)))
        else:
            theirs = float(thing.logpdf(x))
        assert float(law.log_density(law.xp.asarray(x))) == pytest.approx(theirs, rel=1e-6, abs=1e-6)
    assert type(law).__module__.startswith("kullback.distributions.")
    assert float(kb.kl(thing, thing)) == 0


def test_wishart_has_the_gradient_that_torch_does_not() -> None:
    df, scale = t(4.5).requires_grad_(), t(A).requires_grad_()
    value = kb.kl(td.Wishart(df, scale), td.Wishart(t(5.0), t(B)))
    value.backward()
    assert float(value.detach()) == pytest.approx(
        float(td.kl_divergence(td.Wishart(t(4.5), t(A)), td.Wishart(t(5.0), t(B))).detach())
    )
    h = 1e-5
    ends = [float(kb.kl(td.Wishart(t(4.5 + s * h), t(A)), td.Wishart(t(5.0), t(B)))) for s in (1, -1)]
    assert float(df.grad) == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-7)
    assert torch.isfinite(scale.grad).all()
    assert scale.grad.abs().max() > 0


def test_torchs_own_values_where_they_are_right() -> None:
    for p, q in [
        (td.MultivariateNormal(t(POINT), t(A)), td.MultivariateNormal(t(-POINT), t(B))),
        (td.Dirichlet(t([1.5, 2.0])), td.Dirichlet(t([3.0, 0.3]))),
        (OBJECTS[3], td.MultivariateNormal(t(-POINT), t(B))),
        (td.MultivariateNormal(t(-POINT), t(B)), OBJECTS[3]),
    ]:
        torch.testing.assert_close(kb.kl(p, q), td.kl_divergence(p, q), rtol=1e-10, atol=0)


def test_inversion_keeps_the_divergence() -> None:
    p, q = (ss.invwishart(df, m) for df, m in ((4.5, A), (6.0, B)))
    images = [ss.wishart(df, np.linalg.inv(m)) for df, m in ((4.5, A), (6.0, B))]
    assert kb.kl(p, q) == pytest.approx(kb.kl(*images), rel=1e-12)
    with pytest.raises(NoClosedForm, match="InverseWishart‖Wishart"):
        kb.kl(p, images[1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: kb.distributions.Wishart(1.0, np.eye(3)), "df must be above 2"),
        (lambda: kb.distributions.Dirichlet([1.0, 0.0]), r"concentration .* got 0.0 at index 1"),
        (lambda: kb.distributions.VonMisesFisher([1.0, 1.0], 2.0), "loc must be a vector of length 1"),
        (lambda: kb.distributions.VonMisesFisher([1.0, 0.0], -2.0), "concentration"),
        (lambda: kb.distributions.NormalWishart(np.zeros(3), 1.0, 5.0, np.eye(2)), "length 3"),
        (lambda: kb.distributions.NormalGamma(0.0, 1.0, -1.0, 1.0), "concentration .* got -1.0"),
        (lambda: kb.distributions.InverseWishart(0.5, np.eye(2)), "df must be above 1"),
    ],
)
def test_bad_input_names_the_parameter(make: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
