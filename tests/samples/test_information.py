"""Where the bits go, and mutual information from samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kullback import InputError
from kullback.samples.attribution import attribute
from kullback.samples.information import estimate_mutual_information


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_information_of_a_normal_pair(rho: float) -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=1500)
    b = rho * a + math.sqrt(1 - rho**2) * rng.normal(size=1500)
    found = estimate_mutual_information(a, b, confidence=0.999)
    assert found.interval is not None
    assert found.interval[0] <= -0.5 * math.log(1 - rho**2) <= found.interval[1]
    assert found.value == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.06)


def test_information_that_only_a_third_carries_vanishes_given_it() -> None:
    rng = np.random.default_rng(2)
    c = rng.normal(size=1500)
    a, b = c + rng.normal(size=(2, 1500))
    assert estimate_mutual_information(a, b).value == pytest.approx(-0.5 * math.log(0.75), abs=0.05)
    assert estimate_mutual_information(a, b, given=c).value < 0.03


def test_information_refuses_rows_that_do_not_pair() -> None:
    with pytest.raises(InputError, match="30 and 31 rows"):
        estimate_mutual_information(np.arange(30.0), np.arange(31.0))
    with pytest.raises(InputError, match="at least 20"):
        estimate_mutual_information(np.arange(5.0), np.arange(5.0))
    with pytest.raises(InputError, match="one value only"):
        estimate_mutual_information(np.arange(30.0), np.ones(30))


def test_bits_are_split_over_columns_and_dependence() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 1200, 3))
    x[:, 0] += 1
    x[:, 2] = 0.8 * x[:, 1] + 0.6 * x[:, 2]
    split = attribute({k: x[:, j] for j, k in enumerate("abc")}, {k: y[:, j] for j, k in enumerate("abc")})
    parts = split.divergence.parts
    assert parts["a"] == pytest.approx(0.5, abs=0.12)
    assert max(parts["b"], parts["c"]) < 0.03
    assert parts["dependence"] == pytest.approx(-0.5 * math.log(1 - 0.64), abs=0.12)
    assert sum(parts.values()) == pytest.approx(split.divergence.value)
    top = split.top(5)
    assert [share for _, share in top] == sorted((share for _, share in top), reverse=True)
    assert top[0][1] == split.log_ratios.max() / 1200


def test_a_column_called_dependence_keeps_its_name() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 200))
    assert set(attribute({"dependence": x}, {"dependence": y}).divergence.parts) == {"dependence", "dependence′"}
