"""The categorical distribution, by numbers or one-hot, and the multinomial distribution of its counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kullback._core.errors import NoClosedForm
from kullback.arrays._backend import Array, device, nowhere
from kullback.distributions._chance import Chance, chosen
from kullback.distributions._constraints import COUNT, LOGITS, PROBABILITIES
from kullback.distributions._domain import Domain, integers
from kullback.distributions._exponential import ExponentialFamily
from kullback.distributions._family import Family, family, parameter
from kullback.distributions._outcomes import divergence, entropy, need_same_outcomes, pick, side
from kullback.distributions._recognise import recognise, values_of, was_checked
from kullback.distributions._registry import closed_form, seen_as
from kullback.distributions._special import special
from kullback.distributions.families.binomial import Bernoulli, differ


@family
class _Outcomes(ExponentialFamily):
    """What categorical distributions share, whatever their events look like."""

    one_of = (("probs", "logits"),)

    @property
    def outcomes(self) -> int:
        """Number of outcomes."""
        return int(side(self).given.shape[-1])

    def natural(self) -> tuple[Array, ...]:
        return (side(self).log,)

    def from_natural(self, natural: tuple[Array, ...]) -> Any:
        # Of an outcome that neither P nor Q has, the two infinities say nothing.
        logits = self.xp.where(natural[0] == natural[0], natural[0], self.xp.full_like(natural[0], -math.inf))
        mixed = self.like(Categorical, logits=logits)
        rest = {name: a for name, a in self.given.items() if name not in ("probs", "logits")}
        # Kept as probabilities where P is, their differences from P's and Q's are exact.
        kept = {"probs": side(mixed).p} if "probs" in self.given else {"logits": logits}
        return self.like(type(self), **rest, **kept)

    def in_domain(self, natural: tuple[Array, ...]) -> Array:
        xp, logits = self.xp, natural[0]
        return xp.all(~(logits == math.inf), axis=-1) & xp.any(logits > -math.inf, axis=-1)

    def same_measure(self, other: Any) -> None:
        need_same_outcomes(side(self).given, side(other).given)


@family
class Categorical(_Outcomes):
    r"""Categorical distribution: an outcome numbered from 0.

    .. math:: P(k) = p_k, \quad 0 \le k < K

    Parameters
    ----------
    probs : array
        Probabilities of the outcomes, along the last axis.
    logits : array
        Their logarithms instead, up to a constant; -inf is welcome.
    """

    domain = integers(0, "last")
    probs: Any = parameter(PROBABILITIES, default=None)
    logits: Any = parameter(LOGITS, default=None)

    @property
    def last(self) -> int:
        """The last outcome."""
        return self.outcomes - 1

    def support(self) -> tuple[Any, Any]:
        xp = self.xp
        some = side(self).given != (0 if self.logits is None else -math.inf)
        if nowhere(xp, ~some):
            return 0, self.last
        possible = xp.astype(some, xp.int8)
        ends = xp.argmax(possible, axis=-1), self.last - xp.argmax(xp.flip(possible, axis=-1), axis=-1)
        return tuple(xp.astype(end, side(self).given.dtype) for end in ends)

    def log_density(self, x: Array) -> Array:
        return pick(self.xp, side(self).log, x)

    def entropy(self) -> Array:
        return entropy(side(self))

    def mean(self) -> Array:
        p = side(self).p
        return self.xp.sum(p * self.xp.arange(self.outcomes, dtype=p.dtype, device=device(p)), axis=-1)

    def variance(self) -> Array:
        p = side(self).p
        away = self.xp.arange(self.outcomes, dtype=p.dtype, device=device(p)) - self.mean()[..., None]
        return self.xp.sum(p * away * away, axis=-1)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        edges = np.cumsum(np.asarray(side(self).p), axis=-1)
        edges = edges / edges[..., -1:]
        where = rng.random((count, *self.batch_shape, 1))
        draws: np.ndarray[Any, Any] = np.sum(where >= edges, axis=-1)
        return draws


@closed_form(
    Categorical,
    Categorical,
    formula=r"\sum_k p_k \log\frac{p_k}{q_k}",
    source="Kullback and Leibler (1951), On information and sufficiency",
)
def _categorical_kl(p: Categorical, q: Categorical) -> Array:
    return divergence(side(p), side(q))


@family
class OneHotCategorical(_Outcomes):
    r"""Categorical distribution whose outcomes are written as vectors of one 1 and zeros.

    .. math:: P(x) = \prod_k p_k^{x_k}

    Parameters
    ----------
    probs : array
        Probabilities of the outcomes, along the last axis.
    logits : array
        Their logarithms instead, up to a constant; -inf is welcome.
    """

    domain = Domain("one-hot")
    probs: Any = parameter(PROBABILITIES, default=None)
    logits: Any = parameter(LOGITS, default=None)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.outcomes,)

    def log_density(self, x: Array) -> Array:
        return pick(self.xp, side(self).log, self.xp.argmax(x, axis=-1))

    def entropy(self) -> Array:
        return entropy(side(self))

    def mean(self) -> Array:
        return side(self).p

    def variance(self) -> Array:
        p = side(self).p
        return p * (1 - p)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        draws: np.ndarray[Any, Any] = np.eye(self.outcomes)[_numbered(self).sample(rng, count)]
        return draws


def _numbered(law: Any) -> Categorical:
    return law.like(Categorical, probs=law.probs, logits=law.logits)  # type: ignore[no-any-return]


seen_as(OneHotCategorical, Categorical, bijection="one-hot")(_numbered)


@family
class Multinomial(_Outcomes):
    r"""Multinomial distribution: counts of the outcomes of n draws.

    .. math:: P(x) = \frac{n!}{\prod_k x_k!} \prod_k p_k^{x_k}, \quad \sum_k x_k = n

    Parameters
    ----------
    total_count : array
        Number n of draws.
    probs : array
        Probabilities of the outcomes, along the last axis.
    logits : array
        Their logarithms instead, up to a constant; -inf is welcome.
    """

    domain = Domain("counts")
    total_count: Any = parameter(COUNT)
    probs: Any = parameter(PROBABILITIES, default=None)
    logits: Any = parameter(LOGITS, default=None)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.outcomes,)

    def log_density(self, x: Array) -> Array:
        xp, f, log = self.xp, special(self.xp), side(self).log
        n = self.total_count
        some = (x != 0) & (log != -math.inf)
        terms = xp.where(some, x * xp.where(some, log, 0 * log), 0 * x * xp.zeros_like(log))
        value = f.lgamma(n + 1) + xp.sum(terms - f.lgamma(x + 1), axis=-1)
        possible = ~xp.any((x != 0) & (log == -math.inf), axis=-1) & (xp.sum(x, axis=-1) == n)
        return xp.where(possible, value, xp.full_like(value, -math.inf))

    def mean(self) -> Array:
        return self.total_count[..., None] * side(self).p

    def variance(self) -> Array:
        p = side(self).p
        return self.total_count[..., None] * p * (1 - p)

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        p = np.asarray(side(self).p)
        n = np.asarray(self.total_count).astype(np.int64)
        return rng.multinomial(n, p / p.sum(axis=-1, keepdims=True), (count, *self.batch_shape))

    def same_measure(self, other: Any) -> None:
        super().same_measure(other)
        if differ(self.xp, self.total_count, other.total_count):
            raise NoClosedForm("multinomials of different total_count are no members of one exponential family")


@closed_form(
    Multinomial,
    Multinomial,
    formula=r"n \sum_k p_k \log\frac{p_k}{q_k} \text{ for } n_P = n_Q = n, \infty \text{ otherwise}",
    source="Kullback (1959), chapter 6",
)
def _multinomial_kl(p: Multinomial, q: Multinomial) -> Array:
    xp, n = p.xp, p.total_count
    one = divergence(side(p), side(q))
    value = n * xp.where(n == 0, xp.zeros_like(one), one)
    # Counts that sum to n sum to nothing else.
    return xp.where(n == q.total_count, value, xp.full_like(value, math.inf))


@seen_as(Bernoulli, Categorical)
def _bernoulli_as_categorical(law: Bernoulli) -> Categorical:
    chance = Chance.of(law)
    if law.logits is None:
        return law.like(Categorical, probs=law.xp.stack([chance.no, chance.yes], axis=-1))
    return law.like(Categorical, logits=law.xp.stack([chance.log_no, chance.log_yes], axis=-1))


def _made(family: type[Family], law: Any, **values: Any) -> Family:
    return family.trusted(**values) if was_checked(law) else family(**values)


@recognise("torch", "Categorical")
@recognise("numpyro", "CategoricalProbs", "CategoricalLogits")
def _categorical(law: Any) -> Family:
    return _made(Categorical, law, **chosen(law))


@recognise("torch", "OneHotCategorical")
def _one_hot(law: Any) -> Family:
    return _made(OneHotCategorical, law, **chosen(law._categorical))


@recognise("torch", "Multinomial")
def _multinomial_of_torch(law: Any) -> Family:
    return _made(Multinomial, law, total_count=law.total_count, **chosen(law._categorical))


@recognise("numpyro", "MultinomialProbs", "MultinomialLogits")
def _multinomial(law: Any) -> Family:
    return _made(Multinomial, law, **values_of(law, "total_count", *chosen(law)))


@recognise("scipy", "multinomial_frozen")
def _multinomial_of_scipy(law: Any) -> Multinomial:
    return Multinomial(total_count=law.n, probs=law.p)
