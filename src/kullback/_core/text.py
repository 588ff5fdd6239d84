"""Names and values come from data: cut with care before they are shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Container

WIDTH = 60


def cut(text: str, width: int = WIDTH) -> str:
    """Shorten text to `width` characters, and make every control character visible.

    Bidirectional overrides and line breaks would otherwise rearrange the sentence around a hostile name. A combining
    mark or a joiner at the cut goes with the character that it belongs to.
    """
    shown = "".join(_visible(character) for character in text[: width + 1])
    if len(shown) <= width:
        return shown
    end = width - 1
    while end > 0 and (unicodedata.combining(shown[end]) or shown[end] in "\u200d\ufe0f" or shown[end - 1] == "\u200d"):
        end -= 1
    return shown[:end] + "…"


def quoted(text: str, width: int = WIDTH) -> str:
    """Return the cut text in quotation marks."""
    return f"'{cut(text, width)}'"


def distinct(text: str, taken: Container[str]) -> str:
    """Return the text, primed as often as it takes to differ from those taken: long values may look alike once cut."""
    while text in taken:
        text += "′"
    return text


def _visible(character: str) -> str:
    if character in "\u200d\ufe0f":  # joiners and variation selectors belong to emoji
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return f"\\u{ord(character):04x}"
    return character
