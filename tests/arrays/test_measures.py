"""What each measure is: definitions, limits, forms, axes and units."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.stats
import torch

import kullback as kb
from backends import BACKENDS, Backend
from exact import entropy, exactly, js, kl, mutual_information, normalised, softmax

RNG = np.random.default_rng(61)
P, Q, R = (RNG.dirichlet(np.ones(5)) for _ in range(3))
each_backend = pytest.mark.parametrize("backend", BACKENDS, ids=str)


def test_as_scipy_where_scipy_is_right() -> None:
    assert kb.kl(P, Q) == pytest.approx(scipy.stats.entropy(P, Q), rel=1e-14)
    assert kb.kl([3, 4, 5], [1, 1, 2], normalize=True, base=2) == pytest.approx(
        scipy.stats.entropy([3, 4, 5], [1, 1, 2], base=2), rel=1e-13
    )


@pytest.mark.parametrize("measure", [kb.kl, kb.js, kb.jeffreys, kb.cross_entropy, kb.renyi, kb.contributions])
def test_base_is_a_unit(measure: object) -> None:
    options = {"order": 3} if measure is kb.renyi else {}
    in_nats = measure(P, Q, **options)  # type: ignore[operator]
    np.testing.assert_allclose(measure(P, Q, base=2, **options), in_nats / math.log(2), rtol=1e-15)  # type: ignore[operator]


@each_backend
def test_forms_agree(backend: Backend) -> None:
    logs = {"probs": (P, Q), "log_probs": (np.log(P), np.log(Q)), "logits": (np.log(P) + 5, np.log(Q) - 2)}
    measures = [
        kb.kl,
        kb.js,
        kb.jeffreys,
        kb.cross_entropy,
        kb.total_variation,
        kb.hellinger,
        kb.chi2,
        kb.contributions,
    ]
    for measure in measures:
        expected = backend.read(measure(backend(P), backend(Q)))
        for form_p, (p, _) in logs.items():
            for form_q, (_, q) in logs.items():
                value = backend.read(measure(backend(p), backend(q), form=(form_p, form_q)))
                np.testing.assert_allclose(value, expected, rtol=1e-13)
    assert backend.read(kb.entropy(backend(logs["logits"][0]), form="logits")) == pytest.approx(
        float(entropy(exactly(P)))
    )


@each_backend
def test_axes(backend: Backend) -> None:
    rng = np.random.default_rng(62)
    p, q = (rng.dirichlet(np.ones(12), 5).reshape(5, 3, 4) for _ in range(2))
    expected = np.array([float(kl(exactly(a), exactly(b))) for a, b in zip(p, q, strict=True)])
    for axes in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]:
        moved = [np.moveaxis(x, (0, 1, 2), axes) for x in (p, q)]
        value = kb.kl(*(backend(x) for x in moved), axis=axes[1:])
        np.testing.assert_allclose(backend.read(value), expected, rtol=2e-15)
        terms = backend.read(kb.contributions(*(backend(x) for x in moved), axis=axes[1:]))
        assert terms.shape == moved[0].shape
        np.testing.assert_allclose(terms.sum(axis=axes[1:]), expected, rtol=1e-14)


@each_backend
def test_broadcasting(backend: Backend) -> None:
    rows = np.stack([P, Q, R])
    table = backend.read(kb.kl(backend(rows[:, None]), backend(rows[None])))
    assert table.shape == (3, 3)
    np.testing.assert_allclose(table, [[float(kl(exactly(a), exactly(b))) for b in rows] for a in rows], atol=1e-17)


@each_backend
def test_js_of_several(backend: Backend) -> None:
    weights = [0.2, 0.3, 0.5]
    value = kb.js(*(backend(x) for x in (P, Q, R)), weight=weights)
    truth = js([exactly(x) for x in (P, Q, R)], [mp.mpf(w) for w in weights])
    assert backend.read(value) == pytest.approx(float(truth), rel=2e-15)
    assert backend.read(kb.js(backend(P), backend(Q), backend(Q))) == pytest.approx(
        float(backend.read(kb.js(backend(P), backend(Q), weight=1 / 3))), rel=1e-13
    )
    assert backend.read(kb.js(backend([1.0, 0.0]), backend([0.0, 1.0]), base=2)) == pytest.approx(1, rel=1e-15)
    assert backend.read(kb.js(backend(P), backend(Q), weight=1.0)) == pytest.approx(0, abs=1e-16)


def test_renyi_limits() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.2, 0.3, 0.5])
    assert kb.renyi(p, q, 0) == pytest.approx(-math.log(0.5), rel=1e-15)
    assert kb.renyi(p, q, 1) == pytest.approx(kb.kl(p, q), rel=1e-15)
    assert kb.renyi(p, q, math.inf) == pytest.approx(math.log(2.5), rel=1e-15)
    disjoint = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    for order in (0, 0.5, 1, 2, math.inf):
        assert kb.renyi(*disjoint, order) == math.inf
    assert kb.renyi(q, p, 0.5) < math.inf
    assert kb.renyi(q, p, 2) == math.inf
    assert kb.renyi([1e-300, 1.0], [1.0, 1e-300], 50, normalize=True) == pytest.approx(300 * math.log(10), rel=1e-13)
    assert kb.tsallis(p, q, 0) == 0.5


def test_alpha_divergence_holds_the_others() -> None:
    def alpha(order: float) -> float:
        return float(kb.alpha_divergence(P, Q, order))

    assert alpha(1) == kb.kl(P, Q)
    assert alpha(0) == pytest.approx(kb.kl(Q, P), rel=1e-15)
    assert alpha(2) == pytest.approx(kb.chi2(P, Q) / 2, rel=1e-14)
    assert alpha(-1) == pytest.approx(kb.chi2(Q, P) / 2, rel=1e-14)
    assert alpha(0.5) == pytest.approx(4 * kb.hellinger(P, Q) ** 2, rel=1e-14)
    assert kb.tsallis(P, Q, 3) == pytest.approx(3 * alpha(3), rel=1e-15)


@each_backend
@pytest.mark.parametrize("name", kb.GENERATORS)
def test_f_divergences(backend: Backend, name: str) -> None:
    generator = kb.GENERATORS[name]
    value = backend.read(kb.f_divergence(backend(P), backend(Q), name))
    ratio = backend(P / Q)
    assert value == pytest.approx(float(np.sum(Q * backend.read(generator.f(ratio)))), rel=1e-12)
    assert value == pytest.approx(float(backend.read(kb.f_divergence(backend(P), backend(Q), generator.f))), rel=1e-12)
    assert backend.read(kb.f_divergence(backend(P), backend(P), name)) == 0


@each_backend
@pytest.mark.parametrize("name", kb.GENERATORS)
def test_conjugates(backend: Backend, name: str) -> None:
    """Fenchel and Young: f(x) + f*(t) ≥ t·x everywhere, and equal where t = f'(x)."""
    generator = kb.GENERATORS[name]
    assert generator.conjugate is not None
    x = np.linspace(0.05, 4, 80)
    f = backend.read(generator.f(backend(x)))
    step = 1e-6
    slope = (backend.read(generator.f(backend(x + step))) - backend.read(generator.f(backend(x - step)))) / (2 * step)
    touching = backend.read(generator.conjugate(backend(slope)))
    smooth = np.abs(x - 1) > 0.1 if name == "total_variation" else slice(None)
    inside = np.isfinite(touching[smooth])
    np.testing.assert_allclose((f + touching)[smooth][inside], (slope * x)[smooth][inside], atol=1e-8)
    assert inside.mean() > 0.4
    t = np.linspace(-3, 3, 61)
    conjugate = backend.read(generator.conjugate(backend(t)))
    assert (f[:, None] + conjugate[None] >= x[:, None] * t[None] - 1e-12).all()


def test_generalized_kl() -> None:
    p, q = np.array([3.0, 0.0, 1.0]), np.array([1.0, 2.0, 1.0])
    assert kb.generalized_kl(p, q) == pytest.approx(3 * math.log(3) - 4 + 4, rel=1e-15)
    assert kb.generalized_kl([3, 0, 1], [1, 2, 1]) == pytest.approx(kb.generalized_kl(p, q), rel=1e-15)
    assert kb.generalized_kl([0.0, 0.0], [1.0, 2.0]) == 3
    assert kb.generalized_kl([1e300, 1e300], [1e300, 1e300]) == 0
    assert kb.generalized_kl([1e300], [2e300]) == pytest.approx(1e300 * (1 - math.log(2)), rel=1e-15)


def test_decompose() -> None:
    parts = kb.decompose(P, np.log(Q), form=("probs", "log_probs"), base=2)
    assert parts.entropy + parts.divergence == pytest.approx(parts.cross_entropy, rel=1e-14)
    assert parts.divergence == kb.kl(P, np.log(Q), form=("probs", "log_probs"), base=2)


def test_mutual_information() -> None:
    joint = RNG.dirichlet(np.ones(24)).reshape(2, 3, 4)
    flat = joint.sum(2)
    product = flat.sum(1, keepdims=True) * flat.sum(0, keepdims=True)
    assert kb.mutual_information(flat) == pytest.approx(kb.kl(flat, product, axis=(0, 1)), rel=1e-12)
    h = {axes: float(kb.entropy(joint.sum(axes))) if axes else 0.0 for axes in [(0, 1)]}
    x_z, y_z = (kb.entropy(joint.sum(a), axis=(0, 1)) for a in (1, 0))
    expected = x_z + y_z - h[0, 1] - kb.entropy(joint, axis=(0, 1, 2))
    assert kb.mutual_information(joint, axis=(0, 1), given=2) == pytest.approx(expected, rel=1e-12)
    whole = kb.mutual_information(joint, axis=(0, (1, 2)))
    assert whole == pytest.approx(
        kb.mutual_information(joint.sum(1)) + kb.mutual_information(joint, axis=(0, 1), given=2)
    )
    batch = kb.mutual_information(np.stack([flat, flat]), base=2)
    np.testing.assert_allclose(batch, kb.mutual_information(flat) / math.log(2), rtol=1e-14)


def test_mutual_information_near_independence() -> None:
    """A dependence of 1e-9 carries 1e-18 nats, which entropies could never show."""
    a, b, e = np.array([0.3, 0.7]), np.array([0.4, 0.6]), 1e-9
    joint = np.outer(a, b) + e * np.array([[1, -1], [-1, 1]])
    table = [[mp.mpf(float(x)) for x in row] for row in joint]
    total = mp.fsum(map(mp.fsum, table))
    rows = [mp.fsum(row) / total for row in table]
    columns = [mp.fsum(column) / total for column in zip(*table, strict=True)]
    truth = mp.fsum(
        table[i][j] / total * mp.log(table[i][j] / total / rows[i] / columns[j]) for i in (0, 1) for j in (0, 1)
    )
    assert kb.mutual_information(joint) == pytest.approx(float(truth), rel=1e-12)
    assert kb.mutual_information(np.outer(a, b)) < 1e-31


TABLES = {
    "a rare pair": [[1, 0], [0, 1e-200]],
    "a subnormal pair": [[0.5, 0], [0.5, 1e-310]],
    "rare rows and columns": [[1.0, 1e-180], [1e-170, 1e-190]],
    "common": [[0.1, 0.2], [0.3, 0.4]],
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("form", ["probs", "log_probs"])
def test_mutual_information_where_products_underflow(table: list[list[float]], form: str) -> None:
    given = np.array(table)
    if form == "log_probs":
        with np.errstate(divide="ignore"):
            given = np.log(given)
    truth = float(mutual_information(normalised(np.ravel(table)), 2))
    assert float(kb.mutual_information(given, form=form)) == pytest.approx(truth, rel=1e-12, abs=5e-324)
    # A condition that hardly ever happens is as good as any other.
    if form == "probs" and truth > 1e-100:
        rare = np.stack([[[1.0, 0.0], [0.0, 0.0]], 1e-200 * np.array(table)], axis=-1)
        assert float(kb.mutual_information(rare, axis=(0, 1), given=2)) == pytest.approx(1e-200 * truth, rel=1e-12)


def test_mutual_information_of_logits_stays_in_log_space() -> None:
    logits = np.array([[0.0, -500.0], [-500.0, -600.0]])
    truth = float(mutual_information(softmax(logits.ravel()), 2))
    assert float(kb.mutual_information(logits, form="logits")) == pytest.approx(truth, rel=1e-12)
    tensor = torch.tensor(logits, requires_grad=True)
    (gradient,) = torch.autograd.grad(kb.mutual_information(tensor, form="logits"), tensor)
    assert torch.isfinite(gradient).all()


NAN_MEASURES = {
    **{
        f"renyi {order}": lambda p, q, order=order, **k: kb.renyi(p, q, order, **k)
        for order in (0, 0.5, 1, 3, math.inf)
    },
    **{f"tsallis {order}": lambda p, q, order=order, **k: kb.tsallis(p, q, order, **k) for order in (0, 0.5, 1, 3)},
    **{f"alpha {order}": lambda p, q, order=order, **k: kb.alpha_divergence(p, q, order, **k) for order in (-1, 0, 2)},
    **{f.__name__: f for f in (kb.kl, kb.js, kb.jeffreys, kb.chi2, kb.hellinger, kb.total_variation)},
}


@pytest.mark.parametrize("name", NAN_MEASURES)
@pytest.mark.parametrize("form", ["probs", "log_probs"])
def test_a_nan_is_never_lost(name: str, form: str) -> None:
    """Whatever faces it, and whatever infinity there is elsewhere in the row."""
    for other in (0.0, 0.5):
        for rest in ([0.5, 0.5], [1.0, 0.0]):
            row, facing = np.array([math.nan, 1.0, 0.0]), np.array([other, *rest]) / (other + 1)
            if form == "log_probs":
                with np.errstate(divide="ignore"):
                    row, facing = np.log(row), np.log(facing)
            for p, q in ((row, facing), (facing, row)):
                assert np.isnan(NAN_MEASURES[name](p, q, form=form)), (p, q)


def test_generators_are_silent_at_zero() -> None:
    for name, generator in kb.GENERATORS.items():
        assert generator.f([0.0, 1.0])[1] == 0, name
        assert not np.isnan(generator.f([0.0, 1.0])[0])


def test_numpy_scalars_are_numbers() -> None:
    assert kb.kl(P, Q, base=np.int64(2)) == kb.kl(P, Q, base=2)
    assert kb.js(P, Q, weight=np.float32(0.25)) == kb.js(P, Q, weight=0.25)
    assert kb.kl(P, Q, axis=np.int64(0), normalize=np.bool_(True)) == pytest.approx(kb.kl(P, Q), rel=1e-14)


def test_chain_rule() -> None:
    p, q = (RNG.dirichlet(np.ones(24)).reshape(2, 3, 4) for _ in range(2))
    result = kb.chain_rule(p, q, (2, 0, 1))
    assert list(result.parts) == ["axis 2", "axis 0 given 2", "axis 1 given 2, 0"]
    assert result.value == pytest.approx(kb.kl(p, q, axis=(0, 1, 2)), rel=1e-14)
    by_hand = sum(
        p[..., k].sum() * kb.kl(p[..., k].sum(1) / p[..., k].sum(), q[..., k].sum(1) / q[..., k].sum())
        for k in range(4)
    )
    assert result.parts["axis 0 given 2"] == pytest.approx(by_hand, rel=1e-13)
    assert kb.chain_rule(torch.tensor(p), torch.tensor(q)).value == pytest.approx(result.value, rel=1e-14)
    near = p * (1 + 1e-9 * RNG.standard_normal(p.shape))
    truth = float(kl(normalised(p), normalised(near)))
    assert kb.chain_rule(p, near, normalize=True).value == pytest.approx(truth, rel=1e-6)


def test_chain_rule_without_support() -> None:
    p = np.array([[0.5, 0.0], [0.5, 0.0]])
    q = np.array([[0.25, 0.25], [0.25, 0.25]])
    assert kb.chain_rule(p, q).parts == pytest.approx({"axis 0": 0, "axis 1 given 0": math.log(2)}, abs=1e-16)
    assert kb.chain_rule(q, p).value == math.inf
    assert kb.chain_rule(q, p, (1, 0)).parts["axis 1"] == math.inf
    assert kb.chain_rule([[0.5, 0.5]], [[0.25, 0.75]]).value == pytest.approx(kb.kl([0.5, 0.5], [0.25, 0.75]))


def test_a_short_call_is_quick() -> None:
    import timeit

    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.4, 0.5])
    assert min(timeit.repeat(lambda: kb.kl(p, q), number=1000, repeat=5)) / 1000 < 10e-6
