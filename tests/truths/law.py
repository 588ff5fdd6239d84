"""A family by its textbook density, in 50 digits, and D(P‖Q) of two of them by quadrature or summation alone."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import mpmath as mp

Parameters = dict[str, Any]
Number = Any

DIGITS = 50


@dataclass(frozen=True)
class Law:
    """A family of distributions on the line, by its definition.

    Parameters
    ----------
    name : str
        Name of the family of kullback that it is the truth of.
    log_density : callable
        From x and the parameters, in mpmath numbers, the log-density or log-probability inside the support.
    support : callable
        From the parameters, the ends of the support.
    centre, width : callable
        From the parameters, where the mass is and how wide, in the coordinate that is integrated over; only where to
        look for it, so rough values do.
    ordinary, extreme : list of dict
        Parameters to try.
    coordinate : {"identity", "log", "logit"}
        What is integrated over: log(x − lower) for half-lines with a singular or heavy end, logit for intervals.
    discrete : bool
        Whether x runs over the integers.
    marks : callable
        From the parameters, more points, in the coordinate, to split the integral at: kinks, edges, far tails.
    kinks : callable
        From the parameters, where the log-density has a corner, as events: integrals over P and over Q split there.
    tails : callable
        From the parameters, a and b such that the density goes like |x|^(a−1) at the lower end (of a half-line, 0) and
        like |x|^(−b−1) at the upper one; infinite where it falls faster than any power.
    costs : callable
        From the parameters, c and d such that minus the log-density grows like |x|^(−c) at the lower end (of a
        half-line, 0) and like |x|^d at the upper one; 0 where it grows slower than any power.
    tied : tuple of str
        Parameters in which P and Q must be equal for a closed form to exist.
    """

    name: str
    log_density: Callable[..., Number]
    ordinary: list[Parameters]
    support: Callable[..., tuple[Number, Number]] = lambda **_: (-mp.inf, mp.inf)
    centre: Callable[..., Number] = lambda **_: mp.mpf(0)
    width: Callable[..., Number] = lambda **_: mp.mpf(1)
    extreme: list[Parameters] = field(default_factory=list)
    coordinate: str = "identity"
    discrete: bool = False
    marks: Callable[..., list[Number]] = lambda **_: []
    kinks: Callable[..., list[Number]] = lambda **_: []
    tails: Callable[..., tuple[Number, Number]] = lambda **_: (mp.inf, mp.inf)
    costs: Callable[..., tuple[Number, Number]] = lambda **_: (mp.mpf(0), mp.mpf(0))
    tied: tuple[str, ...] = ()


@cache
def laws() -> dict[str, Law]:
    """Every law of the folder, by the name of its family."""
    package = importlib.import_module("truths.laws")
    modules = [importlib.import_module(f"truths.laws.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return {law.name: law for module in modules for law in module.LAWS}


@cache
def textbook() -> dict[tuple[str, str], Callable[..., Number]]:
    """Formulas of D(P‖Q) as textbooks print them, to be evaluated in many digits, by the names of the families."""
    package = importlib.import_module("truths.laws")
    modules = [importlib.import_module(f"truths.laws.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return {pair: formula for module in modules for pair, formula in getattr(module, "TEXTBOOK", {}).items()}


@cache
def infinite() -> dict[tuple[str, str], Callable[[Parameters, Parameters], bool]]:
    """Whether D(P‖Q) is infinite where tails that are no powers make it so, by the names of the families."""
    package = importlib.import_module("truths.laws")
    modules = [importlib.import_module(f"truths.laws.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return {pair: test for module in modules for pair, test in getattr(module, "INFINITE", {}).items()}


def exact(parameters: Parameters) -> Parameters:
    """Parameters as the very numbers that float64 holds."""
    return {name: mp.mpf(value) for name, value in parameters.items()}


@lru_cache(4)
def _density(name: str, parameters: tuple[tuple[str, Any], ...]) -> Callable[[Number], tuple[Number, Number]]:
    """The logarithm of a density and itself, kept for each x: P meets many a Q at the same points."""
    law, values = laws()[name], exact(dict(parameters))
    known: dict[Any, tuple[Number, Number]] = {}

    def at(x: Number) -> tuple[Number, Number]:
        # By its bits: mpmath's own hash of e^(e^9) takes for ever, as does e^(−e^9).
        key = getattr(x, "_mpf_", x)
        if key not in known:
            log_p = law.log_density(x, **values)
            known[key] = log_p, mp.exp(log_p) if log_p > -(mp.mpf(10) ** 6) else mp.mpf(0)
        return known[key]

    return at


def divergence(p: Law, p_parameters: Parameters, q: Law, q_parameters: Parameters) -> Number:
    """D(P‖Q) by definition."""
    with mp.workdps(DIGITS):
        pp, qq = exact(p_parameters), exact(q_parameters)
        (p_low, p_high), (q_low, q_high) = p.support(**pp), q.support(**qq)
        if p.discrete != q.discrete or p_low < q_low or p_high > q_high:
            return mp.inf
        if (p.name, q.name) in infinite() and infinite()[p.name, q.name](p_parameters, q_parameters):
            return mp.inf
        # The end of a half-line is no end of a law on the whole line.
        shared = (p_low == q_low, p_high == q_high)
        if any(s and cost >= tail for s, cost, tail in zip(shared, q.costs(**qq), p.tails(**pp), strict=True)):
            return mp.inf

        density = _density(p.name, tuple(p_parameters.items()))

        def term(x: Number) -> Number:
            log_p, at_p = density(x)
            return at_p * (log_p - q.log_density(x, **qq)) if at_p else at_p

        if p.discrete:
            return _summed(term, p_low, p_high, p.centre(**pp), p.width(**pp))
        return _integrated(p, pp, term, [*p.kinks(**pp), *q.kinks(**qq)])


def _summed(term: Callable[[Number], Number], low: Number, high: Number, centre: Number, width: Number) -> Number:
    """Sum outwards until what is left is negligible: terms fall at least geometrically past 60 widths."""
    first = max(low, mp.floor(centre - 60 * width - 20))
    last = min(high, mp.ceil(centre + 200 * width + 200))
    if last - first > 3e5:
        raise ValueError(f"a sum of {last - first} terms: give a textbook formula instead")
    return mp.fsum(term(first + k) for k in range(int(last - first) + 1))


def _quadrature(term: Callable[[Number], Number], points: list[Number]) -> Number:
    """The integral to as many digits as mpmath has: it refines to an absolute error, hopeless where D is 1e200."""
    size = max(abs(mp.quad(term, points, maxdegree=3)), mp.mpf(1))
    return size * mp.quad(lambda x: term(x) / size, points)


def _integrated(p: Law, pp: Parameters, term: Callable[[Number], Number], kinks: list[Number]) -> Number:
    low, high = p.support(**pp)
    centre, width = p.centre(**pp), p.width(**pp)
    corners = [_coordinate(p.coordinate, x, low, high) for x in kinks if low < x < high]
    steps = (-60, -20, -6, -2, 0, 2, 6, 20, 60)
    points = sorted({*(centre + width * k for k in steps), *p.marks(**pp), *corners})
    if p.coordinate == "identity":
        inside = [x for x in points if low < x < high]
        return _quadrature(term, [low, *inside, high])
    if p.coordinate == "log":
        return _quadrature(lambda u: term(low + mp.exp(u)) * mp.exp(u), [-mp.inf, *points, mp.inf])
    span = high - low

    def at(u: Number) -> Number:
        share = 1 / (1 + mp.exp(-u))
        return term(low + span * share) * span * share / (1 + mp.exp(u))

    return _quadrature(at, [-mp.inf, *points, mp.inf])


def _coordinate(coordinate: str, x: Number, low: Number, high: Number) -> Number:
    """The coordinate of an event."""
    if coordinate == "identity":
        return x
    return mp.log(x - low) if coordinate == "log" else mp.log((x - low) / (high - x))


def tolerance(p: str, a: Parameters, q: str, b: Parameters) -> float:
    """Relative error allowed: 1e-12, or what a law's file states, with its reason, where the conditioning is bad."""
    package = importlib.import_module("truths.laws")
    for m in pkgutil.iter_modules(package.__path__):
        stated = getattr(importlib.import_module(f"truths.laws.{m.name}"), "CONDITIONS", {})
        if (p, q) in stated:
            return float(stated[p, q](a, b))
    return 1e-12
