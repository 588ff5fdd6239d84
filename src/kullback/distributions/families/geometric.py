"""The negative binomial distribution, and the geometric one, of failures or of trials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import NoClosedForm
from kullback.arrays._backend import Array
from kullback.distributions._chance import Chance, chosen, relative_entropy_of_trials
from kullback.distributions._constraints import POSITIVE, Rule
from kullback.distributions._counting import log_negative_binomial, times
from kullback.distributions._domain import integers
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._recognise import recognise, values_of, was_checked
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions.families.binomial import differ

SOME_CHANCE = Rule("a number above 0 and at most 1", lambda xp, x: (x > 0) & (x <= 1), lower=0.0, upper=1.0)
BELOW_1 = Rule("a number from 0 to below 1", lambda xp, x: (x >= 0) & (x < 1), lower=0.0, upper=1.0)
SOME_LOGIT = Rule("a number above -inf", lambda xp, x: x > -math.inf)
LOGIT_BELOW_INFINITY = Rule("a number below inf", lambda xp, x: x < math.inf)


@family
class Geometric(ExponentialFamily):
    r"""Geometric distribution: failures before the first success.

    .. math:: P(k) = p (1-p)^k, \quad k \ge 0

    Parameters
    ----------
    probs : array
        Probability p of success, above 0.
    logits : array
        Its log-odds instead.
    """

    domain = integers(0)
    one_of = (("probs", "logits"),)
    probs: Any = parameter(SOME_CHANCE, default=None)
    logits: Any = parameter(SOME_LOGIT, default=None)

    def support(self) -> tuple[Any, Any]:
        chance = Chance.of(self)
        return 0.0, self.xp.where(chance.always, 0 * chance.yes, self.xp.full_like(chance.yes, math.inf))

    def log_density(self, x: Array) -> Array:
        chance = Chance.of(self)
        outside = self.xp.full_like(x + chance.yes, -math.inf)
        return self.xp.where(x >= 0, chance.log_yes + times(self.xp, x, chance.log_no), outside)

    def entropy(self) -> Array:
        chance = Chance.of(self)
        return chance.entropy() / chance.yes

    def mean(self) -> Array:
        chance = Chance.of(self)
        return chance.no / chance.yes

    def variance(self) -> Array:
        chance = Chance.of(self)
        return chance.no / (chance.yes * chance.yes)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.geometric(np.asarray(Chance.of(self).yes), (count, *self.batch_shape)) - 1

    def natural(self) -> tuple[Array, ...]:
        return (Chance.of(self).log_no,)

    def from_natural(self, natural: tuple[Array, ...]) -> Geometric:
        return self.like(Geometric, logits=_logit_of_failure(self.xp, natural[0]))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < 0


def _logit_of_failure(xp: Any, log_no: Array) -> Array:
    """Logit of success from the logarithm of the chance of failure."""
    impossible = log_no == -math.inf
    safe = xp.where(impossible, xp.full_like(log_no, -1.0), log_no)
    return xp.where(impossible, xp.full_like(log_no, math.inf), xp.log(-xp.expm1(safe)) - safe)


@closed_form(
    Geometric,
    Geometric,
    formula=r"\log\frac{p_P}{p_Q} + \frac{1-p_P}{p_P}\log\frac{1-p_P}{1-p_Q}",
    source="Kullback (1959), chapter 6, as a negative binomial of one success",
)
def _geometric_kl(p: Geometric, q: Geometric) -> Array:
    chance = Chance.of(p)
    return relative_entropy_of_trials(chance, Chance.of(q)) / chance.yes


@family
class GeometricTrials(ExponentialFamily):
    r"""Geometric distribution in its other form: trials up to and with the first success.

    .. math:: P(k) = p (1-p)^{k-1}, \quad k \ge 1

    Parameters
    ----------
    probs : array
        Probability p of success, above 0.
    """

    domain = integers(1)
    probs: Any = parameter(SOME_CHANCE)

    def support(self) -> tuple[Any, Any]:
        return 1.0, self.xp.where(self.probs == 1, self.probs, self.xp.full_like(self.probs, math.inf))

    def log_density(self, x: Array) -> Array:
        return _failures(self).log_density(x - 1)

    def entropy(self) -> Array:
        return _failures(self).entropy()

    def mean(self) -> Array:
        return 1 / self.probs

    def variance(self) -> Array:
        return _failures(self).variance()

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.geometric(np.asarray(self.probs), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (Chance.of(_failures(self)).log_no,)

    def from_natural(self, natural: tuple[Array, ...]) -> GeometricTrials:
        return self.like(GeometricTrials, probs=-self.xp.expm1(natural[0]))

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < 0


def _failures(law: GeometricTrials) -> Geometric:
    return law.like(Geometric, probs=law.probs)


seen_as(GeometricTrials, Geometric, bijection="+1")(_failures)


@family
class NegativeBinomial(ExponentialFamily):
    r"""Negative binomial distribution: successes before the r-th failure, r any positive number.

    .. math:: P(k) = \frac{Γ(k+r)}{Γ(r)\,k!} (1-p)^r p^k, \quad k \ge 0

    Parameters
    ----------
    total_count : array
        Number r of failures, above 0.
    probs : array
        Probability p of success, below 1.
    logits : array
        Its log-odds instead.
    failure_probs : array
        Probability 1 − p of failure instead, which is SciPy's p.
    """

    domain = integers(0)
    one_of = (("probs", "logits", "failure_probs"),)
    total_count: Any = parameter(POSITIVE)
    probs: Any = parameter(BELOW_1, default=None)
    logits: Any = parameter(LOGIT_BELOW_INFINITY, default=None)
    failure_probs: Any = parameter(SOME_CHANCE, default=None)

    @property
    def chance(self) -> Chance:
        """Chance of success."""
        return Chance.of(self) if self.failure_probs is None else Chance.of_failure(self.xp, self.failure_probs)

    def support(self) -> tuple[Any, Any]:
        chance = self.chance
        return 0.0, self.xp.where(chance.never, 0 * chance.yes, self.xp.full_like(chance.yes, math.inf))

    def log_density(self, x: Array) -> Array:
        return log_negative_binomial(self.xp, x, self.total_count, self.chance)

    def mean(self) -> Array:
        chance = self.chance
        return self.total_count * chance.yes / chance.no

    def variance(self) -> Array:
        return self.mean() / self.chance.no

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        chance = self.chance
        return rng.negative_binomial(np.asarray(self.total_count), np.asarray(chance.no), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (self.chance.log_yes + 0 * self.total_count,)

    def from_natural(self, natural: tuple[Array, ...]) -> NegativeBinomial:
        return self.like(
            NegativeBinomial,
            total_count=self.total_count,
            logits=-_logit_of_failure(self.xp, natural[0]),
        )

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] < 0

    def same_measure(self, other: Any) -> None:
        _need_equal_counts(self, other)


def _need_equal_counts(p: NegativeBinomial, q: NegativeBinomial) -> None:
    if differ(p.xp, p.total_count, q.total_count):
        raise NoClosedForm(
            "NegativeBinomial‖NegativeBinomial has a closed form where both have the same total_count, and these "
            "differ; kullback.estimate(P, Q) computes it numerically and states its error"
        )


@closed_form(
    NegativeBinomial,
    NegativeBinomial,
    formula=r"\frac{r}{1-p_P}\left[p_P\log\frac{p_P}{p_Q} + (1-p_P)\log\frac{1-p_P}{1-p_Q}\right] "
    r"\text{ for } r_P = r_Q = r",
    source="Kullback (1959), chapter 6",
)
def _negative_binomial_kl(p: NegativeBinomial, q: NegativeBinomial) -> Array:
    _need_equal_counts(p, q)
    chance = p.chance
    value = p.total_count * relative_entropy_of_trials(chance, q.chance) / chance.no
    # Where counts cannot be looked at, NaN is all that can be said of those that differ.
    return p.xp.where(p.total_count == q.total_count, value, p.xp.full_like(value, math.nan))


@recognise("torch", "Geometric")
@recognise("numpyro", "GeometricProbs", "GeometricLogits")
def _geometric(law: Any) -> Geometric:
    return Geometric.trusted(**chosen(law)) if was_checked(law) else Geometric(**chosen(law))


@recognise("scipy", "geom")
def _trials_of_scipy(p: Any, loc: Any) -> Geometric | GeometricTrials | None:
    if np.all(np.asarray(loc) == -1):
        return Geometric(probs=p)
    return GeometricTrials(probs=p) if np.all(np.asarray(loc) == 0) else None


@recognise("torch", "NegativeBinomial")
@recognise("numpyro", "NegativeBinomialProbs", "NegativeBinomialLogits")
def _negative_binomial(law: Any) -> NegativeBinomial:
    values = values_of(law, "total_count", *chosen(law))
    return NegativeBinomial.trusted(**values) if was_checked(law) else NegativeBinomial(**values)


@recognise("numpyro", "GammaPoisson")
def _gamma_poisson(law: Any) -> NegativeBinomial:
    import jax.numpy as jnp

    return NegativeBinomial(total_count=jnp.asarray(law.concentration), logits=-jnp.log(law.rate))


@recognise("scipy", "nbinom")
def _nbinom_of_scipy(n: Any, p: Any) -> NegativeBinomial:
    # SciPy counts failures before the n-th success: success and failure trade names.
    return NegativeBinomial(total_count=n, failure_probs=p)
