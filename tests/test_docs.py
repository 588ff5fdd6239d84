"""Every example that a reader can type is typed: README, docs pages and docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import kullback

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PUBLIC = [
    module.name
    for module in pkgutil.walk_packages(kullback.__path__, "kullback.")
    if not module.name.endswith(("__main__", "_native"))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page(page: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks, f"{page.name} shows nothing"
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for number, block in enumerate(blocks):
        if ">>>" in block:
            example = doctest.DocTestParser().get_doctest(block, names, f"{page.name}[{number}]", str(page), 0)
            runner.run(example, clear_globs=False)
            names.update(example.globs)
        else:
            exec(compile(block, f"{page.name}[{number}]", "exec"), names)
    assert runner.summarize().failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_the_examples_of_a_module(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS).failed == 0


def test_the_first_two_blocks_of_the_readme_are_the_promise() -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks[:2]] == ["bash", "bash"]
    assert [text.count("\n") for _, text in blocks[:2]] == [1, 1]
    assert blocks[0][1].rstrip().endswith("kullback demo")
    assert "pytest" in blocks[1][1]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"`((?:benchmarks|tests|docs|src)/[\w/.]+\.\w+)`", text):
        assert (ROOT / target).exists(), target
