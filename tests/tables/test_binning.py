"""Every value has one bin, the bin is the one that its label says, repeated values have their own."""

from __future__ import annotations

import math

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kullback.tables.binning import NAN, NULL, Bins, choose_bins
from kullback.tables.schema import DATE, INTEGER, NUMBER, TIME, TIMESTAMP


def code_in_numpy(bins: Bins, x: float | None) -> int:
    if x is None:
        return NULL
    if math.isnan(x):
        return NAN
    return int(np.searchsorted(np.array(bins.edges), x, side="right"))


@given(
    sample=st.lists(st.one_of(st.floats(), st.sampled_from([0.0, 1.0, -0.0])), max_size=80),
    values=st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=40),
)
@settings(deadline=None, max_examples=60)
def test_the_engine_bins_as_numpy_does(sample: list[float], values: list[float | None]) -> None:
    bins = choose_bins(NUMBER, np.array(sample, dtype=float), 20, 1000)
    edges = [e for e in bins.edges if math.isfinite(e)]
    probes = values + [*edges] + [math.nextafter(e, -math.inf) for e in edges]
    table = ibis.memtable(pa.table({"x": pa.array(probes, type=pa.float64()), "i": range(len(probes))}))
    counted = table.mutate(code=bins.code(table.x, ibis)).order_by("i").to_pyarrow()
    # DuckDB flushes nothing: subnormals, signed zeros and infinities are placed as IEEE says.
    assert counted["code"].to_pylist() == [code_in_numpy(bins, x) for x in probes]


def test_quantiles_and_tails_of_a_plain_sample() -> None:
    x = np.random.default_rng(0).normal(size=20_000)
    bins = choose_bins(NUMBER, x, 20, 20_000)
    codes = np.searchsorted(bins.edges, x, side="right")
    share = np.bincount(codes) / len(x)
    assert len(share) == 24
    np.testing.assert_allclose(share[[0, 1, 2, 3]], [0.001, 0.009, 0.04, 0.05], atol=1e-3)
    np.testing.assert_allclose(share[3:-3], 0.05, atol=1e-3)


def test_repeated_values_have_bins_of_their_own() -> None:
    rng = np.random.default_rng(1)
    x = np.where(rng.random(10_000) < 0.3, 0.0, rng.gamma(2, 3, size=10_000))
    bins = choose_bins(NUMBER, x, 20, 10_000)
    zero = int(np.searchsorted(bins.edges, 0.0, side="right"))
    assert bins.labels()[zero] == "0"
    assert np.searchsorted(bins.edges, np.nextafter(0, 1), side="right") == zero + 1
    assert bins.labels()[zero + 1].startswith("0 to ")
    assert Bins(NUMBER, (0.0, math.nextafter(0.0, 1.0))).labels()[2] == "above 0"


def test_small_integers_are_values() -> None:
    bins = choose_bins(INTEGER, np.repeat(np.arange(6.0), 100), 20, 600)
    labels = [bins.labels()[code] for code in range(len(bins.edges) + 1)]
    assert labels == ["below 0", "0", "1", "2", "3", "4", "5", "6 and above"]


def test_few_rows_get_few_bins() -> None:
    x = np.random.default_rng(2).normal(size=60)
    assert len(choose_bins(NUMBER, x, 20, 60).edges) == 6


def test_nothing_to_bin_is_one_bin() -> None:
    bins = choose_bins(NUMBER, np.array([np.nan, np.inf]), 20, 100)
    assert bins.edges == ()
    assert bins.labels()[0] == "all values"


@pytest.mark.parametrize(
    ("kind", "edges", "labels"),
    [
        (TIMESTAMP, (0.0, 90061.0), ["below 1970-01-01 00:00:00", "1970-01-01 00:00:00 to 1970-01-02 01:01:01"]),
        (
            TIMESTAMP,
            (-62135596800.0 * 9, 4.7e12),
            ["below -15751-01-05 00:00:00", "-15751-01-05 00:00:00 to 150907-01-27 03:33:20"],
        ),
        (DATE, (0.0, 172_800.0), ["below 1970-01-01", "1970-01-01 to 1970-01-03"]),
        (DATE, (0.0, 86_400.0), ["below 1970-01-01", "1970-01-01"]),
        (
            TIMESTAMP,
            (0.5, 1.25),
            ["below 1970-01-01 00:00:00.500", "1970-01-01 00:00:00.500 to 1970-01-01 00:00:01.250"],
        ),
        (TIME, (3600.0, 7325.0), ["below 01:00:00", "01:00:00 to 02:02:05"]),
        (NUMBER, (1e-9, 2e-9), ["below 1e-09", "1e-09 to 2e-09"]),
        (NUMBER, (1_000_000.5, 1_000_001.5), ["below 1000000.5", "1000000.5 to 1000001.5"]),
    ],
)
def test_labels(kind: object, edges: tuple[float, ...], labels: list[str]) -> None:
    bins = Bins(kind, edges)  # type: ignore[arg-type]
    assert [bins.labels()[code] for code in (0, 1)] == labels


@given(
    sample=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=300),
    kind=st.sampled_from([NUMBER, INTEGER, TIMESTAMP, DATE, TIME]),
)
@settings(deadline=None)
def test_labels_tell_bins_apart(sample: list[float], kind: object) -> None:
    bins = choose_bins(kind, np.array(sample), 20, 400)  # type: ignore[arg-type]
    labels = bins.labels()
    assert len(set(labels.values())) == len(labels) == len(bins.edges) + 3
