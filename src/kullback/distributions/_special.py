"""Special functions by the names they share, from the library that the arrays are of."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from kullback.arrays._backend import Array, Namespace

Function = Callable[..., Array]

# kullback's name: (SciPy's and JAX's, torch.special's).
_NAMES = {
    "lgamma": ("gammaln", "gammaln"),
    "digamma": ("digamma", "digamma"),
    "erf": ("erf", "erf"),
    "erfc": ("erfc", "erfc"),
    "erfinv": ("erfinv", "erfinv"),
    "ndtr": ("ndtr", "ndtr"),
    "log_ndtr": ("log_ndtr", "log_ndtr"),
    "ndtri": ("ndtri", "ndtri"),
    "i0e": ("i0e", "i0e"),
    "i1e": ("i1e", "i1e"),
    "xlogy": ("xlogy", "xlogy"),
    "xlog1py": ("xlog1py", "xlog1py"),
    "zeta": ("zeta", "zeta"),
    "expit": ("expit", "expit"),
}


class Special:
    """The special functions of an array library.

    `lgamma`, `digamma`, `erf`, `erfc`, `erfinv`, `ndtr`, `log_ndtr`, `ndtri`, `i0e`, `i1e`, `xlogy`, `xlog1py`,
    `zeta` (Hurwitz's, of two arguments), `expit`, `polygamma` (order first).
    """

    def __init__(self, get: Callable[[str], Function]) -> None:
        self._get = get

    def __getattr__(self, name: str) -> Function:
        if name not in _NAMES and name != "polygamma":
            raise AttributeError(f"no special function is called {name}")
        function = self._get(name)
        setattr(self, name, function)
        return function


@cache
def special(xp: Namespace) -> Special:
    """Return the special functions for the arrays of a namespace."""
    name = xp.__name__.lower()
    if "torch" in name:
        return Special(_of_torch)
    if name.startswith("jax"):
        return Special(_of_jax)
    if name.endswith("strict"):
        return Special(lambda f: _through_numpy(xp, _of_scipy(f)))
    if "cupy" in name:
        return Special(_of_cupy)
    return Special(_of_scipy)


def _of_scipy(name: str) -> Function:
    import scipy.special

    function: Function = getattr(scipy.special, "polygamma" if name == "polygamma" else _NAMES[name][0])
    return function


def _of_cupy(name: str) -> Function:
    import cupyx.scipy.special

    function: Function = getattr(cupyx.scipy.special, "polygamma" if name == "polygamma" else _NAMES[name][0])
    return function


def _of_jax(name: str) -> Function:
    import jax.scipy.special

    function: Function = getattr(jax.scipy.special, "polygamma" if name == "polygamma" else _NAMES[name][0])
    return function


def _of_torch(name: str) -> Function:
    import torch

    function: Function = getattr(torch.special, "polygamma" if name == "polygamma" else _NAMES[name][1])
    return function


def _through_numpy(xp: Namespace, function: Function) -> Function:
    def call(*values: Any) -> Array:
        return xp.asarray(function(*(v if isinstance(v, (int, float)) else np.asarray(v) for v in values)))

    return call


def log_beta(xp: Namespace, a: Array, b: Array) -> Array:
    """Logarithm of the beta function."""
    f = special(xp)
    return f.lgamma(a) + f.lgamma(b) - f.lgamma(a + b)


EULER = 0.57721566490153286061
LOG_2PI = math.log(2 * math.pi)
