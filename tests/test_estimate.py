"""The ladder: the first rung that applies answers, the named one or a reason, and what is no question is refused."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import numpyro.distributions as nd
import pandas as pd
import pytest
import scipy.stats as st
import torch

import kullback as kb
from kullback._core import progress as progress_bar
from kullback.distributions import GaussianMixture
from kullback.distributions.adapters import adapt
from kullback.distributions.numeric import montecarlo, rungs
from kullback.distributions.numeric._side import side
from kullback.distributions.numeric.mixtures import Bounds

T = torch.distributions
mixture = GaussianMixture([0.4, 0.6], [0.0, 3.0], [1.0, 2.0])
p10, q10 = st.multivariate_normal(np.zeros(10)), st.multivariate_t(np.zeros(10), df=5)


@pytest.mark.parametrize(
    ("p", "q", "method"),
    [
        (st.norm(0, 1), st.norm(1, 2), "closed form"),
        (st.norm(0, 1), T.Normal(1.0, 2.0), "closed form"),
        (st.gumbel_r(0, 1), st.skewnorm(3), "quadrature"),
        (st.poisson(3), st.nchypergeom_wallenius(140, 80, 60, 0.5), "supports"),
        (st.zipf(3.0), st.yulesimon(2.0), "series"),
        (st.multivariate_t([0, 0], df=5), st.multivariate_normal([0, 0]), "cubature"),
        (p10, q10, "Monte Carlo, 65536 draws"),
        (st.norm(), st.skewnorm(3, loc=1), "quadrature"),
        (nd.Normal(0.0, 1.0), nd.SoftLaplace(0.0, 1.0), "quadrature"),
    ],
)
def test_the_first_rung_that_applies(p: Any, q: Any, method: str) -> None:
    found = kb.estimate(p, q, rng=0)
    assert found.method == method
    assert (found.error == 0) == (method in ("closed form", "supports"))


def test_the_closed_form_has_no_error() -> None:
    found = kb.estimate(st.norm(0, 1), st.norm(1, 2))
    assert found.value == kb.kl(st.norm(0, 1), st.norm(1, 2))
    assert (found.error, found.interval) == (0, None)
    q = T.Normal(torch.tensor(1.0, requires_grad=True), torch.tensor(2.0))
    assert kb.estimate(T.Normal(0.0, 1.0), q).value == pytest.approx(found.value)
    assert kb.estimate(st.norm(), q, method="quadrature").value == pytest.approx(found.value)


@pytest.mark.parametrize("method", ["quadrature", "Monte Carlo", "monte_carlo", "MONTE CARLO", "closed_form"])
def test_rungs_by_name_agree(method: str) -> None:
    found = kb.estimate(st.norm(0, 1), st.norm(1, 2), method=method, rng=0)
    assert found.value == pytest.approx(0.44314718, abs=5 * found.error + 1e-8)


@pytest.mark.parametrize(
    ("p", "q", "method", "words"),
    [
        (st.norm(), st.norm(), "kde", "method must be one of 'auto', 'closed form', 'quadrature'"),
        (st.norm(), st.norm(), "series", "'series' does not apply: a series is for distributions of integers"),
        (st.poisson(1), st.poisson(2), "quadrature", "quadrature is for densities on the line"),
        (p10, q10, "cubature", "densities of vectors of 2 or 3"),
        (p10, q10, "closed form", "no closed form"),
        (st.norm(), st.cauchy(), "bounds", "no mixture of Gaussians"),
    ],
)
def test_a_rung_that_does_not_apply_says_why(p: Any, q: Any, method: str, words: str) -> None:
    with pytest.raises(kb.InputError, match=words):
        kb.estimate(p, q, method=method)


@pytest.mark.parametrize("thing", [object(), "normal", 3.0, lambda x: x])
def test_other_things_are_refused_by_what_is_accepted(thing: Any) -> None:
    for arguments in ((thing, st.norm()), (st.norm(), thing), (thing, [1.0, 2.0])):
        with pytest.raises(
            kb.InputTypeError, match=r"[PQ]: a \w+ is not a distribution object; accepted are those of scipy"
        ):
            kb.estimate(*arguments)


@pytest.mark.parametrize("sample", [np.ones(3), [1.0, 2.0], pd.DataFrame({"a": [1.0]}), torch.ones(3)])
def test_samples_of_q_beside_a_known_p_are_told_the_two_ways_on(sample: Any) -> None:
    with pytest.raises(kb.InputTypeError, match=r"P is a distribution and Q are samples.*estimate\(y, P\)"):
        kb.estimate(st.norm(), sample)


@pytest.mark.parametrize(
    "law",
    [
        st.norm([0, 1], 1),
        st.gumbel_r([0, 1]),
        T.Normal(torch.zeros(2), 1.0),
        T.Gumbel(torch.zeros(2), torch.ones(2)),
        nd.Normal(np.zeros(2), 1.0),
    ],
)
def test_batches_are_refused(law: Any) -> None:
    with pytest.raises(kb.InputError, match=r"P is a batch of shape \(2,\)"):
        kb.estimate(law, st.norm())


def test_different_events_are_refused() -> None:
    with pytest.raises(kb.InputError, match=r"shape \(\) and Q of shape \(2,\)"):
        kb.estimate(st.norm(), st.multivariate_t([0, 0]))


@pytest.mark.parametrize(
    "options", [{"confidence": 0}, {"confidence": 1.5}, {"tolerance": 0}, {"tolerance": -1}, {"tolerance": math.nan}]
)
def test_options_are_checked(options: Any) -> None:
    with pytest.raises(kb.InputError, match=next(iter(options))):
        kb.estimate(st.norm(), st.gumbel_r(), **options)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (st.gumbel_r(), st.gamma(2.0)),
        (st.skewnorm(3), st.poisson(2)),
        (st.zipf(2.0), st.gumbel_r()),
        (T.Normal(0.0, 1.0), T.Kumaraswamy(torch.tensor(2.0), torch.tensor(2.0))),
    ],
)
def test_supports_alone_say_infinite(p: Any, q: Any) -> None:
    found = kb.estimate(p, q)
    assert found.value == math.inf
    assert found.error == 0


def test_nobody_hears_of_overflows(recwarn: pytest.WarningsRecorder) -> None:
    kb.estimate(st.norm(), st.gumbel_r())
    kb.estimate(st.cauchy(), st.norm(), method="quadrature")
    assert not recwarn


def test_confidence_widens_the_interval() -> None:
    narrow, wide = (kb.estimate(p10, q10, rng=0, confidence=c).interval for c in (0.5, 0.99))
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_tolerance_of_quadrature() -> None:
    loose, tight = (kb.estimate(st.norm(), st.cauchy(), method="quadrature", tolerance=t) for t in (1e-3, 1e-12))
    assert abs(loose.value - tight.value) <= loose.error <= 1e-3


def test_a_bar_is_drawn_only_when_it_is_late(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, as Rich is told that this is one."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(progress_bar, "_SILENT", 1e6)
    found = kb.estimate(p10, q10, rng=0, progress=True)
    assert found.value > 0
    assert "draws of P" not in capsys.readouterr().out
    assert kb.estimate(p10, q10, rng=0, progress=False) == found
    monkeypatch.setattr(progress_bar, "_SILENT", -1.0)
    assert kb.estimate(p10, q10, rng=0, progress=True) == found
    assert "draws of P" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("p", "q", "method"),
    [
        (st.gumbel_r(), st.skewnorm(3), "quadrature"),
        (st.zipf(3.0), st.yulesimon(2.0), "series"),
        (st.multivariate_t([0, 0], df=5), st.multivariate_normal([0, 0]), "cubature"),
        (mixture, st.norm(1, 2), "variational"),
        (mixture, st.norm(1, 2), "bounds"),
        (p10, q10, "Monte Carlo"),
    ],
)
def test_a_tolerance_that_is_not_reached_is_told_of(
    p: Any, q: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(montecarlo, "BUDGET", montecarlo.DRAWS)
    found = kb.estimate(p, q, method=method, tolerance=1e-40, rng=0)
    assert "error asked for, 1e-40, was not reached" in found.caveats[-1]
    assert not kb.estimate(p, q, method=method, tolerance=10.0, rng=0).caveats


def test_a_closed_form_that_comes_to_nan_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    true = kb.kl(st.norm(), st.norm(1, 2))
    monkeypatch.setattr(rungs.measures, "kl", lambda p, q: np.float64(np.nan))
    found = kb.estimate(st.norm(), st.norm(1, 2))
    assert found.method == "quadrature"
    assert found.value == pytest.approx(float(true))
    assert found.caveats[0].startswith("The closed form of Normal‖Normal comes to NaN")
    with pytest.raises(kb.InputError, match="The closed form of Normal‖Normal comes to NaN for these parameters"):
        kb.estimate(st.norm(), st.norm(1, 2), method="closed form")


def test_a_refusal_names_laws_of_other_libraries() -> None:
    with pytest.raises(kb.InputError, match=r"known for scipy\.stats\.genlogistic‖Normal"):
        kb.estimate(st.genlogistic(2.0), st.norm(), method="closed form")


def drawn(value: float, low: float, high: float) -> kb.Divergence:
    return kb.Divergence(value, 0.5, (low, high), 0.95, method="Monte Carlo")


@pytest.mark.parametrize(
    ("found", "value", "interval", "words"),
    [
        (drawn(1.5, 1.2, 1.8), 1.5, (1.2, 1.8), ""),
        (drawn(1.5, 0.5, 1.8), 1.5, (1.0, 1.8), "The interval of the draws, 0.5 to 1.8, was cut to the bounds"),
        (drawn(2.5, 1.8, 3.0), 2.0, (1.8, 2.0), "The average of the draws, 2.5, and its interval were cut"),
        (drawn(0.5, 0.4, 0.6), 1.0, (1.0, 2.0), "The draws, with 0.5, contradict the bounds"),
        (kb.Divergence(math.inf, method="Monte Carlo"), 2.0, (1.0, 2.0), "The draws, with inf, contradict"),
    ],
)
def test_what_is_cut_to_bounds_is_told_of(
    found: kb.Divergence, value: float, interval: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Bounds(1.0, 2.0, 1.5)
    monkeypatch.setattr(rungs, "bounds_of", lambda a, b: known)
    a = side(adapt(st.norm()))
    cut = rungs._within_bounds(found, a, a, 0.95)
    assert (cut.value, cut.interval) == (value, interval)
    assert cut.caveats[0].startswith(words) if words else not cut.caveats
    # Whatever the truth within the bounds, it is no farther than this.
    assert cut.error <= max(value - 1.0, 2.0 - value)
    assert cut.error > 0


SHARED = torch.tensor([0.5, 0.5])


class Bare(T.Distribution):
    """A normal distribution that says nothing of its support."""

    arg_constraints = {}  # noqa: RUF012

    def sample(self, sample_shape: Any = ()) -> Any:
        return torch.randn(sample_shape)

    def log_prob(self, value: Any) -> Any:
        return T.Normal(0.0, 1.0).log_prob(value)


def test_a_law_without_a_support_is_refused_by_what_helps() -> None:
    with pytest.raises(kb.InputTypeError, match=r"P: a Bare does not say its support.*give its class a `support`"):
        kb.estimate(Bare(), st.norm())


def test_the_random_state_of_torch_is_kept() -> None:
    """Also where float32 matrices refuse points of float64, and draws say what they take."""
    low_rank = T.LowRankMultivariateNormal(torch.zeros(2, 2), torch.ones(2, 2, 1), torch.ones(2, 2))
    p = T.MixtureSameFamily(T.Categorical(SHARED), low_rank)
    with pytest.raises(RuntimeError, match="expected scalar type Float"):
        p.log_prob(torch.zeros(1, 2, dtype=torch.float64))
    before = torch.random.get_rng_state()
    found = kb.estimate(p, st.multivariate_normal([1, 1], [[2, 1], [1, 2]]), method="Monte Carlo", rng=0)
    assert found.value == pytest.approx(1 / 3, abs=max(1e-4, 5 * found.error))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]
)
def test_parameters_of_torch_with_gradients_and_on_devices(device: str) -> None:
    low, high = (torch.tensor(v, dtype=torch.float64, device=device, requires_grad=True) for v in (0.0, 2.0))
    p = T.MixtureSameFamily(
        T.Categorical(SHARED.to(device)), T.Uniform(low.expand(2), torch.stack([high, high])), validate_args=False
    )
    found = kb.estimate(p, T.Normal(low, high), rng=0)
    # log(1/2) + E[log(2·√(2π)) + x²/8], E[x²] = 4/3.
    assert found.value == pytest.approx(0.5 * math.log(2 * math.pi) + 1 / 6, abs=max(4 * found.error, 1e-9))


def test_the_name_is_the_function() -> None:
    """Importing the modules that hold it does not put one of them in its place."""
    import kullback.ladder

    assert callable(kb.estimate)
    assert kb.estimate is kullback.ladder.estimate
    assert "estimate" in kb.__all__
    assert isinstance(sys.modules["kullback"].__getattr__("estimate"), type(kb.estimate))


@pytest.mark.parametrize("options", [{"missing": "outcome"}, {"most_rows": 100}, {"test": True}])
def test_options_for_samples_are_refused_by_name(options: Any) -> None:
    with pytest.raises(kb.InputError, match=f"{next(iter(options))} is an option for samples only"):
        kb.estimate(st.norm(), st.gumbel_r(), **options)
