"""Families of vectors and matrices by their textbook formulas, in 120 digits; one file a kind, found by walking."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np

import kullback as kb

Parameters = dict[str, Any]
DIGITS = 120


@dataclass(frozen=True)
class VectorLaw:
    """A family of distributions over vectors or matrices.

    Parameters
    ----------
    name : str
        Name of the family of kullback that it is the truth of.
    formula : callable
        From the parameters of P and of Q, in mpmath numbers and matrices, the textbook's D(P‖Q).
    ordinary : list of dict
        Parameters to try, all of one shape: at least two.
    extreme : list of dict
        Parameters to try against themselves moved a little, and against each other where their shapes agree.
    density : callable or None
        From parameters, draws and their log-densities by another library: ``draw(rng, count)`` and ``log_density(x)``.
    tolerance : callable
        From the parameters of P and of Q, the relative error allowed: 1e-12 unless the conditioning is bad.
    """

    name: str
    formula: Callable[[Parameters, Parameters], Any]
    ordinary: list[Parameters]
    extreme: list[Parameters] = field(default_factory=list)
    density: Callable[[Parameters], tuple[Callable[..., Any], Callable[..., Any]]] | None = None
    tolerance: Callable[[Parameters, Parameters], float] = lambda a, b: 1e-12


@cache
def vector_laws() -> dict[str, VectorLaw]:
    """Every law of this folder, by name."""
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return {law.name: law for module in modules for law in module.LAWS}


def exact(parameters: Parameters) -> Parameters:
    """Parameters as the very numbers that float64 holds: numbers, columns and matrices."""
    return {
        name: mp.mpf(float(value)) if np.ndim(value) == 0 else mp.matrix(np.asarray(value, float).tolist())
        for name, value in parameters.items()
    }


def truth(law: VectorLaw, a: Parameters, b: Parameters) -> Any:
    """D(P‖Q) by the textbook."""
    with mp.workdps(DIGITS):
        return law.formula(exact(a), exact(b))


def tangent(law: VectorLaw, name: str, value: Any, rng: np.random.Generator) -> np.ndarray:
    """A direction, of the size of the parameter, in which it may move and stay what it must be."""
    rule = getattr(kb.distributions, law.name).parameters[name].rule
    value = np.asarray(value, float)
    noise = rng.uniform(0.5, 1, value.shape) * rng.choice([-1, 1], value.shape)
    if "symmetric" in rule.words:
        # Relative to its own geometry, so that ill-conditioned matrices stay positive definite.
        factor = np.linalg.cholesky(value)
        return factor @ (np.tril(noise) + np.tril(noise, -1).T) @ factor.T
    if "length 1" in rule.words:
        return noise - value * (value @ noise)
    if "lower triangular" in rule.words:
        return value * noise
    return np.where(value == 0, noise, value * noise)


def moved(law: VectorLaw, parameters: Parameters, step: float) -> Parameters:
    """The same distribution with every parameter moved by a relative step, each by another amount."""
    rng = np.random.default_rng(0)
    new = {name: np.asarray(v) + step * tangent(law, name, v, rng) for name, v in parameters.items()}
    rules = getattr(kb.distributions, law.name).parameters
    return {name: v / np.linalg.norm(v) if "length 1" in rules[name].rule.words else v for name, v in new.items()}


def trace(m: Any) -> Any:
    return mp.fsum(m[i, i] for i in range(m.rows))


def inverse(m: Any) -> Any:
    """Inverse of a positive definite matrix of any scale."""
    scales = _scales(m)
    return scales * (scales * m * scales) ** -1 * scales


def log_det(m: Any) -> Any:
    scales = _scales(m)
    return mp.log(mp.det(scales * m * scales)) - 2 * mp.fsum(mp.log(scales[i, i]) for i in range(m.rows))


def _scales(m: Any) -> Any:
    return mp.diag([1 / mp.sqrt(m[i, i]) for i in range(m.rows)])


def normal(loc_p: Any, cov_p: Any, loc_q: Any, cov_q: Any) -> Any:
    """Kullback (1959), chapter 9, of two normal distributions."""
    precision, shift = inverse(cov_q), loc_p - loc_q
    squares = (shift.T * precision * shift)[0]
    return (squares + trace(precision * cov_p) - cov_p.rows - log_det(cov_p) + log_det(cov_q)) / 2


def condition(*matrices: Any) -> float:
    """The largest condition number of the correlation matrices."""
    worst = 1.0
    for m in matrices:
        scales = np.sqrt(np.diagonal(np.asarray(m)))
        worst = max(worst, float(np.linalg.cond(np.asarray(m) / scales / scales[:, None])))
    return worst
