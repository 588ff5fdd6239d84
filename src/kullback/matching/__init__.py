"""Matching: fit a model or weights to a target by minimising KL in the direction that is named."""

from .match import Match, Panel
from .reweight import reweight
from .reweighting import Reweighting

__all__ = ["Match", "Panel", "Reweighting", "reweight"]
