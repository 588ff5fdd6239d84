"""From sums over panels to a divergence: which form is the better known, its error, and its caveats."""

from __future__ import annotations

import math

import numpy as np

from kullback._core.divergence import Divergence

from . import DoesNotApply
from ._panels import Sums
from ._side import Floats
from ._tails import Rest
from ._terms import GAP, MASS_P, MASS_Q, PLAIN, UNDERFLOW, UNKNOWN, VOID, Terms

# Masses this near 1 are those of normalised densities, up to what their libraries' log-normalisers are good for.
_NORMALISED = 1e-7


def off(result: tuple[Terms, Sums, Rest]) -> float:
    """Return by how much the masses miss 1; 0 where that is no sign of landmarks missed."""
    terms, found, rest = result
    if rest.diverges or terms.seen:
        return 0.0
    masses = (found.value.sum(axis=0) + rest.value)[[MASS_P, MASS_Q]]
    return float(np.max(np.abs(masses - 1)))


def unreached(error: float, tolerance: float | None, how: str = "") -> tuple[str, ...]:
    """Return the caveat that the error asked for was not reached, where it was not."""
    if tolerance is None or error <= tolerance:
        return ()
    return (f"The error asked for, {tolerance:.3g}, was not reached{how}: it is {error:.3g}.",)


def concluded(
    name: str, confidence: float, result: tuple[Terms, Sums, Rest], tolerance: float | None = None
) -> Divergence:
    """Return the divergence that the sums and what lies beyond them come to."""
    terms, found, rest = result
    if rest.diverges:
        return Divergence(math.inf, method=name, caveats=(rest.diverges,))
    total = found.value.sum(axis=0) + rest.value
    # A refined panel's rules differ by more than its rounding; rounding adds up as a bound.
    errors = (found.error + found.floor).sum(axis=0) + rest.error
    caveats = [rest.least] if rest.least else []
    least = bool(rest.least)
    if total[UNKNOWN] > 0:
        lost = float(total[UNKNOWN]) * 1e3 * -UNDERFLOW
        if total[UNKNOWN] > 1e-12 or lost > 1e-9 * max(total[GAP], 1e-300):
            terms.refuse_unknown(float(total[UNKNOWN]))
        errors += lost
    if total[VOID] > 0:
        if total[VOID] > 1e-12 and terms.void_is_a_hole():
            return Divergence(math.inf, method=name, caveats=(_of_hole(float(total[VOID])),))
        # Log-densities that underflow are seldom beyond a thousand times where they do.
        lost = float(total[VOID]) * 1e3 * -UNDERFLOW
        matters = lost > 1e-9 * max(total[GAP], 1e-300)
        least |= bool(matters)
        if matters:
            caveats.append(_of_void(terms, float(total[VOID])))
        else:
            errors += lost
    value, error, sentences = _better(total, errors, max(_NORMALISED, 64 * terms.precision))
    caveats += sentences
    if terms.undefined is not None and sentences:
        caveats.append(f"{terms.p.name}'s log-density is not a number at some points, as at {terms.undefined:.6g}.")
    if not (math.isfinite(error) and math.isfinite(value)):
        raise DoesNotApply("the densities are not finite where they matter")
    if not caveats and error > 1e-3 * value and error > 1e-9:
        caveats.append("The sum did not settle: the densities are rough, or vary faster than floats resolve.")
    caveats += unreached(error, tolerance)
    ends = (max(0.0, value - error), math.inf if least else value + error)
    return Divergence(value, error, ends, confidence, method=name, caveats=tuple(caveats))


def _better(total: Floats, errors: Floats, normalised: float) -> tuple[float, float, list[str]]:
    """Return the value, the error and the caveats of the form that is known better."""
    value = float(max(total[GAP], 0.0))
    mass_p, mass_q = float(total[MASS_P]), float(total[MASS_Q])
    largest = float(abs(total[PLAIN]) + abs(total[GAP]))
    missing, sentences = _masses_error(value, mass_p, mass_q, largest, normalised)
    error = float(errors[GAP]) + missing
    plain_error = float(errors[PLAIN]) + (abs(mass_p - 1) + float(errors[MASS_P])) * (1 + value)
    if total[PLAIN] > 0 and plain_error < 0.5 * error and abs(mass_p - 1) <= normalised:
        return float(total[PLAIN]), plain_error, []
    return value, error, sentences


def _of_void(terms: Terms, mass: float) -> str:
    """Say that Q's log-density is −inf where it should not be."""
    return (
        f"{terms.q.name}'s log-density is −inf, by underflow, where P has {mass:.2g} of its mass: it was taken as "
        f"{UNDERFLOW:g} there, so D is at least this value."
    )


def _of_hole(mass: float) -> str:
    """Say why D is infinite."""
    return f"P has {100 * min(mass, 1.0):.2g}% of its mass where Q has none."


def _masses_error(
    value: float, mass_p: float, mass_q: float, largest: float, normalised: float
) -> tuple[float, list[str]]:
    """Return what masses other than 1 do to the gap form, and a caveat if they are far from it."""
    off = max(abs(mass_p - 1), abs(mass_q - 1))
    if not math.isfinite(off):
        return math.inf, ["The densities could not be integrated."]
    if off <= normalised:
        return abs(mass_p - 1) * value + 0.5 * (mass_p - mass_q) ** 2, []
    worse = "P's" if abs(mass_p - 1) >= abs(mass_q - 1) else "Q's"
    share = mass_p if worse == "P's" else mass_q
    text = (
        f"{worse} density was found to integrate to {share:.9g}, not to 1: it is not normalised or part of its mass "
        "was not found."
    )
    return 4 * off * (1 + largest), [text]
