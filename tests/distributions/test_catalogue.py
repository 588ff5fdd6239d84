"""The register, and the page of the docs that is made of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import kullback as kb

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_register_says() -> None:
    spec = importlib.util.spec_from_file_location("closed_forms_page", DOCS / "closed_forms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "closed_forms.md").read_text(encoding="utf-8") == module.page(), "run python docs/closed_forms.py"


def test_there_are_at_least_150_finite_pairs() -> None:
    forms = kb.closed_forms()
    assert len({form.name for form in forms}) == len(forms)
    assert sum(form.finite for form in forms) >= 150


def test_every_form_says_where_it_comes_from() -> None:
    for form in kb.closed_forms():
        assert form.formula, form.name
        assert form.source, form.name
