"""The register of closed forms: who has one, how it is found, and what is derived from what."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from kullback.arrays._backend import Array

from ._domain import apart, never_covers
from ._family import Family

Compute = Callable[[Any, Any], Array]
View = Callable[[Any], Family]
_C = TypeVar("_C", bound=Compute)


@dataclass(frozen=True)
class ClosedForm:
    """A closed form of D(P‖Q) for two families.

    Parameters
    ----------
    p, q : type
        The families.
    formula : str
        In TeX.
    source : str
        Author, year, equation.
    compute : callable
        From two distributions in one array library, the divergence in nats.
    via : str
        How it is derived from another: "Gamma‖Gamma"; empty for those that are not.
    infinite : bool
        Whether the divergence is infinite for all parameters though Q has mass wherever P has.
    """

    p: type[Family]
    q: type[Family]
    formula: str
    source: str
    compute: Compute
    via: str = ""
    infinite: bool = False

    @property
    def finite(self) -> bool:
        """Whether the divergence is finite for any parameters."""
        return not self.infinite and not never_covers(self.p, self.q)

    @property
    def name(self) -> str:
        """P‖Q, by the names of the families."""
        return f"{self.p.__name__}‖{self.q.__name__}"


@dataclass(frozen=True)
class _Arrow:
    """A family seen as a member of another, or as its image under a bijection."""

    to: type[Family]
    view: View
    bijection: str = ""


_direct: dict[tuple[type[Family], type[Family]], ClosedForm] = {}
_arrows: dict[type[Family], list[_Arrow]] = {}
_found: dict[tuple[type[Family], type[Family]], ClosedForm | None] = {}


def closed_form(
    p: type[Family], q: type[Family], *, formula: str, source: str, infinite: bool = False
) -> Callable[[_C], _C]:
    """Register a function of two distributions as the closed form of D(P‖Q)."""

    def register(compute: _C) -> _C:
        if (p, q) in _direct:
            raise ValueError(f"{p.__name__}‖{q.__name__} is registered twice")
        _direct[p, q] = ClosedForm(p, q, formula, source, compute, infinite=infinite)
        return compute

    return register


def always_infinite(p: type[Family], q: type[Family], *, source: str) -> None:
    """Register that D(P‖Q) is infinite for all parameters though Q has mass wherever P has: by P's tails."""
    closed_form(p, q, formula=r"\infty", source=source, infinite=True)(infinite)


def seen_as(family: type[Family], other: type[Family], *, bijection: str = "") -> Callable[[View], View]:
    """Register a function that shows a member of `family` as one of `other`.

    With a `bijection`, draws of `family` are its images of draws of `other`; a divergence is kept when P and Q are
    images by the same one.
    """

    def register(view: View) -> View:
        _arrows.setdefault(family, []).append(_Arrow(other, view, bijection))
        return view

    return register


@cache
def load() -> None:
    """Import every file of families/, pairs/ and structures/: adding a file is registering what it holds."""
    for folder in ("families", "pairs", "structures"):
        package = importlib.import_module(f"{__package__}.{folder}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")


def all_families() -> list[type[Family]]:
    """Every family, by name."""
    load()

    def below(cls: type[Family]) -> Iterator[type[Family]]:
        for child in cls.__subclasses__():
            yield child
            yield from below(child)

    folders = (f"{__package__}.families.", f"{__package__}.structures.")
    found = {c for c in below(Family) if "domain" in c.__dict__ and c.__module__.startswith(folders)}
    return sorted(found, key=lambda c: c.__name__)


def find(p: type[Family], q: type[Family]) -> ClosedForm | None:
    """Return the closed form of D(P‖Q), direct or derived with the fewest steps; None if there is none."""
    if (p, q) not in _found:
        load()
        _found[p, q] = _search(p, q)
    return _found[p, q]


def _search(p: type[Family], q: type[Family]) -> ClosedForm | None:
    if (p, q) in _direct:
        return _direct[p, q]
    if never_covers(p, q):
        return ClosedForm(p, q, r"\infty", "P has mass where Q has none", infinite)
    best: tuple[int, ClosedForm] | None = None
    for p_path in _paths(p):
        for q_path in _paths(q):
            ends = p_path[-1].to if p_path else p, q_path[-1].to if q_path else q
            steps = len(p_path) + len(q_path)
            if ends not in _direct or _bijections(p_path) != _bijections(q_path):
                continue
            if best is None or steps < best[0]:
                best = steps, _derived(p, q, p_path, q_path, _direct[ends])
    return None if best is None else best[1]


def _bijections(path: tuple[_Arrow, ...]) -> list[str]:
    return [arrow.bijection for arrow in path if arrow.bijection]


def _paths(family: type[Family], seen: tuple[type[Family], ...] = ()) -> list[tuple[_Arrow, ...]]:
    paths: list[tuple[_Arrow, ...]] = [()]
    for arrow in _arrows.get(family, []):
        if arrow.to not in seen:
            paths += [(arrow, *rest) for rest in _paths(arrow.to, (*seen, family))]
    return paths


def _derived(
    p: type[Family], q: type[Family], p_path: tuple[_Arrow, ...], q_path: tuple[_Arrow, ...], form: ClosedForm
) -> ClosedForm:
    def compute(a: Family, b: Family) -> Array:
        for arrow in p_path:
            a = arrow.view(a)
        for arrow in q_path:
            b = arrow.view(b)
        return form.compute(a, b)

    return ClosedForm(p, q, form.formula, form.source, compute, via=form.name, infinite=form.infinite)


def infinite(p: Family, q: Family) -> Array:
    """D(P‖Q) of laws of which P has mass where Q has none, for the batch of both."""
    xp, none = p.xp, zero(p, q)
    value = none + float("inf")
    if p.domain.space != "integers" or q.domain.space != "integers" or apart(p.domain, q.domain):
        return value
    low, high = p.support()
    certain = low == high
    if isinstance(certain, bool):
        return value
    # A law of counts whose parameters leave it one value has that value's cost, whatever its kind usually is.
    return xp.where(certain, -q.log_density(xp.where(certain, high, xp.zeros_like(high))) + none, value)


def zero(p: Family, q: Family) -> Array:
    """Return 0 for the batch of both, bound to the parameters, so that it can be differentiated."""
    xp = p.xp
    given = (*p.given.values(), *q.given.values())
    # Logits may be infinite.
    none = sum(xp.sum(xp.where(xp.isfinite(a), 0 * a, xp.zeros_like(a))) for a in given)
    return xp.broadcast_to(none, _batch(p, q))


def _batch(p: Family, q: Family) -> tuple[int, ...]:
    import numpy as np

    return np.broadcast_shapes(p.batch_shape, q.batch_shape)


@cache
def closed_forms() -> tuple[ClosedForm, ...]:
    """Every pair of families with a closed form of D(P‖Q): finite ones, and those that are always infinite.

    Returns
    -------
    tuple of ClosedForm
        With the families `p` and `q`, the `formula` in TeX, its `source`, whether it is `finite`, and `via`, the pair
        that a derived form is computed as.

    Examples
    --------
    >>> import kullback as kb
    >>> [form.source for form in kb.closed_forms() if form.name == "Normal‖Normal"]
    ['Kullback (1959), chapter 9']
    """
    found = (find(p, q) for p in all_families() for q in all_families())
    return tuple(form for form in found if form is not None)


def nearest(p: type[Family], q: type[Family]) -> list[str]:
    """Name the pairs that have a closed form and share a side with P‖Q: the same family to itself first."""
    names = [form.name for form in (find(p, p), find(q, q), find(q, p)) if form is not None and form.finite]
    others = [form.name for form in closed_forms() if form.finite and (form.p is p or form.q is q)]
    return list(dict.fromkeys([*names, *others]))[:3]
