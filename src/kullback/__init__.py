"""How far is Q from P, how sure are we, why, and how do we close the gap?

The Kullback-Leibler divergence D(P‖Q), measured between anything, explained and minimised. Arguments are always
``(p, q)``: P is the truth, Q the model of it, and the value is the extra nats paid per draw for coding P with a code
made for Q.
"""

from __future__ import annotations

from ._core import late as _late
from ._core.divergence import Divergence
from ._core.errors import InputError, InputTypeError, KullbackError, MissingExtra, TableError
from .arrays import (
    GENERATORS,
    Decomposition,
    Generator,
    alpha_divergence,
    chain_rule,
    chi2,
    contributions,
    cross_entropy,
    decompose,
    entropy,
    f_divergence,
    generalized_kl,
    hellinger,
    jeffreys,
    js,
    kl,
    mutual_information,
    renyi,
    total_variation,
    tsallis,
)

__version__ = "0.1.0.dev0"

_late.provide("chart of a divergence", "kullback.report.charts:of_divergence")

__all__ = [
    "GENERATORS",
    "Decomposition",
    "Divergence",
    "Generator",
    "InputError",
    "InputTypeError",
    "KullbackError",
    "MissingExtra",
    "TableError",
    "alpha_divergence",
    "chain_rule",
    "chi2",
    "contributions",
    "cross_entropy",
    "decompose",
    "entropy",
    "f_divergence",
    "generalized_kl",
    "hellinger",
    "jeffreys",
    "js",
    "kl",
    "mutual_information",
    "renyi",
    "total_variation",
    "tsallis",
]
