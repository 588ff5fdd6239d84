"""The KL term of a latent-variable model: D(posterior‖prior), with the usual defences against collapse."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kullback._core.errors import InputError, NoClosedForm
from kullback.arrays.measures import kl

from ._laws import check_rows_and_dimensions, law
from ._reduction import check_reduction, row_weights
from ._rows import check_number, check_whole


def latent_kl(
    posterior: Any,
    prior: Any,
    *,
    beta: float = 1.0,
    free_bits: float = 0.0,
    capacity: float | None = None,
    samples: int | None = None,
    mask: Tensor | None = None,
    weight: float | Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""KL term of an evidence lower bound, in nats.

    .. math:: β \sum_j \max(λ, \overline{D}_j),\qquad \overline{D}_j = \text{mean over rows of } D(q_j ‖ p_j)

    or, with a capacity C, β·|Σ D − C|.

    Parameters
    ----------
    posterior, prior : torch.distributions.Distribution
        Of batch shape (…, dimensions), a distribution for each latent number; or (…,) with events of vectors, which
        then count as one dimension. Categorical laws need both axes. Half precision is worked out in float32.
    beta : float, default 1
        β (Higgins et al. 2017); `Annealing` gives one for every step.
    free_bits : float, default 0
        λ, in nats, for each dimension: a dimension that costs less on average feels no pull towards the prior (Kingma
        et al. 2016, eq. 15). Needs reduction "mean" or "sum".
    capacity : float, optional
        C, in nats: the term becomes β·|KL − C| for every row (Burgess et al. 2018, eq. 8).
    samples : int, optional
        Where the pair has no closed form: draws, by reparameterisation, over which log q − log p is averaged. See
        `latent_kl_error` for the error.
    mask, weight, reduction
        As in `distillation`; rows are all batch axes but the last.

    Returns
    -------
    Tensor
        A scalar, or one value for each row.

    Raises
    ------
    NoClosedForm
        If the pair has none and `samples` is not given.
    InputError
        If an option is out of range, free_bits and capacity are both given, or rows cannot be told from dimensions.
    InputTypeError
        If posterior or prior is no torch distribution.

    References
    ----------
    D. P. Kingma et al., Improved variational inference with inverse autoregressive flow (NeurIPS 2016). C. P. Burgess
    et al., Understanding disentangling in β-VAE (2018).
    """
    check_reduction(reduction)
    check_number(beta, "beta", least=0)
    check_number(free_bits, "free_bits", least=0)
    if capacity is not None:
        check_number(capacity, "capacity", least=0)
    if free_bits and (capacity is not None or reduction == "none"):
        raise InputError("free_bits bound the mean over rows: they go with neither capacity nor reduction='none'")
    if samples is not None:
        check_whole(samples, "samples", least=1)
    posterior, prior = law(posterior, "posterior"), law(prior, "prior")
    check_rows_and_dimensions(posterior)
    each = _each(posterior, prior, samples)
    weights = row_weights(each.shape[:-1], each.dtype, each.device, mask=mask, weight=weight, reduction=reduction)
    each = torch.where((weights == 0)[..., None], 0.0, each)
    if free_bits:
        total = weights.sum()
        means = (weights[..., None] * each).flatten(0, -2).sum(0) / torch.where(total == 0, 1.0, total)
        return beta * total * means.clamp(min=free_bits).sum()
    rows = each.sum(-1)
    if capacity is not None:
        rows = (rows - capacity).abs()
    weighed = beta * weights * rows
    return weighed if reduction == "none" else weighed.sum()


def latent_kl_error(posterior: Any, prior: Any, *, samples: int) -> Tensor:
    """Return the standard error, for every row, of what `latent_kl` gives for as many samples; 0 of a closed form."""
    check_whole(samples, "samples", least=2)
    posterior, prior = law(posterior, "posterior"), law(prior, "prior")
    check_rows_and_dimensions(posterior)
    with torch.no_grad():
        try:
            exact = _by_dimension(kl(posterior, prior), posterior)
        except NoClosedForm:
            return _drawn(posterior, prior, samples).sum(-1).std(0) / samples**0.5
        return torch.zeros_like(exact.sum(-1))


def _each(posterior: Any, prior: Any, samples: int | None) -> Tensor:
    """D of every row and dimension, (…, dimensions)."""
    try:
        value = kl(posterior, prior)
    except NoClosedForm as error:
        if samples is None:
            raise NoClosedForm(f"{error}; or pass samples= for a reparameterised estimate") from error
        return _drawn(posterior, prior, samples).mean(0)
    return _by_dimension(value, posterior)


def _by_dimension(value: Tensor, posterior: Any) -> Tensor:
    return value[..., None] if len(posterior.event_shape) or value.ndim == 0 else value


def _drawn(posterior: Any, prior: Any, samples: int) -> Tensor:
    if not posterior.has_rsample:
        raise InputError(f"{type(posterior).__name__} has no reparameterised draws: no gradient can pass through them")
    z = posterior.rsample((samples,))
    gap: Tensor = posterior.log_prob(z) - prior.log_prob(z)
    return gap[..., None] if len(posterior.event_shape) or gap.ndim == 1 else gap
