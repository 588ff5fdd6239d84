"""What is fitted to: weighted rows, or a distribution object with rows drawn of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, InputTypeError
from kullback.distributions._family import Family
from kullback.distributions.adapters import adapt
from kullback.ladder import estimate
from kullback.matching.features import Codes, Floats
from kullback.matching.rows import as_matrix, positive
from kullback.samples import neighbours
from kullback.samples.reading import is_sample, read

_DRAWN = 20_000
_NEIGHBOURS = 5
_REPEATED = 0.9  # distinct values per row, below which they are counted
_QUICK = "A quick figure, without an interval: `kullback.estimate(x, result)` takes longer and promises one."


@dataclass(frozen=True)
class Target:
    """P.

    Parameters
    ----------
    rows : array of shape (n, *event)
        Draws of P; events are numbers, vectors or matrices.
    weights : array of shape (n,)
        Their weights, summing to 1.
    law : Family or None
        P itself, if it is known; the rows were then drawn of it.
    thing : object
        What the caller gave.
    """

    rows: Floats
    weights: Floats
    law: Family | None
    thing: Any

    @property
    def whole(self) -> bool:
        """Whether all numbers are whole."""
        return bool(np.all(self.rows == np.floor(self.rows)))

    @property
    def columns(self) -> int:
        """How many numbers a row has; 1 for numbers."""
        return int(self.rows[0].size)

    @property
    def count(self) -> float:
        """Rows that would tell as much without weights (Kish 1965)."""
        return float(1 / (self.weights @ self.weights))

    def part(self, rows: Codes) -> Target:
        """Some of the rows, their weights summing to 1 again."""
        weights = self.weights[rows]
        return replace(self, rows=self.rows[rows], weights=weights / weights.sum(), law=None)

    def divergences(self, first: Any, law: Any, parameters: int = 0) -> tuple[Divergence, Divergence]:
        """D(P‖first) and D(P‖law): by the ladder where P is known; else by counts, or by distances to neighbours.

        Parameters
        ----------
        parameters : int
            How many were fitted to the rows: they make D look smaller by about so many halves of 1/n, twice.
        """
        if self.law is not None:
            return estimate(self.thing, first, rng=0), estimate(self.thing, law, rng=0)
        own = self._own(_space(law))
        fitted = f"The rows were fitted to: D looks smaller by about {parameters / self.count:.2g} nats."
        return self._against(own, first, ()), self._against(own, law, (fitted,) if parameters else ())

    def _against(self, own: _Own, law: Any, caveats: tuple[str, ...]) -> Divergence:
        log_q = log_density(law, self.rows)
        if np.isneginf(log_q).any():
            return Divergence(np.inf, method="support", caveats=("A row of P lies where the density of Q is 0.",))
        terms = own.log_p - log_q
        value = float(self.weights @ terms)
        spread = float(self.weights @ (terms - value) ** 2)
        error = float(np.sqrt((spread + own.noise) / self.count))
        return Divergence(max(value, 0.0), error, method=own.method, caveats=(_QUICK, *caveats))

    def _own(self, space: str) -> _Own:
        """By counts, with the correction of Miller (1955), where values repeat; by distances where they do not."""
        n = len(self.rows)
        flat, d = _coordinates(self.rows, space)
        values, places = np.unique(flat, axis=0, return_inverse=True)
        if len(values) < _REPEATED * n:
            shares = np.bincount(places.ravel(), self.weights)
            log_p = np.log(shares)[places.ravel()] - (len(values) - 1) / (2 * self.count)
            return _Own(log_p, 0.0, "entropy of counts")
        if n <= _NEIGHBOURS:
            raise InputError(f"{n} rows are too few to say how far a fit is from them: at least {_NEIGHBOURS + 1}")
        noise = float(special.polygamma(1, _NEIGHBOURS))
        method = f"entropy by distances to the {_NEIGHBOURS} nearest rows"
        weights = self.weights if np.ptp(self.weights) else None
        return _Own(neighbours.log_density(flat, _NEIGHBOURS, d, weights), noise, method)


@dataclass(frozen=True)
class _Own:
    """Log of P's own probability or density at every row, less its bias, and the variance that this adds to a row."""

    log_p: Floats
    noise: float
    method: str


def _coordinates(rows: Floats, space: str) -> tuple[Floats, int]:
    """Numbers of which densities on the space are densities, and its dimension."""
    if rows.ndim == 3:  # symmetric matrices
        flat = rows[(slice(None), *np.tril_indices(rows.shape[1]))]
        return flat, flat.shape[1]
    flat = rows.reshape(len(rows), -1)
    if space == "simplex":
        return flat[:, :-1], flat.shape[1] - 1
    return flat, flat.shape[1] - (space == "sphere")


def _space(law: Any) -> str:
    family = law if isinstance(law, Family) else adapt(law)
    return family.domain.space


def log_density(law: Any, rows: Floats) -> Floats:
    """Log-density or log-probability of a distribution object at rows, in NumPy."""
    family = law if isinstance(law, Family) else adapt(law)
    x: Any = rows
    if "torch" in family.xp.__name__:
        import torch

        x = torch.as_tensor(rows)
    values = family.log_density(x)
    values = values.detach().cpu().numpy() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=float)


def read_target(to: Any, weights: Any) -> Target:
    """Read a sample, or draw of a distribution object.

    Raises
    ------
    InputError
        If the sample has no rows or values that are not finite, or its weights are negative.
    InputTypeError
        If it is neither a sample nor a distribution object.
    """
    if isinstance(to, np.ndarray) or hasattr(to, "detach"):
        return _sample(_array(to), weights, to)
    if is_sample(to):
        columns = read(to, "to")
        for name, values in columns.items():
            if values.dtype == object:
                raise InputError(f"column {name!r} holds text: a family of numbers cannot be fitted to it")
        matrix = np.stack(list(columns.values()), axis=1)
        as_matrix(matrix, "to")
        one = matrix.shape[1] == 1 and np.ndim(to) == 1
        return _sample(matrix[:, 0] if one else matrix, weights, to)
    if callable(to) and not hasattr(to, "rvs") and not hasattr(to, "sample"):
        raise InputTypeError(
            "a log-density is a target of direction='reverse'; forward fits need draws or a distribution"
        )
    law = adapt(to)
    if weights is not None:
        raise InputError("weights are of rows: a distribution object has none")
    if law.batch_shape:
        raise InputError(f"to is a batch of distributions, of shape {law.batch_shape}: fit to one")
    rows = np.asarray(law.sample(np.random.default_rng(0), _DRAWN), dtype=float)
    return Target(rows, np.full(len(rows), 1 / len(rows)), law, to)


def _array(to: Any) -> Floats:
    values = to.detach().cpu().numpy() if hasattr(to, "detach") else to
    as_matrix(values.reshape(len(values), -1) if values.ndim > 1 else values, "to")
    return np.asarray(values, dtype=float)


def _sample(rows: Floats, weights: Any, thing: Any) -> Target:
    count = len(rows)
    if weights is None:
        shares = np.full(count, 1 / count)
    else:
        given = as_matrix(weights, "weights")[:, 0]
        if len(given) != count:
            raise InputError(f"weights has {len(given)} entries for {count} rows")
        shares = positive(given, "weights") / given.sum()
        rows, shares = rows[shares > 0], shares[shares > 0]
    return Target(rows, shares, None, thing)
