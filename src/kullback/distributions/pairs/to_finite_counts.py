"""Counts seen by a law of finitely many counts."""

from __future__ import annotations

import math
from typing import Any

from kullback.arrays._backend import Array
from kullback.arrays._numeric import blocked_sum
from kullback.arrays._rows import Side
from kullback.distributions._chance import Chance, relative_entropy_of_trials
from kullback.distributions._counting import binomial_over_poisson
from kullback.distributions._finite import column, counts, dips, largest, numbered_shape
from kullback.distributions._numeric import weighed_gap
from kullback.distributions._outcomes import divergence, side
from kullback.distributions._registry import closed_form
from kullback.distributions._tables import empty, table
from kullback.distributions.families.binomial import Bernoulli, Binomial
from kullback.distributions.families.categorical import Categorical
from kullback.distributions.families.discrete_uniform import DiscreteUniform

_SUM = r"\sum_k P(k)\log\frac{P(k)}{Q(k)}"


def _to_categorical(p: Any, q: Categorical) -> Array:
    """Beyond the outcomes of Q, P has mass only where the divergence is infinite: as the supports say."""
    xp, outcomes = p.xp, q.outcomes
    k = counts(xp, outcomes - 1, side(q).given)
    shown = {name: column(value) for name, value in p.given.items()}
    return divergence(Side(xp, p.like(type(p), **shown).log_density(k), "log_probs", False), side(q))


for _family in (Bernoulli, Binomial, DiscreteUniform):
    closed_form(_family, Categorical, formula=_SUM, source="by definition")(_to_categorical)


@closed_form(Categorical, Bernoulli, formula=_SUM, source="by definition")
def _categorical_bernoulli(p: Categorical, q: Bernoulli) -> Array:
    xp = p.xp
    shown = {name: column(value) for name, value in q.given.items()}
    log_q = q.like(Bernoulli, **shown).log_density(counts(xp, p.outcomes - 1, side(p).given))
    return divergence(side(p), Side(xp, log_q, "log_probs", False))


@closed_form(
    Bernoulli,
    DiscreteUniform,
    formula=r"p\log p + (1-p)\log(1-p) + \log(b - a + 1)",
    source="by definition",
)
def _bernoulli_uniform(p: Bernoulli, q: DiscreteUniform) -> Array:
    xp, chance = p.xp, Chance.of(p)
    # Of a Q that holds both outcomes, or the certain one; elsewhere the divergence is infinite.
    half = Chance(xp, xp.full_like(chance.yes, 0.5))
    return relative_entropy_of_trials(chance, half) + xp.log(q.size / 2)


@closed_form(
    Binomial,
    DiscreteUniform,
    formula=r"\sum_k P(k)\log P(k) + \log(b - a + 1)",
    source="by definition",
)
def _binomial_uniform(p: Binomial, q: DiscreteUniform) -> Array:
    xp, chance, n = p.xp, Chance.of(p), p.total_count
    k = counts(xp, largest(n, "Binomial‖DiscreteUniform", chance.yes, q.size), n)
    columns = {name: column(value) for name, value in p.given.items()}
    log_p = p.like(Binomial, **columns).log_density(k)
    some = log_p != -math.inf
    log_p = xp.where(some, log_p, xp.zeros_like(log_p))
    share = 1 / column(q.size)
    terms = weighed_gap(
        xp,
        xp.where(some, xp.exp(log_p), 0 * log_p),
        share + 0 * log_p,
        -xp.log(column(q.size)) - log_p,
        ~some,
        share < 0,
        smooth=True,
    )
    value = blocked_sum(xp, terms) + (q.size - k.shape[0]) / q.size
    one = relative_entropy_of_trials(chance, Chance(xp, xp.full_like(chance.yes, 0.5))) + xp.log(q.size / 2)
    return xp.where(n == 1, one, value + dips(xp, n, chance) + dips(xp, n, chance.complement()))


def _to_binomial(p: Any, q: Binomial) -> Array:
    xp, n = p.xp, q.total_count
    name = f"{type(p).__name__}‖Binomial"
    log_p, mean = table(p, "Binomial", largest(n, name, Chance.of(q).yes))
    mean = mean + 0 * n
    inner = (mean > 0) & (mean < n)
    many = xp.where(inner, n + 0 * mean, xp.ones_like(mean))
    middle = xp.where(inner, mean, xp.full_like(mean, 0.5))

    def over(k: Array, average: Array) -> Array:
        return binomial_over_poisson(xp, k, column(many), Chance(xp, average / column(many)))

    shape = numbered_shape(xp, log_p, middle, over)
    # A mean at either end is that of a P which is certain of it.
    share = xp.where(inner, mean / many, xp.where(mean > 0, xp.ones_like(mean), xp.zeros_like(mean)))
    apart = n * relative_entropy_of_trials(Chance(xp, share), Chance.of(q))
    return xp.where(inner, shape, xp.zeros_like(shape)) + xp.where(n == 0, xp.zeros_like(apart), apart) + empty(p)


closed_form(Categorical, Binomial, formula=_SUM, source="by definition")(_to_binomial)
closed_form(DiscreteUniform, Binomial, formula=_SUM, source="by definition")(_to_binomial)


@closed_form(
    Categorical,
    DiscreteUniform,
    formula=r"\sum_k p_k\log p_k + \log(b - a + 1)",
    source="by definition",
)
def _categorical_uniform(p: Categorical, q: DiscreteUniform) -> Array:
    xp, mine = p.xp, side(p)
    log = -xp.log(column(q.size)) + xp.zeros_like(mine.given)
    outcomes = p.outcomes + xp.zeros_like(q.size)
    # The terms leave out what Q has beyond the outcomes of P, or count outcomes that it lacks.
    return divergence(mine, Side(xp, log, "log_probs", False)) + (q.size - outcomes) / q.size
