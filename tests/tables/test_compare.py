"""`compare` on every kind of table and column: the same figures, found shifts, no false ones, findings in words."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import pickle
import uuid
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import kullback as kb
from example_tables import SOURCES, mixed, unchanged
from kullback.samples.discrete import Counts, estimate_counts


def kl(p: np.ndarray, q: np.ndarray) -> float:
    return float((p * np.log(p / q)).sum())


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_figures(source: str, tmp_path: Path) -> None:
    last, this = mixed(1200, 1), mixed(900, 2, shift=0.5)
    expected = kb.compare(last, this)
    got = kb.compare(SOURCES[source](last, tmp_path, "last"), SOURCES[source](this, tmp_path, "this"))
    assert list(got.columns) == list(expected.columns)
    for name, d in got.columns.items():
        # CSV and JSON write moments and numbers as text; the divergence is the same.
        assert d.value == pytest.approx(expected.columns[name].value, rel=1e-9, abs=1e-12), name
        assert d.interval == pytest.approx(expected.columns[name].interval, rel=1e-9, abs=1e-12), name
    assert got.alarms == expected.alarms == ("number", "text")


def test_counts_are_those_of_the_data() -> None:
    last, this = mixed(3000, 3), mixed(2000, 4, shift=0.3)
    d = kb.compare(last, this, columns=["text"]).columns["text"]
    p, q = (np.unique(t["text"].to_numpy(zero_copy_only=False), return_counts=True) for t in (this, last))
    assert {level.label: (level.current, level.reference) for level in d.levels} == {
        name: (x / 2000, y / 3000) for name, x, y in zip(p[0], p[1], q[1], strict=True)
    }
    assert d.value == estimate_counts(Counts.of(p[1], q[1])).value


def test_value_interval_and_reverse_hold_the_truth() -> None:
    rng = np.random.default_rng(5)
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    names = np.array(["x", "y", "z"])
    d = kb.compare(
        pa.table({"c": rng.choice(names, size=20_000, p=q)}), pa.table({"c": rng.choice(names, size=30_000, p=p)})
    ).columns["c"]
    assert d.interval is not None
    assert d.reverse is not None
    assert d.reverse.interval is not None
    assert d.interval[0] < kl(p, q) < d.interval[1]
    assert d.reverse.interval[0] < kl(q, p) < d.reverse.interval[1]
    middle = (p + q) / 2
    assert d.jensen_shannon == pytest.approx((kl(p, middle) + kl(q, middle)) / 2, rel=0.1)
    assert d.p_value < 1e-10


def test_parts_sum_to_the_value_and_are_the_levels() -> None:
    result = kb.compare(mixed(1000, 6), mixed(1000, 7, shift=0.4))
    for d in result.columns.values():
        assert math.fsum(d.parts.values()) == pytest.approx(d.value, rel=1e-9, abs=1e-12)
        assert {level.label for level in d.levels} <= set(d.parts)


def test_equal_tables_are_equal() -> None:
    table = mixed(1000, 8)
    result = kb.compare(table, table)
    assert result.alarms == ()
    assert all(d.value == 0 and d.interval and d.interval[0] == 0 for d in result.columns.values())
    assert result.summary == "None of 5 columns changed beyond chance."


def test_same_tables_same_figures() -> None:
    last, this = mixed(50_000, 9), mixed(50_000, 10, shift=0.01)
    assert kb.compare(last, this).to_dict() == kb.compare(last, this).to_dict()


# --- the traps of the peers ---------------------------------------------------------------------------------------


def test_an_outlier_does_not_hide_a_shift() -> None:
    rng = np.random.default_rng(11)
    last = np.append(rng.normal(0, 1, size=20_000), 1e6)
    d = kb.compare(pa.table({"x": last}), pa.table({"x": rng.normal(1, 1, size=20_000)})).columns["x"]
    assert 0.45 < d.value < 0.52  # true 0.5; equal-width bins see 0.0018


def test_many_levels_without_change_are_no_change() -> None:
    rng = np.random.default_rng(12)
    levels = np.array([f"v{i}" for i in range(5000)])
    last, this = (pa.table({"x": rng.choice(levels, size=50_000)}) for _ in range(2))
    d = kb.compare(last, this).columns["x"]
    assert d.value < 0.01  # peers: 0.387
    assert d.interval is not None
    assert d.interval[0] == 0
    assert d.p_value > 0.01


def test_nulls_that_appear_are_seen() -> None:
    rng = np.random.default_rng(13)
    x = rng.normal(size=4000)
    d = kb.compare(pa.table({"x": x}), pa.table({"x": pa.array(x, mask=rng.random(4000) < 0.5)})).columns["x"]
    assert d.interval is not None
    assert d.interval[1] == math.inf
    assert d.bits > 1
    assert "never shows ('(null)')" in d.caveats[0]
    assert d.unseen == pytest.approx(0.5, abs=0.03)


def test_one_unseen_level_in_a_hundred_thousand_is_no_alarm() -> None:
    values = ["a"] * 60_000 + ["b"] * 40_000
    result = kb.compare(pa.table({"x": values}), pa.table({"x": [*values[:-1], "c"]}))
    assert result.alarms == ()
    assert result.columns["x"].bits < 1e-4
    assert result.findings == ()


def test_one_empty_column_does_not_end_the_report() -> None:
    last = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "gone": pa.nulls(4)})
    this = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "gone": pa.nulls(4, pa.float64())})
    result = kb.compare(last, this)
    assert result.columns["gone"].value == 0
    assert result.columns["x"].value == 0


def test_nan_in_parquet_is_counted_though_its_statistics_leave_it_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(14)
    x = rng.normal(size=5000)
    y = np.where(rng.random(5000) < 0.2, np.nan, x)
    for name, values in (("last", x), ("this", y)):
        pq.write_table(pa.table({"x": values}), tmp_path / f"{name}.parquet")
    d = kb.compare(tmp_path / "last.parquet", tmp_path / "this.parquet").columns["x"]
    nan = next(level for level in d.levels if level.label == "(NaN)")
    assert nan.current == np.isnan(y).mean()
    assert nan.reference == 0


def test_identical_columns_raise_few_alarms() -> None:
    # The whole study (20 seeds) is benchmarks/false_alarms.py; these are its first four tables.
    results = [kb.compare(*unchanged(seed)) for seed in range(4)]
    assert np.mean([sum(d.p_value < 0.05 for d in r.columns.values()) for r in results]) <= 10
    assert sum(not r.alarms for r in results) >= 3


# --- kinds of columns ---------------------------------------------------------------------------------------------


def odd_kinds(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 300, size=n)
    return pa.table(
        {
            "decimal": pa.array([decimal.Decimal(int(v)) / 4 for v in whole], pa.decimal128(12, 2)),
            "date": pa.array([dt.date(2026, 1, 1) + dt.timedelta(days=int(v)) for v in whole]),
            "time": pa.array([dt.time(int(v) % 24, int(v) % 60) for v in whole]),
            "uuid": [str(uuid.UUID(int=int(v) % 5)) for v in whole],
            "category": pa.array([f"k{v % 3}" for v in whole]).dictionary_encode(),
            "small": pa.array(whole % 7, pa.int8()),
            "unsigned": pa.array(whole.astype("uint64") * 2**55),
            "half": pa.array(rng.normal(size=n).astype("float32")),
            "zoned": pa.array(whole.astype("datetime64[s]"), pa.timestamp("s", tz="Asia/Taipei")),
            "list": [[int(v)] for v in whole],
            "struct": [{"a": int(v)} for v in whole],
            "bytes": [bytes([v % 256]) for v in whole],
        }
    )


def test_every_kind_is_compared_or_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(odd_kinds(800, 15), tmp_path / "last.parquet")
    pq.write_table(odd_kinds(700, 16), tmp_path / "this.parquet")
    result = kb.compare(tmp_path / "last.parquet", tmp_path / "this.parquet")
    assert {name: d.kind for name, d in result.columns.items()} == {
        "decimal": "number",
        "date": "date",
        "time": "time of day",
        "uuid": "text",
        "category": "text",
        "small": "integer",
        "unsigned": "integer",
        "half": "number",
        "zoned": "timestamp",
    }
    assert result.alarms == ()
    refused = [f for f in result.findings if "was not compared" in f]
    assert [name for name in ("list", "struct", "bytes") if any(f"'{name}'" in f for f in refused)] == [
        "list",
        "struct",
        "bytes",
    ]


def test_types_without_an_engine_are_refused_by_name() -> None:
    n = 40
    table = pa.table(
        {
            "good": np.arange(float(n)),
            "half": pa.array(np.arange(n), pa.float16()),
            "fixed": pa.array([b"ab"] * n, pa.binary(2)),
            "lasting": pa.array(range(n), pa.duration("s")),
            "huge": pa.array([decimal.Decimal(1)] * n, pa.decimal256(50)),
            "runs": pa.RunEndEncodedArray.from_arrays([n], [1]),
        }
    )
    result = kb.compare(table, table)
    assert list(result.columns) == ["good", "half"]
    refused = " ".join(result.findings)
    assert all(f"'{name}' was not compared" in refused for name in ("fixed", "lasting", "huge", "runs"))
    assert "fixed_size_binary[2]" in refused


@pytest.mark.parametrize("table", [pa.table({}), pa.table({"x": pa.array([b"ab"] * 3, pa.binary(2))})])
def test_a_frame_without_a_usable_column_is_refused(table: pa.Table) -> None:
    with pytest.raises(kb.TableError, match="no column of a type that can be compared"):
        kb.compare(table, mixed(10, 60))


def test_dates_that_move_on_are_seen() -> None:
    last = pa.table({"day": pa.array([dt.date(2026, 1, 1 + i % 28) for i in range(2000)])})
    this = pa.table({"day": pa.array([dt.date(2026, 2, 1 + i % 28) for i in range(2000)])})
    d = kb.compare(last, this).columns["day"]
    assert max(d.levels, key=lambda level: level.current).label == "2026-01-29 and above"
    assert d.bits > 2


def test_schema_differences_are_findings() -> None:
    last = pa.table({"both": [1, 2, 3, 4], "old": [1, 2, 3, 4], "turned": [1, 2, 3, 4], "wider": [1, 2, 3, 4]})
    this = pa.table({"both": [1, 2, 3, 4], "new": [1, 2, 3, 4], "turned": list("abcd"), "wider": [1.0, 2.0, 3.5, 4.0]})
    result = kb.compare(last, this)
    assert list(result.columns) == ["both", "wider"]
    text = " ".join(result.findings)
    assert "Column 'old' is only in the reference" in text
    assert "Column 'new' is only in the current table" in text
    assert "Column 'turned' changed its type: integer (int64) in the reference, text (string)" in text


@pytest.mark.parametrize(("rows", "which"), [((0, 4), "reference is"), ((4, 0), "current table is"), ((0, 0), "are")])
def test_empty_tables_are_reported(rows: tuple[int, int], which: str) -> None:
    tables = [pa.table({"x": pa.array(range(n), pa.float64())}) for n in rows]
    result = kb.compare(*tables)
    assert dict(result.columns) == {}
    assert f"{which} empty" in result.findings[0]
    assert result.summary == "No column could be compared."


def test_all_null_on_one_side() -> None:
    full, empty = pa.table({"x": np.arange(500.0)}), pa.table({"x": pa.nulls(500, pa.float64())})
    d = kb.compare(full, empty).columns["x"]
    assert d.unseen == 1
    assert d.bits > 5
    back = kb.compare(empty, full).columns["x"]
    assert back.unseen == 1


def test_identifiers_are_called_so() -> None:
    table = pa.table({"id": [str(uuid.UUID(int=i)) for i in range(3000)]})
    other = pa.table({"id": [str(uuid.UUID(int=i + 10_000)) for i in range(3000)]})
    d = kb.compare(table, other).columns["id"]
    assert any("identifier" in caveat for caveat in d.caveats)
    assert d.interval is not None
    assert d.interval[1] == math.inf


HOSTILE = [
    "<script>alert(1)</script>",
    'a"b',
    "a'b; DROP TABLE x; --",
    "line\nbreak",
    "🙂",
    "\u202eevil",
    "x" * 10_000,
    "key",
    "side",
    "{{ 7 * 7 }}",
    "(other values)",
    "(null)",
    "",
]


def test_hostile_names_and_values() -> None:
    rng = np.random.default_rng(17)
    last, this = (pa.table({name or " ": rng.choice(HOSTILE, size=500) for name in HOSTILE}) for _ in range(2))
    result = kb.compare(last, this)
    assert list(result.columns) == [name or " " for name in HOSTILE]
    assert len(result.columns["key"].levels) == len(HOSTILE)
    assert repr(result)
    assert "<script>" not in result._repr_html_()


def test_wide_tables_take_several_queries() -> None:
    rng = np.random.default_rng(18)
    seen: list[tuple[int, int]] = []
    tables = [pa.table({f"c{i}": rng.normal(size=200) for i in range(150)}) for _ in range(2)]
    result = kb.compare(*tables, progress=lambda done, total: seen.append((done, total)))
    assert len(result.columns) == 150
    assert [done for done, _ in seen] == [*range(16, 150, 16), 150]
    assert {total for _, total in seen} == {150}


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_moments_within_a_second(unit: str) -> None:
    rng = np.random.default_rng(50)
    last, this = (
        pa.table({"x": pa.array(rng.integers(low, low + 5000, 4000), pa.timestamp(unit))}) for low in (0, 900)
    )
    d = kb.compare(last, this).columns["x"]
    assert len({level.label for level in d.levels}) == len(d.levels)
    assert math.fsum(d.parts.values()) == pytest.approx(d.value, rel=1e-9)
    assert d.value > 0.25


def test_levels_of_weight_zero_are_compared() -> None:
    last = pa.table({"v": ["a", "b"] * 100 + ["c"], "w": [1.0] * 200 + [0.0]})
    this = pa.table({"v": ["a", "b", "b"] * 100, "w": [1.0] * 300})
    without = kb.compare(last[:200], this, weights="w").columns["v"]
    assert kb.compare(last, this, weights="w").columns["v"].value == without.value


def test_weighted_intervals_cover_no_change() -> None:
    rng = np.random.default_rng(51)
    levels, share = np.array([f"v{i}" for i in range(200)]), 1 / np.arange(1, 201)
    share /= share.sum()

    def table(n: int) -> pa.Table:
        columns = {f"c{i}": rng.choice(levels, size=n, p=share) for i in range(60)}
        return pa.table(columns | {"w": rng.exponential(size=n)})

    result = kb.compare(table(3000), table(1000), weights="w")
    assert sum(d.interval is not None and d.interval[0] == 0 for d in result.columns.values()) >= 54
    assert np.mean([d.value for d in result.columns.values()]) < 0.01
    assert all(d.interval is not None and d.interval[1] == math.inf for d in result.columns.values())


def test_more_bins_see_no_less() -> None:
    # With many repeated values no edge may be lost at the top.
    rng = np.random.default_rng(52)
    last, this = pa.table({"x": rng.integers(0, 150, 40_000)}), pa.table({"x": rng.integers(50, 200, 40_000)})
    few, many = (kb.compare(last, this, bins=bins).columns["x"].value for bins in (20, 100))
    assert many > 0.9 * few > 0.5


def test_integers_beyond_floats_are_said_to_merge() -> None:
    last, this = (pa.table({"id": pa.array(2**60 + np.arange(low, low + 100))}) for low in (0, 50))
    assert any("beyond 2^53" in caveat for caveat in kb.compare(last, this).columns["id"].caveats)


def test_single_and_double_precision_hold_the_same_values() -> None:
    rng = np.random.default_rng(53)
    last = pa.table({"x": rng.choice(np.float32([0.1, 0.2, 0.3]), 5000)})
    this = pa.table({"x": rng.choice([0.1, 0.2, 0.3], 5000)})
    assert kb.compare(last, this).alarms == ()


def test_rare_values_all_replaced_raise_an_alarm() -> None:
    last, this = (pa.table({"x": [f"{side}{i}" for i in range(1000) for _ in range(5)]}) for side in "ab")
    result = kb.compare(last, this)
    assert result.alarms == ("x",)
    assert result.columns["x"].value > 2


def test_files_of_a_glob_must_hold_the_same_columns(tmp_path: Path) -> None:
    for kind, write in (("parquet", pq.write_table), ("csv", pyarrow.csv.write_csv)):
        write(pa.table({"a": [1, 2], "b": [1, 2]}), tmp_path / f"0.{kind}")
        write(pa.table({"a": [1.5, 2.5], "extra": [1, 2]}), tmp_path / f"1.{kind}")
        with pytest.raises(kb.TableError, match=rf"1.{kind} lacks the column 'b', unlike the first"):
            kb.compare(tmp_path / f"0.{kind}", str(tmp_path / f"*.{kind}"))


def test_files_of_a_glob_may_differ_in_width(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": [1.5, 2.5]}), tmp_path / "1.parquet")
    d = kb.compare(str(tmp_path / "*.parquet"), pa.table({"a": [1.0, 2.0, 1.5, 2.5]})).columns["a"]
    assert d.unseen == 0


@pytest.mark.parametrize("names", [["a", "A"], ["a", "a"]])
def test_names_equal_to_the_engine_are_refused(names: list[str]) -> None:
    table = pa.Table.from_arrays([pa.array([1, 2]), pa.array([3, 4])], names=names)
    with pytest.raises(kb.TableError, match="rename all but one"):
        kb.compare(table, mixed(10, 54))


# --- arguments ----------------------------------------------------------------------------------------------------


def test_weights_are_rows() -> None:
    rng = np.random.default_rng(19)
    values, w = rng.choice(["a", "b", "c"], size=400), rng.integers(1, 4, size=400)
    plain = pa.table({"x": rng.choice(["a", "b", "c"], size=900), "w": np.ones(900)})
    weighted = kb.compare(plain, pa.table({"x": values, "w": w.astype(float)}), weights="w").columns["x"]
    repeated = kb.compare(plain.select(["x"]), pa.table({"x": np.repeat(values, w)})).columns["x"]
    shares = {level.label: level.current for level in repeated.levels}
    assert {level.label: level.current for level in weighted.levels} == pytest.approx(shares)
    assert weighted.error > repeated.error
    assert "effective of 400 rows" in weighted.caveats[-1]


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_the_scale_of_weights_does_not_matter(scale: float) -> None:
    table = pa.table({"x": list("abc") * 50, "w": np.tile([1.0, 2.0, 3.0], 50)})
    scaled = table.set_column(1, "w", pa.array(np.tile([1.0, 2.0, 3.0], 50) * scale))
    plain, same = (kb.compare(t, t, weights="w").columns["x"] for t in (table, scaled))
    assert same.error == pytest.approx(plain.error, rel=1e-9)
    assert [v.current for v in same.levels] == pytest.approx([v.current for v in plain.levels])


def test_columns_are_chosen() -> None:
    assert list(kb.compare(mixed(100, 20), mixed(100, 21), columns=["flag", "number"]).columns) == ["number", "flag"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ["nope"]}, "no column is named 'nope'"),
        ({"columns": "number"}, "sequence of names"),
        ({"columns": []}, "at least one"),
        ({"columns": [1]}, "must be names"),
        ({"confidence": "a"}, "confidence must lie"),
        ({"bins": 1}, "bins must be an integer from 2 to 100, got 1"),
        ({"bins": 2.5}, "bins must be"),
        ({"confidence": 1}, "confidence must lie"),
        ({"weights": "nope"}, "no weights column 'nope'"),
        ({"weights": "text"}, "holds string, not numbers"),
        ({"weights": "number"}, "nulls: give every row a weight"),
    ],
)
def test_bad_arguments_raise(options: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.InputError, match=message):
        kb.compare(mixed(100, 22), mixed(100, 23), **options)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -2.0, 1.0], "negative values, such as -2"),
        ([1.0, math.nan, 1.0], "1 values that are NaN or infinite"),
        ([1.0, math.inf, 1.0], "1 values that are NaN or infinite"),
        ([0.0, 0.0, 0.0], "0 in every row"),
        ([0.0, 5.0, 0.0], "1 effective rows"),
    ],
)
def test_bad_weights_raise(weights: list[float], message: str) -> None:
    table = pa.table({"x": ["a", "b", "c"], "w": weights})
    with pytest.raises(kb.InputError, match=message):
        kb.compare(table, table, weights="w")


@pytest.mark.parametrize("thing", [3, None, [1, 2], np.zeros((2, 2)), {"x": [1]}])
def test_what_is_no_table_is_refused(thing: object) -> None:
    with pytest.raises(kb.InputTypeError, match="reference must be a Parquet"):
        kb.compare(thing, mixed(10, 24))


def in_engine(engine: Any, name: str, seed: int) -> Any:
    frame = mixed(200, seed)
    engine.con.register("frame", frame)
    engine.con.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
    return engine.table(name)


def test_tables_on_two_engines_are_refused() -> None:
    one, two = ibis.duckdb.connect(), ibis.duckdb.connect()
    tables = [in_engine(engine, "t", 25) for engine in (one, two)]
    with pytest.raises(kb.TableError, match="bring both to one connection"):
        kb.compare(*tables)


def test_an_engine_of_the_caller_keeps_its_settings() -> None:
    engine = ibis.duckdb.connect()
    engine.con.execute("SET disabled_optimizers = 'join_order'")
    last = in_engine(engine, "last", 26)
    kb.compare(last, mixed(200, 27))
    assert engine.con.execute("SELECT current_setting('disabled_optimizers')").fetchone() == ("join_order",)


# --- the result ---------------------------------------------------------------------------------------------------


def test_ranking_puts_changes_first() -> None:
    result = kb.compare(mixed(1000, 40), mixed(1000, 41, shift=0.5))
    ranked = [d.column for d in result.ranked()]
    assert set(ranked[: len(result.alarms)]) == set(result.alarms) >= {"number", "text"}


def test_gate_asks_the_lower_end() -> None:
    result = kb.compare(mixed(1000, 30), mixed(1000, 31, shift=0.5))
    d = result.columns["number"]
    assert d.interval is not None
    low = d.interval[0] / math.log(2)
    assert [c.column for c in result.above(low * 0.999)][:1] == ["number"]
    assert "number" not in [c.column for c in result.above(low)]
    with pytest.raises(kb.InputError, match="at least 0"):
        result.above(-1)


def test_result_survives_pickle_and_shows_itself() -> None:
    from rich.console import Console

    result = kb.compare(mixed(500, 32), mixed(500, 33))
    assert pickle.loads(pickle.dumps(result)).to_dict() == result.to_dict()
    for d in result.columns.values():
        assert kb.Divergence.from_dict(d.to_dict()).value == d.value
        assert type(d).from_dict(json.loads(json.dumps(d.to_dict()))) == d
    console = Console(width=100)
    with console.capture() as capture:
        console.print(result)
    assert "D(current‖reference)" in capture.get()
    assert "number" in result._repr_html_()
    assert "5 columns" in repr(result)
