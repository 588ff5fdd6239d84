"""Reverse direction: the member Q of a family that minimises D(Q‖P), P known by its log-density up to a constant."""

from __future__ import annotations

from . import _torch  # noqa: F401  (first: it says what to install where torch is absent)
from .fitting import fit_reverse
from .result import Expectation, Variational

__all__ = ["Expectation", "Variational", "fit_reverse"]
