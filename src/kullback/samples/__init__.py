"""Estimators from samples, one a file."""
