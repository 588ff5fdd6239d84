"""Fitted Gaussian mixtures of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback.distributions._family import Family
from kullback.distributions.families.gaussian_mixture import GaussianMixture

LIBRARY = "sklearn.mixture"


def recognises(thing: Any) -> bool:
    """Whether this is a Gaussian mixture of scikit-learn."""
    from sklearn.mixture import GaussianMixture as Fitted

    return isinstance(thing, Fitted)


def adapt(thing: Any) -> Family:
    """Return the mixture that was fitted."""
    if not hasattr(thing, "covariances_"):
        raise InputError("this GaussianMixture of scikit-learn is not fitted: call its fit first")
    means, covariances = thing.means_, thing.covariances_
    size = means.shape[1]
    kind = thing.covariance_type
    if kind == "tied":
        covariances = np.broadcast_to(covariances, (len(means), size, size))
    elif kind in ("diag", "spherical"):
        covariances = covariances.reshape(len(means), -1, 1) * np.eye(size)
    return GaussianMixture(thing.weights_, means, covariances)
