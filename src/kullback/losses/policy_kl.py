"""The KL penalty of policy optimisation: an estimate whose value and whose expected gradient are both right."""

from __future__ import annotations

import torch
from torch import Tensor

from kullback._core.errors import InputError

from . import _logits
from ._reduction import check_reduction, reduced
from ._rows import check_alike, check_logits, check_tensor, kept_rows

ESTIMATORS = ("k1", "k2", "k3", "full")
USES = ("reward", "loss")


def policy_kl(
    logp: Tensor,
    logp_ref: Tensor,
    *,
    estimator: str = "k3",
    use: str,
    importance: Tensor | None = None,
    mask: Tensor | None = None,
    weight: float | Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Estimate D(π‖π_ref) from the log-probabilities of actions that π took, in nats.

    .. math:: k_1 = d,\quad k_2 = d^2/2,\quad k_3 = e^{-d} - 1 + d,\qquad d = \log π(a) - \log π_{ref}(a)

    k₁ and k₃ have expectation D(π‖π_ref); k₃ is never negative. k₂ is biased by terms of the third order in d.

    Differentiated as they stand, k₁ has an expected gradient of 0, k₃ that of the *other* divergence D(π_ref‖π), and
    only k₂ that of D(π‖π_ref): E[d·∇log π]. So as a loss every estimator here has its own value and the gradient
    d·∇log π (for "full", the exact one); as a reward it has none.

    Parameters
    ----------
    logp, logp_ref : Tensor
        Of the actions (tokens) taken, under the policy and under the reference, of one shape; for "full" the
        log-probabilities or logits of all actions, (…, actions).
    estimator : {"k1", "k2", "k3", "full"}
        "full" sums over all actions, without sampling error.
    use : {"reward", "loss"}
        A reward is a number to be subtracted from others, without gradient; a loss is to be differentiated in the
        parameters of π.
    importance : Tensor, optional
        π(a)/μ(a) where another policy μ drew the actions (an older π): every term is multiplied by it. Not
        differentiated.
    mask, weight, reduction
        As in `distillation`, one row an action.

    Returns
    -------
    Tensor
        A scalar, or one value for each action.

    Raises
    ------
    InputError
        If the shapes differ, or the estimator or use does not exist.

    References
    ----------
    J. Schulman, Approximating KL divergence (2020). Y. Tang and R. Munos, On a few pitfalls in KL divergence gradient
    estimation for RL (2025). K. Liu et al., Rethinking KL regularization in RLHF (2025; arXiv 2510.01555), on the
    gradients.

    Examples
    --------
    >>> import torch
    >>> from kullback import losses
    >>> logp = torch.tensor([-1.0, -2.0], requires_grad=True)
    >>> loss = losses.policy_kl(logp, torch.tensor([-1.5, -1.0]), estimator="k3", use="loss")
    >>> loss.backward()
    >>> logp.grad
    tensor([ 0.2500, -0.5000])
    """
    if estimator not in ESTIMATORS:
        raise InputError(f"estimator must be one of {', '.join(map(repr, ESTIMATORS))}, got {estimator!r}")
    if use not in USES:
        raise InputError(f"use must be 'reward' (no gradient) or 'loss' (to be differentiated), got {use!r}")
    check_reduction(reduction)
    check_tensor(logp, "logp", "log-probabilities")
    check_tensor(logp_ref, "logp_ref", "log-probabilities")
    check_alike(logp, logp_ref, ("logp", "logp_ref"))
    reference = logp_ref.detach()
    if estimator == "full":
        check_logits(logp, "logp")
        kept = kept_rows(logp.shape[:-1], logp.device, mask, None, 0)
        values = _logits.divergence(logp, reference, "forward", 0.0, 1.0, 0.0)
    else:
        kept = kept_rows(logp.shape, logp.device, mask, None, 0)
        values = _sampled(logp if use == "loss" else logp.detach(), reference, estimator, kept)
    values = values if use == "loss" else values.detach()
    if importance is not None:
        check_tensor(importance, "importance", "ratios π/μ")
        check_alike(importance, values, ("importance", "the actions"))
        if kept is not None:
            importance = torch.where(kept, importance, 0.0)
        values = values * importance.detach().to(values.dtype)
    return reduced(values, mask=kept, weight=weight, reduction=reduction)


def _sampled(logp: Tensor, reference: Tensor, estimator: str, kept: Tensor | None) -> Tensor:
    dtype = _logits.wide(logp.dtype)
    gap = logp.to(dtype) - reference.to(dtype)
    if kept is not None:  # first of all: padding may hold anything
        gap = torch.where(kept, gap, 0.0)
    here = gap.detach()
    value = here if estimator == "k1" else here * here / 2 if estimator == "k2" else _k3(here)
    if not gap.requires_grad:
        return value
    # The value is the estimator's, the gradient d·∇log π, the second derivative that of d²/2.
    return value + (gap * gap - here * here) / 2


def _k3(gap: Tensor) -> Tensor:
    """e^(−d) − 1 + d, which cancels near 0."""
    near = gap.abs() < 0.5
    d = torch.where(near, gap, 0.0)
    rest = torch.ones_like(d)
    for k in range(16, 2, -1):
        rest = 1 - d / k * rest
    return torch.where(near, d * d / 2 * rest, torch.expm1(-gap) + gap)
