"""JAX computes in float64 in these tests, whichever of them are run."""

import backends  # noqa: F401
