"""The kernels compute what the formulas compute, on every edge."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest

import kullback as kb
from backends import EPS
from kullback.arrays import _kernels, entropies, fdivergences, measures
from kullback.arrays._kernels import _native
from kullback.arrays._rows import measure

FORMULAS = {
    "kl": measures._kl,
    "entropy": entropies._entropy,
    "cross_entropy": entropies._cross_entropy,
    "jeffreys": measures._jeffreys,
    "total_variation": lambda rows: rows.sum(kb.GENERATORS["total_variation"].term(rows.pair)),
    "chi2": lambda rows: rows.sum(kb.GENERATORS["pearson"].term(rows.pair)),
}
MEASURES = {name: getattr(kb, name) for name in (*FORMULAS, "js")}
ROUNDING = {"f4": 1e-6, "f8": 4e-15}


def arguments(name: str, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, ...]:
    return (p,) if name == "entropy" else (p, q)


def twin(name: str, p: np.ndarray, q: np.ndarray, monkeypatch: pytest.MonkeyPatch, **options: object) -> np.ndarray:
    """The same call without its kernel."""
    with monkeypatch.context() as patch:
        patch.setattr(_kernels, "reduce", lambda *_: None)
        return np.asarray(MEASURES[name](*arguments(name, p, q), **options))


def rows(rng: np.random.Generator, *shape: int, axis: int = -1, dtype: str = "f8") -> np.ndarray:
    x = rng.standard_gamma(0.5, shape) + 1e-30
    return (x / x.sum(axis=axis, keepdims=True)).astype(dtype)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels that answered."""
    answered: list[str] = []
    reduce = _kernels.reduce

    def spy(kernel: str, *rest: object) -> object:
        value = reduce(kernel, *rest)
        if value is not None:
            answered.append(kernel)
        return value

    monkeypatch.setattr(_kernels, "reduce", spy)
    return answered


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", MEASURES)
def test_lengths_and_offsets(name: str, dtype: str, used: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    for n in [*range(1, 71), 511, 512, 513, 1000]:
        offset = n % 9
        p, q = (rows(rng, n, dtype=dtype) for _ in range(2))
        shifted = [np.concatenate([np.full(offset, np.nan, dtype), x])[offset:] for x in (p, q)]
        before = len(used)
        value = MEASURES[name](*arguments(name, *shifted))
        assert len(used) > before
        np.testing.assert_allclose(value, twin(name, p, q, monkeypatch), rtol=ROUNDING[dtype], atol=1e-17)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((3, 5), 0),
        ((7, 600), 0),
        ((70, 17), 0),
        ((300, 16), 0),
        ((5, 6, 40), 1),
        ((2, 30, 33), 0),
        ((2, 9, 33), 2),
        ((70_000,), 0),
        ((3, 70_001), 1),
        ((70_001, 3), 0),
        ((20_000, 20), 0),
    ],
)
def test_shapes_and_axes(
    name: str,
    dtype: str,
    normalize: bool,
    shape: tuple[int, ...],
    axis: int,
    used: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    p, q = (rows(rng, *shape, axis=axis, dtype="f8") for _ in range(2))
    if normalize:
        p, q = p * 3, q * 0.1
    p, q = p.astype(dtype), q.astype(dtype)
    p.flags.writeable = q.flags.writeable = False
    value = MEASURES[name](*arguments(name, p, q), axis=axis, normalize=normalize)
    expected = twin(name, p, q, monkeypatch, axis=axis, normalize=normalize)
    assert used
    assert value.dtype == expected.dtype
    np.testing.assert_allclose(value, expected, rtol=ROUNDING[dtype])


@pytest.mark.parametrize("name", MEASURES)
def test_strides(name: str, used: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    p, q = rows(rng, 6, 50), rows(rng, 6, 50)
    wide = np.full((12, 150), np.nan)
    wide[::2, ::3] = p
    views = {
        "strided": wide[::2, ::3],
        "reversed": p[:, ::-1].copy()[:, ::-1],
        "transposed": np.asfortranarray(p),
        "one row for all": np.broadcast_to(p[0], p.shape),
    }
    for view in views.values():
        value = MEASURES[name](*arguments(name, view, q))
        np.testing.assert_allclose(value, twin(name, np.array(view), q, monkeypatch), rtol=4e-15)
    column = rows(rng, 50, 1, axis=0)
    value = MEASURES[name](*arguments(name, np.asfortranarray(q).T, column), axis=0)
    np.testing.assert_allclose(value, twin(name, q.T.copy(), column, monkeypatch, axis=0), rtol=4e-15)
    assert set(used) == {name}


EDGES = [0.0, -0.0, 5e-324, 1e-320, 2.3e-308, 1e-200, 1e-30, 0.25, 0.5, 0.75, 1.0, np.nan]


@pytest.mark.parametrize("name", MEASURES)
def test_edges(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pair of hard entries, filled up to distributions."""
    rest = np.array([[a, b] for a in EDGES for b in EDGES])
    p = np.stack([rest[:, 0], 1 - np.nan_to_num(rest[:, 0])], axis=-1)
    q = np.stack([rest[:, 1], 1 - np.nan_to_num(rest[:, 1])], axis=-1)
    for i in range(len(p)):
        if np.signbit(p[i]).any() or np.signbit(q[i]).any():
            continue
        raw, suspicion = _native.one(name, p[i], q[i] if name != "entropy" else p[i], False, 0.5, 1e-12, 1.0)
        assert not suspicion
        # The formula of χ² takes an exponential of up to 709, whose rounding is relative to that.
        rounding = 4e-13 if name == "chi2" else 1e-14
        expected = twin(name, p[i], q[i], monkeypatch)
        np.testing.assert_allclose(raw, expected, rtol=rounding, atol=1e-323, err_msg=f"{p[i]} {q[i]}")


def test_negative_zero_is_zero() -> None:
    assert kb.kl(np.array([-0.0, 1.0]), np.array([0.5, 0.5])) == kb.kl(np.array([0.0, 1.0]), np.array([0.5, 0.5]))


@pytest.mark.parametrize("axis", [0, 1])
def test_one_bad_row_among_many_is_found(axis: int) -> None:
    p = np.full((200, 200), 1 / 200)
    bad = p.copy()
    bad[137, 55] += 1e-3
    with pytest.raises(kb.InputError, match=f"row {137 if axis == 1 else 55} "):
        kb.kl(p, bad, axis=axis)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("normalize", [False, True])
def test_contributions(axis: int, normalize: bool, used: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    p, q = rows(rng, 40, 23, axis=axis), rows(rng, 40, 23, axis=axis)
    terms = kb.contributions(p, q, axis=axis, normalize=normalize)
    assert used == ["contributions"]
    monkeypatch.setattr(_kernels, "reduce", lambda *_: None)
    expected = kb.contributions(p, q, axis=axis, normalize=normalize)
    # The rounding of a row's sum moves each term by that much of p − q; the terms' sum does not feel it.
    slack = 1e-14 * expected + 4 * EPS["float64"] * np.abs(p - q) * normalize
    assert (np.abs(terms - expected) <= slack).all()


def test_the_number_of_threads_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    p, q = rows(rng, 1_000_003), rows(rng, 1_000_003)
    alone = kb.kl(p, q)
    results: list[float] = []
    threads = [threading.Thread(target=lambda: results.append(kb.kl(p, q))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone] * 4


@pytest.mark.parametrize("axis", [0, 1])
def test_no_memory_beyond_a_constant(axis: int) -> None:
    p = np.full((1000, 1000), 1e-3)
    tracemalloc.start()
    try:
        kb.kl(p, p, axis=axis)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_other_dtypes_fall_back() -> None:
    rng = np.random.default_rng(6)
    p, q = rows(rng, 9), rows(rng, 9)
    expected = kb.kl(p, q)
    assert kb.kl(p.astype(">f8"), q) == pytest.approx(expected, rel=1e-14)
    assert kb.kl(p.astype(np.longdouble), q) == pytest.approx(expected, rel=1e-14)
    half = kb.kl(p.astype("f2"), q.astype("f2"), normalize=True)
    assert half.dtype == np.float16
    assert float(half) == pytest.approx(float(expected), rel=1e-2)


def test_an_instruction_set_is_chosen() -> None:
    assert _native.instruction_set() in {"baseline", "v3", "v4"}


def test_the_formulas_are_the_public_ones() -> None:
    rng = np.random.default_rng(7)
    p, q = rows(rng, 9), rows(rng, 9)
    for name, formula in FORMULAS.items():
        values = arguments(name, p, q)
        assert MEASURES[name](*values) == pytest.approx(float(measure(formula, values, ("p", "q")[: len(values)])))
    assert fdivergences.hellinger(p, q) > 0
