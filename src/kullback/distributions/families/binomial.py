"""The binomial distribution, and the Bernoulli distribution, which is one of a single trial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import NoClosedForm
from kullback.arrays._backend import Array, in_numpy, inspectable, nowhere
from kullback.distributions._chance import Chance, chosen, relative_entropy_of_trials
from kullback.distributions._constraints import COUNT, LOGIT, PROBABILITY
from kullback.distributions._counting import binomial_over_poisson, log_binomial
from kullback.distributions._domain import integers
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import family, parameter
from kullback.distributions._finite import binomial_shape, column
from kullback.distributions._recognise import recognise, values_of, was_checked
from kullback.distributions._registry import closed_form, seen_as


@family
class Bernoulli(ExponentialFamily):
    r"""Bernoulli distribution.

    .. math:: P(1) = p, \quad P(0) = 1 - p

    Parameters
    ----------
    probs : array
        Probability p of 1.
    logits : array
        Its log-odds instead, :math:`\log\frac{p}{1-p}`.
    """

    domain = integers(0, 1)
    one_of = (("probs", "logits"),)
    probs: Any = parameter(PROBABILITY, default=None)
    logits: Any = parameter(LOGIT, default=None)

    def support(self) -> tuple[Any, Any]:
        chance = Chance.of(self)
        one = self.xp.ones_like(chance.yes)
        return self.xp.where(chance.always, one, 0 * one), self.xp.where(chance.never, 0 * one, one)

    def log_density(self, x: Array) -> Array:
        chance = Chance.of(self)
        never = self.xp.full_like(chance.yes, -math.inf)
        return self.xp.where(x == 1, chance.log_yes, self.xp.where(x == 0, chance.log_no, never))

    def entropy(self) -> Array:
        return Chance.of(self).entropy()

    def mean(self) -> Array:
        return Chance.of(self).yes

    def variance(self) -> Array:
        chance = Chance.of(self)
        return chance.yes * chance.no

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        return rng.binomial(1, np.asarray(self.mean()), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (Chance.of(self).logit,)

    def from_natural(self, natural: tuple[Array, ...]) -> Bernoulli:
        return self.like(Bernoulli, logits=natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] == natural[0]


@closed_form(
    Bernoulli,
    Bernoulli,
    formula=r"p_P\log\frac{p_P}{p_Q} + (1-p_P)\log\frac{1-p_P}{1-p_Q}",
    source="Kullback (1959), chapter 1",
)
def _bernoulli_kl(p: Bernoulli, q: Bernoulli) -> Array:
    return relative_entropy_of_trials(Chance.of(p), Chance.of(q))


@family
class Binomial(ExponentialFamily):
    r"""Binomial distribution: successes in n trials.

    .. math:: P(k) = \binom{n}{k} p^k (1-p)^{n-k}, \quad 0 \le k \le n

    Parameters
    ----------
    total_count : array
        Number n of trials.
    probs : array
        Probability p of success.
    logits : array
        Its log-odds instead.
    """

    domain = integers(0, "total_count")
    one_of = (("probs", "logits"),)
    total_count: Any = parameter(COUNT)
    probs: Any = parameter(PROBABILITY, default=None)
    logits: Any = parameter(LOGIT, default=None)

    def support(self) -> tuple[Any, Any]:
        chance = Chance.of(self)
        if nowhere(self.xp, chance.always | chance.never):
            return 0.0, self.total_count
        n = self.total_count + 0 * chance.yes
        return self.xp.where(chance.always, n, 0 * n), self.xp.where(chance.never, 0 * n, n)

    def log_density(self, x: Array) -> Array:
        return log_binomial(self.xp, x, self.total_count, Chance.of(self))

    def mean(self) -> Array:
        return self.total_count * Chance.of(self).yes

    def variance(self) -> Array:
        chance = Chance.of(self)
        return self.total_count * chance.yes * chance.no

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        n = np.asarray(self.total_count).astype(np.int64)
        return rng.binomial(n, np.asarray(Chance.of(self).yes), (count, *self.batch_shape))

    def natural(self) -> tuple[Array, ...]:
        return (Chance.of(self).logit + 0 * self.total_count,)

    def from_natural(self, natural: tuple[Array, ...]) -> Binomial:
        return self.like(Binomial, total_count=self.total_count, logits=natural[0])

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        return natural[0] == natural[0]

    def same_measure(self, other: Any) -> None:
        if differ(self.xp, self.total_count, other.total_count):
            raise NoClosedForm("binomials of different total_count are no members of one exponential family")


def differ(xp: Any, a: Array, b: Array) -> bool:
    """Whether counts are known to differ somewhere."""
    return inspectable(a) and inspectable(b) and bool(np.any(in_numpy(a) != in_numpy(b)))


@closed_form(
    Binomial,
    Binomial,
    formula=r"n\left[p_P\log\frac{p_P}{p_Q} + (1-p_P)\log\frac{1-p_P}{1-p_Q}\right] \text{ for } n_P = n_Q = n; "
    r"\; \infty \text{ for } n_P > n_Q; \; \sum_{k=0}^{n_P} P(k)\log\frac{P(k)}{Q(k)} \text{ for } n_P < n_Q",
    source="Kullback (1959), chapter 6; by definition where the counts differ",
)
def _binomial_kl(p: Binomial, q: Binomial) -> Array:
    xp, n, m = p.xp, p.total_count, q.total_count
    one_trial = relative_entropy_of_trials(Chance.of(p), Chance.of(q))
    # Beyond q's count P is finite only if it never succeeds; of no trials, whatever a trial costs, nothing is paid.
    shared = xp.where(n > m, m, n)
    none = shared == 0
    value = shared * (one_trial if nowhere(xp, none) else xp.where(none, xp.zeros_like(one_trial), one_trial))
    if n is m:
        return value
    if not (inspectable(n) and inspectable(m)):
        raise NoClosedForm(
            "Binomial‖Binomial is a finite sum where the total_count of P is below that of Q, whose length must be "
            "known: counts cannot be traced by jit, unless both laws share one array of them; kullback.estimate takes "
            "any distribution"
        )
    if not np.any(in_numpy(n) < in_numpy(m)):
        return value
    fewer = (n < m) & (value == value)
    trials = xp.where(fewer, m, xp.where(n < m, m, n + 1))
    chance = Chance.of(p)
    share = n / trials * chance.yes
    middle = Chance(xp, share)

    def over(k: Array, mean: Array) -> Array:
        size = column(trials)
        return binomial_over_poisson(xp, k, size, Chance(xp, mean / size))

    apart = binomial_shape(xp, n, chance, "Binomial‖Binomial of different total_count", over)
    apart = apart + trials * relative_entropy_of_trials(middle, Chance.of(q))
    return xp.where(fewer, apart, value)


@seen_as(Bernoulli, Binomial)
def _as_binomial(law: Bernoulli) -> Binomial:
    return law.like(Binomial, total_count=law.xp.ones_like(Chance.of(law).yes), **law.given)


@recognise("torch", "Bernoulli")
@recognise("numpyro", "BernoulliProbs", "BernoulliLogits")
def _bernoulli(law: Any) -> Bernoulli:
    return Bernoulli.trusted(**chosen(law)) if was_checked(law) else Bernoulli(**chosen(law))


@recognise("torch", "Binomial")
@recognise("numpyro", "BinomialProbs", "BinomialLogits")
def _binomial(law: Any) -> Binomial:
    values = values_of(law, "total_count", *chosen(law))
    return Binomial.trusted(**values) if was_checked(law) else Binomial(**values)


@recognise("scipy", "bernoulli")
def _bernoulli_of_scipy(p: Any) -> Bernoulli:
    return Bernoulli(probs=p)


@recognise("scipy", "binom", "Binomial")
def _binomial_of_scipy(n: Any, p: Any) -> Binomial:
    return Binomial(total_count=n, probs=p)
