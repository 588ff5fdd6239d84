"""Closed forms between families, one target or kind a file."""
