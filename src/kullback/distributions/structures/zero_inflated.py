"""Zero inflation: 0 with some probability, and otherwise a draw of another distribution of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import InputError, NoClosedForm
from kullback.arrays._backend import Array, device, inspectable, without_gradient
from kullback.distributions._chance import Chance, relative_entropy_of_trials
from kullback.distributions._domain import Domain
from kullback.distributions._family import Family, family
from kullback.distributions._recognise import recognise, values_of
from kullback.distributions._registry import closed_form
from kullback.distributions._structure import Structure, adopt, entropy, expanded, kl
from kullback.distributions.families.binomial import Bernoulli
from kullback.distributions.families.poisson import Poisson
from kullback.distributions.families.zero_inflated_poisson import ZeroInflatedPoisson


@family
class ZeroInflated(Structure):
    r"""0 with probability π, otherwise a draw of a distribution of real numbers or of counts.

    .. math:: P = π\,δ_0 + (1 - π)\,F

    Parameters
    ----------
    base : distribution
        That of F: of real numbers, which are 0 with probability 0, or of integers, whose own zeros add to the others.
    gate : array
        Probability π of the extra zeros.

    Notes
    -----
    Near P = Q of two laws of counts other than Poisson's, the chances of 0 of both bases are subtracted as they are
    rounded: the relative error is about the unit of rounding over the relative change of the parameters.
    """

    domain = Domain("zero-inflated")
    base: Any
    gate: Any = 0.0

    def __post_init__(self) -> None:
        base = adopt(self, "base")
        if base.event_shape or base.domain.space not in ("reals", "integers") or not base.given:
            raise InputError(f"ZeroInflated: base must be a family's distribution of numbers, got {base.label}")
        if not isinstance(self.gate, Bernoulli):
            like = next(iter(base.given.values()))
            gate = self.gate
            if isinstance(gate, (float, int, np.generic)):
                gate = base.xp.asarray(float(gate), dtype=like.dtype, device=device(like))
            object.__setattr__(self, "gate", Bernoulli(probs=gate))
        super().__post_init__()

    @property
    def parts(self) -> tuple[Family, ...]:
        return (self.base, self.gate)

    @property
    def discrete(self) -> bool:
        return bool(self.base.discrete)

    @property
    def extra(self) -> Chance:
        """Chance of an extra zero."""
        return Chance.of(self.gate)

    @property
    def zero_of_base(self) -> Chance:
        """Chance of a 0 of a base of integers."""
        xp = self.xp
        shape = sum(xp.zeros_like(a) for a in self.base.given.values() if a.ndim <= len(self.base.batch_shape))
        log_zero = self.base.log_density(shape)
        return Chance.of_numbers(xp, xp.exp(log_zero), -xp.expm1(log_zero), log_yes=log_zero, flat=(True, True))

    @property
    def zero(self) -> Chance:
        """Chance of a 0 of any kind, of a base of integers."""
        extra, own = self.extra, self.zero_of_base
        return Chance.of_numbers(self.xp, extra.yes + extra.no * own.yes, extra.no * own.no, flat=extra.flat)

    def log_density(self, x: Array) -> Array:
        xp, extra = self.xp, self.extra
        if not self.discrete:
            return xp.where(x == 0, extra.log_yes, extra.log_no + self.base.log_density(x))
        return xp.where(x == 0, self.zero.log_yes, extra.log_no + self.base.log_density(x))

    def entropy(self) -> Array:
        if self.discrete:
            raise NoClosedForm(f"no closed form of the entropy of a zero-inflated {self.base.label} is known")
        return self.extra.entropy() + self.extra.no * entropy(self.base)

    def mean(self) -> Array:
        return self.extra.no * self.base.mean()

    def variance(self) -> Array:
        mean, extra = self.base.mean(), self.extra
        return extra.no * (self.base.variance() + extra.yes * mean * mean)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        base, shape = self.base, self.batch_shape
        draws = np.asarray((base if base.batch_shape == shape else expanded(base, shape)).sample(rng, count))
        return np.where(rng.random((count, *shape)) >= np.asarray(self.extra.yes), draws, 0)


@closed_form(
    ZeroInflated,
    ZeroInflated,
    formula=r"π_P\log\frac{π_P}{π_Q} + (1-π_P)\log\frac{1-π_P}{1-π_Q} + (1-π_P)\,D(F_P‖F_Q) \text{ of numbers}; \quad "
    r"d(P(0)‖Q(0)) + (1-π_P)\left[D(F_P‖F_Q) - d(F_P(0)‖F_Q(0))\right] \text{ of counts, } d \text{ that of one trial}",
    source="Cover and Thomas (2006), theorem 2.5.3: whether it is 0 first, and then what else it is",
)
def _kl(p: ZeroInflated, q: ZeroInflated) -> Array:
    xp = p.xp
    if p.discrete != q.discrete:
        raise NoClosedForm(
            f"P is a zero-inflated {p.base.label} and Q a zero-inflated {q.base.label}: one counts and the other does "
            "not; kullback.kl compares laws of one kind"
        )
    if isinstance(p.base, Poisson) and isinstance(q.base, Poisson):
        return kl(_of_poisson(p), _of_poisson(q))
    ours, theirs = p.extra, q.extra
    rest = kl(p.base, q.base)
    if not p.discrete:
        return relative_entropy_of_trials(ours, theirs) + _weighed(xp, ours.no, rest)
    first, second = p.zero_of_base, q.zero_of_base
    alone = xp.any(without_gradient((second.yes == 0) & (first.yes > 0) & (ours.no > 0)))
    if inspectable(alone) and bool(alone):
        raise NoClosedForm(
            f"{q.base.label} is never 0 and {p.base.label} may be: D(P‖Q) is that of both without their zeros, of "
            "which no closed form is known; kullback.estimate takes any distribution"
        )
    of_base = first.yes * xp.expm1(second.log_yes - first.log_yes)
    step = (theirs.yes - ours.yes) * second.no + ours.no * of_base
    beyond = rest - relative_entropy_of_trials(first, second, of_base)
    # Rounding may leave a difference that is 0 by less than it.
    beyond = xp.where(beyond < 0, 0 * beyond, beyond)
    return relative_entropy_of_trials(p.zero, q.zero, step) + _weighed(xp, ours.no, beyond)


def _weighed(xp: Any, weight: Array, value: Array) -> Array:
    """Return weight·value, 0 where the weight is, whatever the value."""
    some = (weight > 0) & (value == value)
    product = weight * xp.where(some, value, xp.zeros_like(value + weight))
    return xp.where(value == value, product, value + 0 * weight)


def _of_poisson(law: ZeroInflated) -> ZeroInflatedPoisson:
    return law.like(ZeroInflatedPoisson, gate=law.extra.yes, rate=law.base.rate)


@recognise("numpyro", "ZeroInflatedProbs", "ZeroInflatedLogits")
def _of_numpyro(law: Any) -> ZeroInflated:
    return ZeroInflated(law.base_dist, values_of(law, "gate")["gate"])
