"""A fitted family as the caller's library has it: scipy.stats for arrays, torch.distributions for tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kullback.distributions._family import Family

_SCIPY: dict[str, Callable[[Any, Any], Any]] = {
    "Normal": lambda st, q: st.norm(q.loc, q.scale),
    "LogNormal": lambda st, q: st.lognorm(q.scale, scale=np.exp(q.loc)),
    "Gamma": lambda st, q: st.gamma(q.concentration, scale=1 / q.rate),
    "Exponential": lambda st, q: st.expon(scale=1 / q.rate),
    "Beta": lambda st, q: st.beta(q.concentration1, q.concentration0),
    "Laplace": lambda st, q: st.laplace(q.loc, q.scale),
    "Logistic": lambda st, q: st.logistic(q.loc, q.scale),
    "Cauchy": lambda st, q: st.cauchy(q.loc, q.scale),
    "StudentT": lambda st, q: st.t(q.df, q.loc, q.scale),
    "Gumbel": lambda st, q: st.gumbel_r(q.loc, q.scale),
    "Weibull": lambda st, q: st.weibull_min(q.concentration, scale=q.scale),
    "InverseGamma": lambda st, q: st.invgamma(q.concentration, scale=q.rate),
    "Uniform": lambda st, q: st.uniform(q.low, q.high - q.low),
    "Poisson": lambda st, q: st.poisson(q.rate),
    "MultivariateNormal": lambda st, q: st.multivariate_normal(_plain(q.loc), _covariance(q)),
    "DiagonalNormal": lambda st, q: st.multivariate_normal(_plain(q.loc), np.diag(_plain(q.scale) ** 2)),
    "Dirichlet": lambda st, q: st.dirichlet(_plain(q.concentration)),
}
_TORCH = {
    "Normal",
    "LogNormal",
    "Gamma",
    "Exponential",
    "Beta",
    "Laplace",
    "Cauchy",
    "StudentT",
    "Gumbel",
    "Weibull",
    "Uniform",
    "Poisson",
    "MultivariateNormal",
    "Dirichlet",
    "InverseGamma",
    "Geometric",
    "Bernoulli",
    "Pareto",
}


def as_library_has(law: Family, thing: Any) -> Any:
    """The distribution as the library of `thing` has it, torch's or else SciPy's, or kullback's where that has none."""
    name = type(law).__name__
    if hasattr(thing, "detach") or type(thing).__module__.startswith("torch"):
        return _torch(law) if name in _TORCH else law
    if isinstance(thing, Family):
        return law
    if name not in _SCIPY:
        return law
    import scipy.stats

    return _SCIPY[name](scipy.stats, _Numbers(law))


class _Numbers:
    """The parameters of a law as Python numbers where they are numbers."""

    def __init__(self, law: Family) -> None:
        for name in law.parameters:
            value = getattr(law, name)
            setattr(self, name, None if value is None else float(value) if np.ndim(value) == 0 else _plain(value))


def _torch(law: Family) -> Any:
    import torch

    values = {name: torch.as_tensor(np.asarray(value)) for name, value in law.given.items()}
    if type(law).__name__ == "Weibull":
        return torch.distributions.Weibull(values["scale"], values["concentration"])
    return getattr(torch.distributions, type(law).__name__)(**values)


def _plain(value: Any) -> Any:
    return np.asarray(value, dtype=float)


def _covariance(law: Any) -> Any:
    for name, made in (
        ("covariance_matrix", lambda m: m),
        ("scale_tril", lambda m: m @ m.T),
        ("precision_matrix", np.linalg.inv),
    ):
        value = getattr(law, name, None)
        if value is not None:
            return made(_plain(value))
    raise AttributeError("a Gaussian without a covariance")
