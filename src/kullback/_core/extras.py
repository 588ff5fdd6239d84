"""Optional dependencies: imported on first use, and one sentence when they are absent."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import MissingExtra


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or say what to install and why.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    extra : str
        The extra of kullback that brings it.
    purpose : str
        What it is needed for, as the end of the sentence "... is needed to".

    Raises
    ------
    MissingExtra
        If the module, or one that it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{error.name} is needed to {purpose}: pip install 'kullback[{extra}]'") from error
