"""Which estimator answers: those that can are weighed by how well each tells the held-out rows apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback._core.progress import Progress
from kullback._core.text import quoted

from .crossfit import NO_FORMULA, calibrated
from .estimators import Estimator, estimators
from .intervals import one_sided, two_sided
from .problem import Problem
from .result import Estimate

NO_DIFFERENCE = "no difference"  # log p/q = 0, which every other answer has to beat

FAINT = (
    "so little tells the samples apart that a form of log p/q richer than the one chosen may go unseen: the upper end "
    "may be too low"
)

_NEGLIGIBLE = 0.01  # of the weight
_CLOSE = 0.01  # loss by which learnt directions must beat learners without a formula to be taken as the whole form
_FORMLESS = 0.2  # prior weight of a learner without a formula against one that has it: on a tie, the simpler answers
_GLIMPSED = 0.6  # over √(n + m): how much the loss of half a sample may exceed that of the best fit
_FAINT = 10.0  # nats of held-out likelihood beyond no difference, below which forms cannot be told apart
_TEMPERATURE = 0.5  # held-out losses are noisy: nats of likelihood count half


@dataclass(frozen=True)
class Choice:
    """What was chosen, and how the others did.

    Attributes
    ----------
    estimate : Estimate
        The answer.
    weights : mapping of str to float
        Of every estimator that took part, by name, the heaviest first.
    losses : mapping of str to float
        Held-out logistic loss of each.
    """

    estimate: Estimate
    weights: Mapping[str, float]
    losses: Mapping[str, float]


def named(name: str, problem: Problem) -> Estimator:
    """Return the estimator of that name, or say which there are or why it refuses."""
    all_of_them = estimators()
    if name not in all_of_them:
        raise InputError(f"method must be 'auto' or one of {', '.join(all_of_them)}; got {quoted(name)}")
    reason = all_of_them[name].refuses(problem)
    if reason is not None:
        raise InputError(reason)
    return all_of_them[name]


def choose(problem: Problem, rng: np.random.Generator, confidence: float, report: Progress | None = None) -> Choice:
    """Estimate by every estimator that can, and weigh them by held-out likelihood.

    The weights are those of Bayesian model averaging with the held-out in place of the marginal likelihood (Yao,
    Vehtari, Simpson & Gelman 2018, "Using stacking to average Bayesian predictive distributions", Bayesian Analysis
    13); what the estimators that carry weight disagree about is part of the error.
    """
    seed = int(rng.integers(2**63))
    reasons: list[str] = []
    answers: dict[str, Estimate] = {}
    for estimator in estimators().values():
        if hasattr(estimator, "alone") and estimator.alone(problem):
            answer = estimator.estimate(problem, np.random.default_rng(seed), confidence)
            return Choice(answer, {estimator.NAME: 1.0}, {})
    candidates = [estimator for estimator in estimators().values() if estimator.AUTO]
    for done, estimator in enumerate(sorted(candidates, key=lambda estimator: hasattr(estimator, "glimpse"))):
        if report is not None:
            report(done, len(candidates))
        reason = estimator.refuses(problem)
        if reason is not None:
            reasons.append(reason)
            continue
        if hasattr(estimator, "glimpse") and _hopeless(estimator, problem, answers, np.random.default_rng(seed)):
            continue
        answers[estimator.NAME] = estimator.estimate(problem, np.random.default_rng(seed), confidence)
    if not answers:
        raise InputError(f"no estimator can answer: {'; '.join(dict.fromkeys(reasons))}")
    answers[NO_DIFFERENCE] = Estimate(0.0, 0.0, (0.0, 0.0), np.zeros(problem.n), np.zeros(problem.m), noise=0.0)
    losses = {name: answer.loss for name, answer in answers.items() if not np.isnan(answer.loss)}
    least = min(losses.values())
    raw = {
        name: np.exp(-_TEMPERATURE * (loss - least) * (problem.n + problem.m))
        * (_FORMLESS if answers[name].formula == "none" else 1.0)
        for name, loss in losses.items()
    }
    total = sum(raw.values())
    order = sorted(raw, key=lambda name: -raw[name])
    weights = {name: float(raw[name] / total) for name in order}
    answer = _averaged(answers, weights, confidence)
    rivals = [loss for name, loss in losses.items() if answers[name].formula == "none"]
    if answer.formula == "learnt" and min(rivals, default=np.inf) < least + _CLOSE and np.isfinite(answer.interval[1]):
        low = one_sided(answer.value, answer.error, confidence)
        answer = replace(answer, interval=(low, np.inf), caveats=(*answer.caveats, NO_FORMULA))
    told = (np.log(2) - least) * (problem.n + problem.m)
    if told < _FAINT and np.isfinite(answer.interval[1]):
        answer = replace(answer, caveats=(*answer.caveats, FAINT))
    return Choice(answer, weights, {name: losses[name] for name in order})


def _hopeless(estimator: Any, problem: Problem, answers: Mapping[str, Estimate], rng: np.random.Generator) -> bool:
    """Whether a fit to half the rows does plainly worse on the other half than the best so far does there."""
    rivals = [answer for answer in answers.values() if not np.isnan(answer.loss)]
    if not rivals:
        return False
    half_x, half_y = (fold == 0 for fold in problem.folds(2, rng))
    on_x, on_y = estimator.glimpse(problem, half_x, half_y)
    best = min(rivals, key=lambda answer: answer.loss)
    assert best.on_x is not None
    assert best.on_y is not None
    there = replace(best, on_x=best.on_x[~half_x], on_y=best.on_y[~half_y])
    margin = _GLIMPSED / float(np.sqrt(problem.n + problem.m))
    return replace(best, on_x=on_x, on_y=on_y).loss > there.loss + margin


def _averaged(answers: Mapping[str, Estimate], weights: Mapping[str, float], confidence: float) -> Estimate:
    heavy = {name: weight for name, weight in weights.items() if weight > _NEGLIGIBLE}
    if list(heavy) == [NO_DIFFERENCE]:  # how sure that is, only another answer can say
        return answers[list(weights)[1]]
    best = answers[next(iter(heavy))]
    heavy = {name: weight for name, weight in heavy.items() if np.isfinite(answers[name].interval[1])}
    if len(heavy) <= 1 or np.isinf(best.interval[1]):
        return best
    total = sum(heavy.values())
    value = sum(w * answers[name].value for name, w in heavy.items()) / total
    square = sum(w * (answers[name].error ** 2 + (answers[name].value - value) ** 2) for name, w in heavy.items())
    error = float(np.sqrt(square / total))
    noises = [answers[name].noise for name in heavy]
    noise = None if None in noises else max(float(n) for n in noises if n is not None)
    shares = np.array([w / total for w in heavy.values()])
    on_x, on_y = calibrated(
        shares @ np.array([answers[name].on_x for name in heavy]),
        shares @ np.array([answers[name].on_y for name in heavy]),
    )
    interval = two_sided(value, error, confidence, noise)
    return replace(best, value=value, error=error, interval=interval, on_x=on_x, on_y=on_y, noise=noise)
