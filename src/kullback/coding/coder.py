"""An entropy coder (ANS, of constriction) under any model, to within a word or two of the ideal length."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.errors import InputError, InputTypeError
from kullback._core.extras import require

from .models import Adaptive, Floats, Markov, Model, Static, Symbols

Words = NDArray[np.uint32]

_LEAST = 2.0**-20  # of an escape: a probability that the coder still holds to a sixteenth
_RARE = 2.0**-12  # the coder's probabilities are multiples of 2^-24: rarer symbols go by way of an escape
_FINEST = float(np.log(2.0**-24))


def _constriction() -> Any:
    return require("constriction", extra="coding", purpose="code symbols")


def encode(symbols: Symbols, model: Model) -> Words:
    """Code symbols; the words are what a file would hold.

    Parameters
    ----------
    symbols : array of int of shape (n,)
        From 0 to K−1.
    model : Static, Markov or Adaptive

    Raises
    ------
    InputError
        If the model gives a symbol probability 0, or one that changes from place to place is below 6e-8.
    """
    stream = _constriction().stream
    symbols = np.ascontiguousarray(symbols, dtype=np.int32)
    logs = model.log_probabilities(symbols)
    if np.isneginf(logs).any():
        at = int(np.flatnonzero(np.isneginf(logs))[0])
        raise InputError(f"the model gives symbol {int(symbols[at])}, at place {at}, probability 0: no code has it")
    coder = stream.stack.AnsCoder()  # a stack: what is to come out first goes in last
    # On an empty stack a first outcome costs nothing, however unlikely: it begins with something.
    coder.encode_reverse(np.ones(1, dtype=np.int32), stream.model.Categorical(np.array([0.5, 0.5]), perfect=True))
    rarest = int(np.argmin(logs))
    if not isinstance(model, Static) and logs[rarest] < _FINEST:
        raise InputError(
            f"the model gives symbol {int(symbols[rarest])}, at place {rarest}, probability "
            f"{np.exp(logs[rarest]):.3g}: of probabilities that change the coder holds none below 6e-8"
        )
    for place, table in model.tables(symbols):
        if table.ndim == 1:
            _encode_static(coder, stream, symbols[place], table)
        elif model.size > 1:  # one symbol alone says nothing
            coder.encode_reverse(symbols[place], stream.model.Categorical(perfect=False), np.ascontiguousarray(table))
    return np.asarray(coder.get_compressed(), dtype=np.uint32)


def decode(words: Words, model: Model, count: int) -> Symbols:
    """The symbols of a code.

    Parameters
    ----------
    words : array of uint32
        Of `encode`.
    model : Static, Markov or Adaptive
        The one that it was coded with.
    count : int
        How many symbols there are.
    """
    stream = _constriction().stream
    coder = stream.stack.AnsCoder(np.ascontiguousarray(words, dtype=np.uint32))
    if isinstance(model, Static):
        return _decode_static(coder, stream, model.probabilities, count)
    categorical = stream.model.Categorical(perfect=False)
    out = np.zeros(count, dtype=np.int32)
    if model.size == 1:
        return out
    if isinstance(model, Adaptive):
        counts = np.full(model.size, 0.5)
        for i in range(count):
            out[i] = coder.decode(categorical, (counts / counts.sum())[None])[0]
            counts[out[i]] += 1
        return out
    if not isinstance(model, Markov):
        raise InputTypeError(f"model must be Static, Markov or Adaptive, got {type(model).__name__}")
    initial, transitions = model.initial, model.transitions
    out[:1] = _decode_static(coder, stream, initial, min(count, 1))
    for i in range(1, count):
        out[i] = coder.decode(categorical, transitions[out[i - 1]][None])[0]
    return out


def _stages(probabilities: Floats) -> list[tuple[Symbols, Floats]]:
    """Symbols by likelihood: each stage has the common ones, and an escape to the next as its last.

    An escape rarer than the coder can tell is made as likely as it can, and pays the rest in stages without symbols, of
    which only the escape, now the first outcome, is ever taken.
    """
    left = np.flatnonzero(probabilities > 0).astype(np.int32)
    stages = []
    while len(left):
        share = probabilities[left] / probabilities[left].sum()
        common = share >= min(_RARE, float(share.max()))
        rest = float(share[~common].sum())
        owed = rest / _LEAST if 0 < rest < _LEAST else 1.0
        rest = _LEAST if owed < 1 else rest
        kept = share[common] * ((1 - rest) / share[common].sum())
        stages.append((left[common], np.append(kept, rest) if rest else kept))
        while owed < 1:
            paid = max(owed, _LEAST)
            stages.append((left[:0], np.array([paid, 1 - paid])))
            owed = owed / paid if owed < _LEAST else 1.0
        left = left[~common]
    return stages


def _encode_static(coder: Any, stream: Any, symbols: Symbols, probabilities: Floats) -> None:
    pieces = []
    for common, share in _stages(probabilities):
        place = np.full(len(probabilities), len(common), dtype=np.int32)  # the escape
        place[common] = np.arange(len(common), dtype=np.int32)
        codes = place[symbols]
        if len(share) > 1:
            pieces.append((codes, stream.model.Categorical(share, perfect=True)))
        symbols = symbols[codes == len(common)]
        if not len(symbols):
            break
    for codes, categorical in reversed(pieces):
        coder.encode_reverse(codes, categorical)


def _decode_static(coder: Any, stream: Any, probabilities: Floats, count: int) -> Symbols:
    out = np.zeros(count, dtype=np.int32)
    open_places = np.arange(count)
    for common, share in _stages(probabilities):
        if not len(open_places):
            break
        codes = np.zeros(len(open_places), dtype=np.int32)
        if len(share) > 1:
            codes = np.asarray(coder.decode(stream.model.Categorical(share, perfect=True), len(open_places)))
        known = codes < len(common)
        out[open_places[known]] = common[codes[known]]
        open_places = open_places[~known]
    return out
