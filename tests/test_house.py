"""The house rules: imports only go down, the package is light to import, files stay readable."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import kullback

SOURCE = Path(kullback.__file__).parent
FLOORS = {
    "_core": 0,
    "arrays": 1,
    "distributions": 2,
    "samples": 2,
    "coding": 2,
    "losses": 2,
    "ladder": 3,
    "tables": 3,
    "matching": 4,
    "report": 4,
    "demo": 4,
    "cli": 5,
    "__main__": 6,
    "__init__": 6,
}
FILES = sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    """The top-level folder or file of the package that holds `path`."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """The rooms of kullback that a file imports, wherever in the file it does so."""
    package = ("kullback", *path.relative_to(SOURCE).parts[:-1])
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            head = ".".join([*base, node.module] if node.module else base)
            names = [f"{head}.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {n.split(".")[1] for n in names if n.startswith("kullback.")}
    return rooms & FLOORS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_only_go_down(path: Path) -> None:
    here = room(path)
    for there in imported_rooms(path) - {here}:
        assert FLOORS[there] < FLOORS[here], f"{path} on floor {FLOORS[here]} imports {there}"


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in FILES} <= FLOORS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_import_is_light() -> None:
    code = "import sys, json, kullback; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(run.stdout)}
    assert "kullback" in loaded
    heavy = {"torch", "jax", "ibis", "duckdb", "altair", "sklearn", "pandas", "scipy", "typer", "rich", "pyarrow"}
    assert not loaded & heavy
