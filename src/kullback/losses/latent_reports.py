"""What a latent-variable model has learnt: active units, collapse in words, and where its bound goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError
from kullback.arrays.measures import kl

from ._laws import law
from ._logits import wide
from ._rows import check_tensor, check_whole

_ACTIVE = 0.01  # variance of the posterior means above which a unit is active (Burda et al. 2016)
_AT_ONCE = 1 << 22  # log-densities that are held at a time
_USED = 0.01  # nats below which a dimension says nothing


@dataclass(frozen=True)
class Collapse:
    """Which latent dimensions carry anything.

    Attributes
    ----------
    divergences : tuple of float
        D(posterior‖prior) of every dimension, averaged over rows, in nats.
    active : tuple of bool
        Whether the posterior means of a dimension, in standard deviations of the prior, have a variance between rows of
        more than 0.01 (Burda et al. 2016, section 5.1).
    """

    divergences: tuple[float, ...]
    active: tuple[bool, ...]

    @property
    def collapsed(self) -> bool:
        """Whether no dimension is in use."""
        return not any(self.active)

    def __str__(self) -> str:
        total, count = math.fsum(self.divergences), len(self.active)
        in_use = sum(self.active)
        idle = [j for j, on in enumerate(self.active) if not on]
        if self.collapsed:
            return (
                f"The posterior has collapsed: the means of none of {count} dimensions vary with the input "
                f"({total:.3g} nats in all). Lower beta, anneal it, or give free_bits."
            )
        text = f"{in_use} of {count} dimensions are active and carry {total:.3g} nats."
        if idle:
            shown = ", ".join(map(str, idle[:8])) + (", …" if len(idle) > 8 else "")
            text += f" Idle: {shown}."
        constant = [j for j in idle if self.divergences[j] > _USED]
        if constant:
            text += (
                f" Dimensions {', '.join(map(str, constant[:8]))} pay for a posterior that differs from the prior but "
                "not from row to row: the prior fits the data badly."
            )
        return text


def collapse(posterior: Any, prior: Any) -> Collapse:
    """Diagnose which latent dimensions are in use.

    Parameters
    ----------
    posterior, prior : torch.distributions.Distribution
        Of batch shape (rows, dimensions), the posterior of a few hundred rows or more.
    """
    posterior, prior = law(posterior, "posterior"), law(prior, "prior")
    _check_posterior(posterior)
    with torch.no_grad():
        each = kl(posterior, prior).expand(posterior.batch_shape).double().mean(0)
        spread = (posterior.mean.double() / prior.stddev.double()).var(0)
    if spread.isnan().any():
        dimension = int(spread.isnan().nonzero()[0])
        raise InputError(f"the posterior means of dimension {dimension} are NaN: {type(posterior).__name__} has none")
    return Collapse(tuple(each.tolist()), tuple((spread > _ACTIVE).tolist()))


def decompose_kl(posterior: Any, prior: Any, *, samples: int = 8) -> Divergence:
    r"""Where the KL term of a dataset goes: index-code information, total correlation and dimension-wise KL.

    .. math:: E_x D(q(z|x) ‖ p(z)) = I(x; z) + D(q(z) ‖ \prod_j q(z_j)) + \sum_j D(q(z_j) ‖ p(z_j))

    with the aggregate q(z) the mixture of the posteriors of all rows given, which are the whole dataset of interest;
    the parts are estimated from draws of it.

    Parameters
    ----------
    posterior : torch.distributions.Distribution
        Of batch shape (rows, dimensions).
    prior : torch.distributions.Distribution
        Of numbers: batch shape () or (dimensions,).
    samples : int, default 8
        Draws for each row, from torch's global generator.

    Returns
    -------
    Divergence
        The whole, by closed form, and its three parts; a fourth says what their draws missed of it, and a caveat their
        standard errors.

    References
    ----------
    M. D. Hoffman and M. J. Johnson, ELBO surgery (2016). R. T. Q. Chen et al., Isolating sources of disentanglement in
    variational autoencoders (NeurIPS 2018), eq. 2.
    """
    posterior, prior = law(posterior, "posterior"), law(prior, "prior")
    _check_posterior(posterior)
    check_whole(samples, "samples", least=2)
    rows, dimensions = posterior.batch_shape
    with torch.no_grad():
        whole = kl(posterior, prior).expand(posterior.batch_shape).double().sum(-1)
        each = []
        for _ in range(samples):
            z = posterior.sample()
            own = posterior.log_prob(z).double()
            # log q(z_i | x_j) of every pair, a few rows at a time: (rows, rows, dimensions) would not fit.
            joint, single = torch.empty(rows, dtype=torch.float64), torch.empty(rows, dimensions, dtype=torch.float64)
            for part in torch.arange(rows).split(max(1, _AT_ONCE // (rows * dimensions))):
                cross = posterior.log_prob(z[part][:, None]).double()
                joint[part] = (torch.logsumexp(cross.sum(-1), 1) - math.log(rows)).cpu()
                single[part] = (torch.logsumexp(cross, 1) - math.log(rows)).cpu()
            own, base = own.cpu(), prior.log_prob(z).double().cpu()
            each.append(torch.stack([own.sum(-1) - joint, joint - single.sum(-1), (single - base).sum(-1)]))
        drawn = torch.stack(each).mean(2)  # (samples, parts)
        means, errors = drawn.mean(0).tolist(), (drawn.std(0) / samples**0.5).tolist()
        exact = float(whole.mean())
    names = ("index-code information", "total correlation", "dimension-wise KL")
    parts = dict(zip(names, means, strict=True)) | {"sampling error": exact - math.fsum(means)}
    shown = ", ".join(f"{name} ± {error:.2g}" for name, error in zip(names, errors, strict=True))
    return Divergence(exact, parts=parts, caveats=(f"The parts come from {samples} draws a row: {shown}.",))


@dataclass(frozen=True)
class Bound:
    """An evidence lower bound and where it goes, in nats a row.

    Attributes
    ----------
    reconstruction : float
        Mean of log p(x|z); of densities it may have any sign.
    kl : Divergence
        What the code costs, by its parts.
    error : float
        Standard error of the reconstruction over draws, 0 where there was one.
    """

    reconstruction: float
    kl: Divergence
    error: float = 0.0

    @property
    def value(self) -> float:
        """The bound: reconstruction less the cost of the code."""
        return self.reconstruction - self.kl.value

    @property
    def parts(self) -> dict[str, float]:
        """What sums to the bound."""
        return {"reconstruction": self.reconstruction} | {name: -cost for name, cost in self.kl.parts.items()}


def decompose_bound(log_likelihood: Tensor, posterior: Any, prior: Any, *, samples: int = 8) -> Bound:
    r"""Where an evidence lower bound goes: reconstruction, less the three parts of `decompose_kl`.

    .. math:: E_x E_{q(z|x)} \log p(x|z) - I(x; z) - D(q(z) ‖ \prod_j q(z_j)) - \sum_j D(q(z_j) ‖ p(z_j))

    Parameters
    ----------
    log_likelihood : Tensor
        log p(x|z) of draws z of the posterior: (rows,), or (draws, rows).
    posterior, prior, samples
        As in `decompose_kl`, of the same rows.

    Returns
    -------
    Bound
        With `value`, `parts` that sum to it, and the KL term as a `Divergence`.

    Raises
    ------
    InputError
        If log_likelihood is not of the posterior's rows.

    References
    ----------
    M. D. Hoffman and M. J. Johnson, ELBO surgery (2016).
    """
    check_tensor(log_likelihood, "log_likelihood")
    kl_term = decompose_kl(posterior, prior, samples=samples)
    rows = posterior.batch_shape[0]
    if log_likelihood.ndim not in (1, 2) or log_likelihood.shape[-1] != rows or log_likelihood.numel() == 0:
        raise InputError(f"log_likelihood has shape {tuple(log_likelihood.shape)}, not ({rows},) or (draws, {rows})")
    draws = log_likelihood.detach().double().reshape(-1, rows).mean(-1)
    error = float(draws.std() / len(draws) ** 0.5) if len(draws) > 1 else 0.0
    return Bound(float(draws.mean()), kl_term, error)


def _check_posterior(posterior: Any) -> None:
    if len(posterior.batch_shape) != 2 or len(posterior.event_shape):
        raise InputError(
            f"posterior must have batch shape (rows, dimensions) and no events, got {tuple(posterior.batch_shape)} and "
            f"{tuple(posterior.event_shape)}"
        )
    if posterior.batch_shape[0] < 2:
        raise InputError("posterior has 1 row: how it varies between rows needs 2, and some hundred to mean anything")


def importance_bound(log_weights: Tensor, *, dim: int = 0) -> Tensor:
    r"""Importance-weighted lower bound on log p(x) of k draws, log of the mean of p(x, z)/q(z|x), in nats.

    .. math:: \log \frac1k \sum_{i=1}^k \frac{p(x, z_i)}{q(z_i | x)}

    With k = 1 it is the evidence lower bound; it rises with k to log p(x).

    Parameters
    ----------
    log_weights : Tensor
        log p(x, z) − log q(z|x) of every draw.
    dim : int, default 0
        The axis of the draws.

    References
    ----------
    Y. Burda, R. Grosse and R. Salakhutdinov, Importance weighted autoencoders (ICLR 2016), eq. 8.
    """
    check_tensor(log_weights, "log_weights")
    check_whole(dim, "dim", least=-log_weights.ndim, most=log_weights.ndim - 1)
    if log_weights.shape[dim] == 0:
        raise InputError(f"log_weights of shape {tuple(log_weights.shape)} has no draws along axis {dim}")
    return torch.logsumexp(log_weights.to(wide(log_weights.dtype)), dim) - math.log(log_weights.shape[dim])
