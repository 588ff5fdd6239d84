"""Matching: fit a model or weights to a target by minimising KL in the direction that is named."""

from .barycenter import barycenter
from .fit import fit
from .match import Match, Panel
from .mixture_reduction import reduce_mixture
from .propagation import Propagation, expectation_propagation
from .reweight import reweight
from .reweighting import Reweighting

__all__ = [
    "Match",
    "Panel",
    "Propagation",
    "Reweighting",
    "barycenter",
    "expectation_propagation",
    "fit",
    "reduce_mixture",
    "reweight",
]
