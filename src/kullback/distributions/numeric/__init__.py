"""Numerical rungs below the closed forms, one a file: each takes two sides and returns a Divergence, or refuses."""

from __future__ import annotations

from kullback._core.errors import InputError


class DoesNotApply(InputError):
    """A rung that cannot answer for this pair: the message is the reason, to follow "because"."""
