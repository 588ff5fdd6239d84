"""The ends of an integral: how far they matter, what lies beyond the last rung, and whether they diverge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from . import DoesNotApply
from ._mesh import Ladder, Mesh
from ._side import EPS, Floats
from ._terms import UNDERFLOW, Terms

# e^−60 of the mass is nothing, also beside a D of 1e-12.
_NOTHING = -60.0
# Mass that is rounding beside 1.
_ROUNDING = -36.0
# A tail whose contributions to D fall slower than this power of x does not converge, as far as can be told.
_SLOWEST = -1e-4
# A mass that falls slower than this power of x is beyond what differences of log-densities tell.
_UNTOLD = 1e-10
# Log-densities that end below here end by underflow, not at an edge.
_UNDERFLOWING = -300.0
# Growth slower than this power of x is taken for that of a power of log x.
_LOGARITHMIC = 0.1


@dataclass
class Rest:
    """What lies beyond the last rungs: the components, an error of the first two, and sentences."""

    value: Floats = field(default_factory=lambda: np.zeros(6))
    error: float = 0.0
    diverges: str = ""
    least: str = ""


def cut(found: Mesh, terms: Terms) -> Rest:
    """Cut the ladders to where something is, add their panels, and say what lies beyond."""
    rest = Rest()
    for ladder, log_p, log_q in on_ladders(found.ladders, terms):
        downward = ladder.v.size > 1 and ladder.v[-1] < ladder.v[0]
        if downward and _flat(log_p) and _flat(log_q):
            found.straight(sorted((ladder.anchor, float(ladder.x[0]))))
        elif ladder.v.size > 1:
            found.bent(ladder.v[: reach(ladder, log_p, log_q, rest) + 1], ladder.anchor, ladder.sign)
            if not downward:
                _cut_short(ladder, log_p, log_q, terms, rest)
    return rest


def _cut_short(ladder: Ladder, log_p: Floats, log_q: Floats, terms: Terms, rest: Rest) -> None:
    """See whether P's density underflows on the way to infinity, where its contributions still matter."""
    gone = np.flatnonzero((log_p[1:] == -np.inf) & (log_p[:-1] > -np.inf))
    if not gone.size or _weight(log_p[gone[0]], log_q[gone[0]], ladder.v[gone[0]]) < _NOTHING:
        return
    near, far = (float(e) for e in np.exp(ladder.v[gone[0] : gone[0] + 2]))
    for _ in range(2):
        steps = np.linspace(near, far, 129)
        at, beside, _ = terms.known(ladder.anchor + ladder.sign * steps)
        edge = max(int(np.argmax(at == -np.inf)), 1)
        near, far = float(steps[edge - 1]), float(steps[edge])
    if at[edge - 1] < _UNDERFLOWING and _weight(at[edge - 1], beside[edge - 1], math.log(near)) > _NOTHING:
        rest.least = (
            f"{terms.p.name}'s log-density is −inf, by underflow, beyond {ladder.anchor + ladder.sign * near:.3g}, "
            "where its contributions matter: they are left out, so D is at least this value."
        )


def _weight(log_p: float, log_q: float, v: float) -> float:
    """Return the logarithm of what P contributes to D per unit of v."""
    return float(v + log_p + (math.log1p(abs(log_q - log_p)) if math.isfinite(log_q) else 0.0))


def on_ladders(ladders: list[Ladder], terms: Terms) -> Iterator[tuple[Ladder, Floats, Floats]]:
    """Return each ladder with both log-densities at its rungs, all evaluated in one call."""
    if not ladders:
        return
    log_p, log_q = terms.logs(np.concatenate([ladder.x for ladder in ladders]))
    start = 0
    for ladder in ladders:
        stop = start + ladder.v.size
        yield _filled(*_finite(ladder, log_p[start:stop], log_q[start:stop]), terms)
        start = stop


def _finite(ladder: Ladder, log_p: Floats, log_q: Floats) -> tuple[Ladder, Floats, Floats]:
    """End a ladder before a log-density of +inf, which a library gives where a factor underflows."""
    over = np.flatnonzero(np.isposinf(log_p) | np.isposinf(log_q))
    if not over.size or over[0] < 2:
        return ladder, log_p, log_q
    return replace(ladder, v=ladder.v[: over[0]]), log_p[: over[0]], log_q[: over[0]]


def _filled(ladder: Ladder, log_p: Floats, log_q: Floats, terms: Terms) -> tuple[Ladder, Floats, Floats]:
    """Put −inf for log-densities that are not numbers, where P has no mass; refuse where it has."""
    wrong_p, wrong_q = np.isnan(log_p), np.isnan(log_q)
    if not (wrong_p.any() or wrong_q.any()):
        return ladder, log_p, log_q
    known = np.flatnonzero(~wrong_p)
    if known.size:
        # P's mass at rungs where it is not a number is taken for that of the nearest one before.
        before = known[np.maximum(np.searchsorted(known, np.arange(log_p.size), side="right") - 1, 0)]
        mass = ladder.v[before] + log_p[before]
        matters = np.flatnonzero((wrong_p | wrong_q) & (mass > _ROUNDING))
    else:
        matters = np.arange(1)
    if matters.size:
        at = int(matters[0])
        name = terms.p.name if wrong_p[at] else terms.q.name
        raise DoesNotApply(f"{name}'s log-density is not a number at {ladder.x[at]:.6g}, where P may have mass")
    return ladder, np.where(wrong_p, -np.inf, log_p), np.where(wrong_q, -np.inf, log_q)


def reach(ladder: Ladder, log_p: Floats, log_q: Floats, rest: Rest) -> int:
    """Return the index of the last rung that matters; where all do, add to `rest` what lies beyond."""
    v = ladder.v
    with np.errstate(all="ignore"):
        lq = np.where((log_q == -np.inf) & (log_p > -np.inf), np.minimum(log_p, UNDERFLOW), log_q)
        d = np.where(log_p > -np.inf, lq - log_p, 0.0)
        d = np.where(np.isfinite(d), d, 0.0)
        weight = v + np.fmax(log_p + np.log1p(np.abs(d)), lq)
    alive = np.flatnonzero(weight > _NOTHING)
    last = int(alive[-1]) if alive.size else -1
    void = np.flatnonzero((log_q == -np.inf) & (log_p > -np.inf))
    overflow = int(void[0]) if void.size else 0
    before = weight[overflow - 2] if overflow > 1 else 0.0
    grows = overflow > 0 and weight[overflow - 1] > max(before, _NOTHING)
    if grows and log_q[overflow - 1] < 4 * UNDERFLOW:
        rest.diverges = _diverging(ladder, overflow - 1)
    elif last == v.size - 1:
        _beyond(ladder, log_p, lq, d, rest)
    return min(last + 1, v.size - 1) if last >= 0 else 1


def _flat(log_density: Floats) -> bool:
    """Whether a density has a limit at a finite end that it keeps close to: no pole, no zero, no power law."""
    if bool(np.all(log_density == -np.inf)):
        return True
    late = log_density[log_density.size // 2 :]
    return bool(
        log_density.size >= 8 and np.all(np.isfinite(log_density)) and np.ptp(log_density) < 3 and np.ptp(late) < 1e-2
    )


def _beyond(ladder: Ladder, log_p: Floats, log_q: Floats, d: Floats, rest: Rest) -> None:
    """Go on with the power laws that both densities follow at the last rungs."""
    # Towards infinity in powers of x itself, whatever the anchor.
    v, n = (np.log(np.abs(ladder.x)) if ladder.v[-1] > ladder.v[0] else ladder.v), ladder.v.size
    far, mid = max(0, n - 3), max(0, n - 2)

    def slope(values: Floats, since: int) -> float:
        return float((values[-1] - values[since]) / abs(v[-1] - v[since]))

    # Log(q/p) that is linear in log x leaves a power law integrable; one that is itself a power may not.
    with np.errstate(all="ignore"):
        steps = np.abs(np.diff(d[far:])) / np.abs(np.diff(v[far:]))
        power = float(np.log(steps[-1] / steps[0]) / abs(v[-1] - v[-2])) if abs(d[-1]) > 1 and n > 2 else 0.0
    mass = slope(v + log_p, mid) if log_p[mid] > -math.inf else -math.inf
    if log_p[-1] > -math.inf and power > _LOGARITHMIC and mass + power > _SLOWEST:
        rest.diverges = _diverging(ladder, n - 1)
        return
    if log_p[-1] > -math.inf and mass > -_UNTOLD:
        raise DoesNotApply(f"P's mass beyond {ladder.x[-1]:.3g} falls too slowly to be told from that of no density")
    estimates = [_power_laws(log_p + v, log_q + v, d, slope, since) for since in (mid, far)]
    rest.value = rest.value + estimates[0]
    change = float(np.max(np.abs(estimates[0][:2] - estimates[1][:2])))
    logs = [values for values in (log_p, log_q) if values[-1] > -math.inf and values[mid] > -math.inf]
    noise = 8 * EPS * (2 + sum(abs(values[-1]) for values in logs))
    least = min((abs(slope(v + values, mid)) or 1.0 for values in logs), default=1.0)
    share = noise * (1 + 1 / (least * abs(v[-1] - v[mid])))
    rest.error += 2 * change + share * float(np.max(np.abs(estimates[0][:4])))


def _diverging(ladder: Ladder, last: int) -> str:
    where = f"{'above' if ladder.sign > 0 else 'below'} {ladder.x[last]:.3g}"
    if ladder.v[-1] < ladder.v[0]:
        where = f"next to {ladder.anchor:.6g}"
    return (
        f"The integral diverges as far as can be told: {where}, P's contributions do not fall off, by the "
        "log-densities there."
    )


def _power_laws(log_p: Floats, log_q: Floats, d: Floats, slope: Callable[[Floats, int], float], since: int) -> Floats:
    with np.errstate(invalid="ignore"):
        a, b = (slope(values, since) for values in (log_p, log_q))
    mass_p = math.exp(log_p[-1]) / -a if -math.inf < a < 0 else 0.0
    mass_q = math.exp(log_q[-1]) / -b if -math.inf < b < 0 else 0.0
    # d goes on linearly in log x, with the difference of the slopes.
    plain = mass_p * (-d[-1] + (b - a) / a) if mass_p else 0.0
    return np.array([plain - mass_p + mass_q, plain, mass_p, mass_q, 0.0, 0.0])
