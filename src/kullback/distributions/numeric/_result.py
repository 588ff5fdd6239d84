"""From sums over panels to a divergence: which form is the better known, its error, and its caveats."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kullback._core.divergence import Divergence

from . import DoesNotApply
from ._panels import Sums
from ._side import Floats, Side
from ._tails import Rest
from ._terms import GAP, MASS_P, MASS_Q, PLAIN, UNDERFLOW, UNKNOWN, VOID, Terms

# Masses this near 1 are those of normalised densities, up to what their libraries' log-normalisers are good for.
_NORMALISED = 1e-7
# With less of P's mass nothing is known of D.
_MOST = 0.5


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
    name: str,
    confidence: float,
    result: tuple[Terms, Sums, Rest],
    tolerance: float | None = None,
    *,
    whole: bool = True,
) -> Divergence:
    """Return the divergence that the sums and what lies beyond them come to.

    `whole` says that Q's mass was looked for everywhere, not only where P's is.
    """
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
    known = _known(terms.p, total, errors, max(_NORMALISED, 64 * terms.precision), whole=whole)
    caveats += known.sentences
    least |= known.least
    if terms.undefined is not None and known.sentences:
        caveats.append(f"{terms.p.name}'s log-density is not a number at some points, as at {terms.undefined:.6g}.")
    if not (math.isfinite(known.error) and math.isfinite(known.value)):
        raise DoesNotApply("the densities are not finite where they matter")
    if not caveats and known.error > 1e-3 * known.value and known.error > 1e-9:
        caveats.append("The sum did not settle: the densities are rough, or vary faster than floats resolve.")
    # Of what is only known to be at least so much, no error is known.
    error = math.inf if least else known.error
    caveats += unreached(error, tolerance)
    ends = (max(0.0, known.value - known.error), known.value + error)
    return Divergence(known.value, error, ends, confidence, method=name, caveats=tuple(caveats))


@dataclass
class _Known:
    """The value, how far it may be off, what is to be said of it, and whether it may be off by more upwards."""

    value: float
    error: float
    sentences: tuple[str, ...] = ()
    least: bool = False


def _known(p: Side, total: Floats, errors: Floats, normalised: float, *, whole: bool) -> _Known:
    """Return what is known by the form that is known better."""
    gap, plain = float(max(total[GAP], 0.0)), float(total[PLAIN])
    mass_p, mass_q = float(total[MASS_P]), float(total[MASS_Q])
    off = max(abs(mass_p - 1), abs(mass_q - 1))
    if not math.isfinite(off):
        return _Known(gap, math.inf)
    # Masses that differ by more than the error they are known with are unlike normalised, or part of Q's was missed.
    apart, known = abs(mass_p - mass_q), float(errors[MASS_P] + errors[MASS_Q])
    unlike = apart + known if apart > known else 0.0
    gap_error = float(errors[GAP]) + abs(mass_p - 1) * gap + 0.5 * (mass_p - mass_q) ** 2 + unlike
    found = _Known(gap, gap_error)
    sentences: tuple[str, ...] = ()
    if off > normalised:
        worse = "P's" if abs(mass_p - 1) >= abs(mass_q - 1) else "Q's"
        share = mass_p if worse == "P's" else mass_q
        sentences = (
            f"{worse} density was found to integrate to {share:.9g}, not to 1: it is not normalised or part of its "
            "mass was not found.",
        )
        found = _Known(gap, gap_error + 4 * off * (1 + abs(plain) + gap), sentences)
    if mass_p < _MOST:
        raise DoesNotApply(f"only {mass_p:.2g} of {p.name}'s mass was found, by floats")
    if mass_p < 1 - normalised:
        # What was not found adds to the first form, whose terms are at least 0: by how much is not known.
        found.sentences += ("D is at least what was found, if both are normalised.",)
        found.least = True
        return found
    plain_error = float(errors[PLAIN]) + (abs(mass_p - 1) + float(errors[MASS_P])) * (1 + gap)
    if whole:
        plain_error += (abs(math.log(mass_q)) if mass_q > 0 else math.inf) + float(errors[MASS_Q])
    if plain > 0 and plain_error < 0.5 * found.error and mass_p <= 1 + normalised:
        return _Known(plain, plain_error, sentences if whole else ())
    return found


def _of_void(terms: Terms, mass: float) -> str:
    """Say that Q's log-density is −inf where it should not be."""
    return (
        f"{terms.q.name}'s log-density is −inf, by underflow, where P has {mass:.2g} of its mass: it was taken as "
        f"{UNDERFLOW:g} there, so D is at least this value."
    )


def _of_hole(mass: float) -> str:
    """Say why D is infinite."""
    return f"P has {100 * min(mass, 1.0):.2g}% of its mass where Q has none."
