"""Counts of one family seen by another: by the mean where there is a closed form, by finite sums of P elsewhere."""

from __future__ import annotations

from typing import Any

from kullback.arrays._backend import Array, Namespace
from kullback.distributions._chance import Chance, relative_entropy_of_trials
from kullback.distributions._counting import negative_binomial_over_poisson
from kullback.distributions._finite import OverPoisson, binomial_shape, column, dips, numbered_shape
from kullback.distributions._numeric import flat_relative_entropy, log_gap, relative_entropy
from kullback.distributions._registry import closed_form
from kullback.distributions._tables import empty, table
from kullback.distributions.families.binomial import Bernoulli, Binomial
from kullback.distributions.families.categorical import Categorical
from kullback.distributions.families.discrete_uniform import DiscreteUniform
from kullback.distributions.families.geometric import Geometric, NegativeBinomial
from kullback.distributions.families.poisson import Poisson

_BY_THE_MEAN = "D(P‖Q*) + D(Q*‖Q) with Q* of P's mean: Csiszár (1975), I-divergence geometry, by Pythagoras"


def _failures(q: Any) -> tuple[Array, Chance]:
    """Count and chance of a law of Q as a negative binomial."""
    if isinstance(q, Geometric):
        chance = Chance.of(q).complement()
        return q.xp.ones_like(chance.yes), chance
    return q.total_count, q.chance


def _from_mean(xp: Namespace, mean: Array, q: Any) -> Array:
    """D(Q*‖Q) of the member Q* of Q's family that has the given mean, flat at 0."""
    if isinstance(q, Poisson):
        return flat_relative_entropy(xp, mean, q.rate)
    r, chance = _failures(q)
    return (r + mean) * relative_entropy_of_trials(Chance.of_odds(xp, mean / r), chance)


def _over_poisson(xp: Namespace, q: Any) -> OverPoisson:
    if isinstance(q, Poisson):
        return None
    r = column(_failures(q)[0])
    return lambda k, mean: negative_binomial_over_poisson(xp, k, r, mean)


def _not_alone(xp: Namespace, chance: Chance) -> Array:
    """(1−p)·log(1−p) + p: what a trial differs by from a Poisson count of its mean; steep at 0, as p·log p is."""
    one = xp.ones_like(chance.no)
    alone = flat_relative_entropy if chance.flat[1] else relative_entropy
    return alone(xp, chance.no, one, -chance.yes) + dips(xp, one, chance)


@closed_form(
    Bernoulli,
    Poisson,
    formula=r"p\log\frac{p}{λ} + (1-p)\log(1-p) + λ",
    source=_BY_THE_MEAN,
)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Array:
    chance = Chance.of(p)
    return _from_mean(p.xp, chance.yes, q) + _not_alone(p.xp, chance)


@closed_form(
    Bernoulli,
    Binomial,
    formula=r"p\log\frac{p}{n\,p_Q} + (1-p)\log(1-p) - (n-p)\log(1-p_Q)",
    source=_BY_THE_MEAN,
)
def _bernoulli_binomial(p: Bernoulli, q: Binomial) -> Array:
    xp, chance = p.xp, Chance.of(p)
    n = xp.where(q.total_count == 0, xp.ones_like(q.total_count), q.total_count)
    share = Chance(xp, chance.yes / n)
    share.flat = (True, False)
    # Of a single trial both laws are of one family, and the chance of a failure keeps its digits.
    apart = _not_alone(xp, chance) - n * _not_alone(xp, share) + n * relative_entropy_of_trials(share, Chance.of(q))
    value = xp.where(n == 1, relative_entropy_of_trials(chance, Chance.of(q)), apart)
    return xp.where(q.total_count == 0, xp.zeros_like(value), value)


def _bernoulli_failures(p: Bernoulli, q: Any) -> Array:
    xp, chance = p.xp, Chance.of(p)
    r, _ = _failures(q)
    odds = chance.yes / r
    shape = _not_alone(xp, chance) + chance.yes * xp.log1p(odds) - r * log_gap(xp, odds)
    return shape + _from_mean(xp, chance.yes, q)


closed_form(
    Bernoulli,
    Geometric,
    formula=r"p\log\frac{p}{1-p_Q} + (1-p)\log(1-p) - \log p_Q",
    source=_BY_THE_MEAN,
)(_bernoulli_failures)
closed_form(
    Bernoulli,
    NegativeBinomial,
    formula=r"p\log\frac{p}{r\,p_Q} + (1-p)\log(1-p) - r\log(1-p_Q)",
    source=_BY_THE_MEAN,
)(_bernoulli_failures)


def _binomial(p: Binomial, q: Any) -> Array:
    xp, chance = p.xp, Chance.of(p)
    shape = binomial_shape(xp, p.total_count, chance, f"Binomial‖{type(q).__name__}", _over_poisson(xp, q))
    return shape + _from_mean(xp, p.total_count * chance.yes, q) + dips(xp, p.total_count, chance)


for _family, _formula in {
    Poisson: r"\sum_k P(k)\log\binom{n}{k}k! + np\log\frac{p}{λ} + n(1-p)\log(1-p) + λ",
    Geometric: r"\sum_k P(k)\log\binom{n}{k} + np\log\frac{p}{1-p_Q} + n(1-p)\log(1-p) - \log p_Q",
    NegativeBinomial: r"\sum_k P(k)\log\frac{\binom{n}{k}}{\binom{k+r-1}{k}} + np\log\frac{p}{p_Q} "
    r"+ n(1-p)\log(1-p) - r\log(1-p_Q)",
}.items():
    closed_form(Binomial, _family, formula=_formula, source=_BY_THE_MEAN)(_binomial)


def _table_to_counts(p: Any, q: Any) -> Array:
    xp = p.xp
    log_p, mean = table(p, type(q).__name__)
    return numbered_shape(xp, log_p, mean, _over_poisson(xp, q)) + _from_mean(xp, mean, q) + empty(p)


for _source in (Categorical, DiscreteUniform):
    for _target in (Poisson, Geometric, NegativeBinomial):
        closed_form(
            _source, _target, formula=r"\sum_k P(k)\log\frac{P(k)}{Q(k)}", source=f"by definition; {_BY_THE_MEAN}"
        )(_table_to_counts)
