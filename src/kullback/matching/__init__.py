"""Matching: fit a model or weights to a target by minimising KL in the direction that is named."""
