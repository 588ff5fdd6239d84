"""Exact measures of probability arrays."""

from .entropies import Decomposition, cross_entropy, decompose, entropy
from .fdivergences import chi2, f_divergence, hellinger, total_variation
from .generators import GENERATORS, Generator
from .information import chain_rule, mutual_information
from .measures import contributions, generalized_kl, jeffreys, js, kl
from .powers import alpha_divergence, renyi, tsallis

__all__ = [
    "GENERATORS",
    "Decomposition",
    "Generator",
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
