"""How far is Q from P, how sure are we, why, and how do we close the gap?

The Kullback-Leibler divergence D(P‖Q), measured between anything, explained and minimised. Arguments are always
``(p, q)``: P is the truth, Q the model of it, and the value is the extra nats paid per draw for coding P with a code
made for Q.
"""

from __future__ import annotations

from ._core import late as _late
from ._core.divergence import Divergence
from ._core.errors import InputError, InputTypeError, KullbackError, MissingExtra, TableError

__version__ = "0.1.0.dev0"

_late.provide("chart of a divergence", "kullback.report.charts:of_divergence")

__all__ = [
    "Divergence",
    "InputError",
    "InputTypeError",
    "KullbackError",
    "MissingExtra",
    "TableError",
]
