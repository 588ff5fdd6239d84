"""The number in brackets behind a family's name."""

from __future__ import annotations

from kullback._core.errors import InputError


def refuse(name: str, argument: int | None) -> None:
    """Raise where a family that takes no number was given one."""
    if argument is not None:
        raise InputError(f"{name!r} takes no number in brackets, got {name}({argument})")


def wanted(name: str, argument: int | None, what: str, least: int) -> int:
    """Return the number, or raise where it is missing or too small."""
    if argument is None or argument < least:
        got = name if argument is None else f"{name}({argument})"
        raise InputError(f"{name!r} needs {what}, at least {least}, in brackets, such as '{name}(3)': got {got!r}")
    return argument
