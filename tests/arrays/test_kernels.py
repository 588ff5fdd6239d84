"""The kernels compute what the formulas compute, on every edge."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

import kullback as kb
from backends import EPS
from exact import exactly, relative_error
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
MEASURES["decompose"] = lambda p, q, **options: np.stack(kb.decompose(p, q, **options))
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


@pytest.fixture(params=_native.instruction_sets(), autouse=True)
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Everything here is tested with every instruction set that this machine has."""
    best = _native.instruction_set()
    _native.use(request.param)
    yield request.param
    _native.use(best)


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
    assert set(used) == {name}
    if name == "decompose":
        return  # What is broadcast has an entropy of its own shape, and is not taken together.
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
        raw = np.empty(3 if name == "decompose" else 1)
        suspicion = _native.many(name, p[i], q[i] if name != "entropy" else p[i], False, 0.5, 1e-12, 1.0, raw)
        assert not suspicion
        # The formula of χ² takes an exponential of up to 709, whose rounding is relative to that.
        rounding = 4e-13 if name == "chi2" else 1e-14
        expected = twin(name, p[i], q[i], monkeypatch)
        np.testing.assert_allclose(raw, expected, rtol=rounding, atol=1e-323, err_msg=f"{p[i]} {q[i]}")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", MEASURES)
def test_edges_among_others(
    name: str, normalize: bool, axis: int, dtype: str, used: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is taken for ordinary is taken again with care: one hard pair of entries in a row of ordinary ones."""
    rng = np.random.default_rng(10)
    # Divided by a sum, the smallest subnormal would be rounded to itself, but its logarithm would not.
    hard = [0.0, 1e-310 if normalize else 5e-324, 1e-310, 1e-300, 1e-44, 1e-40, 1e-30, 1e-5, np.nan]
    pairs = np.array([[a, b] for a in hard for b in hard])
    p, q = rows(rng, len(pairs), 150), rows(rng, len(pairs), 150)
    at = np.arange(len(pairs)), rng.integers(0, 150, len(pairs))
    p[at], q[at] = pairs.T
    p, q = (np.ascontiguousarray(x.astype(dtype) if axis else x.astype(dtype).T) for x in (p, q))
    if not normalize:
        p, q = (x / np.nansum(x, axis=axis, keepdims=True, dtype="f8") for x in (p, q))
        p, q = p.astype(dtype), q.astype(dtype)
    value = MEASURES[name](*arguments(name, p, q), axis=axis, normalize=normalize)
    assert used
    expected = twin(name, p, q, monkeypatch, axis=axis, normalize=normalize)
    np.testing.assert_allclose(value, expected, rtol=max(ROUNDING[dtype], 4e-13 * (name == "chi2")))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_one_term_at_every_ratio(dtype: str) -> None:
    """One outcome among equal ones, which add nothing: within 3 ulp, also where the way of computing changes."""
    rng = np.random.default_rng(11)
    ratio = np.concatenate([np.exp(rng.uniform(-30, 30, 300)), rng.uniform(0.25, 4, 900), rng.uniform(1.3, 1.4, 300)])
    p, q = np.full((2, len(ratio), 70), 1e-3, dtype)
    q[:, 33] = np.exp(rng.uniform(-7, -1, len(ratio)))
    p[:, 33] = q[:, 33] * ratio
    for value, *pair in zip(kb.generalized_kl(p, q), p[:, 33], q[:, 33], strict=True):
        a, b = exactly(pair)
        truth = a * mp.log(a / b) - a + b
        assert relative_error(value, truth) <= 3 * float(np.finfo(dtype).eps), pair


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


def test_calls_from_several_threads() -> None:
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


def in_a_fresh_process(script: str, *arguments: str) -> str:
    same = f"from kullback.arrays._kernels import _native; _native.use({_native.instruction_set()!r})"
    command = [sys.executable, "-c", same + script, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


ON_PROCESSORS = """
import os, sys, numpy as np, kullback as kb
if sys.argv[1] == "one":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
rng = np.random.default_rng(8)
for shape, axis in (((1_000_003,), 0), ((3, 200_001), 1), ((70_001, 30), 0), ((30_000, 20), 1)):
    p, q = rng.random(shape), rng.random(shape)
    for measure in (kb.kl, kb.js, kb.chi2):
        print(measure(p, q, axis=axis, normalize=True).tobytes().hex())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be pinned here")
def test_the_number_of_threads_changes_nothing() -> None:
    """There are as many threads as processors the process may run on."""
    assert in_a_fresh_process(ON_PROCESSORS, "one") == in_a_fresh_process(ON_PROCESSORS, "all")


GROWTH = """
import resource, sys, numpy as np, kullback as kb
def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
shape, axis, normalize = (int(sys.argv[1]), int(sys.argv[2])), int(sys.argv[3]), sys.argv[4] == "True"
kb.kl(np.full((400_000, 2), 0.5), np.full((400_000, 2), 0.5), normalize=normalize)
p = np.full(shape, 1 / shape[axis])
before = peak()
result = kb.kl(p, p, axis=axis, normalize=normalize)
print(peak() - before - result.nbytes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no peak of memory to be had")
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [((3_000_000, 2), 1), ((2, 3_000_000), 0), ((3000, 2000), 0)])
def test_no_memory_beyond_a_constant(shape: tuple[int, int], axis: int, normalize: bool) -> None:
    """Beyond its arguments of 48 MB and its result; tracemalloc would see nothing of C++."""
    growth = in_a_fresh_process(GROWTH, *map(str, (*shape, axis, normalize)))
    assert int(growth) < 4_000_000


def test_other_dtypes_fall_back() -> None:
    rng = np.random.default_rng(6)
    p, q = rows(rng, 9), rows(rng, 9)
    expected = kb.kl(p, q)
    assert kb.kl(p.astype(">f8"), q) == pytest.approx(expected, rel=1e-14)
    assert kb.kl(p.astype(np.longdouble), q) == pytest.approx(expected, rel=1e-14)
    half = kb.kl(p.astype("f2"), q.astype("f2"), normalize=True)
    assert half.dtype == np.float16
    assert float(half) == pytest.approx(float(expected), rel=1e-2)


def test_the_instruction_set(instruction_set: str) -> None:
    assert _native.instruction_set() == instruction_set
    assert _native.instruction_sets()[0] == "baseline"
    with pytest.raises(ValueError, match="no instruction set v9"):
        _native.use("v9")


@pytest.mark.parametrize("where", ["a packed field", "an odd address"])
def test_what_is_not_aligned_takes_the_formula(where: str, used: list[str]) -> None:
    values = [0.2, 0.3, 0.5]
    if where == "a packed field":
        p = np.zeros(3, dtype=[("tag", "f4"), ("p", "f8")])["p"]
    else:
        p = np.zeros(25, np.uint8)[1:].view("f8")
    p[:] = values
    q = np.array([0.5, 0.3, 0.2])
    assert kb.kl(p, q) == pytest.approx(kb.kl(np.array(values), q), rel=1e-14)
    assert used == ["kl"]
    assert kb.kl(p.reshape(1, 3), q).shape == (1,)


def test_every_spelling_of_a_call_is_as_quick(used: list[str]) -> None:
    rng = np.random.default_rng(9)
    p, q = rows(rng, 9, 4, axis=0), rows(rng, 9, 4, axis=0)
    expected = kb.kl(p, q, axis=0)
    for options in ({"axis": (0,)}, {"axis": -2, "form": ("probs", "probs")}, {"axis": np.int64(0)}):
        np.testing.assert_array_equal(kb.kl(p, q, **options), expected)
    assert used == ["kl"] * 4
    kb.decompose(p, q, axis=0, form=("probs", "probs"))
    assert used[4:] == ["decompose"]


@pytest.mark.skipif(not (shutil.which("g++") and shutil.which("nm")), reason="no compiler")
def test_each_instruction_set_keeps_its_symbols_to_itself(instruction_set: str, tmp_path: Path) -> None:
    """A function with one name and several bodies would be the linker's choice; without optimisation all show."""
    source = Path(kb.__file__).parent / "arrays" / "_kernels" / "reduce.cpp"
    if not source.exists():
        pytest.skip("the sources are not here")
    built = str(tmp_path / "reduce.o")
    machine = [] if instruction_set == "baseline" else [f"-march=x86-64-{instruction_set}"]
    define = f"-DKULLBACK_ISA={instruction_set}"
    subprocess.run(
        ["g++", "-std=c++17", "-O0", "-fno-exceptions", define, *machine, "-c", str(source), "-o", built], check=True
    )
    listed = subprocess.run(["nm", "-C", "--defined-only", "-g", built], check=True, capture_output=True, text=True)
    assert listed.stdout.splitlines()
    assert all(f"kullback::{instruction_set}::" in line for line in listed.stdout.splitlines())


def test_the_formulas_are_the_public_ones() -> None:
    rng = np.random.default_rng(7)
    p, q = rows(rng, 9), rows(rng, 9)
    for name, formula in FORMULAS.items():
        values = arguments(name, p, q)
        assert MEASURES[name](*values) == pytest.approx(float(measure(formula, values, ("p", "q")[: len(values)])))
    assert fdivergences.hellinger(p, q) > 0
