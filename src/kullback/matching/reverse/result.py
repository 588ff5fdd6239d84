"""What a fit to a log-density gives: a Match that also knows its ELBO, log Z and expectations under the target."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from kullback._core.divergence import Divergence, plain
from kullback._core.errors import InputError
from kullback._core.units import percent, shown
from kullback.matching.match import GOOD_KHAT, Match, Panel, histograms

from .importance import Importance
from .smoothing import Floats

TWO_SIDED = 1.959963984540054  # standard errors, 95%
_ROUGH = "The value counts, roughly, mass that was found where the fit has nearly none; the lower end does not."
_AT_LEAST = (
    "Importance weights do not tell log Z here: this is what the draws show of the divergence, which is at least that."
)


class Expectation(NamedTuple):
    """A mean under the target and its standard error, of the shape of the function's values."""

    value: Floats
    error: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Variational(Match):
    """A member of a family fitted to an unnormalised log-density by minimising D(Q‖P).

    `result` is an object of torch.distributions in the coordinates of the density. `max_error` is, in nats, the upper
    95% end of what the gradient on fresh draws still promises.

    Parameters
    ----------
    elbo, elbo_error : float
        E_Q[log p − log q] on fresh draws, in nats, and its standard error.
    log_evidence, log_evidence_error : float, optional
        log Z = log ∫p by smoothed importance weights, and its standard error; None where k̂ says that they do not tell.
    draws : array of shape (n, dim)
        Draws of the result.
    log_weights : array of shape (n,), optional
        Their importance weights, smoothed, summing to 1.
    """

    elbo: float = -math.inf
    elbo_error: float = math.inf
    log_evidence: float | None = None
    log_evidence_error: float | None = None
    draws: Tensor | None = field(default=None, repr=False)
    log_weights: Floats | None = field(default=None, repr=False)

    def expectation(self, function: Callable[[Tensor], Tensor] | None = None) -> Expectation:
        """Return a mean under the target, from draws of the result with importance weights.

        Parameters
        ----------
        function : callable, optional
            In torch, from points (n, dim) to values (n, ...); the points themselves by default.

        Raises
        ------
        InputError
            If Pareto k̂ is above 0.7: no weights mend such a result; or if the values are not one a point.
        """
        if self.draws is None or self.log_weights is None or self.log_evidence is None:
            raise InputError(
                "expectations under the target cannot be had from this result: its importance weights do not carry "
                "over (see check()); fit a richer family, or take those of `result` for what they are"
            )
        values = np.asarray(self.draws if function is None else function(self.draws), dtype=np.float64)
        if values.shape[:1] != (len(self.draws),):
            raise InputError(f"the function of {len(self.draws)} points gave shape {values.shape}: one value a point")
        weight = np.exp(self.log_weights).reshape(-1, *[1] * (values.ndim - 1))
        mean = (weight * values).sum(0)
        # Of a ratio of two means, to first order (Owen 2013, Monte Carlo theory, eq. 9.8).
        return Expectation(mean, np.sqrt(((weight * (values - mean)) ** 2).sum(0)))

    def check(self) -> list[str]:
        """Return whole sentences: whether it converged, the ELBO and log Z, and what to mind before it is used."""
        found = super().check()
        if self.log_evidence is not None and self.khat is not None and self.khat > GOOD_KHAT and self.draws is not None:
            found = [sentence for sentence in found if not sentence.startswith("Pareto")]
            share = percent(round((self.ess or 0.0) / len(self.draws), 3))
            found.append(
                f"Pareto k̂ is {self.khat:.2f}: the target's tails are heavier than the result's, but the weights are "
                f"all but equal ({share} of the draws are effective), so little lies there."
            )
        text = f"The ELBO is {shown(self.elbo, 6)} ± {shown(self.elbo_error, 2)} nats"
        if self.log_evidence is not None and self.log_evidence_error is not None:
            text += f", log Z {shown(self.log_evidence, 6)} ± {shown(self.log_evidence_error, 2)}"
        return [*found[:2], text + ".", *found[2:]]

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold, without the result and its draws."""
        own = {
            name: None if (value := getattr(self, name)) is None else plain(value)
            for name in ("elbo", "elbo_error", "log_evidence", "log_evidence_error")
        }
        return super().to_dict() | own


def divergence(weighed: Importance, elbo: float, elbo_error: float, *, own: bool) -> Divergence:
    """Return D(Q‖P) = log Z − ELBO: an estimate where the weights tell log Z, "at least" where they do not.

    The mean of weights is on average Z, so its logarithm is on average at most log Z (Burda, Grosse and Salakhutdinov
    2016): without trust in log Z the difference is a lower bound.

    Parameters
    ----------
    weighed : Importance
        What tells log Z.
    elbo, elbo_error : float
        Of Q.
    own : bool
        Whether Q is the member that was weighed: both means are then of the same draws, and their errors go together.
    """
    if not math.isfinite(elbo):
        return Divergence(math.inf, method="log Z − ELBO")
    value = weighed.log_evidence - elbo
    if own and value < 0:  # smoothing lowered the largest weights; of the weights themselves it is at least 0
        ratios = weighed.log_ratios - weighed.log_ratios.max()
        value = math.log(float(np.exp(ratios).mean())) - float(ratios.mean())
    value = max(value, 0.0)
    error = weighed.divergence_error if own else math.hypot(weighed.log_evidence_error, elbo_error)
    low, high = max(value - TWO_SIDED * error, 0.0), value + TWO_SIDED * error
    if weighed.trusted:
        return Divergence(value, error, (low, high), 0.95, "log Z − ELBO, log Z by smoothed importance weights")
    if weighed.missed:
        found = max(weighed.log_found - elbo, value)
        return Divergence(
            found, error, (low, math.inf), 0.95, "log Z − ELBO, log Z with mass found elsewhere", caveats=(_ROUGH,)
        )
    return Divergence(value, error, (low, math.inf), 0.95, "log Z − ELBO, log Z from below", caveats=(_AT_LEAST,))


def panels(before: Tensor, after: Tensor, log_weights: Floats | None) -> list[Panel]:
    """Histograms of the first coordinates: start, result, and target where the weights tell it."""
    names = [f"x[{i}]" for i in range(after.shape[1])]
    sides: dict[str, tuple[Floats, Floats | None]] = (
        {} if log_weights is None else {"target": (after.numpy(), np.exp(log_weights))}
    )
    return histograms(names, sides | {"before": (before.numpy(), None), "after": (after.numpy(), None)})
