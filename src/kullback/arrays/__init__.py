"""Exact measures of probability arrays."""
