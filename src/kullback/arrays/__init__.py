"""Exact measures of probability arrays."""

from .fdivergences import alpha_divergence, chi2, f_divergence, hellinger, renyi, total_variation, tsallis
from .generators import GENERATORS, Generator
from .information import chain_rule, mutual_information
from .measures import Decomposition, contributions, cross_entropy, decompose, entropy, generalized_kl, jeffreys, js, kl

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
