"""The families that are fitted, one a file: a file is a name that `kullback.fit` knows.

A file has ``begin(places, argument, rng)``, from the Gaussians to start from, best first, and the number in brackets
behind the name (or None) to an `Approximation`. A file with ``FIRST`` starts from a fit of the family named there.
"""
