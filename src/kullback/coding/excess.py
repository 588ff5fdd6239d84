"""What a wrong model costs: the same data really coded with two models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, InputTypeError
from kullback._core.units import BITS_PER_NAT

from .coder import encode
from .models import Floats, Model, Symbols, read_model

_WORD = 64  # bits by which a code may exceed the ideal length: the coder's last words
_NAMED = 20  # symbols that are parts of their own


@dataclass(frozen=True, eq=True, repr=False)
class ExcessBits(Divergence):
    """Excess bits, with the lengths that they are the difference of.

    Parameters
    ----------
    symbols : int
        How many were coded.
    bits_p, bits_q : int
        Length of the code under the right and under the wrong model.
    ideal_p, ideal_q : float
        Σ −log₂ of the probabilities: what the lengths cannot go below, but by chance of the last word.
    """

    symbols: int = 0
    bits_p: int = 0
    bits_q: float = 0
    ideal_p: float = 0.0
    ideal_q: float = 0.0

    @property
    def total_bits(self) -> float:
        """The difference of the lengths."""
        return self.bits_q - self.bits_p

    __hash__ = Divergence.__hash__


def excess_bits(data: Any, p: Any, q: Any) -> ExcessBits:
    """Measure the bits a symbol that coding with Q costs beyond coding with P, by doing both.

    A coder made for Q spends −log₂ q(x) bits on x, one made for P −log₂ p(x): of data drawn from P the mean difference
    is D(P‖Q) (Cover & Thomas 2006, theorem 5.4.3). Here both codes are made, with an ANS coder, and measured.

    Parameters
    ----------
    data : array of int of shape (n,), bytes, str, or sequence of symbols
        From 0 to K−1 where models are arrays; whatever the models name where they are mappings.
    p, q : array of shape (K,) or (K, K), mapping of symbols to probabilities, Static, Markov or Adaptive
        The right model of the data and another.

    Returns
    -------
    ExcessBits
        `value` is the measured difference a symbol, in nats as every `Divergence`, and `.bits` in bits; `error` its
        standard error as an estimate of the rate D(P‖Q), with what the coder rounds. Infinite where Q gives a symbol of
        the data probability 0: the caveat names it. `parts` are by symbol, and what the coder adds.

    Raises
    ------
    InputError
        If the data are empty or hold a symbol that no model knows, P gives one of them probability 0, probabilities do
        not sum to 1, or the models are of different sizes.
    MissingExtra
        If constriction is not installed.
    """
    symbols, alphabet, names = _read(data, p, q)
    right, wrong = read_model(p, alphabet, "p"), read_model(q, alphabet, "q")
    if right.size != wrong.size:
        raise InputError(f"p is a model of {right.size} symbols, q of {wrong.size}")
    if symbols.min() < 0 or symbols.max() >= right.size:
        at = int(np.flatnonzero((symbols < 0) | (symbols >= right.size))[0])
        raise InputError(f"data hold {int(symbols[at])} at place {at}: symbols are numbered from 0 to {right.size - 1}")
    log_p, log_q = right.log_probabilities(symbols), wrong.log_probabilities(symbols)
    if np.isneginf(log_p).any():
        at = int(np.flatnonzero(np.isneginf(log_p))[0])
        raise InputError(
            f"p gives {names(int(symbols[at]))}, at place {at}, probability 0: it is no model of these data"
        )
    n, ideal_p = len(symbols), float(-log_p.sum() * BITS_PER_NAT)
    bits_p = _length(symbols, right)
    if np.isneginf(log_q).any():
        return _infinite(symbols, np.isneginf(log_q), names, n, bits_p, ideal_p)
    ideal_q, bits_q = float(-log_q.sum() * BITS_PER_NAT), _length(symbols, wrong)
    gaps = log_p - log_q
    measured = (bits_q - bits_p) / n / BITS_PER_NAT
    error = float(np.hypot(gaps.std() / np.sqrt(n), 2 * _WORD / n / BITS_PER_NAT))
    caveats = []
    if measured < 0:
        caveats.append(
            f"Q coded these data in {bits_p - bits_q} bits fewer than P: P is not their law, or they are few."
        )
    return ExcessBits(
        max(measured, 0.0),
        error=error,
        method=f"ANS coder on {n} symbols",
        parts=_parts(symbols, gaps, names, measured) if measured >= 0 else {},
        caveats=tuple(caveats),
        symbols=n,
        bits_p=bits_p,
        bits_q=bits_q,
        ideal_p=ideal_p,
        ideal_q=ideal_q,
    )


def _length(symbols: Symbols, model: Model) -> int:
    return 32 * len(encode(symbols, model))


def _infinite(symbols: Symbols, nowhere: Any, names: Any, n: int, bits_p: int, ideal_p: float) -> ExcessBits:
    found = sorted({int(s) for s in symbols[nowhere]})
    listed = ", ".join(names(s) for s in found[:6]) + (", …" if len(found) > 6 else "")
    return ExcessBits(
        np.inf,
        method=f"ANS coder on {n} symbols",
        caveats=(
            f"Q gives {listed} probability 0, and the data hold {int(nowhere.sum())} of them: no code of Q has them.",
        ),
        symbols=n,
        bits_p=bits_p,
        bits_q=np.inf,
        ideal_p=ideal_p,
        ideal_q=np.inf,
    )


def _parts(symbols: Symbols, gaps: Floats, names: Any, measured: float) -> dict[str, float]:
    """Mean gap by symbol, the largest by name; what the coder rounds is the rest."""
    sums = np.bincount(symbols, gaps) / len(symbols)
    order = np.argsort(-np.abs(sums))
    parts = {names(int(s)): float(sums[s]) for s in order[:_NAMED] if sums[s]}
    others = float(sums[order[_NAMED:]].sum())
    if others:
        parts["other symbols"] = others
    parts["what the coder rounds"] = measured - float(sums.sum())
    return parts


def _read(data: Any, p: Any, q: Any) -> tuple[Symbols, dict[Any, int] | None, Any]:
    """Symbols as numbers, the alphabet if there is one, and what to call a number."""
    mappings = [model for model in (p, q) if isinstance(model, Mapping)]
    if isinstance(data, bytes | bytearray | memoryview):
        data = np.frombuffer(data, dtype=np.uint8)
    if mappings:
        alphabet = {symbol: i for i, symbol in enumerate(dict.fromkeys(s for m in mappings for s in m))}
        known = list(alphabet)
        items = data.tolist() if hasattr(data, "tolist") else list(data)
        unknown = next((i for i, symbol in enumerate(items) if symbol not in alphabet), None)
        if unknown is not None:
            raise InputError(f"data hold {items[unknown]!r} at place {unknown}, which no model names")
        symbols = np.array([alphabet[s] for s in items], dtype=np.int32)
        return _some(symbols), alphabet, lambda i: repr(known[i])
    if isinstance(data, str):
        raise InputTypeError("data are text: give models that are mappings of characters, or encode it to bytes")
    array = np.asarray(data.detach().cpu() if hasattr(data, "detach") else data)
    if array.ndim == 1 and not array.size:
        raise InputError("data have no symbols")
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise InputTypeError(f"data must be whole numbers, one a symbol; got dtype {array.dtype}, shape {array.shape}")
    return _some(array), None, lambda i: f"symbol {i}"


def _some(array: Any) -> Symbols:
    if not len(array):
        raise InputError("data have no symbols")
    limit = np.iinfo(np.int32).max
    if array.max() > limit or array.min() < -1 - limit:
        raise InputError(f"data hold {array.max()}: symbols are numbered from 0")
    return np.asarray(array, dtype=np.int32)
