"""Any family of `kullback.distributions`: the least D(P‖Q) by Newton's method on the mean log-density."""

from __future__ import annotations

import itertools
import math
import re
from functools import cache
from typing import Any

import numpy as np

from kullback._core.errors import InputError, NoClosedForm
from kullback.distributions._family import Family, knows
from kullback.distributions._registry import all_families, find, load
from kullback.distributions.adapters import adapt
from kullback.distributions.measures import measure
from kullback.distributions.numeric._side import side
from kullback.ladder import estimate
from kullback.matching.features import Floats
from kullback.matching.match import Match, Panel, histograms

from .moments import by_formula
from .newton import Batch, Minimum, minimise
from .objects import as_library_has
from .options import Options
from .parameters import Free, Search, search_of
from .target import Target, log_density

_SYNONYMS = {"gaussian": "normal", "student": "studentt", "t": "studentt"}
_SEVERAL = {"normal": "multivariatenormal", "meanfield": "diagonalnormal"}
_NO_FIT = {"MarkovChain", "LowRankMultivariateNormal", "Triangular"}  # no plain space of parameters, or no smooth top
_BLOCK = 1 << 21  # log-densities at once
_FEW = 400  # rows that a start is judged by
_MOST = 40  # parameters of one search: its curvature takes their square in evaluations
_ON_IT = 1e-6  # from a simplex or sphere
_BESIDE = 1e-6  # of a searched parameter
_SHOWN = 5_000  # draws of a law of vectors, where it is drawn
_EDGE = 12.0  # a logarithm so large says that the best member is a limit of the family
_AT_ENDS = "at the ends of the data, where the likelihood is largest"


@cache
def _families() -> dict[str, type[Family]]:
    load()
    fitted = [f for f in all_families() if knows(f, "log_density") and f.__name__ not in _NO_FIT and f.parameters]
    return {f.__name__.lower(): f for f in fitted}


def names() -> list[str]:
    """What can be fitted here; underscores and case do not matter."""
    written = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", f.__name__).lower() for f in _families().values()]
    return [*written, *_SYNONYMS, *_SEVERAL]


def fits(family: Any) -> bool:
    """Whether this is a name, or a class, of a family of `kullback.distributions`."""
    if isinstance(family, type):
        return issubclass(family, Family)
    name = _plain(family)
    return name in _families() or name in _SYNONYMS or name in _SEVERAL


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "")


def fit(family: Any, target: Target, options: Options) -> Match:
    """Fit a family by its name or class."""
    cls = _chosen(family, target)
    length = target.rows.shape[-1] if target.rows.ndim > 1 else 1
    _refuse_shape(cls, target)
    known = by_formula(cls.__name__, target, options.fixed)
    if known is not None:
        values, off, told = known
        law: Family = cls(**values)
        count = sum(_numbers(np.asarray(value)) for name, value in values.items() if name != "total_count")
        return _concluded(target, _plainest(law), law, Minimum(np.empty(0), np.nan, off, 0, ()), options, told, count)
    ends, notes = _ends(cls, target, options)
    search = search_of(cls, {**options.fixed, **ends}, length)
    if search.size > _MOST:
        raise InputError(f"{cls.__name__} has {search.size} numbers to search: at most {_MOST}")
    _refuse_outside(cls, target, search.fixed)
    if not search.free:
        law = cls(**search.fixed)
        return _concluded(target, law, law, Minimum(np.empty(0), np.nan, 0.0, 0, ()), options, notes, len(ends))
    if not ends and cls.domain.space == "reals" and np.ptp(target.rows) == 0:
        raise InputError(f"all rows of the target are {target.rows[0]:g}: no member of {cls.__name__} fits best")
    plain, start = _start(search, target)
    objective = _objective(search, target)
    _refuse_impossible(search, target, objective, start)
    found = minimise(objective, start, options.tolerance, lambda count: options.tell(count, 100))
    far = [one.name for one, u in zip(search.free, search.parts(found.at), strict=True) if np.abs(u).max() > _EDGE]
    if far:
        notes.append(f"{' and '.join(far)} went to the edge of the family: a limit of it fits better than any member.")
    first, law = search.member(plain), search.member(found.at)
    return _concluded(target, first, law, found, options, notes, search.size + len(ends))


def _plainest(law: Family) -> Family:
    """Where a fit by formula is said to begin: location 0, scale 1, equal shares."""
    plain: dict[str, Any] = {}
    for name, value in law.given.items():
        given = np.asarray(value, dtype=float)
        if name == "probs":
            plain[name] = np.full_like(given, 1 / given.size)
        elif name == "total_count":
            plain[name] = given
        else:
            plain[name] = np.eye(len(given)) if given.ndim == 2 else np.full_like(given, float(name != "loc"))
    return type(law)(**plain)


def _numbers(value: Any) -> int:
    """How many numbers of a parameter can be chosen: half of a symmetric matrix."""
    if value.ndim == 2:
        return len(value) * (len(value) + 1) // 2
    return int(value.size)


def _chosen(family: Any, target: Target) -> type[Family]:
    if isinstance(family, type):
        cls: type[Family] = family
        return cls
    name = _SYNONYMS.get(_plain(family), _plain(family))
    vectors = target.rows.ndim == 2
    if name in _SEVERAL and (vectors or name == "meanfield"):
        if not vectors:
            raise InputError(f"{family!r} is a family of vectors, but the target has numbers: use 'normal'")
        name = _SEVERAL[name]
    cls = _families()[name]
    return cls


def _ends(cls: type[Family], target: Target, options: Options) -> tuple[dict[str, float], list[str]]:
    """Parameters that are an end of the support: the likelihood is largest where they touch the data."""
    found: dict[str, float] = {}
    notes = []
    for end, extreme in ((cls.domain.lower, np.min), (cls.domain.upper, np.max)):
        if not isinstance(end, str) or end not in cls.parameters or end in {*options.fixed, "total_count"}:
            continue
        if target.law is not None:
            low, high = (float(np.asarray(e)) for e in target.law.support())
            value = low if extreme is np.min else high
            if not math.isfinite(value):
                raise InputError(f"{cls.__name__}: {end} is an end of the support, and that of P is infinite: fix it")
        else:
            value = float(extreme(target.rows))
        found[end] = value
        notes.append(f"{end} was put {_AT_ENDS}.")
    return found, notes


def _refuse_shape(cls: type[Family], target: Target) -> None:
    numbers = cls.domain.space in ("reals", "integers", "circle")
    if numbers != (target.rows.ndim == 1):
        kind = "numbers" if numbers else f"events on the space of {cls.domain.space}"
        raise InputError(f"{cls.__name__} is a family of {kind}; the target's rows have shape {target.rows.shape[1:]}")


def _refuse_outside(cls: type[Family], target: Target, fixed: dict[str, float]) -> None:
    """Rows, or mass of P, where no member of the family has any."""
    low, high = (fixed.get(e, -math.inf) if isinstance(e, str) else e for e in (cls.domain.lower, cls.domain.upper))
    if cls.domain.space == "integers" and not target.whole:
        row = int(np.flatnonzero(target.rows != np.floor(target.rows))[0])
        raise InputError(f"{cls.__name__} is a family of whole numbers, and row {row} is {target.rows[row]}")
    off = _off(cls.domain.space, target.rows)
    if off is not None and off.max() > _ON_IT:
        row = int(np.argmax(off))
        raise InputError(
            f"row {row}, {target.rows[row]}, is not on the {cls.domain.space} that {cls.__name__} lives on"
        )
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        outside = (target.rows < low) | (target.rows > high)
        if outside.any():
            at = np.argwhere(outside)[0]
            raise InputError(
                f"{cls.__name__} lives on [{low:g}, {high:g}]: {int(outside.sum())} values lie outside, the first "
                f"{target.rows[tuple(at)]:g} at row {int(at[0])}; D(P‖Q) is infinite for every member"
            )


def _off(space: str, rows: Floats) -> Floats | None:
    """How far every row is from the simplex or the sphere; None of other spaces."""
    if space == "simplex":
        return np.asarray(np.maximum(np.abs(rows.sum(axis=1) - 1), -rows.min(axis=1)))
    return np.asarray(np.abs((rows * rows).sum(axis=1) - 1)) if space == "sphere" else None


def _mean_log_density(law: Family, rows: Floats, weights: Floats, count: int) -> Floats:
    """Σ w log q of members of shape (b, 1), rows in blocks."""
    total = np.zeros(count)
    size = max(_BLOCK // count, 1)
    for start in range(0, len(rows), size):
        logs = np.asarray(law.log_density(rows[start : start + size]), dtype=float)
        total += np.broadcast_to(logs, (count, len(rows[start : start + size]))) @ weights[start : start + size]
    return total


def _refuse_impossible(search: Search, target: Target, objective: Batch, start: Floats) -> None:
    """No slope to go by: a row, or mass of P, for which members beside the start have no finite density."""
    beside = np.concatenate([start[None], start + _BESIDE * np.eye(len(start)), start - _BESIDE * np.eye(len(start))])
    wrong = ~np.isfinite(objective(beside))
    if not wrong.any():
        return
    name = search.family.__name__
    if target.law is not None:
        raise InputError(
            f"D(P‖Q) is infinite for the members of {name} that were tried: P has heavier tails, or other support"
        )
    with np.errstate(all="ignore"):
        logs = np.asarray(search.member(beside[int(np.argmax(wrong))]).log_density(target.rows), dtype=float).ravel()
    row = int(np.argmax(~np.isfinite(logs)))
    raise InputError(
        f"the density of {name} at row {row}, {target.rows[row]}, is {np.exp(logs[row]):g}: no member fits it"
    )


def _objective(search: Search, target: Target) -> Batch:
    """−Σ w log q for rows; D(P‖Q) itself for a law: in closed form, else by the ladder, one at a time."""
    if target.law is not None:
        return _against_law(search, target)
    rows, weights = target.rows, target.weights
    if rows.ndim == 1 and len(np.unique(rows)) < len(rows) / 2:
        rows, places = np.unique(rows, return_inverse=True)
        weights = np.asarray(np.bincount(places, weights), dtype=float)

    def objective(points: Floats) -> Floats:
        with np.errstate(all="ignore"):
            found = -_mean_log_density(search.members(points, 1), rows, weights, len(points))
        return np.where(np.isnan(found), np.inf, found)

    return objective


def _against_law(search: Search, target: Target) -> Batch:
    assert target.law is not None
    law = side(target.law).law  # in NumPy and float64, whatever it was given in
    closed = find(type(law), search.family) is not None

    def objective(points: Floats) -> Floats:
        with np.errstate(all="ignore"):
            if closed:
                try:
                    return np.asarray(measure("kl", (law, search.members(points)), {}), dtype=float)
                except (NoClosedForm, InputError):
                    pass
            return np.array([estimate(target.thing, search.member(point), rng=0).value for point in points])

    return objective


def _start(search: Search, target: Target) -> tuple[Floats, Floats]:
    """The first of a grid of plain guesses, and the best by mean log-density over some rows."""
    rows, weights = target.rows, target.weights
    if len(rows) > _FEW:
        chosen = np.linspace(0, len(rows) - 1, _FEW).astype(int)
        if rows.ndim == 1:
            chosen = np.argsort(rows)[chosen]
        rows, weights = rows[chosen], weights[chosen] / weights[chosen].sum()
    guesses = [[one.point(g) for g in _guesses(one, target)] for one in search.free]
    points = np.stack([np.concatenate(p) for p in itertools.islice(itertools.product(*guesses), 2000)])
    with np.errstate(all="ignore"):
        values = _mean_log_density(search.members(points, 1), rows, weights, len(points))
    values = np.where(np.isfinite(values), values, -np.inf)
    if not np.isfinite(values.max()):
        raise InputError(f"no member of {search.family.__name__} that was tried gives every row a density above 0")
    return points[int(np.argmax(np.isfinite(values)))], points[int(np.argmax(values))]


def _guesses(one: Free, target: Target) -> list[Floats]:
    """Values that a parameter of its kind may have, from the mean and spread of the rows."""
    rows, w = target.rows, target.weights
    if one.rule.event_ndim == 0:
        mean = float(w @ rows.reshape(len(rows), -1).mean(axis=1))
        scale = float(np.sqrt(w @ (rows.reshape(len(rows), -1).mean(axis=1) - mean) ** 2)) or 1.0
        size = abs(mean) or 1.0
        wide = [1.0, size, 1 / size, scale, 1 / scale, (size / scale) ** 2, size / scale**2, 5.0]
        unit = [0.5, 1 / (1 + size), size / (1 + size), 0.1, 0.9]
        plain = [float(np.median(rows)), mean, 0.0, float(rows.min())]
        kinds = {(True, True): unit, (True, False): wide, (False, True): [-v for v in wide], (False, False): plain}
        chosen = kinds[math.isfinite(one.rule.lower), math.isfinite(one.rule.upper)]
        return [np.array(v) for v in chosen if one.rule.allows(v)]
    vectors = rows.reshape(len(rows), -1)
    centre = w @ vectors
    if one.rule.event_ndim == 2:
        if rows.ndim == 3:
            matrix = centre.reshape(one.side, one.side)
            return [matrix, np.asarray(np.linalg.inv(matrix)), np.eye(one.side)]
        moved = vectors - centre
        matrix = (moved * w[:, None]).T @ moved
        factor = one.rule.words.startswith("a lower")
        return [np.asarray(np.linalg.cholesky(matrix) if factor else matrix)]
    if one.size == one.side - 1:
        shares = np.maximum(centre, 1e-6)
        return [shares / shares.sum()]
    if one.rule.words.startswith("a vector of length"):
        return [centre / np.linalg.norm(centre)]
    spread = np.sqrt(w @ (vectors - centre) ** 2)
    if math.isfinite(one.rule.lower):
        return [np.ones(one.side), np.maximum(spread, 1e-12), np.maximum(centre, 1e-6)]
    return [centre]


def _concluded(
    target: Target, first: Family, law: Family, found: Minimum, options: Options, notes: list[str], fitted: int
) -> Match:
    before, after = target.divergences(first, law, fitted)
    converged = found.slope <= options.tolerance and not found.interrupted
    return Match(
        result=as_library_has(law, target.thing),
        before=before,
        after=after,
        converged=converged,
        reason=_reason(found, converged),
        iterations=found.iterations,
        max_error=found.slope,
        tolerance=options.tolerance,
        history=found.history,
        caveats=tuple(notes),
        draw=lambda: drawn(target, first, law),
    )


def _reason(found: Minimum, converged: bool) -> str:
    if found.interrupted:
        return "It was interrupted: this is the best until then."
    if converged:
        return "The slope of D in every parameter is nil, as far as it can be told."
    return "Newton's method found no way down: the likelihood may have no top, or more than one; fix a parameter."


def drawn(target: Target, first: Any, law: Any) -> list[Panel]:
    """The target's share or density along every column, beside the start and the result."""
    rows, w = target.rows, target.weights
    if rows.ndim > 1:
        sides: dict[str, tuple[Floats, Floats | None]] = {"target": (rows.reshape(len(rows), -1), w)}
        sides |= {name: (_rows_of(q), None) for name, q in (("before", first), ("after", law))}
        return histograms([f"x{j}" for j in range(target.columns)], sides)
    if target.whole and len(np.unique(rows)) < 60:
        places = np.arange(rows.min(), rows.max() + 1)
        held = np.array([float(w[rows == place].sum()) for place in places])
        names: Any = [f"{place:g}" for place in places]
        before, after = (np.exp(log_density(q, places)) for q in (first, law))
    else:
        low, high = np.quantile(rows, [0.001, 0.999])
        edges = np.linspace(low, high, 61)
        places = (edges[1:] + edges[:-1]) / 2
        held = np.histogram(rows, edges, weights=w)[0] / np.diff(edges)
        names = places.tolist()
        before, after = (np.exp(log_density(q, places)) for q in (first, law))
    series = {"target": held.tolist(), "before": before.tolist(), "after": after.tolist()}
    return [Panel("x", names, series)]


def _rows_of(law: Any) -> Floats:
    rows = np.asarray(adapt(law).sample(np.random.default_rng(0), _SHOWN), dtype=float)
    return rows.reshape(len(rows), -1)
