"""Where the bits go: what each column tells alone, what only their dependence tells, and which rows tell most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError
from kullback._core.progress import Progress, reporter

from .choose import choose
from .estimation import MOST_ROWS, explained, subsampled, worded
from .problem import Missing, problem_of

Floats = NDArray[np.float64]

DEPENDENCE = "dependence"


@dataclass(frozen=True)
class Attribution:
    """A divergence split over columns and rows.

    Attributes
    ----------
    divergence : Divergence
        Of the joint samples; its parts are the divergence of every column alone and the remainder, "dependence".
    columns : mapping of str to Divergence
        Of every column alone.
    log_ratios : ndarray
        Held-out log p/q at every row of x that was used; their mean is close to the divergence.
    rows : ndarray
        The numbers of those rows in x.
    """

    divergence: Divergence
    columns: dict[str, Divergence]
    log_ratios: Floats
    rows: NDArray[np.intp]

    def top(self, count: int = 10) -> list[tuple[int, float]]:
        """Return the rows of x with the largest log p/q, and what each adds to the divergence, in nats."""
        best = np.argsort(-self.log_ratios, kind="stable")[:count]
        return [(int(self.rows[i]), float(self.log_ratios[i] / len(self.rows))) for i in best]


def attribute(
    x: Any,
    y: Any,
    *,
    confidence: float = 0.95,
    rng: np.random.Generator | int | None = None,
    missing: Missing = "raise",
    most_rows: int | None = MOST_ROWS,
    progress: bool | Progress | None = None,
) -> Attribution:
    """Estimate D(P‖Q) and say where it comes from.

    D(P‖Q) = Σ_j D(P_j‖Q_j) + dependence. The remainder is the total correlation of P less the part of it that Q shares,
    E_P[log c_P/c_Q] with c the copula densities; it is negative where columns tell the same thing twice.

    Parameters
    ----------
    x, y, confidence, rng, missing, most_rows, progress
        As of `kullback.estimate`.

    Raises
    ------
    InputError
        If the samples cannot be compared, or no column varies.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence}")
    problem = problem_of(x, y, missing=missing)
    if not problem.d:
        raise InputError("every column takes one value only: there is nothing to split")
    random = np.random.default_rng(0 if rng is None else rng)
    seed = int(random.integers(2**63))
    used = subsampled(problem, most_rows, np.random.default_rng(seed))
    rows = used.kept_x if used.kept_x is not None else np.arange(problem.n)
    with reporter(progress, "variables") as report:
        joint = choose(used, np.random.default_rng(seed), confidence)
        columns = {}
        for j, name in enumerate(used.names):
            if report is not None:
                report(j + 1, used.d + 1)
            alone = choose(used.only([j]), np.random.default_rng(seed), confidence)
            columns[name] = worded(used.only([j]), alone.estimate, confidence, explained(alone))
    if joint.estimate.on_x is None:
        raise InputError("the estimator that answered gives no log p/q for single rows")
    whole = worded(used, joint.estimate, confidence, explained(joint))
    parts = {name: column.value for name, column in columns.items()}
    parts[_free(DEPENDENCE, parts)] = whole.value - sum(parts.values())
    split = Divergence(whole.value, whole.error, whole.interval, whole.confidence, whole.method, parts, whole.caveats)
    return Attribution(split, columns, joint.estimate.on_x, rows)


def _free(name: str, taken: dict[str, float]) -> str:
    while name in taken:
        name += "′"
    return name
