"""Samples through the public face: every container, every bad input, the options, the test, where the bits go."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.stats as st
import torch

import kullback as kb
from kullback._core import progress as progress_bar
from kullback.samples.permutation import p_value
from kullback.samples.problem import problem_of

RNG = np.random.default_rng(0)
X, Y = RNG.normal(1, 1, (60, 2)), RNG.normal(0, 1, (50, 2))
NAMES = ["height", "weight"]


def quick(x: Any, y: Any, **options: Any) -> kb.Divergence:
    return kb.estimate(x, y, method="linear", **options)


@pytest.mark.parametrize(
    "held",
    [
        lambda a: a.tolist(),
        lambda a: tuple(map(tuple, a)),
        lambda a: torch.tensor(a, requires_grad=True),
        jnp.asarray,
        lambda a: pd.DataFrame(a, columns=NAMES),
        lambda a: pd.DataFrame(a, columns=NAMES).convert_dtypes(),
        lambda a: pl.DataFrame(a, schema=NAMES),
        lambda a: pa.table(dict(zip(NAMES, a.T, strict=True))),
        lambda a: dict(zip(NAMES, a.T, strict=True)),
    ],
    ids=["lists", "tuples", "torch", "jax", "pandas", "nullable pandas", "polars", "pyarrow", "dict"],
)
def test_every_container_gives_the_same_answer(held: Callable[[Any], Any]) -> None:
    found, wanted = quick(held(X), held(Y)), quick(X, Y)
    assert found.value == pytest.approx(wanted.value, rel=1e-5)
    assert found.interval == pytest.approx(wanted.interval, rel=1e-5)


@pytest.mark.parametrize(
    "held",
    [list, pd.Series, pl.Series, pa.array, lambda a: pa.chunked_array([a]), torch.tensor, jnp.asarray],
    ids=["list", "pandas", "polars", "pyarrow", "chunks", "torch", "jax"],
)
def test_a_list_of_numbers_is_a_sample_of_one_variable(held: Callable[[Any], Any]) -> None:
    assert quick(held(X[:, 0]), held(Y[:, 0])).value == pytest.approx(quick(X[:, :1], Y[:, :1]).value, rel=1e-5)


def test_half_precision_and_integers_are_numbers() -> None:
    for kind in (torch.bfloat16, torch.float16):
        held = (torch.tensor(side, dtype=kind) for side in (X, Y))
        assert quick(*held).value == pytest.approx(quick(X, Y).value, rel=0.02)
    assert quick(jnp.asarray(X, dtype=jnp.bfloat16), jnp.asarray(Y, dtype=jnp.bfloat16)).value > 0.3
    assert kb.estimate(RNG.integers(0, 3, 90), RNG.integers(0, 3, 90).astype(np.int8)).value < 0.1


def test_text_null_and_category_of_every_library() -> None:
    plan = ["free", "paid", None, "free"] * 20
    other = ["paid", "paid", None, "free"] * 20
    tables = [
        (pd.DataFrame({"plan": plan}), pd.DataFrame({"plan": other})),
        (pd.DataFrame({"plan": plan}, dtype="category"), pd.DataFrame({"plan": other}, dtype="category")),
        (pl.DataFrame({"plan": plan}), pl.DataFrame({"plan": other})),
        (pa.table({"plan": plan}), pa.table({"plan": pa.array(other).dictionary_encode()})),
        (plan, other),
    ]
    values = [kb.estimate(x, y, missing="outcome").value for x, y in tables]
    assert values == pytest.approx([0.5 * math.log(2) - 0.25 * math.log(2)] * 5, abs=0.03)
    with pytest.raises(kb.InputError, match=r"column 'plan' of x has no value at row 2"):
        kb.estimate(*tables[2])


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        ([1.0], [1.0, 2.0], {}, "x has 1 rows: the least that any estimator can use is 2"),
        ([1.0, 2.1, 3.3], [1.2, 2.0], {}, "x has 3 rows: a cross-fitted classifier needs at least 10 on either side"),
        ([1.0, 2.1, 3.3], [1.2, 2.0], {"method": "linear"}, "at least 10"),
        ([1.0, math.nan, 2.0], [1.0, 2.0], {}, "column '0' of x has no value at row 1"),
        ([1.0, 2.0], [1.0, math.inf], {}, "column '0' of y is infinite at row 1"),
        (X, Y[:, 0], {}, "x has 2 columns and y has 1"),
        (np.array([["a", 1.0], ["b", 2.0]], dtype=object), Y, {}, "column 0 of x holds 'a' at row 0"),
        (pd.DataFrame({"a": [1, "two"]}), pd.DataFrame({"a": [1, 2]}), {}, "column 'a' of x holds .* 'two' at row 1"),
        (np.zeros((3, 2, 2)), Y, {}, r"its shape is \(3, 2, 2\)"),
        (np.float64(3.0), Y, {}, r"its shape is \(\)"),
        (X, Y, {"tolerance": 0.1}, "tolerance is an option for distribution objects only"),
        (X, Y, {"method": "quadrature"}, "method must be 'auto' or one of .*'quadrature'"),
        (X, Y, {"method": "counts"}, "cannot be counted"),
        (X, Y, {"confidence": 95}, "confidence must lie strictly between 0 and 1"),
        (X, Y, {"missing": "drop"}, "missing must be 'raise' or 'outcome'"),
        (X, Y, {"most_rows": 5}, "most_rows must be at least 10"),
    ],
)
def test_bad_input_never_gives_a_number(x: Any, y: Any, options: Any, words: str) -> None:
    with pytest.raises(kb.InputError, match=words):
        kb.estimate(x, y, **options)


def test_a_p_value_is_uniform_where_nothing_differs() -> None:
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found.append(p_value(problem_of(rng.normal(size=(40, 2)), rng.normal(size=(30, 2))), rng))
    assert st.kstest(found, "uniform").pvalue > 0.05
    assert min(found) >= 1e-3


def test_a_p_value_is_asked_for_and_small_where_something_differs() -> None:
    assert quick(X, Y).p_value is None
    found = quick(X, Y, test=True)
    assert found.p_value == 1e-3
    assert found == quick(X, Y, test=True)
    rng = np.random.default_rng(1)  # the same moments along every column, another dependence
    angle = rng.uniform(0, 2 * np.pi, 300)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1) * np.sqrt(2) + 0.1 * rng.normal(size=(300, 2))
    flat = np.stack([rng.permutation(ring[:, 0]), rng.permutation(ring[:, 1])], 1)
    assert p_value(problem_of(ring, flat), rng) <= 0.01


def test_copies_are_no_evidence_for_a_p_value() -> None:
    small = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, 40, 2))
        small += p_value(problem_of(np.repeat(x, 8, 0), np.repeat(y, 8, 0)), rng) < 0.05
    assert small <= 4


def test_progress_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    found = kb.estimate(X, Y, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(len(seen)))
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] < seen[-1][1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(progress_bar, "_SILENT", -1.0)
    assert kb.estimate(X, Y, progress=True) == found
    assert "estimators" in capsys.readouterr().out


def test_where_the_bits_go_has_a_chart() -> None:
    frames = [pd.DataFrame(side, columns=NAMES) for side in (X, Y)]
    split = kb.attribute(*frames)
    assert list(split.divergence.parts) == [*NAMES, "dependence"]
    assert math.fsum(split.divergence.parts.values()) == pytest.approx(split.divergence.value)
    chart = json.dumps(split.divergence.plot().to_dict())
    assert all(name in chart for name in split.divergence.parts)
    assert json.dumps(kb.estimate(*frames).plot().to_dict())


def test_information_is_at_the_root() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=300)
    found = kb.estimate_mutual_information(a, a + rng.normal(size=300))
    assert found.interval is not None
    assert found.interval[0] < 0.5 * math.log(2) < found.interval[1]
    assert not any("not independent" in caveat for caveat in found.caveats)


LARGE = np.random.default_rng(3).normal(1, 1, (500, 2))


@pytest.mark.parametrize(
    ("x", "q", "truth"),
    [
        (list(LARGE[:, 0]), torch.distributions.Normal(0.0, 1.0), 0.5),
        (pd.DataFrame(LARGE), st.multivariate_normal([0, 0]), 1.0),
        (LARGE[:, :1], lambda rows: st.norm.logpdf(rows).sum(axis=1), 0.5),
        (np.random.default_rng(4).poisson(3, 500), st.poisson(5), 3 * math.log(3 / 5) + 2),
    ],
)
def test_a_sample_against_what_is_known_of_q(x: Any, q: Any, truth: float) -> None:
    found = kb.estimate(x, q, confidence=0.999)
    assert found.interval is not None
    assert found.interval[0] <= truth <= found.interval[1]
    assert found.interval[1] - found.interval[0] < 0.6
    assert found.value == pytest.approx(truth, abs=0.15)


@pytest.mark.parametrize(
    ("x", "q", "options", "words"),
    [
        (X[:, 0], st.norm(), {"tolerance": 0.1}, "tolerance is an option for distribution objects only"),
        (X[:, 0], st.norm(), {"test": True}, "test is an option for two samples only"),
        (X[:, 0], st.norm(), {"missing": "outcome"}, "missing is an option for two samples only"),
        (X[:, 0], st.norm(), {"method": "linear"}, "method is an option for two samples only"),
        (X[:, 0], st.norm(), {"draw": lambda n, rng: rng.normal(size=n)}, "draw is an option for a log-density only"),
        (X, Y, {"draw": lambda n, rng: rng.normal(size=n)}, "draw is an option for a sample and a log-density only"),
        (X, st.norm(), {}, r"rows of x have shape \(2,\), and events of Q \(\)"),
        (X[:, 0], st.norm([0, 1]), {}, r"Q is a batch of shape \(2,\)"),
        (X[:, 0].round(), st.norm(), {}, "x repeats its values.*Q has a density"),
    ],
)
def test_what_does_not_go_with_a_known_q_is_refused(x: Any, q: Any, options: Any, words: str) -> None:
    with pytest.raises(kb.InputError, match=words):
        kb.estimate(x, q, **options)


def test_rows_where_q_has_no_mass_make_the_divergence_infinite() -> None:
    found = kb.estimate(X[:, 0], st.expon())
    assert math.isinf(found.value)
    assert any("lie where q = 0" in caveat for caveat in found.caveats)
