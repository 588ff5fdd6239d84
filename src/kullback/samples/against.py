"""D(P‖Q) of a sample of P against a known density of Q: how good a model of the data Q is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError, InputTypeError
from kullback._core.text import quoted

from . import neighbours
from .choose import Choice, choose
from .crossfit import LEAST
from .estimation import MOST_ROWS, explained, subsampled
from .frame import Frame
from .intervals import one_sided, two_sided
from .pmf import against_probabilities
from .problem import Problem, problem_of

Floats = NDArray[np.float64]
LogDensity = Callable[[Any], Any]
Draw = Callable[[int, np.random.Generator], Any]

_DRAWS = 2  # of the reference, for every row of x
_FEWEST, _MOST = 2000, 20_000
_NEIGHBOURS = 5
_DIFFERENT = 2.0  # standard errors by which x must differ from a Gaussian for neighbours to be asked
_DEALS = 20  # parts left out in turn by the jackknife
_INTEGRAL_ERRORS, _ABOVE, _BELOW = 5.0, 0.05, 0.25  # standard errors, and shares, by which q's integral must miss 1
_FEW = 100  # draws that must carry an integral for it to be believed
_EFFECTIVE = 0.1  # share of draws that must carry the integral before less than 1 is reported


def estimate_against(
    x: Any,
    log_density: LogDensity | Any,
    *,
    draw: Draw | None = None,
    confidence: float = 0.95,
    rng: np.random.Generator | int | None = None,
    most_rows: int | None = MOST_ROWS,
    discrete: bool | None = None,
) -> Divergence:
    """Estimate D(P‖Q) = E_P[log p/q] from draws of P, where Q's density is known.

    With g a law that is both known and easily drawn from, D(P‖Q) = E_P[log g/q] + D(P‖g): the first is a mean over x,
    the second is estimated from x and from as many draws of g as are wanted, as between any two samples. g is the
    Gaussian or Student law fitted to x (positive columns by their logarithms where that fits better), less its
    optimism by the jackknife; or Q itself where it can be drawn from and is nearer to x. On the line, where x is
    unlike g, log p comes from distances to neighbours instead. Where x is discrete, `log_density` gives
    log-probabilities, and the entropy of P is that of counts.

    Parameters
    ----------
    x : array, tensor, data frame or nested list
        Draws from P, (n, d) or (n,), one row a draw.
    log_density : callable, or object with a method `log_density`
        log q of rows of the shape of x: (k, d) or (k,), to (k,); normalised, in nats.
    draw : callable, optional
        draw(count, rng) gives that many draws from Q.
    confidence : float
        Of the interval.
    rng : Generator or int, optional
        Of the draws and of the dealing of rows; 0 by default.
    most_rows : int, optional
        A larger x is sub-sampled to this many rows, and the result says so; None uses all.
    discrete : bool, optional
        Whether Q has probabilities rather than a density; as x has, if it is not said.

    Returns
    -------
    Divergence
        With its standard error and interval. Infinite where a row of x lies where q = 0; a caveat says which.

    Raises
    ------
    InputError
        If x is too small, or `log_density` gives the wrong shape, no number, or integrates to more than 1.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence}")
    q = _Known(getattr(log_density, "log_density", log_density), flat=np.ndim(x) == 1)
    whole = problem_of(x, x)
    for column in whole.columns:
        if column.kind == "categorical":
            raise InputError(f"column {quoted(column.name)} holds text: number its levels as log_density does")
    random = np.random.default_rng(0 if rng is None else rng)
    own = tuple(text for text in whole.caveats if "also rows of y" not in text)
    problem = subsampled(Problem(whole.x, whole.x, whole.columns, own), most_rows, random)
    caveats = [text.partition(" and ")[0] + " were used" if "rows of y" in text else text for text in problem.caveats]
    if any("takes one value only" in text for text in caveats):
        raise InputError(f"{caveats[0]}: leave it out of x and of log_density, against a density D is infinite")
    rows = problem.x
    log_q = q(rows)
    nowhere = np.isneginf(log_q)
    if nowhere.any():
        first = int(np.flatnonzero(nowhere)[0])
        text = (
            f"{int(nowhere.sum())} of the {len(rows)} rows of x ({nowhere.mean():.2%}) lie where q = 0, the first of "
            f"them at row {first}: D is infinite"
        )
        return Divergence(np.inf, 0.0, (np.inf, np.inf), confidence, "support", caveats=(text,))
    if discrete is False and problem.discrete:
        raise InputError(
            "x repeats its values, as counts and rounded numbers do, and Q has a density, which gives no value any "
            "mass: compare with a distribution of such values, or with draws of Q rounded alike"
        )
    if problem.discrete:
        return against_probabilities(problem, log_q, confidence, tuple(caveats))
    return _against_density(problem, q, log_q, draw, confidence, random, caveats)


@dataclass(frozen=True)
class _Known:
    """log q as the caller gives it, checked."""

    function: Any
    flat: bool

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InputTypeError(f"log_density must be callable, got {type(self.function).__name__}")

    def __call__(self, rows: Floats) -> Floats:
        given = rows[:, 0] if self.flat else rows
        values = np.asarray(self.function(given))
        if values.shape == (len(rows), 1):
            values = values[:, 0]
        if values.shape != (len(rows),):
            raise InputError(
                f"log_density must give one number a row: rows of shape {given.shape} gave shape {values.shape}"
                + ("; sum it over the columns if they are independent" if values.shape == rows.shape else "")
            )
        values = values.astype(float)
        for name, wrong in (("NaN", np.isnan(values)), ("infinite", np.isposinf(values))):
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                raise InputError(f"log_density is {name} at row {row}, where x is {given[row]}")
        return values


def _against_density(
    problem: Problem,
    q: _Known,
    log_q: Floats,
    draw: Draw | None,
    confidence: float,
    rng: np.random.Generator,
    caveats: list[str],
) -> Divergence:
    rows, n = problem.x, problem.n
    least = max(LEAST, 2 * problem.d + 5)
    if n < least:
        raise InputError(f"x has {n} rows: against a density of {problem.d} columns at least {least} are needed")
    if np.linalg.matrix_rank((rows - rows.mean(axis=0)) / rows.std(axis=0)) < problem.d:
        raise InputError("some columns of x are determined by the others: against a density D is infinite")
    frame = Frame(rows)
    count = int(np.clip(_DRAWS * n, _FEWEST, _MOST))
    z = frame.draw(count, rng)
    fit, optimism = frame.log_density(rows), _optimism(rows, frame.tail, rng)
    log_g: Floats = fit - optimism
    caveats += _integral(q, frame, z)
    names = problem.columns
    if draw is not None and log_q.mean() > log_g.mean():
        drawn = np.asarray(draw(count, rng), dtype=float).reshape(count, -1)
        if drawn.shape[1] != problem.d:
            raise InputError(f"draw gives {drawn.shape[1]} columns, x has {problem.d}")
        pair, log_g, reference = Problem(rows, drawn, names), log_q, "Q's own draws"
    else:
        pair, reference = Problem(frame.whiten(rows), z, names), frame.name
    choice: Choice = choose(pair, rng, confidence)
    rest = choice.estimate
    assert rest.on_x is not None
    term = log_g - log_q
    if problem.d == 1 and reference == frame.name and rest.value > _DIFFERENT * rest.error and not problem.repeats:
        return _by_spacings(pair.x, fit - frame.standard(pair.x) - log_q, confidence, caveats)
    value = float(term.mean()) + rest.value
    # What both terms owe to the same rows is counted once; what the second owes to its fit and draws is added.
    beyond = max(rest.error**2 - float(rest.on_x.var()) / n, 0.0)
    error = float(np.sqrt((term + rest.on_x).var() / n + beyond))
    method = f"against a density, by way of {reference}; the rest by {explained(choice)}"
    if np.isinf(rest.interval[1]):
        low = min(max(float(term.mean()), 0.0) + rest.interval[0], value)
        low = min(one_sided(value, error, confidence), max(low, 0.0))
        caveats.append(
            f"how P differs from {reference} was learnt without a formula, or in part only: only a lower bound is "
            "promised"
        )
        interval = (low, np.inf)
    else:
        interval = two_sided(value, error, confidence)
    return Divergence(max(value, 0.0), error, interval, confidence, method, caveats=tuple(dict.fromkeys(caveats)))


def _by_spacings(z: Floats, term: Floats, confidence: float, caveats: list[str]) -> Divergence:
    """On the line, log p from the distance to the k-th neighbour needs no form."""
    n = len(z)
    terms = neighbours.log_density(z, _NEIGHBOURS, 1) + term
    value, error = float(terms.mean()), float(np.sqrt((terms.var() + special.polygamma(1, _NEIGHBOURS)) / n))
    noise = float(np.sqrt(2 * special.polygamma(1, _NEIGHBOURS) / n))  # neighbours share the gaps between rows
    method = f"against a density, by distances to the {_NEIGHBOURS} nearest"
    interval = two_sided(value, error, confidence, noise)
    return Divergence(max(value, 0.0), error, interval, confidence, method, caveats=tuple(dict.fromkeys(caveats)))


def _optimism(rows: Floats, tail: float, rng: np.random.Generator) -> float:
    """By how much the fitted law's mean log-density over its own rows exceeds that of the best (jackknife)."""
    deal = rng.permutation(np.arange(len(rows)) % _DEALS)
    whole = float(Frame(rows, tail).log_density(rows).mean())
    parts = [float(Frame(kept, tail).log_density(kept).mean()) for kept in (rows[deal != k] for k in range(_DEALS))]
    return (_DEALS - 1) * (float(np.mean(parts)) - whole)


def _integral(q: _Known, frame: Frame, z: Floats) -> list[str]:
    """Whether q integrates to 1 where the frame's law lies, by importance sampling; more is an error."""
    drawn = frame.back(z)
    weight = np.exp(np.minimum(q(drawn) - frame.log_density(drawn), 700.0))
    total, error = float(weight.mean()), float(weight.std() / np.sqrt(len(weight)))
    effective = float(weight.sum() ** 2 / (weight @ weight)) / len(weight) if total else 0.0
    if total - 1 > max(_INTEGRAL_ERRORS * error, _ABOVE) and effective * len(weight) > _FEW:
        raise InputError(
            f"log_density integrates to {total:.3g} ± {error:.1g}, not to 1: subtract {np.log(total):.4g} from it"
        )
    if 1 - total > max(_INTEGRAL_ERRORS * error, _BELOW) and effective > _EFFECTIVE:
        return [
            f"log_density integrates to {total:.3g} where x lies: unless the rest of Q's mass lies elsewhere, it is "
            f"not normalised, and D is too high by {-np.log(total):.3g} nats"
        ]
    return []
