"""How far is Q from P, how sure are we, why, and how do we close the gap?

The Kullback-Leibler divergence D(P‖Q), measured between anything, explained and minimised. Arguments are always
``(p, q)``: P is the truth, Q the model of it, and the value is the extra nats paid per draw for coding P with a code
made for Q.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._core import late as _late
from ._core.divergence import Divergence
from ._core.errors import Infeasible, InputError, InputTypeError, KullbackError, MissingExtra, NoClosedForm, TableError
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
_late.provide("chart of a match", "kullback.report.charts:of_match")
_late.provide("measures of distributions", "kullback.distributions.measures:measure")
_late.provide("page of a comparison", "kullback.report.page:of_comparison")

if TYPE_CHECKING:
    from . import coding, distributions, losses
    from .coding.excess import ExcessBits, excess_bits
    from .distributions import closed_forms
    from .ladder import estimate
    from .matching.barycenter import barycenter
    from .matching.fit import fit
    from .matching.match import Match
    from .matching.mixture_reduction import reduce_mixture
    from .matching.propagation import expectation_propagation
    from .matching.reweight import reweight
    from .samples.attribution import Attribution, attribute
    from .samples.information import estimate_mutual_information
    from .samples.sequences import estimate_rate
    from .samples.series import estimate_series
    from .tables import Comparison, compare

_ON_FIRST_USE = {
    "ExcessBits": "coding.excess",
    "Attribution": "samples.attribution",
    "Comparison": "tables",
    "Match": "matching.match",
    "attribute": "samples.attribution",
    "barycenter": "matching.barycenter",
    "closed_forms": "distributions",
    "compare": "tables",
    "estimate": "ladder",
    "estimate_mutual_information": "samples.information",
    "estimate_rate": "samples.sequences",
    "estimate_series": "samples.series",
    "reduce_mixture": "matching.mixture_reduction",
    "reweight": "matching.reweight",
    "excess_bits": "coding.excess",
    "expectation_propagation": "matching.propagation",
    "fit": "matching.fit",
}


def __getattr__(name: str) -> Any:
    """Import what needs SciPy or an extra only when it is asked for."""
    if name in ("coding", "distributions", "losses"):
        return import_module(f"kullback.{name}")
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module 'kullback' has no attribute {name!r}")
    return getattr(import_module(f"kullback.{_ON_FIRST_USE[name]}"), name)


__all__ = [
    "GENERATORS",
    "Attribution",
    "Comparison",
    "Decomposition",
    "Divergence",
    "ExcessBits",
    "Generator",
    "Infeasible",
    "InputError",
    "InputTypeError",
    "KullbackError",
    "Match",
    "MissingExtra",
    "NoClosedForm",
    "TableError",
    "alpha_divergence",
    "attribute",
    "barycenter",
    "chain_rule",
    "chi2",
    "closed_forms",
    "coding",
    "compare",
    "contributions",
    "cross_entropy",
    "decompose",
    "distributions",
    "entropy",
    "estimate",
    "estimate_mutual_information",
    "estimate_rate",
    "estimate_series",
    "excess_bits",
    "expectation_propagation",
    "f_divergence",
    "fit",
    "generalized_kl",
    "hellinger",
    "jeffreys",
    "js",
    "kl",
    "losses",
    "mutual_information",
    "reduce_mixture",
    "renyi",
    "reweight",
    "total_variation",
    "tsallis",
]
