"""The command line as a shell sees it: exit codes, one-sentence errors, whole files or none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from example_tables import mixed
from kullback.cli import write_atomically


def kullback(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kullback", *map(str, arguments)]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "last.parquet", tmp_path / "this.parquet"
    pq.write_table(mixed(1000, 1), paths[0])
    pq.write_table(mixed(1000, 2, shift=0.5), paths[1])
    return paths


def test_compare_prints_and_writes(tables: tuple[Path, Path], tmp_path: Path) -> None:
    page, figures = tmp_path / "report.html", tmp_path / "figures.json"
    run = kullback("compare", *tables, "--html", page, "--json", figures)
    assert (run.returncode, run.stderr) == (0, "")
    assert "2 of 5 columns changed beyond chance" in run.stdout
    data = json.loads(figures.read_text(encoding="utf-8"))
    assert data["alarms"] == ["number", "text"]
    assert {column["column"] for column in data["columns"]} == {"number", "count", "text", "flag", "when"}
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures.json", "last.parquet", "report.html", "this.parquet"]


def test_json_to_standard_output_is_json_alone(tables: tuple[Path, Path]) -> None:
    run = kullback("compare", *tables, "--columns", "number,flag", "--json", "-")
    assert [column["column"] for column in json.loads(run.stdout)["columns"]] == ["number", "flag"]


def test_columns_may_be_given_one_by_one(tables: tuple[Path, Path]) -> None:
    run = kullback("compare", *tables, "-c", "number", "-c", "flag", "--json", "-")
    assert len(json.loads(run.stdout)["columns"]) == 2


def test_gate(tables: tuple[Path, Path]) -> None:
    above = kullback("compare", *tables, "--fail-above", "0.01", "--quiet")
    assert above.returncode == 1
    assert above.stdout == ""
    assert "number" in above.stderr
    assert kullback("compare", *tables, "--fail-above", "5").returncode == 0
    assert kullback("compare", tables[0], tables[0], "--fail-above", "0").returncode == 0


def test_an_empty_table_is_reported_and_fails_the_gate(tables: tuple[Path, Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty.parquet"
    pq.write_table(mixed(10, 3)[:0], empty)
    run = kullback("compare", tables[0], empty)
    assert run.returncode == 0
    assert "current table is empty" in run.stdout
    assert kullback("compare", tables[0], empty, "--fail-above", "1").returncode == 1


def _bad_inputs(folder: Path) -> dict[str, tuple[str, str]]:
    """What is handed over as the current table, and what must be said of it."""
    whole = folder / "whole.parquet"
    pq.write_table(mixed(2000, 4), whole)
    (folder / "truncated.parquet").write_bytes(whole.read_bytes()[:3000])
    (folder / "not.parquet").write_text("hello")
    (folder / "ragged.csv").write_text("a,b\n" + "1,2\n" * 50 + "1,2,3,4\n" + "1,2\n" * 50)
    (folder / "twice.csv").write_text("a,a\n1,2\n")
    (folder / "empty.csv").write_text("")
    (folder / "broken.jsonl").write_text('{"a": 1}\n{"a": \n')
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), folder / "twice.parquet")
    (folder / "table.xlsx").write_text("")
    return {
        "missing.parquet": ("does not exist", "missing"),
        "truncated.parquet": ("cannot be read", "truncated"),
        "not.parquet": ("cannot be read", "not.parquet"),
        "ragged.csv": ("line 52 of ragged.csv has 4 fields where the header has 2", "ragged.csv"),
        "twice.csv": ("more than one column named 'a'", "twice.csv"),
        "twice.parquet": ("more than one column named 'a'", "twice.parquet"),
        "empty.csv": ("holds no bytes", "empty.csv"),
        "broken.jsonl": ("cannot be read", "broken.jsonl"),
        "table.xlsx": ("its kind is unknown", "xlsx"),
        "none-*.csv": ("matches no file", "none-*.csv"),
        ".": ("is a folder", "*.parquet"),
    }


def test_bad_input_is_one_sentence_and_exit_code_2(tables: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    page = tmp_path / "report.html"
    for name, said in _bad_inputs(folder).items():
        run = kullback("compare", tables[0], name, "--html", page, cwd=folder)
        assert run.returncode == 2, (name, run.stdout, run.stderr)
        assert run.stdout == "", name
        assert run.stderr.startswith("kullback: "), (name, run.stderr)
        assert run.stderr.count("\n") == 1, (name, run.stderr)
        for words in said:
            assert words in run.stderr, (name, run.stderr)
        assert not page.exists(), name
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".part"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "number"], "nulls"),
        (["--weights", "nope"], "no weights column 'nope'"),
        (["--columns", "nope"], "no column is named 'nope'"),
        (["--bins", "1"], "bins must be"),
        (["--confidence", "2"], "confidence must lie"),
        (["--fail-above", "-1"], "--fail-above must be"),
        (["--fail-above", "nan"], "--fail-above must be"),
        (["--html", "no/such/folder/x.html"], "its folder does not exist"),
        (["--json", "."], "is a folder"),
    ],
)
def test_bad_options_are_one_sentence_and_exit_code_2(
    tables: tuple[Path, Path], tmp_path: Path, options: list[str], message: str
) -> None:
    run = kullback("compare", *tables, *options, cwd=tmp_path)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_negative_weights(tmp_path: Path) -> None:
    path = tmp_path / "w.parquet"
    pq.write_table(pa.table({"x": ["a", "b", "c"], "w": [1.0, -0.5, 1.0]}), path)
    run = kullback("compare", path, path, "--weights", "w")
    assert run.returncode == 2
    assert "negative values, such as -0.5" in run.stderr


@pytest.mark.parametrize("arguments", [["--bogus"], ["compare"], ["nonsense"], ["compare", "a", "b", "--bins", "many"]])
def test_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    run = kullback(*arguments)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_outputs_never_take_the_place_of_inputs_or_each_other(tables: tuple[Path, Path], tmp_path: Path) -> None:
    before = tables[1].read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(tables[1])
    for options in (["--html", tables[1]], ["--json", link], ["--html", "x", "--json", "x"], ["--html", "-"]):
        run = kullback("compare", *tables, *options, cwd=tmp_path)
        assert run.returncode == 2, options
        assert run.stderr.count("\n") == 1
    assert tables[1].read_bytes() == before
    assert not (tmp_path / "x").exists()


def test_a_device_is_no_file(tables: tuple[Path, Path], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    run = kullback("compare", *tables, "--html", pipe)
    assert run.returncode == 2
    assert "is not a file" in run.stderr
    assert pipe.is_fifo()


def test_new_files_keep_to_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "x", "private")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_a_terminal_without_unicode(tables: tuple[Path, Path]) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "kullback", "compare", *map(str, tables)]
    run = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (run.returncode, run.stderr) == (0, b"")


def test_a_fault_of_ours_is_not_drift(tables: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from kullback import __main__, cli

    def fault(arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "run", fault)
    with pytest.raises(SystemExit) as left:
        __main__.main()
    assert left.value.code == 70


def test_help_and_version() -> None:
    assert "--fail-above" in kullback("compare", "--help").stdout
    assert kullback("--version").stdout.strip() == __import__("kullback").__version__


def test_demo_tells_what_to_look_at(tmp_path: Path) -> None:
    run = kullback("demo", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "worst perimeter" in run.stdout.split("What to look at")[1]
    assert "texture error" in run.stdout.split("Not changed beyond chance")[1]
    assert (tmp_path / "kullback-demo.html").stat().st_size < 1_500_000


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
