"""Excess bits, measured: against D(P‖Q), ideal code lengths, and the round trip."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

import kullback as kb
from kullback.coding import Adaptive, Markov, Static, decode, encode, excess_bits, huffman

RNG = np.random.default_rng(0)
PAIRS = {
    "two symbols": ([0.9, 0.1], [0.5, 0.5]),
    "four symbols": ([0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]),
    "skewed": (RNG.dirichlet(np.full(64, 0.3)), RNG.dirichlet(np.full(64, 1.0))),
    "rare symbols": (np.append(np.full(255, 1e-7), 1 - 255e-7), np.full(256, 1 / 256)),
    "a thousand": (RNG.dirichlet(np.ones(1000)), RNG.dirichlet(np.ones(1000))),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_million_symbols_cost_the_divergence(name: str) -> None:
    p, q = (np.asarray(v, dtype=float) for v in PAIRS[name])
    p, q = p / p.sum(), q / q.sum()
    x = np.random.default_rng(1).choice(len(p), 1_000_000, p=p)
    d = excess_bits(x, p, q)
    assert d.bits == pytest.approx(float(kb.kl(p, q, base=2)), rel=0.01)
    assert abs(d.value - float(kb.kl(p, q))) < 4 * d.error
    assert abs(d.bits_p - d.ideal_p) <= 64
    assert d.total_bits == d.bits_q - d.bits_p
    assert sum(d.parts.values()) == pytest.approx(d.value)


def test_a_symbol_rarer_than_the_coder_counts_costs_what_it_should() -> None:
    for rare in (1e-5, 1e-9, 1e-40):
        model = Static([rare, 1 - rare - 1e-12, 1e-12])
        x = np.resize([0, 1, 0, 1, 1, 2], 1200).astype(np.int32)
        words = encode(x, model)
        assert abs(32 * len(words) + model.log_probabilities(x).sum() / np.log(2)) <= 64
        assert (decode(words, model, 1200) == x).all()
    with pytest.raises(kb.InputError, match="below 6e-8"):
        encode(np.array([0, 1]), Markov([[1 - 1e-9, 1e-9], [0.5, 0.5]]))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 300), st.floats(0.02, 5))
def test_what_was_coded_comes_back(seed: int, k: int, n: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, spread))
    x = rng.choice(k, n, p=p).astype(np.int32)
    rows = rng.dirichlet(np.full(k, spread), k) * 0.9 + 0.1 / k
    for model in (Static(p), Adaptive(k), Markov(rows)):
        words = encode(x, model)
        assert (decode(words, model, n) == x).all()
        assert 32 * len(words) >= -model.log_probabilities(x).sum() / np.log(2) - 64


@pytest.mark.parametrize("symbol", [0, 1, 2])
def test_data_that_do_not_change_cost_what_they_should(symbol: int) -> None:
    p, q = np.eye(3)[symbol], np.full(3, 1 / 3)
    d = excess_bits(np.full(10_000, symbol), p, q)
    assert d.bits == pytest.approx(np.log2(3), rel=0.01)
    assert excess_bits(np.full(10_000, symbol), p, np.full((3, 3), 1 / 3)).bits == pytest.approx(np.log2(3), rel=0.01)


def test_an_adaptive_model_pays_for_learning() -> None:
    # (K − 1)/2 · log₂ n bits, and a constant (Krichevsky & Trofimov 1981)
    p = np.array([0.6, 0.3, 0.1])
    x = np.random.default_rng(2).choice(3, 100_000, p=p)
    d = excess_bits(x, np.bincount(x) / len(x), Adaptive(3))
    assert d.total_bits == pytest.approx(np.log2(100_000), abs=64)


def test_memory_is_worth_the_mutual_information() -> None:
    rows = np.array([[0.9, 0.1], [0.3, 0.7]])
    stationary = np.array([0.75, 0.25])
    x = [0]
    for u in np.random.default_rng(3).random(40_000):
        x.append(int(u > rows[x[-1], 0]))
    d = excess_bits(x, rows, stationary)
    worth = float(stationary @ np.array([float(kb.kl(row, stationary)) for row in rows]))
    assert d.value == pytest.approx(worth, rel=0.05)


def test_bytes_text_and_digits() -> None:
    text = Path(sysconfig.get_paths()["stdlib"], "argparse.py").read_bytes()
    counts = np.bincount(np.frombuffer(text, np.uint8), minlength=256)
    p = counts / counts.sum()
    d = excess_bits(text, p, np.full(256, 1 / 256))
    assert d.bits == pytest.approx(8 - float(kb.entropy(p, base=2)), rel=1e-4)
    pixels = load_digits().data.astype(int).ravel()
    e = excess_bits(pixels, np.bincount(pixels) / len(pixels), Adaptive(17))
    assert 0 <= e.bits < 0.01
    word = excess_bits("abracadabra", {"a": 0.5, "b": 0.2, "r": 0.2, "c": 0.05, "d": 0.05}, dict.fromkeys("abcdr", 0.2))
    assert "'a'" in word.parts


def test_a_symbol_that_q_rules_out_is_named() -> None:
    d = excess_bits("aab", {"a": 0.5, "b": 0.5}, {"a": 1.0})
    assert np.isinf(d.value)
    assert "'b'" in d.caveats[0]
    assert np.isinf(d.bits_q)
    assert "inf" in repr(d)


class TestHuffman:
    def test_it_is_between_the_entropy_and_one_bit_more(self) -> None:
        for _ in range(20):
            p = RNG.dirichlet(np.full(30, 0.5))
            code = huffman(p)
            assert float(kb.entropy(p, base=2)) <= code.expected(p) < float(kb.entropy(p, base=2)) + 1
            assert code.kraft == pytest.approx(1)
            words = [w for w in code.words if w]
            assert not any(a != b and b.startswith(a) for a in words for b in words)

    def test_powers_of_two_lose_nothing(self) -> None:
        p = [0.5, 0.25, 0.125, 0.125]
        assert huffman(p).expected(p) == pytest.approx(float(kb.entropy(np.array(p), base=2)))
        assert huffman([1.0, 0.0]).words == ["0", ""]

    def test_whole_bits_cost_more_than_a_coder_of_messages(self) -> None:
        p = np.array([0.95, 0.05])
        x = np.random.default_rng(4).choice(2, 100_000, p=p)
        assert 32 * len(encode(x, Static(p))) < 0.4 * huffman(p).lengths[x].sum()


@pytest.mark.parametrize(
    ("data", "p", "q", "message"),
    [
        ([], [0.5, 0.5], [0.5, 0.5], "no symbols"),
        ([0, 2], [0.5, 0.5], [0.5, 0.5], "2 at place 1"),
        ([0, -1], [0.5, 0.5], [0.5, 0.5], "-1 at place 1"),
        ([0, 1], [0.5, 0.4], [0.5, 0.5], "p sums to 0.9"),
        ([0, 1], [1.5, -0.5], [0.5, 0.5], "-0.5 at 1"),
        ([0, 1], [0.5, 0.5], [0.5, 0.25, 0.25], "p is a model of 2 symbols, q of 3"),
        ([0, 1], [1.0, 0.0], [0.5, 0.5], "p gives symbol 1, at place 1, probability 0"),
        ([0.5, 1.0], [0.5, 0.5], [0.5, 0.5], "whole numbers"),
        ("ab", [0.5, 0.5], [0.5, 0.5], "mappings of characters"),
        ("ac", {"a": 1.0}, {"a": 0.5, "b": 0.5}, "'c' at place 1"),
        ([0, 1], {"a": 1.0}, [0.5, 0.5], "which no model names"),
        ([0, 1], "model", [0.5, 0.5], "p must be"),
        ([0, 1], [[0.5, 0.5]], [0.5, 0.5], "square"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.4]], [0.5, 0.5], "row 1 of p sums to 0.9"),
    ],
)
def test_bad_input(data: Any, p: Any, q: Any, message: str) -> None:
    with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
        excess_bits(data, p, q)


def test_a_model_of_no_size() -> None:
    with pytest.raises(kb.InputError, match="size"):
        Adaptive(0)
    with pytest.raises(kb.InputError, match="probability 0"):
        encode(np.array([1]), Static([1.0, 0.0]))
