"""Estimators of D(P‖Q) from two samples, one a file, found by walking this folder.

A file defines

- ``NAME``: what a result's `method` calls it;
- ``AUTO``: whether `method="auto"` considers it;
- ``refuses(problem) -> str | None``: a sentence saying why it cannot answer (with the least that would do), or None;
- ``estimate(problem, rng, confidence) -> Estimate``: the answer, with held-out log-ratios where it has them.

One that knows its own kind of samples best also defines ``alone(problem) -> bool``: where it says so, `auto` asks no
other. A slow one also defines ``glimpse(problem, train_x, train_y)``, log p/q at the rows that the masks leave out:
`auto` goes on with it only if that is not plainly worse, on the same rows, than the best so far.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

import numpy as np

from kullback.samples.problem import Problem
from kullback.samples.result import Estimate


class Estimator(Protocol):
    """The face of a file of this folder."""

    NAME: str
    AUTO: bool

    def refuses(self, problem: Problem) -> str | None:
        """Say why this estimator cannot answer, or None."""

    def estimate(self, problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
        """Estimate D(P‖Q) in nats."""


@cache
def estimators() -> dict[str, Estimator]:
    """Return every estimator by its file's name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: cast(Estimator, importlib.import_module(f"{__name__}.{name}")) for name in names}
