"""Codes of whole bits: Huffman's, the best of them, and Kraft's sum, which says that they are possible."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from .models import Floats, checked


@dataclass(frozen=True, eq=False)
class PrefixCode:
    """A code of whole bits: its lengths, and the words.

    Parameters
    ----------
    lengths : array of int of shape (K,)
        Bits of every symbol; 0 where the probability is 0.
    words : list of str
        "0" and "1"; empty where the probability is 0.
    """

    lengths: np.ndarray[Any, np.dtype[np.intp]]
    words: list[str]

    @property
    def kraft(self) -> float:
        """Σ 2^−length, at most 1 for every code that can be told apart (Kraft 1949; McMillan 1956)."""
        used = self.lengths > 0
        return float((2.0 ** -self.lengths[used].astype(float)).sum())

    def expected(self, probabilities: Any) -> float:
        """Mean bits of a symbol drawn with these probabilities."""
        return float(checked(probabilities, "probabilities", 1) @ self.lengths)


def huffman(probabilities: Any) -> PrefixCode:
    """Huffman's code, of the least mean length among codes of whole bits (Huffman 1952).

    Its mean length lies between H and H + 1 bits: a coder of whole messages is nearer.

    Parameters
    ----------
    probabilities : array of shape (K,)
    """
    p: Floats = checked(probabilities, "probabilities", 1)
    words = [""] * len(p)
    number = itertools.count()
    heap: list[tuple[float, int, list[int]]] = [(float(v), next(number), [i]) for i, v in enumerate(p) if v > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        words[heap[0][2][0]] = "0"
    while len(heap) > 1:
        a, _, left = heapq.heappop(heap)
        b, _, right = heapq.heappop(heap)
        for side, bit in ((left, "0"), (right, "1")):
            for symbol in side:
                words[symbol] = bit + words[symbol]
        heapq.heappush(heap, (a + b, next(number), left + right))
    return PrefixCode(np.array([len(word) for word in words]), words)
