"""Two samples brought to one form, and every way in which they cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from kullback import InputError, InputTypeError
from kullback.samples.problem import Problem, problem_of

RNG = np.random.default_rng(0)
WAVE = RNG.normal(size=(60, 2))


@pytest.mark.parametrize(
    "sample",
    [
        WAVE,
        WAVE.tolist(),
        torch.tensor(WAVE, requires_grad=True),
        pd.DataFrame(WAVE, columns=["0", "1"]),
        pl.DataFrame(WAVE, schema=["0", "1"]),
        {"0": WAVE[:, 0], "1": WAVE[:, 1]},
    ],
    ids=["array", "list", "tensor", "pandas", "polars", "dict"],
)
def test_every_container_is_the_same_sample(sample: Any) -> None:
    problem = problem_of(sample, WAVE)
    np.testing.assert_array_equal(problem.x, WAVE)
    assert problem.names == ("0", "1")
    assert problem.continuous


def test_series_and_vectors_are_one_column() -> None:
    assert problem_of(pd.Series(WAVE[:, 0], name="height"), WAVE[:, 1]).names == ("height",)


def test_frames_are_matched_by_name() -> None:
    x = pd.DataFrame({"a": [1.0, 2, 3], "b": [4.0, 5, 6]})
    np.testing.assert_array_equal(problem_of(x, x[["b", "a"]]).y, x.to_numpy())


def test_kinds() -> None:
    def frame(n: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "continuous": RNG.normal(size=n),
                "rounded": RNG.normal(size=n).round(1),
                "count": RNG.poisson(3, n),
                "flag": RNG.random(n) < 0.5,
                "text": RNG.choice(["a", "b"], n),
                "zeros": np.where(RNG.random(n) < 0.4, 0, RNG.random(n)),
            }
        )

    kinds = {column.name: column.kind for column in problem_of(frame(200), frame(300)).columns}
    assert kinds == {
        "continuous": "continuous",
        "rounded": "tied",
        "count": "tied",
        "flag": "tied",
        "text": "categorical",
        "zeros": "continuous",
    }


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([1.0, "high", 2.0], [1.0, 2.0], ["'0'", "'high'", "row 1"]),
        (np.array([[1, 2], [3, "x"]], dtype=object), np.ones((2, 2)), ["column 1", "'x'", "row 1"]),
        ([1.0, np.nan], [1.0, 2.0], ["'0'", "row 1", "missing='outcome'"]),
        ([1.0, 2.0], [np.inf, 1.0], ["'0'", "of y", "infinite at row 0"]),
        (np.ones((3, 2)), np.ones((3, 3)), ["2 columns", "3"]),
        (np.ones((3, 2, 2)), np.ones(3), ["(3, 2, 2)"]),
        ([[1.0], [1.0, 2.0]], [1.0], ["same length"]),
        ([1.0], [1.0, 2.0], ["1 rows", "least", "2"]),
        (np.array([1 + 1j, 2]), [1.0, 2.0], ["complex"]),
        ({"a": [1, 2], "b": [1, 2, 3]}, {"a": [1, 2], "b": [1, 2]}, ["length"]),
        ({"a": [1, 2], "b": [1, 2]}, {"a": [1, 2], "c": [1, 2]}, ["'b'"]),
        ({"a": ["u", "v"]}, {"a": [1, 2]}, ["'a'", "text in x", "numbers in y"]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame([[1, 2]], columns=["a", "a"]), ["'a'", "twice"]),
        (pd.DataFrame({"t": pd.to_datetime(["2020", "2021"])}), pd.DataFrame({"t": [1, 2]}), ["'t'", "datetime64"]),
    ],
)
def test_bad_input_is_named(x: Any, y: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        problem_of(x, y)
    for word in words:
        assert word in str(caught.value)


def test_what_is_no_sample_is_refused() -> None:
    with pytest.raises(InputTypeError, match="got function"):
        problem_of(lambda: 0, [1.0])
    with pytest.raises(InputError, match="missing must be"):
        problem_of([1.0, 2.0], [1.0, 2.0], missing="drop")  # type: ignore[arg-type]


def test_missing_values_become_an_outcome() -> None:
    frame = pd.DataFrame({"a": [1.0, None, 3.0, 4.0], "t": ["u", None, "v", "u"]})
    problem = problem_of(frame, frame, missing="outcome")
    assert problem.columns[0].missing
    assert problem.columns[1].levels == ("u", "v", "missing")
    assert np.isfinite(problem.numbers.x).all()


def test_constant_columns_are_left_out_and_said() -> None:
    problem = problem_of(np.stack([np.ones(5), np.arange(5)], 1), np.stack([np.ones(5), np.arange(5) + 0.5], 1))
    assert problem.names == ("1",)
    assert "'0'" in problem.caveats[0]


def test_copies_and_shared_rows_are_said() -> None:
    x, y = RNG.normal(size=(2, 100, 2))
    assert "repeat" in problem_of(np.vstack([x, x[:20]]), y).caveats[0]
    assert "not independent" in problem_of(x, np.vstack([y, x[:20]])).caveats[0]


def test_copies_stay_in_one_fold() -> None:
    x, y = RNG.normal(size=(2, 100, 2))
    problem = problem_of(np.vstack([x, x[:20]]), np.vstack([y, x[:5]]))
    fold_x, fold_y = problem.folds(5, np.random.default_rng(0))
    np.testing.assert_array_equal(fold_x[:20], fold_x[100:])
    np.testing.assert_array_equal(fold_x[:5], fold_y[100:])
    assert np.bincount(fold_x).min() > 10


def test_numbers_do_not_depend_on_units() -> None:
    x, y = RNG.normal(size=(2, 100, 3))
    units = np.array([1e-6, 1.0, 1e9])
    np.testing.assert_allclose(problem_of(x * units, y * units).numbers.x, problem_of(x, y).numbers.x, rtol=1e-9)


def test_numbers_are_one_to_one() -> None:
    x = np.array([0.0, 1.0, 1.0, 2.0, np.nan] * 20)
    problem: Problem = problem_of(x, x[::-1], missing="outcome")
    assert len(np.unique(problem.numbers.x, axis=0)) == 4
