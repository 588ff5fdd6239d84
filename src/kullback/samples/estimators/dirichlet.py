"""D's posterior under Dirichlet priors: mean, and a credible interval that allows for what was not seen."""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from kullback.samples.levels import Floats, concentration, levels_of, refusal
from kullback.samples.problem import Problem
from kullback.samples.result import Estimate

NAME = "Dirichlet posterior"
AUTO = False


def refuses(problem: Problem) -> str | None:
    """Say why it cannot answer, or None."""
    return refusal(problem)


def estimate(problem: Problem, rng: np.random.Generator, confidence: float) -> Estimate:
    """Estimate D(P‖Q) in nats by its posterior mean.

    The priors of P and of Q are independent symmetric Dirichlet laws over the values that were seen, each with the
    concentration under which its sample is likeliest (Good 1965, "The Estimation of Probabilities"). Mean and variance
    are exact; the interval is that of the gamma law with both.
    """
    counts = levels_of(problem).counts
    w = counts.levels
    prior_p, prior_q = concentration(counts.x, w), concentration(counts.y, w)
    mean, variance = moments(counts.x + prior_p, counts.y + prior_q, w)
    error = float(np.sqrt(variance))
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    low, high = stats.gamma(mean**2 / variance, scale=variance / mean).ppf(tails)
    caveat = (
        f"a posterior under Dirichlet priors over the {w.sum():.0f} values seen, of {prior_p:.2g} rows a value for P "
        f"and {prior_q:.2g} for Q: credible under them, not promised otherwise; where P and Q are close it lies above "
        f"the truth by up to {(w.sum() - 1) * counts.scale:.2g} nats"
    )
    return Estimate(mean, error, (float(low), float(high)), caveats=(caveat,))


def moments(a: Floats, b: Floats, levels: Floats) -> tuple[float, float]:
    """Mean and variance of Σ p log p/q where p ~ Dirichlet(a) and q ~ Dirichlet(b), independent.

    After Wolpert & Wolf 1995 ("Estimating functions of probability distributions from a finite set of samples",
    Physical Review E 52): moments of p log p are those of logarithms under a Dirichlet law with a raised by one or two.
    """
    total_a, total_b = float(levels @ a), float(levels @ b)
    psi = special.digamma

    def psi1(z: Floats | float) -> Floats:
        return np.asarray(special.polygamma(1, z))

    mean_log_q = psi(b) - psi(total_b)
    share = a / total_a
    mean = float(levels @ (share * (psi(a + 1) - psi(total_a + 1) - mean_log_q)))
    # E[f_i f_j] of f = p log p − p log q, i ≠ j: a_i a_j (u_i u_j − ψ₁(A + 2) − ψ₁(B)) / A(A + 1).
    u = psi(a + 1) - psi(total_a + 2) - mean_log_q
    shared = float(psi1(total_a + 2) + psi1(total_b))
    first, second = float(levels @ (a * u)), float(levels @ (a * a * u * u))
    apart = first**2 - second - shared * (total_a**2 - float(levels @ (a * a)))
    v = psi(a + 2) - psi(total_a + 2) - mean_log_q
    spread = psi1(a + 2) - psi1(total_a + 2) + psi1(b) - psi1(total_b)
    alone = float(levels @ (a * (a + 1) * (v * v + spread)))
    square = (apart + alone) / (total_a * (total_a + 1))
    return mean, max(square - mean**2, np.finfo(float).tiny)
