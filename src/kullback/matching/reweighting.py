"""What reweighting gives: the weights, and what they did to every constraint."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kullback._core.divergence import Divergence
from kullback.arrays import kl

from .constraints import Asked, Margin, Mean
from .dual import Projection, Solution
from .features import Codes, Floats
from .match import Match, Panel, histograms
from .rows import Rows
from .shift import ratio_error


@dataclass(frozen=True, eq=False, repr=False)
class Reweighting(Match):
    """Weights, and what they did to every constraint.

    Parameters
    ----------
    constraints : mapping of str to (float, float, float)
        By name: the target, and the value before and after.
    margins : mapping of str to (Divergence, Divergence)
        By margin: D of the target's shares from the source's, before and after.
    coefficients : mapping of str to float
        λ of every constraint: the weight of a row is its base weight times exp of the sum of λ × feature, rescaled.
    cells : pyarrow.Table or None
        For a table read by its engine: the distinct values of the columns; `weights` and `ratio` are those of a cell.
    ratio : array of shape (n,)
        Weight over base weight, with mean 1 over the base; NaN where the base weight is 0.
    """

    constraints: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    margins: Mapping[str, tuple[Divergence, Divergence]] = field(default_factory=dict)
    coefficients: Mapping[str, float] = field(default_factory=dict)
    cells: Any = None
    ratio: Floats = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Task:
    """Everything that was read: rows, and what is asked of them."""

    rows: Rows
    margins: list[Margin]
    numbers: Floats | None
    means: Mean
    total: float | None = None
    seen: Floats | None = None
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shares:
    """The shares of a margin's levels: those of the target, before and after."""

    names: list[str]
    of: dict[str, Floats]


def report(
    task: Task,
    asked: Asked,
    problem: Projection,
    cells: Codes | None,
    found: Solution,
    face: Codes | None,
    tolerance: float,
) -> Reweighting:
    """Carry the weights of distinct rows back to all rows, and say what became of every constraint."""
    rows, keep = task.rows, slice(None) if asked.keep is None else asked.keep
    ratio_cells = found.weights / problem.base
    kept = ratio_cells if cells is None else ratio_cells[cells]
    total = float(rows.base.sum()) if task.total is None else task.total
    ratio = np.where(rows.base > 0, 0.0, np.nan)
    weights = np.zeros(len(rows.base))
    scale = total / float(rows.base[keep].sum())
    weights[keep] = rows.base[keep] * kept * scale
    ratio[keep] = kept * (float(rows.base.sum()) / float(rows.base[keep].sum()))
    achieved, started = problem.features.mean(found.weights), problem.features.mean(problem.base)
    error = float(np.abs(found.coefficients) @ np.abs(achieved - problem.target)) if not problem.slack.any() else 0.0
    caveats = [*task.caveats, *asked.caveats]
    if task.total is not None:
        caveats.append(f"The margins are counts of {task.total:.10g}: the weights sum to it.")
    if face is not None:
        caveats.append(
            f"The target lies on the edge of what the rows reach: {problem.features.rows - len(face)} of "
            f"{problem.features.rows} distinct rows get weight 0."
        )
    if task.seen is not None:
        centred = (task.seen - task.means.values) / asked.unit[-task.seen.shape[1] :]
        scores = centred @ found.coefficients[-task.seen.shape[1] :]
        error = float(np.hypot(error, ratio_error(scores, ratio_cells)))
        caveats.append("A difference that the features do not see is not removed, and not in these figures.")
    if (problem.ridge > 0).any():
        worst = int(np.argmax(np.abs(achieved - problem.target)))
        off = asked.unit[worst] * abs(achieved[worst] - problem.target[worst])
        caveats.append(f"The ridge leaves constraints unmet, at most {asked.names[worst]}, by {off:.4g}.")
    lost = 1 - float(rows.base[keep].sum() / rows.base.sum())
    moved = float(kl(found.weights, problem.base)) - math.log1p(-lost)  # no weight on what is lost
    started[: asked.levels] *= 1 - lost  # shares are of all rows
    margins = _shares(task.margins, problem.target, started, achieved)
    converged = found.gap <= tolerance and not found.interrupted
    least = "least divergence from the base weights that meets the target"
    return Reweighting(
        result=weights,
        before=Divergence(moved, error=error, method=f"I-projection: the {least}"),
        after=Divergence(
            0.0 if converged else found.remaining, method="what of it remains, by Newton's model of the dual"
        ),
        converged=converged,
        reason=_reason(found, converged),
        iterations=found.iterations,
        max_error=found.gap,
        tolerance=tolerance,
        weights=weights,
        ess=_effective(weights, kept * scale, rows.squares[keep]),
        rows=rows.counted,
        history=tuple(found.history),
        caveats=tuple(caveats),
        draw=_drawing(margins, task, weights),
        constraints={
            name: (asked.given(i, problem.target[i]), asked.given(i, started[i]), asked.given(i, achieved[i]))
            for i, name in enumerate(asked.names)
        },
        margins={
            name: (_divergence(shares, "before"), _divergence(shares, "after")) for name, shares in margins.items()
        },
        coefficients={n: float(c / u) for n, c, u in zip(asked.names, found.coefficients, asked.unit, strict=True)},
        cells=rows.cells,
        ratio=ratio,
    )


def _effective(weights: Floats, ratio: Floats, squares: Floats) -> float:
    """(Σw)² / Σw² over rows (Kish 1965): those behind a cell share its ratio."""
    return float(weights.sum() ** 2 / (ratio**2 @ squares))


def _reason(found: Solution, converged: bool) -> str:
    if found.interrupted:
        return "It was interrupted: these are the best weights until then."
    if converged:
        return "Every constraint is met, as far as rounding lets it be."
    return "Newton's method got no further: look at the constraints with the largest coefficients, or give slack."


def _shares(margins: Sequence[Margin], target: Floats, before: Floats, after: Floats) -> dict[str, Shares]:
    """The shares of every margin's levels, of those that are wanted at all."""
    out, start = {}, 0
    for margin in margins:
        names = [
            n.removeprefix(f"{margin.name} = ").strip("'")
            for n, s in zip(margin.names, margin.shares, strict=True)
            if s > 0
        ]
        place = slice(start, start + len(names))
        out[margin.name] = Shares(names, {"target": target[place], "before": before[place], "after": after[place]})
        start += len(names)
    return out


def _divergence(shares: Shares, of: str) -> Divergence:
    """D of the target's shares from those of the weights; what is left to 1 are rows that the target does not want."""
    wanted, held = shares.of["target"], shares.of[of]
    rest = max(1 - float(held.sum()), 0.0)
    return Divergence(float(kl(np.append(wanted, 0.0), np.append(held, rest), normalize=True)))


def _drawing(margins: Mapping[str, Shares], task: Task, weights: Floats) -> Callable[[], list[Panel]]:
    def draw() -> list[Panel]:
        panels = [
            Panel(name, shares.names, {of: values.tolist() for of, values in shares.of.items()})
            for name, shares in margins.items()
        ]
        if task.numbers is None:
            return panels
        sides: dict[str, tuple[Floats, Floats | None]] = {} if task.seen is None else {"target": (task.seen, None)}
        sides |= {"before": (task.numbers, task.rows.base), "after": (task.numbers, weights)}
        return panels + histograms(task.means.names, sides)

    return draw
