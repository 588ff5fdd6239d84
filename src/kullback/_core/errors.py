"""The error tree: every exception that kullback raises on purpose."""

from __future__ import annotations

from collections.abc import Mapping


class KullbackError(Exception):
    """Base of every error that kullback raises on purpose."""


class InputError(KullbackError, ValueError):
    """A value that cannot be used: the message names it, its position and the remedy."""


class InputTypeError(KullbackError, TypeError):
    """An argument of a kind that cannot be used: the message names what is accepted."""


class TableError(InputError):
    """A table that cannot be read: the message names the source, what is wrong and where."""


class MissingExtra(KullbackError, ImportError):
    """An optional dependency is absent: the message says what to install, and why."""


class NotANumber(InputError):
    """The parameters are too extreme for a closed form: floats do not hold what it is made of."""


class NoClosedForm(KullbackError, NotImplementedError):
    """No closed form is known: the message names the pair, the nearest that has one, and `kullback.estimate`."""


class Infeasible(InputError):
    """No weights meet the target.

    Attributes
    ----------
    conflict : mapping of str to float
        The constraints that conflict, and their weights in a certificate: the sum of weight × feature is below the
        target's sum in every row, so no average of rows reaches it.
    nearest : mapping of str to float
        For each constraint that must give way, the nearest value that can be met.
    """

    def __init__(self, message: str, conflict: Mapping[str, float], nearest: Mapping[str, float]) -> None:
        super().__init__(message)
        self.conflict, self.nearest = dict(conflict), dict(nearest)

    def __reduce__(self) -> tuple[type[Infeasible], tuple[str, dict[str, float], dict[str, float]]]:
        return type(self), (str(self), self.conflict, self.nearest)
