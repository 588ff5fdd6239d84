"""The noun of matching: what was fitted, how far it was from its target before and after, and whether it worked."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core import late
from kullback._core.divergence import Divergence, plain
from kullback._core.errors import InputError
from kullback._core.units import bits, percent, shown

Floats = NDArray[np.float64]

GOOD_KHAT = 0.7  # at most; Vehtari et al. 2024, Journal of Machine Learning Research 25, section 3
_FEW = 0.1  # of the rows: fewer effective ones are worth a word


@dataclass(frozen=True)
class Panel:
    """One picture of a match: the shares or densities of target, start and result at the same places.

    Parameters
    ----------
    name : str
        What lies along the axis: a column, a coordinate.
    places : sequence of str or float
        Levels (drawn as bars) or points in ascending order (drawn as lines).
    series : mapping of str to array
        By name ("target", "before", "after"): the share or density at each place.
    """

    name: str
    places: Sequence[str] | Sequence[float]
    series: dict[str, Sequence[float]]


@dataclass(frozen=True)
class Drawn:
    """Panels that were made already."""

    panels: list[Panel]

    def __call__(self) -> list[Panel]:
        """Return them."""
        return self.panels


def histograms(names: Sequence[str], sides: Mapping[str, tuple[Floats, Floats | None]], most: int = 6) -> list[Panel]:
    """One panel a column: the densities of several sets of rows, weighted or not, over the same bins.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    sides : mapping of str to (array of shape (n, d), array of shape (n,) or None)
        By name: rows and their weights.
    most : int, default 6
        Columns that are drawn.
    """
    panels = []
    for j, name in enumerate(names[:most]):
        ends = np.array([np.quantile(rows[:, j], [0.001, 0.999]) for rows, _ in sides.values()])
        low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
        edges = np.linspace(low, high if high > low else low + 1, 41)
        series = {}
        for side, (rows, weights) in sides.items():
            w = np.full(len(rows), 1.0) if weights is None else weights
            counts = np.histogram(rows[:, j], edges, weights=w)[0]
            series[side] = (counts / w.sum() / np.diff(edges)).tolist()
        panels.append(Panel(name, ((edges[1:] + edges[:-1]) / 2).tolist(), series))
    return panels


@dataclass(frozen=True, eq=False)
class Match:
    """What minimised a divergence, the divergence before and after, and whether it worked.

    Parameters
    ----------
    result : object
        What was sought: a distribution object, or the weights.
    before, after : Divergence
        The divergence that was minimised, at the start and at the result.
    converged : bool
        Whether `max_error` is within `tolerance`; nothing else makes it true.
    reason : str
        Why it stopped, as a sentence.
    iterations : int
        Steps taken.
    max_error : float
        The largest error of a constraint or of the gradient that was achieved, measured on the result.
    tolerance : float
        What `max_error` may be at most.
    weights : array of shape (n,), optional
        Weights of the rows, where rows were weighted.
    ess : float, optional
        Effective sample size of the weights, in rows: (Σw)² / Σw² (Kish 1965).
    rows : int, optional
        How many rows were weighted; as many as weights, unless these are of distinct rows.
    khat : float, optional
        Pareto shape of the importance ratios of target to result; above 0.7 the result is a poor stand-in.
    history : sequence of float
        What was minimised, step by step, in nats.
    caveats : sequence of str
        Whole sentences: what was done that the caller may not expect.
    draw : callable, optional
        Makes the panels of `plot`.

    Raises
    ------
    InputError
        If it is said to have converged while its error is above the tolerance.
    """

    result: Any
    before: Divergence
    after: Divergence
    converged: bool
    reason: str
    iterations: int
    max_error: float
    tolerance: float
    weights: Floats | None = field(default=None, repr=False)
    ess: float | None = None
    rows: int | None = None
    khat: float | None = None
    history: tuple[float, ...] = ()
    caveats: tuple[str, ...] = ()
    draw: Callable[[], list[Panel]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.converged and not self.max_error <= self.tolerance:
            raise InputError(f"an error of {self.max_error:g} above {self.tolerance:g} is no convergence")

    @property
    def removed(self) -> float:
        """How much of the divergence is gone, in nats; of an exponential family, that of the result from the start.

        D(P‖start) = D(P‖result) + D(result‖start) (Csiszár 1975, theorem 2.2).
        """
        return self.before.value - self.after.value if np.isfinite(self.before.value) else math.inf

    def check(self) -> list[str]:
        """Return whole sentences: whether it converged, and what to mind before the result is used."""
        close = f"largest error {self.max_error:.2g}, tolerance {self.tolerance:.2g}"
        found = [f"Converged in {self.iterations} steps ({close})." if self.converged else f"Not converged ({close})."]
        found.append(self.reason)
        if self.after.value - self.after.error > self.before.value + self.before.error:
            found.append("The divergence grew: do not use this result.")
        elif math.isfinite(self.removed):
            told = [shown(value) for value in (self.before.value, self.removed, self.after.value)]
            found.append(f"Of {told[0]} nats, {told[1]} are removed, {told[2]} remain.")
        count = self.rows if self.rows is not None or self.weights is None else len(self.weights)
        if count is not None and self.ess is not None and self.ess < _FEW * count:
            share = percent(self.ess / count)
            found.append(
                f"The weights leave {self.ess:.1f} effective rows of {count} ({share}): a few rows speak "
                "for many; ask for fewer constraints, slack or bounds."
            )
        if self.khat is not None and not self.khat <= GOOD_KHAT:
            found.append(
                f"Pareto k̂ is {self.khat:.2f}, above {GOOD_KHAT}: the result misses where the target has mass, and "
                "expectations under it cannot be mended by importance weights; try a richer family."
            )
        return found + list(self.caveats)

    def plot(self) -> Any:
        """Return an Altair chart of target, start and result.

        Raises
        ------
        InputError
            If the match has nothing that a plane can show.
        """
        if self.draw is None:
            raise InputError("nothing of this match can be drawn on a plane")
        return late.use("chart of a match")(self.draw())

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold, without the result and the weights."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "converged": self.converged,
            "reason": self.reason,
            "iterations": self.iterations,
            "max_error": plain(self.max_error),
            "tolerance": plain(self.tolerance),
            "ess": None if self.ess is None else plain(self.ess),
            "khat": None if self.khat is None else plain(self.khat),
            "history": [plain(value) for value in self.history],
            "caveats": list(self.caveats),
        }

    def __getstate__(self) -> dict[str, Any]:
        """What draws it does not travel: its panels do."""
        return self.__dict__ | {"draw": None if self.draw is None else Drawn(self.draw())}

    def _summary(self) -> list[tuple[str, str]]:
        rows = [
            (name, f"{shown(bits(d.value))} bits ({shown(d.value)} nats)")
            for name, d in (("before", self.before), ("after", self.after))
        ]
        if self.ess is not None:
            rows.append(("effective rows", f"{self.ess:.1f}"))
        if self.khat is not None:
            rows.append(("Pareto k̂", f"{self.khat:.2f}"))
        rows.extend(("check" if i == 0 else "", text) for i, text in enumerate(self.check()))
        return rows

    def __repr__(self) -> str:
        how = "converged" if self.converged else "not converged"
        return f"{type(self).__name__}({shown(self.before.value)} to {shown(self.after.value)} nats, {how})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th><td>{html.escape(text)}</td></tr>"
            for label, text in self._summary()
        )
        return f"<table>{rows}</table>"


def effective(weights: Floats) -> float:
    """Rows that would tell as much if they counted alike (Kish 1965): (Σw)² / Σw²."""
    largest = float(weights.max(initial=0.0))
    if not (largest > 0 and math.isfinite(largest)):
        return 0.0
    share = weights / largest
    return float(share.sum() ** 2 / (share @ share))
