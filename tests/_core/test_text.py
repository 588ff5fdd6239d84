"""Hostile names are cut and defused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback._core.text import cut, quoted


@given(st.text(), st.integers(2, 80))
def test_cut_is_short_and_has_no_control_characters(text: str, width: int) -> None:
    shown = cut(text, width)
    assert len(shown) <= width
    assert not any(ord(c) < 32 or 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069 for c in shown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\nb", "a\\u000ab"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("x" * 70, "x" * 59 + "…"),
        ("שלום", "שלום"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert cut(text) == expected


def test_an_emoji_is_never_torn() -> None:
    family = "👩\u200d👩\u200d👧"
    for width in range(2, 7):
        assert not cut(family * 3, width).removesuffix("…").endswith("\u200d")


def test_quoted() -> None:
    assert quoted("a") == "'a'"
