"""`auto` on problems of known divergence, and on samples that break other estimators."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from kullback import Divergence, InputError
from kullback.samples.estimation import estimate_samples

Pair = tuple[object, object]
N = 1000
MANY = 4000  # enough for the standard error to be a twentieth of the truth


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def wide(side: str) -> Pair:
    r = rng(1)
    x, y = r.normal(size=(2, N, 4))
    return (x * 1.5, y) if side == "P" else (x, y * 1.5)


def bimodal() -> Pair:
    r = rng(2)
    x, y = r.normal(size=(2, N, 4))
    x[:, 0] = r.choice([-1, 1], N) * math.sqrt(1 - 0.35**2) + 0.35 * x[:, 0]
    return x @ np.linalg.qr(r.normal(size=(4, 4)))[0], y


def rounded() -> Pair:
    r = rng(3)
    return r.normal(1, 1, MANY).round(1), r.normal(0, 1, MANY).round(1)


def poisson() -> Pair:
    r = rng(4)
    return r.poisson(3, MANY), r.poisson(5, MANY)


def continuous_and_binary() -> Pair:
    r = rng(5)
    return (
        {"value": r.normal(1, 1, MANY), "flag": r.random(MANY) < 0.8},
        {"value": r.normal(0, 1, MANY), "flag": r.random(MANY) < 0.5},
    )


def constant_column() -> Pair:
    r = rng(6)
    one = np.ones((MANY, 1))
    return np.hstack([r.normal(1, 1, (MANY, 1)), one]), np.hstack([r.normal(0, 1, (MANY, 1)), one])


def scales() -> Pair:
    r = rng(7)
    x, y = r.normal(size=(2, MANY, 2))
    x[:, 0] += 1
    units = np.array([1, 1e4])
    return x * units, y * units


def unequal() -> Pair:
    r = rng(8)
    return r.normal(1, 1, 5000), r.normal(0, 1, 50)


def exponentials() -> Pair:
    r = rng(9)
    return r.exponential(1, N), r.exponential(12, N)


def uniforms() -> Pair:
    r = rng(10)
    return r.uniform(1, 2, N), r.uniform(0, 4, N)


def gammas() -> Pair:
    r = rng(11)
    return r.gamma(2, 1, N), r.gamma(3, 1, N)


def zeros() -> Pair:
    r = rng(12)
    return (r.random(N) > 0.5) * r.exponential(1, N), (r.random(N) > 0.2) * r.exponential(1, N)


def missing() -> Pair:
    r = rng(13)
    x, y = r.normal(1, 1, N), r.normal(0, 1, N)
    x[r.random(N) < 0.5], y[r.random(N) < 0.2] = np.nan, np.nan
    return x, y


def categories() -> Pair:
    r = rng(14)
    return pd.DataFrame({"c": r.choice(list("ab"), N, p=[0.8, 0.2])}), pd.DataFrame({"c": r.choice(list("ab"), N)})


def heavy() -> Pair:
    r = rng(15)
    return r.standard_cauchy(N) + 1, r.standard_cauchy(N)


HALF = 0.5 * math.log(2.5) + 0.5 * math.log(0.5 / 0.8)
TRUTHS: list[tuple[Callable[[], Pair], float]] = [
    (lambda: wide("P"), 2 * (1.25 - math.log(2.25))),
    (lambda: wide("Q"), 2 * (1 / 2.25 - 1 + math.log(2.25))),
    (bimodal, 0.36710116629430833),
    (unequal, 0.5),
    (exponentials, math.log(12) + 1 / 12 - 1),
    (uniforms, math.log(4)),
    (gammas, 0.5772156649 - 1 + math.log(2)),
    (zeros, HALF),
    (missing, HALF + 0.25),
    (categories, 0.8 * math.log(1.6) + 0.2 * math.log(0.4)),
    (heavy, math.log(1.25)),
]


# What other estimators return as 6.4, NaN, 235, 1.3 or −89.
BROKEN: list[tuple[Callable[[], Pair], float]] = [
    (rounded, 0.5),
    (poisson, 3 * math.log(3 / 5) + 2),
    (continuous_and_binary, 0.5 + 0.8 * math.log(1.6) + 0.2 * math.log(0.4)),
    (constant_column, 0.5),
    (scales, 0.5),
]


@pytest.mark.parametrize(("pair", "truth"), BROKEN, ids=lambda v: getattr(v, "__name__", ""))
def test_what_breaks_other_estimators_is_right_within_a_tenth(pair: Callable[[], Pair], truth: float) -> None:
    found = estimate_samples(*pair())
    assert found.value == pytest.approx(truth, rel=0.1)
    assert found.interval is not None
    assert found.interval[1] - found.interval[0] < 0.3


@pytest.mark.parametrize(("pair", "truth"), TRUTHS, ids=lambda v: getattr(v, "__name__", ""))
def test_truth_lies_where_it_is_said_to(pair: Callable[[], Pair], truth: float) -> None:
    x, y = pair()
    found = estimate_samples(x, y, confidence=0.999, missing="outcome")
    assert found.interval is not None
    low, high = found.interval
    assert low <= truth <= high
    assert math.isfinite(high)
    assert high - low < 0.7 or pair is unequal
    assert found.value == pytest.approx(truth, rel=0.8 if pair is unequal else 0.35)
    assert found.method.startswith("auto: ")


def test_counts_answer_where_nothing_is_continuous() -> None:
    assert estimate_samples(*poisson()).method == "auto: counts"
    r = rng(27)
    few = estimate_samples(r.choice(list("abcdefgh"), 12), r.choice(list("ijklmnop"), 12))
    assert few.interval is not None
    assert math.isinf(few.interval[1])
    assert any("may be infinite" in caveat for caveat in few.caveats)


def test_no_difference_competes() -> None:
    r = rng(28)
    found = estimate_samples(r.normal(size=(300, 2)), r.normal(size=(300, 2)))
    assert found.interval is not None
    assert found.interval[0] == 0 < found.interval[1]
    assert any("may go unseen" in caveat for caveat in found.caveats)
    apart = estimate_samples(r.normal(1, 1, 300), r.normal(size=300))
    assert not any("may go unseen" in caveat for caveat in apart.caveats)


def test_same_law_is_no_divergence() -> None:
    r = rng(20)
    found = estimate_samples(r.normal(size=(N, 3)), r.normal(size=(N, 3)))
    assert found.value < 0.02
    assert found.interval is not None
    assert found.interval[0] == 0


def test_same_sample_is_no_divergence_and_says_so() -> None:
    x = rng(21).normal(size=(300, 2))
    found = estimate_samples(x, x)
    assert found.value < 0.05
    assert any("not independent" in caveat for caveat in found.caveats)


def test_disjoint_supports_give_a_lower_bound() -> None:
    r = rng(22)
    found = estimate_samples(r.uniform(0, 1, 500), r.uniform(5, 6, 500))
    assert found.interval is not None
    assert math.isinf(found.interval[1])
    assert 3 < found.value < 7
    assert any("may be infinite" in caveat for caveat in found.caveats)


def test_a_form_that_no_formula_has_gives_a_lower_bound() -> None:
    r = rng(23)
    a, b = r.normal(size=(2, N))
    x = np.stack([a, np.sin(4 * a) + 0.3 * r.normal(size=N)], 1)
    y = np.stack([b, np.sin(4 * r.normal(size=N)) + 0.3 * r.normal(size=N)], 1)
    found = estimate_samples(x, y)
    assert found.interval is not None
    assert math.isinf(found.interval[1])
    assert found.interval[0] > 0.1
    assert any("lower bound" in caveat for caveat in found.caveats)


def test_copies_do_not_pass_for_evidence() -> None:
    r = rng(24)
    x, y = r.normal(size=(2, 150, 2))
    found = estimate_samples(np.repeat(x, 5, axis=0), np.repeat(y, 5, axis=0))
    assert found.value < 0.1
    assert any("repeat" in caveat for caveat in found.caveats)


def test_few_rows_are_refused_with_the_least() -> None:
    with pytest.raises(InputError, match="at least 10"):
        estimate_samples([1.0, 2.5], [1.3, 2.2], method="linear")


def test_unknown_method_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"linear.*'mine'"):
        estimate_samples([1.0, 2.0], [1.0, 2.5], method="mine")
    with pytest.raises(InputError, match="confidence"):
        estimate_samples([1.0, 2.0], [1.0, 2.5], confidence=95)


def test_constant_samples() -> None:
    found = estimate_samples(np.ones(20), np.ones(20))
    assert (found.value, found.interval) == (0, (0, math.inf))


def test_subsampling_is_said() -> None:
    r = rng(25)
    found = estimate_samples(r.normal(1, 1, 3000), r.normal(0, 1, 2000), most_rows=500)
    assert any("500 of 3000" in caveat for caveat in found.caveats)
    assert found.value == pytest.approx(0.5, abs=0.2)


def test_answer_is_repeatable_and_travels() -> None:
    r = rng(26)
    x, y = r.normal(size=(2, 100))
    first = estimate_samples(x, y)
    assert first == estimate_samples(x, y)
    assert Divergence.from_dict(first.to_dict()) == first
