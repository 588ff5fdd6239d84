"""A chance of success and its complement, each with all its digits, whether given as a probability or as a logit."""

from __future__ import annotations

import math
from typing import Any

from kullback.arrays._backend import Array, Namespace
from kullback.arrays._kernels.gaps import fused
from kullback.arrays._lazy import lazy
from kullback.arrays._numeric import safe_log, xlogx

from ._numeric import log_ratio, weighed_gap
from ._recognise import values_of
from ._special import special


def tiny(xp: Namespace, x: Array) -> Array:
    """Where numbers have nearly underflowed: their logarithms say more, and are large enough to be subtracted."""
    return x < 1e3 * float(xp.finfo(x.dtype).smallest_normal)


class Chance:
    """Probability of a success (`yes`) and of a failure (`no`), and their logarithms.

    Parameters
    ----------
    xp : namespace
        The array library.
    probs, logits : array
        Exactly one of them.
    """

    def __init__(self, xp: Namespace, probs: Array | None, logits: Array | None = None) -> None:
        self.xp, self.probs, self.logits, self.by_failure = xp, probs, logits, False
        # Whether `yes` and `no` reach 0 flatly, as those made of logits do, and not with the slope of p·log p.
        self.flat = (logits is not None,) * 2
        # Logarithms of both, where they are known better than the numbers tell.
        self.logs: tuple[Array | None, Array | None] = (None, None)
        if probs is not None:
            self.yes, self.no = probs, 1 - probs
        else:
            assert logits is not None
            self.yes, self.no = special(xp).expit(logits), special(xp).expit(-logits)

    @classmethod
    def of(cls, law: Any) -> Chance:
        """Return the chance of a family with `probs` and `logits`."""
        return cls(law.xp, law.probs, law.logits)

    @classmethod
    def of_failure(cls, xp: Namespace, failure: Array) -> Chance:
        """Return the chance of success whose complement is given."""
        return cls(xp, failure).complement()

    @classmethod
    def of_odds(cls, xp: Namespace, odds: Array) -> Chance:
        """Return the chance of success that odds give, odds/(1 + odds), flat at 0."""
        return cls.of_numbers(xp, odds / (1 + odds), 1 / (1 + odds), flat=(True, False))

    @classmethod
    def of_numbers(
        cls,
        xp: Namespace,
        yes: Array,
        no: Array,
        *,
        log_yes: Array | None = None,
        log_no: Array | None = None,
        flat: tuple[bool, bool] = (False, False),
    ) -> Chance:
        """Return the chance whose two sides are both known to the last digit; give logarithms of what may underflow."""
        chance = cls(xp, yes)
        chance.probs, chance.no, chance.flat, chance.logs = None, no, flat, (log_yes, log_no)
        return chance

    @lazy
    def log_yes(self) -> Array:
        """Logarithm of the probability of a success."""
        return self._log(0, self.yes, self.by_failure)

    @lazy
    def log_no(self) -> Array:
        """Logarithm of the probability of a failure."""
        return self._log(1, self.no, not self.by_failure)

    def _log(self, number: int, side: Array, is_rest: bool) -> Array:
        xp, known = self.xp, self.logs[number]
        if known is not None:
            return known
        if self.logits is not None:
            rest = xp.log1p(xp.exp(-xp.abs(self.logits)))
            return _at_most_0(xp, -self.logits if number else self.logits) - rest
        if self.probs is None or not is_rest:
            return safe_log(xp, side)
        certain = self.probs == 1
        logs = xp.log1p(-xp.where(certain, xp.zeros_like(side), self.probs))
        return xp.where(certain, xp.full_like(side, -math.inf), logs)

    def complement(self) -> Chance:
        """Return the chance of failure."""
        other = object.__new__(Chance)
        other.xp, other.probs, other.by_failure = self.xp, self.probs, not self.by_failure
        other.logits, other.flat = None if self.logits is None else -self.logits, self.flat[::-1]
        other.yes, other.no, other.logs = self.no, self.yes, self.logs[::-1]
        return other

    @property
    def never(self) -> Array:
        """Where success is impossible."""
        return self.yes == 0 if self.probs is not None else self.log_yes == -math.inf

    @property
    def always(self) -> Array:
        """Where failure is impossible."""
        return self.no == 0 if self.probs is not None else self.log_no == -math.inf

    @property
    def logit(self) -> Array:
        """Logarithm of the odds."""
        return self.log_yes - self.log_no if self.logits is None else self.logits

    def entropy(self) -> Array:
        """Entropy of one trial."""
        if self.logits is None:
            return -(xlogx(self.xp, self.yes) + xlogx(self.xp, self.no))
        # 0·(−inf) at infinite logits is 0, with a flat approach.
        logs = (self.xp.where(log == -math.inf, self.xp.zeros_like(log), log) for log in (self.log_yes, self.log_no))
        return -sum(share * log for share, log in zip((self.yes, self.no), logs, strict=True))


def _at_most_0(xp: Namespace, x: Array) -> Array:
    return xp.where(x < 0, x, xp.zeros_like(x))


def relative_entropy_of_trials(p: Chance, q: Chance, step: Array | None = None) -> Array:
    """D of one trial, p·log(p/q) + (1−p)·log((1−p)/(1−q)), as two gaps of at least 0; `step` is the exact q − p."""
    # Of the same side both: D is that of the other side too.
    given = p.probs is not None and q.probs is not None and p.by_failure == q.by_failure
    if given and step is None and not any(p.flat + q.flat):
        return one_trial(p.xp, p.probs, q.probs)
    return _of_sides(p, q, step)


@fused("trial")
def one_trial(xp: Namespace, p: Array, q: Array) -> Array:
    """D of one trial, from the probabilities of a success."""
    return _of_sides(Chance(xp, p), Chance(xp, q), None)


def _of_sides(p: Chance, q: Chance, step: Array | None) -> Array:
    xp = p.xp
    to_yes, to_no = _log_ratios(p, q, step)
    yes = weighed_gap(xp, p.yes, q.yes, to_yes, p.never, q.never, smooth=p.flat[0])
    no = weighed_gap(xp, p.no, q.no, to_no, p.always, q.always, smooth=p.flat[1])
    return yes + no


def _log_ratios(p: Chance, q: Chance, step: Array | None) -> tuple[Array, Array]:
    """log(q/p) and log((1−q)/(1−p)), anything where one of the two is 0."""
    xp = p.xp
    if p.logits is None and q.logits is None:
        # The complement of what was given is rounded; the difference of complements need not be.
        if step is None:
            step = p.no - q.no if p.by_failure and q.by_failure else q.yes - p.yes
        to_yes, to_no = _number_ratio(xp, q.yes, p.yes, step), _number_ratio(xp, q.no, p.no, -step)
        if not any(p.flat + q.flat):
            return to_yes, to_no
        return (
            xp.where(tiny(xp, p.yes) | tiny(xp, q.yes), _subtract(xp, q.log_yes, p.log_yes), to_yes),
            xp.where(tiny(xp, p.no) | tiny(xp, q.no), _subtract(xp, q.log_no, p.log_no), to_no),
        )
    sides = ((q.yes, p.yes, q.log_yes, p.log_yes), (q.no, p.no, q.log_no, p.log_no))
    far = [_subtract(xp, log_q, log_p) for _, _, log_q, log_p in sides]
    if p.logits is None or q.logits is None:
        near = [xp.abs(f) <= 0.5 for f in far]
        numbers = [_number_ratio(xp, a, b) for a, b, _, _ in sides]
        yes, no = (xp.where(n, k, f) for n, k, f in zip(near, numbers, far, strict=True))
        return yes, no
    step = _subtract(xp, q.logits, p.logits)
    near_by = (xp.abs(step) <= 1) & (xp.abs(q.logits) < math.inf) & (xp.abs(p.logits) < math.inf)
    step = xp.where(near_by, step, xp.zeros_like(step))
    yes = xp.where(near_by, -xp.log1p(p.no * xp.expm1(-step)), far[0])
    no = xp.where(near_by, -xp.log1p(p.yes * xp.expm1(step)), far[1])
    return yes, no


def _number_ratio(xp: Namespace, a: Array, b: Array, difference: Array | None = None) -> Array:
    some = (a != 0) & (b != 0)
    one = xp.ones_like(a + b)
    if difference is not None:
        difference = xp.where(some, difference, 0 * one)
    return log_ratio(xp, xp.where(some, a, one), xp.where(some, b, one), difference)


def _subtract(xp: Namespace, a: Array, b: Array) -> Array:
    """Difference, 0 where either is infinite."""
    both = (xp.abs(a) != math.inf) & (xp.abs(b) != math.inf)
    return xp.where(both, a, xp.zeros_like(a)) - xp.where(both, b, xp.zeros_like(b))


def chosen(law: Any) -> dict[str, Any]:
    """Return what a distribution of torch or NumPyro was given, probs or logits, and not what it made of it."""
    own = vars(law)
    param = own.get("_param")
    name = "probs" if "probs" in own else "logits"
    if param is not None and param is own.get("logits"):
        name = "logits"
    return values_of(law, name)
