"""Models that a coder codes with: probabilities that stay, that depend on the symbol before, or that learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kullback._core.errors import InputError, InputTypeError

Floats = NDArray[np.float64]
Symbols = NDArray[np.int32]

_SUM = 1e-6  # what probabilities may miss 1 by
_BLOCK = 1 << 20  # probabilities at once


class Model(Protocol):
    """A model of symbols 0 … K−1, one after the other."""

    size: int

    def log_probabilities(self, symbols: Symbols) -> Floats:
        """Log-probability of every symbol, given those before it."""

    def tables(self, symbols: Symbols) -> Iterator[tuple[slice, Floats]]:
        """Blocks of places, the last first, and the probabilities of all symbols at each: (n, K), or (K,)."""


class Static:
    """The same probabilities everywhere.

    Parameters
    ----------
    probabilities : array of shape (K,)
    """

    def __init__(self, probabilities: Any) -> None:
        self.probabilities = checked(probabilities, "probabilities", 1)
        self.size = len(self.probabilities)

    def log_probabilities(self, symbols: Symbols) -> Floats:
        """Log-probability of every symbol."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.probabilities)[symbols])

    def tables(self, symbols: Symbols) -> Iterator[tuple[slice, Floats]]:
        """One block."""
        yield slice(0, len(symbols)), self.probabilities


class Markov:
    """Probabilities that depend on the symbol before.

    Parameters
    ----------
    transitions : array of shape (K, K)
        Row a: the probabilities of what follows a.
    initial : array of shape (K,), optional
        Those of the first symbol; all alike if not given.
    """

    def __init__(self, transitions: Any, initial: Any = None) -> None:
        self.transitions = checked(transitions, "transitions", 2)
        self.size = len(self.transitions)
        if self.transitions.shape != (self.size, self.size):
            raise InputError(f"transitions must be square, got shape {self.transitions.shape}")
        first = np.full(self.size, 1 / self.size) if initial is None else initial
        self.initial = checked(first, "initial", 1)
        if len(self.initial) != self.size:
            raise InputError(f"initial has {len(self.initial)} probabilities, transitions are of {self.size} symbols")

    def log_probabilities(self, symbols: Symbols) -> Floats:
        """Log-probability of every symbol, given the one before."""
        with np.errstate(divide="ignore"):
            following = np.log(self.transitions)[symbols[:-1], symbols[1:]]
            return np.concatenate([np.log(self.initial)[symbols[:1]], following])

    def tables(self, symbols: Symbols) -> Iterator[tuple[slice, Floats]]:
        """Rows of the transition matrix."""
        size = max(_BLOCK // self.size, 1)
        for start in reversed(range(1, len(symbols), size)):
            stop = min(start + size, len(symbols))
            yield slice(start, stop), self.transitions[symbols[start - 1 : stop - 1]]
        yield slice(0, 1), self.initial


class Adaptive:
    """Probabilities learnt as symbols come: (count + ½) / (all + K/2) (Krichevsky & Trofimov 1981).

    Parameters
    ----------
    size : int
        K, how many symbols there are.
    """

    def __init__(self, size: int) -> None:
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise InputError(f"size must be a whole number of at least 1, got {size!r}")
        self.size = int(size)

    def log_probabilities(self, symbols: Symbols) -> Floats:
        """Log-probability of every symbol, given all before it."""
        out = np.empty(len(symbols))
        for place, table in self.tables(symbols):
            out[place] = np.log(table[np.arange(len(table)), symbols[place]])
        return out

    def tables(self, symbols: Symbols) -> Iterator[tuple[slice, Floats]]:
        """The probabilities before every symbol."""
        size = max(_BLOCK // self.size, 1)
        after = np.bincount(symbols, minlength=self.size) + 0.5
        for start in reversed(range(0, len(symbols), size)):
            some = symbols[start : start + size]
            before = after - np.bincount(some, minlength=self.size)
            seen = np.zeros((len(some), self.size))
            seen[np.arange(1, len(some)), some[:-1]] = 1.0
            seen[0] = before
            np.cumsum(seen, axis=0, out=seen)
            yield slice(start, start + len(some)), seen / seen.sum(axis=1, keepdims=True)
            after = before


def checked(probabilities: Any, name: str, ndim: int) -> Floats:
    """Probabilities that sum to 1 along the last axis.

    Raises
    ------
    InputError
        If one is negative or not finite, or a sum is off; the message names the row and its sum.
    """
    p = np.asarray(probabilities, dtype=float)
    if p.ndim != ndim or not p.size:
        raise InputError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}, got shape {p.shape}")
    if not (np.isfinite(p).all() and p.min() >= 0):
        at = tuple(int(i) for i in np.argwhere(~(p >= 0) | ~np.isfinite(p))[0])
        raise InputError(f"{name} must be finite and at least 0, got {p[at]} at {at if ndim > 1 else at[0]}")
    sums = p.sum(axis=-1, keepdims=True)
    if np.abs(sums - 1).max() > _SUM:
        row = int(np.argmax(np.abs(sums - 1)))
        where = f"row {row} of {name}" if ndim > 1 else name
        raise InputError(f"{where} sums to {float(sums.ravel()[row]):.9g}, not to 1: divide by the sum")
    return np.asarray(p / sums)


def read_model(model: Any, alphabet: Mapping[Any, int] | None, name: str) -> Model:
    """A model as given: probabilities by number, a transition matrix, a mapping of symbols, or a model."""
    if isinstance(model, Static | Markov | Adaptive):
        return model
    if isinstance(model, Mapping):
        if alphabet is None:
            raise InputTypeError(f"{name} is a mapping of symbols, the data are numbered: give an array")
        unknown = [symbol for symbol in model if symbol not in alphabet]
        if unknown:
            raise InputError(f"{name} has the symbol {unknown[0]!r}, which is not in the alphabet of both models")
        p = np.zeros(len(alphabet))
        for symbol, probability in model.items():
            p[alphabet[symbol]] = float(probability)
        return Static(checked(p, name, 1))
    array = np.asarray(model, dtype=float) if isinstance(model, np.ndarray | list | tuple) else None
    if array is None and hasattr(model, "__array__"):
        array = np.asarray(model, dtype=float)
    if array is None:
        raise InputTypeError(
            f"{name} must be probabilities (K,), transitions (K, K), a mapping, Static, Markov or Adaptive; "
            f"got {type(model).__name__}"
        )
    if array.ndim == 2:
        return Markov(checked(array, name, 2))
    return Static(checked(array, name, 1))
