"""Weights nearest the base that meet a target: laws, independent solutions, and where peers are silently wrong."""

from __future__ import annotations

import json
import pickle
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import kullback as kb


def frame(n: int, levels: dict[str, int], seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: rng.integers(0, k, n) for name, k in levels.items()})


def shares(k: int, rng: np.random.Generator) -> dict[int, float]:
    p = rng.gamma(3.0, size=k)
    return dict(enumerate((p / p.sum()).tolist()))


def share_of(column: Any, level: Any, weights: np.ndarray) -> float:
    return float(weights[np.asarray(column) == level].sum() / weights.sum())


def raked(table: pd.DataFrame, to: dict[str, dict[int, float]], base: np.ndarray) -> np.ndarray:
    """Iterative proportional fitting, run until nothing moves."""
    w = base.astype(float).copy()
    for _ in range(5000):
        before = w.copy()
        for name, margin in to.items():
            codes = table[name].to_numpy()
            total = w.sum()
            have = np.bincount(codes, w, len(margin)) / total
            w *= (np.array(list(margin.values())) / have)[codes]
        if np.abs(w - before).max() < 1e-15 * w.max():
            break
    return w / w.sum()


def test_one_margin_is_post_stratification() -> None:
    x = np.array(["a"] * 6 + ["b"] * 4)
    m = kb.reweight({"x": x}, {"x": {"a": 0.25, "b": 0.75}})
    assert m.weights == pytest.approx(np.where(x == "a", 2.5 / 6, 7.5 / 4), rel=1e-14)
    assert m.before.value == pytest.approx(0.25 * np.log(0.25 / 0.6) + 0.75 * np.log(0.75 / 0.4), rel=1e-13)
    assert m.after.value == 0
    assert m.converged
    assert m.ess == pytest.approx(100 / (6 * (2.5 / 6) ** 2 + 4 * (7.5 / 4) ** 2), rel=1e-12)


def test_it_is_where_raking_goes() -> None:
    table, rng = frame(3000, {"a": 2, "b": 5, "c": 7, "d": 11}), np.random.default_rng(1)
    to = {name: shares(k, rng) for name, k in (("a", 2), ("b", 5), ("c", 7), ("d", 11))}
    base = rng.gamma(2.0, size=len(table))
    m = kb.reweight(table, to, base_weights=base)
    assert m.weights / m.weights.sum() == pytest.approx(raked(table, to, base), rel=1e-9)
    assert m.weights.sum() == pytest.approx(base.sum(), rel=1e-14)
    assert m.iterations <= 8


def test_pythagorean_identity() -> None:
    # D(r‖b) = D(r‖w) + D(w‖b) for every r that meets the target (Csiszár 1975, theorem 3.1)
    table, rng = frame(400, {"a": 3, "b": 4}), np.random.default_rng(2)
    to = {"a": shares(3, rng), "b": shares(4, rng)}
    base = rng.gamma(2.0, size=400)
    w = kb.reweight(table, to, base_weights=base).weights
    other = kb.reweight(table, to, base_weights=rng.gamma(0.5, size=400)).weights
    r, w, b = other / other.sum(), w / w.sum(), base / base.sum()
    assert float(kb.kl(r, b)) == pytest.approx(float(kb.kl(r, w)) + float(kb.kl(w, b)), rel=1e-10)


def test_joint_margins_and_means_together() -> None:
    rng = np.random.default_rng(3)
    table = frame(2000, {"a": 2, "b": 3})
    table["income"] = rng.lognormal(0, 1, 2000)
    p = rng.dirichlet(np.ones(6) * 5)
    joint = {(i, j): float(p[3 * i + j]) for i in range(2) for j in range(3)}
    m = kb.reweight(table, {("a", "b"): joint, "income": 2.5})
    for (i, j), share in joint.items():
        at = (table["a"] == i) & (table["b"] == j)
        assert m.weights[at].sum() / m.weights.sum() == pytest.approx(share, abs=1e-12)
    assert np.average(table["income"], weights=m.weights) == pytest.approx(2.5, rel=1e-12)
    assert set(m.constraints) >= {"mean of income", "(a, b) = (1, 2)"}


def test_means_against_a_general_optimiser() -> None:
    x = np.random.default_rng(4).normal(size=(60, 2))
    to = np.array([0.4, -0.2])
    m = kb.reweight(x, to)
    dual = optimize.minimize(lambda c: np.log(np.mean(np.exp(x @ c))) - c @ to, np.zeros(2), tol=1e-14)
    assert m.before.value == pytest.approx(-dual.fun, rel=1e-9)
    assert list(m.coefficients.values()) == pytest.approx(dual.x, rel=1e-5)


@pytest.mark.parametrize("bounds", [(0.2, 5.0), (0.0, 3.0), (0.4, 2.2)])
def test_bounds_against_a_general_optimiser(bounds: tuple[float, float]) -> None:
    x = np.random.default_rng(5).normal(size=(40, 2))
    to = np.array([0.25, -0.2])
    m = kb.reweight(x, to, bounds=bounds)
    assert m.converged
    assert bounds[0] - 1e-12 <= m.ratio.min() <= m.ratio.max() <= bounds[1] + 1e-12
    assert x.T @ m.weights / 40 == pytest.approx(to, abs=1e-9)

    def spent(w: np.ndarray) -> float:
        return float(np.sum(w * np.log(np.maximum(w, 1e-300) * 40)))

    peer = optimize.minimize(
        spent,
        np.full(40, 1 / 40),
        jac=lambda w: np.log(np.maximum(w, 1e-300) * 40) + 1,
        bounds=[(bounds[0] / 40, bounds[1] / 40)] * 40,
        constraints={"type": "eq", "fun": lambda w: np.append(x.T @ w - to, w.sum() - 1)},
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert m.before.value <= peer.fun + 1e-7
    assert m.before.value == pytest.approx(peer.fun, rel=1e-4)


def test_slack_against_a_general_optimiser() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(50, 3))
    to, slack = np.array([0.5, 0.05, -0.4]), 0.1
    m = kb.reweight(x, to, slack=slack)
    found = x.T @ m.weights / 50
    assert np.all(np.abs(found - to) <= slack + 1e-9)
    assert m.converged
    peer = optimize.minimize(
        lambda w: float(np.sum(w * np.log(np.maximum(w, 1e-300) * 50))),
        np.full(50, 1 / 50),
        jac=lambda w: np.log(np.maximum(w, 1e-300) * 50) + 1,
        bounds=[(0, 1)] * 50,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1},
            {"type": "ineq", "fun": lambda w: slack - (x.T @ w - to)},
            {"type": "ineq", "fun": lambda w: slack + (x.T @ w - to)},
        ],
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert m.before.value == pytest.approx(peer.fun, rel=1e-5)


def test_slack_by_name_and_ridge() -> None:
    table, rng = frame(2000, {"a": 3, "b": 4}), np.random.default_rng(7)
    to = {"a": shares(3, rng), "b": shares(4, rng)}
    m = kb.reweight(table, to, slack={"b": 0.02})
    off = {name: abs(after - target) for name, (target, _, after) in m.constraints.items()}
    assert max(v for name, v in off.items() if name.startswith("a")) < 1e-9
    assert max(v for name, v in off.items() if name.startswith("b")) == pytest.approx(0.02, abs=1e-9)
    soft = kb.reweight(table, to, ridge=0.01)
    for name, (target, _, after) in soft.constraints.items():
        assert after - target == pytest.approx(-0.01 * soft.coefficients[name], abs=1e-9)
    assert any("ridge" in sentence for sentence in soft.check())


class TestWherePeersAreSilentlyWrong:
    def test_margins_that_no_weights_meet(self) -> None:
        # every a = 0 has b = 0: their shares cannot be .5 and .3
        a = np.array([0] * 50 + [1] * 50)
        b = np.array([0] * 50 + [0] * 25 + [1] * 25)
        with pytest.raises(kb.Infeasible, match="conflict") as caught:
            kb.reweight({"a": a, "b": b}, {"a": {0: 0.5, 1: 0.5}, "b": {0: 0.3, 1: 0.7}})
        self.check_certificate(caught.value, {"a": a, "b": b}, {"a": {0: 0.5, 1: 0.5}, "b": {0: 0.3, 1: 0.7}})
        moved = {"a": {0: 0.5, 1: 0.5}, "b": {0: 0.3, 1: 0.7}}
        for name, value in caught.value.nearest.items():
            column, level = name.split(" = ")
            moved[column][int(level)] = value
        total = sum(abs(moved[c][k] - {"a": [0.5, 0.5], "b": [0.3, 0.7]}[c][k]) for c in moved for k in (0, 1))
        assert total == pytest.approx(0.4, abs=1e-6)
        assert kb.reweight({"a": a, "b": b}, moved).converged
        slack = 0.2 + 1e-6
        assert kb.reweight({"a": a, "b": b}, {"a": {0: 0.5, 1: 0.5}, "b": {0: 0.3, 1: 0.7}}, slack=slack).converged

    @staticmethod
    def check_certificate(
        error: kb.Infeasible, columns: dict[str, np.ndarray], to: dict[str, dict[int, float]]
    ) -> None:
        y = error.conflict
        reached = sum(np.array([y.get(f"{name} = {v}", 0.0) for v in values]) for name, values in columns.items()).max()
        wanted = sum(share * y.get(f"{name} = {v}", 0.0) for name, m in to.items() for v, share in m.items())
        assert wanted > reached

    def test_a_level_that_no_row_has(self) -> None:
        with pytest.raises(kb.Infeasible, match=r"'c' \(target 20%\)") as caught:
            kb.reweight({"x": np.array(["a", "b"] * 50)}, {"x": {"a": 0.4, "b": 0.4, "c": 0.2}})
        assert caught.value.nearest == {"x = 'c'": 0.0}

    def test_two_columns_that_are_nearly_one(self) -> None:
        rng = np.random.default_rng(8)
        a = rng.integers(0, 50, 20_000)
        b = np.where(rng.random(20_000) < 0.99, a, rng.integers(0, 50, 20_000))
        joint = rng.permutation(20_000)[:15_000]  # the margins of a part of the rows can be met
        to = {
            n: dict(enumerate((np.bincount(c[joint], minlength=50) / 15_000).tolist())) for n, c in (("a", a), ("b", b))
        }
        m = kb.reweight({"a": a, "b": b}, to)
        assert m.converged
        assert m.iterations <= 8
        assert max(abs(share_of(b, k, m.weights) - s) for k, s in to["b"].items()) < 1e-12

    def test_ten_columns_of_eight_levels(self) -> None:
        # a dense table would have a thousand million cells
        levels = {f"v{i}": 8 for i in range(10)}
        table, rng = frame(20_000, levels), np.random.default_rng(9)
        to = {name: shares(8, rng) for name in levels}
        m = kb.reweight(table, to)
        assert m.converged
        assert max(abs(share_of(table[n], k, m.weights) - s) for n, t in to.items() for k, s in t.items()) < 1e-12

    def test_small_integers_do_not_overflow(self) -> None:
        x = np.arange(100, dtype=np.int8).reshape(-1, 1)
        m = kb.reweight(x, [60.0], features=lambda v: np.asarray(v, float))
        assert np.average(x[:, 0].astype(float), weights=m.weights) == pytest.approx(60, abs=1e-9)
        squares = kb.reweight(x, x[50:], features="quadratic")
        assert np.average(x[:, 0].astype(float) ** 2, weights=squares.weights) == pytest.approx(
            np.mean(np.arange(50.0, 100.0) ** 2), rel=1e-12
        )

    def test_a_margin_given_twice_in_other_words(self) -> None:
        table = frame(500, {"a": 2, "b": 2})
        to = {"a": {0: 0.6, 1: 0.4}, ("a", "b"): {(0, 0): 0.2, (0, 1): 0.2, (1, 0): 0.3, (1, 1): 0.3}}
        with pytest.raises(kb.Infeasible, match="conflict"):
            kb.reweight(table, to)
        to["a"] = {0: 0.4, 1: 0.6}
        assert kb.reweight(table, to).converged


def test_a_small_contradiction_is_refused_too() -> None:
    x = np.random.default_rng(17).normal(size=(200, 1))
    with pytest.raises(kb.Infeasible):
        kb.reweight(np.column_stack([x, 2 * x]), [0.2, 0.4 + 1e-5])


def test_bounds_are_of_the_base_of_all_rows() -> None:
    # rows of b get no weight, so that the others have mean ratio 2
    columns = {"a": np.array(["x", "y"] * 50), "b": np.array([0, 0, 1, 1] * 25)}
    to = {"a": {"x": 1.0, "y": 0.0}, "b": {0: 0.45, 1: 0.55}}
    m = kb.reweight(columns, to, bounds=(0, 2.5))
    assert m.converged
    assert m.ratio.max() == pytest.approx(2.2)
    with pytest.raises(kb.InputError, match=r"bounds keep them at 1\.5"):
        kb.reweight(columns, to, bounds=(0, 1.5))
    with pytest.raises(kb.Infeasible):
        kb.reweight(columns, to, bounds=(0, 2.1))
    with pytest.raises(kb.InputError, match="use a low of 0"):
        kb.reweight(columns, to, bounds=(0.5, 3))


def test_effective_rows_are_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(18)
    table = pd.DataFrame({"s": rng.choice(["x", "y"], 400), "w": rng.gamma(2.0, size=400)})
    to = {"s": {"x": 0.3, "y": 0.7}}
    m = kb.reweight(table, to, base_weights="w")
    assert m.ess == pytest.approx(m.weights.sum() ** 2 / (m.weights @ m.weights))
    table.to_parquet(tmp_path / "t.parquet")
    assert kb.reweight(tmp_path / "t.parquet", to, base_weights="w").ess == pytest.approx(m.ess)


def test_it_travels_with_its_pictures() -> None:
    m = pickle.loads(pickle.dumps(kb.reweight({"a": ["x", "y"] * 50}, {"a": {"x": 0.3, "y": 0.7}})))
    assert m.converged
    assert m.plot().to_dict()
    error = pickle.loads(pickle.dumps(kb.Infeasible("why", {"a": 1.0}, {"a": 0.0})))
    assert (str(error), error.nearest) == ("why", {"a": 0.0})


def test_levels_that_are_equal_are_one() -> None:
    signed = kb.reweight({"z": np.array([-0.0, 0.0, 1.0, 1.0])}, {"z": {0.0: 0.3, 1.0: 0.7}})
    assert signed.weights == pytest.approx([0.6, 0.6, 1.4, 1.4])
    missing = kb.reweight(pd.DataFrame({"z": [np.nan, 1.0, 1.0]}), {"z": {float("nan"): 0.5, 1.0: 0.5}})
    assert missing.weights == pytest.approx([1.5, 0.75, 0.75])


def test_units_do_not_matter() -> None:
    x = np.random.default_rng(19).normal(size=500)
    plain = kb.reweight({"x": x}, {"x": 0.3})
    for unit in (1e-170, 1e150):
        assert kb.reweight({"x": x * unit}, {"x": 0.3 * unit}).weights == pytest.approx(plain.weights)


def test_a_target_on_the_edge_gives_rows_no_weight() -> None:
    # the maximum of x can only be the mean if nothing else has weight
    x = np.array([[0.0], [1.0], [2.0], [2.0]])
    m = kb.reweight(x, [2.0])
    assert m.weights == pytest.approx([0, 0, 2, 2], abs=1e-12)
    assert m.converged
    assert m.before.value == pytest.approx(np.log(2), rel=1e-12)
    assert any("edge" in sentence for sentence in m.check())


def test_levels_that_are_not_wanted_are_left_out_and_said() -> None:
    m = kb.reweight({"x": np.array(["a", "b", "c", "c"])}, {"x": {"a": 0.5, "b": 0.5, "c": 0}})
    assert m.weights == pytest.approx([2, 2, 0, 0])
    assert any("'c'" in sentence and "50%" in sentence for sentence in m.check())
    assert m.before.value == pytest.approx(np.log(2))
    assert m.margins["x"][0].value == pytest.approx(np.log(2))


def test_counts_give_weights_that_sum_to_them() -> None:
    table = frame(100, {"a": 2, "b": 2})
    m = kb.reweight(table, {"a": {0: 3000, 1: 7000}, "b": {0: 5000, 1: 5000}})
    assert m.weights.sum() == pytest.approx(10_000, rel=1e-13)
    assert m.weights[table["a"] == 0].sum() == pytest.approx(3000, rel=1e-12)
    assert any("counts" in sentence for sentence in m.check())


class TestAnotherSample:
    def test_gaussian_shift(self) -> None:
        # D(N(μ, S)‖N(0, I)) = (tr S + μ·μ − d − log det S) / 2, whose log-ratio is quadratic
        rng = np.random.default_rng(10)
        mu, scale = np.array([0.5, -0.3, 0.2]), np.array([0.8, 0.9, 1.1])
        x, y = rng.normal(size=(20_000, 3)), mu + scale * rng.normal(size=(20_000, 3))
        truth = float((scale**2 + mu**2 - 1 - 2 * np.log(scale)).sum() / 2)
        m = kb.reweight(x, y)
        assert abs(m.before.value - truth) < 3 * m.before.error
        assert m.before.error < 0.02
        assert np.average(x, axis=0, weights=m.weights) == pytest.approx(y.mean(axis=0), abs=1e-10)
        assert any("chose quadratic" in sentence for sentence in m.check())

    def test_the_error_is_the_spread_of_the_value(self) -> None:
        found = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            found.append(kb.reweight(rng.normal(size=(400, 1)), rng.normal(0.8, 1, (150, 1)), features="linear").before)
        assert np.std([d.value for d in found]) == pytest.approx(np.mean([d.error for d in found]), rel=0.25)

    def test_rows_without_weight_choose_nothing(self) -> None:
        rng = np.random.default_rng(20)
        x, good, bad = rng.normal(size=(900, 1)), rng.normal(0.3, 1, (500, 1)), rng.normal(0, 3, (500, 1))
        m = kb.reweight(x, np.concatenate([good, bad]), to_weights=np.repeat([1.0, 0.0], 500))
        assert any("chose linear" in sentence for sentence in m.check())

    def test_linear_is_chosen_for_a_pure_shift(self) -> None:
        rng = np.random.default_rng(11)
        m = kb.reweight(rng.normal(size=(300, 4)), rng.normal(size=(300, 4)) + 0.7)
        assert any("chose linear" in sentence for sentence in m.check())

    def test_mixed_tables(self) -> None:
        rng = np.random.default_rng(12)
        source = pd.DataFrame({"x": rng.normal(size=900), "c": rng.choice(["a", "b", "z"], 900)})
        target = pd.DataFrame({"x": rng.normal(0.3, 1, 500), "c": rng.choice(["a", "b"], 500, p=[0.7, 0.3])})
        m = kb.reweight(source, target)
        assert share_of(source["c"], "a", m.weights) == pytest.approx((target["c"] == "a").mean(), abs=1e-9)
        assert np.average(source["x"], weights=m.weights) == pytest.approx(target["x"].mean(), abs=1e-9)
        assert (m.weights[source["c"] == "z"] == 0).all()

    def test_features_of_the_caller(self) -> None:
        rng = np.random.default_rng(13)
        x, y = rng.normal(size=(500, 2)), rng.normal(0.3, 1, size=(400, 2))
        m = kb.reweight(x, y, features=lambda rows: np.cos(rows))
        assert np.average(np.cos(x), axis=0, weights=m.weights) == pytest.approx(np.cos(y).mean(axis=0), abs=1e-9)


class TestKindsOfSource:
    to = {"a": {"p": 0.3, "q": 0.7}, "b": {0: 0.25, 1: 0.75}}  # noqa: RUF012

    def columns(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(14)
        return {"a": rng.choice(["p", "q"], 200), "b": rng.integers(0, 2, 200), "w": rng.gamma(2.0, size=200)}

    @pytest.mark.parametrize("kind", ["pandas", "categorical", "polars", "arrow", "dictionary"])
    def test_frames_agree(self, kind: str) -> None:
        columns = self.columns()
        made: Any = {
            "pandas": lambda: pd.DataFrame(columns),
            "categorical": lambda: pd.DataFrame(columns).astype({"a": "category"}),
            "polars": lambda: pl.DataFrame(columns),
            "arrow": lambda: pa.table(columns),
            "dictionary": lambda: pa.table({**columns, "a": pa.array(columns["a"]).dictionary_encode()}),
        }[kind]()
        m = kb.reweight(made, self.to, base_weights="w")
        assert m.weights == pytest.approx(kb.reweight(columns, self.to, base_weights=columns["w"]).weights, rel=1e-12)

    def test_tensors(self) -> None:
        x = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        m = kb.reweight(x, torch.tensor([0.1, 0.2]))
        assert np.average(x.numpy(), axis=0, weights=m.weights) == pytest.approx([0.1, 0.2], abs=1e-6)

    def test_a_file_is_counted_by_its_engine(self, tmp_path: Path) -> None:
        columns = self.columns()
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        m = kb.reweight(str(tmp_path / "t.parquet"), self.to, base_weights="w")
        assert m.cells.num_rows == 4
        ratio = {(c["a"], c["b"]): r for c, r in zip(m.cells.to_pylist(), m.ratio, strict=True)}
        here = kb.reweight(columns, self.to, base_weights=columns["w"])
        wanted = [ratio[a, b] for a, b in zip(columns["a"], columns["b"].tolist(), strict=True)]
        assert here.ratio == pytest.approx(wanted, rel=1e-12)

    def test_null_is_a_level_if_it_is_named(self) -> None:
        table = pa.table({"a": ["x", None, "y", "x"]})
        m = kb.reweight(table, {"a": {"x": 0.2, "y": 0.3, None: 0.5}})
        assert m.weights == pytest.approx([0.4, 2.0, 1.2, 0.4])
        with pytest.raises(kb.InputError, match="a is null at row 1"):
            kb.reweight(table, {"a": {"x": 0.5, "y": 0.5}})


def test_interruption_returns_the_best_so_far() -> None:
    def stop(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt

    calls = 0
    table, rng = frame(1000, {"a": 3, "b": 4}), np.random.default_rng(15)
    m = kb.reweight(table, {"a": shares(3, rng), "b": shares(4, rng)}, progress=stop)
    assert not m.converged
    assert "interrupted" in m.reason
    assert np.isfinite(m.weights).all()
    assert m.after.value > 0


def test_it_draws_what_it_did() -> None:
    table, rng = frame(300, {"a": 3}), np.random.default_rng(16)
    m = kb.reweight(table, {"a": shares(3, rng)})
    spec = m.plot().to_dict()
    drawn = json.dumps(spec)
    assert all(f'"of": "{name}"' in drawn for name in ("target", "before", "after"))
    assert "Reweighting(" in repr(m)
    assert "effective rows" in m._repr_html_()
    assert m.to_dict()["converged"] is True


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 80), st.integers(2, 4), st.integers(2, 5), st.floats(0.2, 4))
def test_it_never_claims_what_it_did_not_reach(seed: int, n: int, a: int, b: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    columns = {"a": np.concatenate([np.arange(a), rng.integers(0, a, n)])}
    columns["b"] = np.concatenate([rng.integers(0, b, a), rng.integers(0, b, n)])
    to: dict[str, Any] = {"a": shares(a, rng)}
    present = np.unique(columns["b"])
    p = rng.gamma(1 / spread, size=len(present)) + 1e-12
    to["b"] = dict(zip(present.tolist(), (p / p.sum()).tolist(), strict=True))
    columns["x"] = rng.standard_cauchy(n + a)
    to["x"] = float(np.quantile(columns["x"], rng.random()))
    try:
        m = kb.reweight(columns, to)
    except kb.Infeasible:
        return  # its certificate was checked on every row
    if m.converged:
        for name in ("a", "b"):
            for level, share in to[name].items():
                assert abs(share_of(columns[name], level, m.weights) - share) <= 2e-9
        unit = np.std(columns["x"])
        assert abs(np.average(columns["x"], weights=m.weights) - to["x"]) <= 2e-9 * max(unit, 1.0)


BAD: list[tuple[str, Any, Any, dict[str, Any], str]] = [
    (
        "margins that disagree",
        {"a": np.array([0, 1])},
        {"a": {0: 2, 1: 4}, ("a", "a"): {(0, 0): 3, (1, 1): 4}},
        {},
        "disagree",
    ),
    ("a margin given twice", {"a": np.array([0, 1])}, {"a": {0: 1, 1: 4}, ("a",): {(0,): 3, (1,): 3}}, {}, "twice"),
    ("shares below one", {"a": np.array([0, 1])}, {"a": {0: 0.4, 1: 0.5}}, {}, r"sum to 0.9, not to 1"),
    ("a negative share", {"a": np.array([0, 1])}, {"a": {0: -0.5, 1: 1.5}}, {}, "a = 0 is -0.5"),
    ("a NaN share", {"a": np.array([0, 1])}, {"a": {0: float("nan"), 1: 1.0}}, {}, "nan"),
    ("a level not named", {"a": np.array([0, 1, 2])}, {"a": {0: 0.5, 1: 0.5}}, {}, "a is 2 at row 2"),
    ("no column", {"a": np.array([0, 1])}, {"b": {0: 1.0}}, {}, "no column 'b'"),
    ("levels of another type", {"a": np.array([0, 1])}, {"a": {"x": 1.0}}, {}, "not of the column's type"),
    ("a NaN", np.array([[0.0], [np.nan]]), [0.1], {}, "row 1, column 0"),
    ("a negative weight", np.eye(2), [0.5, 0.5], {"base_weights": [1, -1]}, "-1 at row 1"),
    ("weights all zero", np.eye(2), [0.5, 0.5], {"base_weights": [0, 0]}, "0 in every row"),
    ("weights too few", np.eye(2), [0.5, 0.5], {"base_weights": [1]}, "1 entries for 2 rows"),
    ("means too few", np.eye(2), [0.5], {}, "1 means"),
    ("a target outside the hull", np.eye(2), [2.0, 2.0], {}, "nearest target"),
    ("bounds that exclude one", np.eye(2), [0.5, 0.5], {"bounds": (1.5, 2)}, "low < 1 < high"),
    ("slack that is negative", np.eye(2), [0.5, 0.5], {"slack": -1}, "at least 0"),
    ("slack of nothing", {"a": np.array([0, 1])}, {"a": {0: 0.5, 1: 0.5}}, {"slack": {"z": 0.1}}, "no constraint"),
    ("no target", np.eye(2), {}, {}, "no margin"),
    ("features of a mapping", np.eye(2), {"0": 0.5}, {"features": "linear"}, "no meaning"),
    ("unknown features", np.eye(2), np.eye(2), {"features": "cubic"}, "cubic"),
    ("other width", np.eye(2), np.ones((3, 3)), {}, "2 columns, the target sample 3"),
    (
        "a combination not named",
        {"a": np.array([0, 0, 1, 1]), "b": np.array([0, 1, 0, 9])},
        {("a", "b"): {(0, 0): 0.25, (0, 1): 0.25, (1, 0): 0.25, (1, 1): 0.25}},
        {},
        "does not name",
    ),
    ("weights in two columns", np.eye(2), [0.5, 0.5], {"base_weights": np.ones((2, 2))}, "2 × 2 entries"),
    ("columns of arrays", np.eye(2), [0.5, 0.5], {"on": ["x"]}, "on names"),
    ("weights of means", np.eye(2), [0.5, 0.5], {"to_weights": [1.0]}, "to_weights"),
    ("a share beyond floats", {"a": np.array([0, 1])}, {"a": {0: 10**400, 1: 1}}, {}, "too large"),
    ("a column that is a value", {"a": "x"}, {"a": {"x": 1.0}}, {}, "one value a row"),
    ("a tolerance of text", np.eye(2), [0.5, 0.5], {"tolerance": "x"}, "tolerance must be a number"),
    ("a tolerance of 0", np.eye(2), [0.5, 0.5], {"tolerance": 0}, "above 0"),
    ("a seed of text", np.eye(2), np.eye(2), {"rng": "x"}, "rng must be"),
    (
        "a level that would be cut",
        pd.DataFrame({"d": [date(2020, 1, 1)]}),
        {"d": {datetime(2020, 1, 1, 5): 1.0}},
        {},
        "change|type",
    ),
    ("text to average", {"a": np.array(["x", "y"])}, {"a": 0.5}, {}, "no numbers"),
]


@pytest.mark.parametrize(("source", "to", "options", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_input(source: Any, to: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
        kb.reweight(source, to, **options)


def test_kinds_that_are_no_source() -> None:
    with pytest.raises(kb.InputTypeError, match="source must be"):
        kb.reweight(3, {"a": {0: 1.0}})
    with pytest.raises(kb.InputTypeError, match="to must be"):
        kb.reweight(pd.DataFrame({"a": [0]}), object())
