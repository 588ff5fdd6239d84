"""Distributions made of other distributions, one kind a file."""
