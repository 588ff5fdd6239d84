"""The examples in the documentation are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

MODULES = ["entropies", "fdivergences", "information", "measures", "powers"]


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"kullback.arrays.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "arrays.md"
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0
