"""True values of D(P‖Q), kept in values/*.json: quadrature in 50 digits takes longer than the tests should.

Run ``python tests/truths/values.py`` (from anywhere) after adding a family or a pair: it computes what is missing and
drops what is no longer asked for. Tests recompute a few of them each time.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import mpmath as mp

import kullback as kb
from truths.law import DIGITS, Law, Parameters, divergence, exact, laws, textbook

FOLDER = Path(__file__).parent / "values"
# Relative steps from P to Q: nearly equal, in every parameter that can move.
NEAR = (1e-9, 1e-3)


def near(law: Law, parameters: Parameters, step: float) -> Parameters | None:
    """The same distribution with every continuous parameter moved a little, each by another amount."""
    family = getattr(kb.distributions, law.name)
    moved = dict(parameters)
    for k, (name, value) in enumerate(parameters.items()):
        rule = family.parameters[name].rule
        if "whole" not in rule.words and name not in law.tied:
            candidate = value * (1 + step * (1 + 0.5 * k)) if value else step
            moved[name] = candidate if rule.lower < candidate < rule.upper else value * (1 - step)
    return None if moved == parameters else moved


def cases(p: Law, q: Law) -> list[tuple[Parameters, Parameters]]:
    """The parameters of P and Q that a closed form is tried at."""
    pairs = [(a, b) for a in p.ordinary for b in q.ordinary]
    if p.name == q.name:
        everywhere = [(a, near(p, a, step)) for a in [*p.ordinary, *p.extreme] for step in NEAR]
        pairs += [(a, b) for a, b in everywhere if b is not None]
        pairs += [(a, b) for a in p.extreme for b in p.extreme if a is not b]
    pairs += [(a, q.ordinary[0]) for a in p.extreme] + [(p.ordinary[0], b) for b in q.extreme]
    tied = p.tied if p.name == q.name else ()
    return [
        (a, b) for k, (a, b) in enumerate(pairs) if (a, b) not in pairs[:k] and all(a[name] == b[name] for name in tied)
    ]


def key(a: Parameters, b: Parameters) -> str:
    return json.dumps([a, b])


def truth(p: Law, a: Parameters, q: Law, b: Parameters) -> str:
    """D(P‖Q) in 25 digits, by definition where that can be summed or integrated, by the textbook formula elsewhere."""
    with mp.workdps(DIGITS):
        try:
            value = divergence(p, a, q, b)
        except ValueError:
            formula = textbook().get((p.name, q.name))
            if formula is None:
                raise
            with mp.workdps(2 * DIGITS):
                value = formula(
                    **{f"p_{k}": v for k, v in exact(a).items()}, **{f"q_{k}": v for k, v in exact(b).items()}
                )
        return mp.nstr(value, 25)


def pairs_to_know() -> list[tuple[str, str]]:
    """The pairs of families on the line that have a closed form."""
    known = laws()
    return [
        (f.p.__name__, f.q.__name__)
        for f in kb.closed_forms()
        if f.finite and f.p.__name__ in known and f.q.__name__ in known
    ]


@cache
def stored(name: str) -> dict[str, dict[str, str]]:
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _compute(task: tuple[str, str, Any, Any]) -> str:
    p, q, a, b = task
    return truth(laws()[p], a, laws()[q], b)


def main(only: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    known = laws()
    names = sorted({p for p, _ in pairs_to_know()})
    with ProcessPoolExecutor(2) as pool:
        for name in names:
            if only and name not in only:
                continue
            wanted = [(p, q, a, b) for p, q in pairs_to_know() if p == name for a, b in cases(known[p], known[q])]
            old = stored(name)
            missing = [t for t in wanted if key(t[2], t[3]) not in old.get(t[1], {})]
            new = dict(zip([(t[1], key(t[2], t[3])) for t in missing], pool.map(_compute, missing), strict=True))
            table: dict[str, dict[str, str]] = {}
            for _, q, a, b in wanted:
                k = key(a, b)
                table.setdefault(q, {})[k] = new.get((q, k)) or old[q][k]
            (FOLDER / f"{name}.json").write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            print(f"{name}: {len(wanted)} values, {len(missing)} of them new", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
