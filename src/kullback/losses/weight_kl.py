"""Bayesian layers: the divergence of the weights' posterior from their prior, summed exactly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from kullback._core.errors import InputError, InputTypeError
from kullback.arrays.measures import kl

from ._laws import law
from ._logits import wide

# mu_weight and rho_weight, weight_mu and weight_rho: σ = log(1 + e^ρ) (Blundell et al. 2015).
_MEAN, _SPREAD = (re.compile(rf"(?:^|(?<=_)){name}(?=_|$)") for name in ("mu", "rho"))


def weight_kl(module: Any, prior: Distribution | None = None) -> Tensor:
    r"""Divergence of the posterior of all weights from their prior: the sum over weights, in nats.

    .. math:: \sum_w D(q_w ‖ p_w)

    A mean over weights, or a constant added to densities, as peers have it, gives another optimum: divide the loss by
    the number of rows, not of weights.

    Parameters
    ----------
    module : torch.nn.Module, or iterable of Distribution
        Layers whose parameters come in pairs named mu and rho (``mu_weight``, ``rho_weight``; ``weight_mu``,
        ``weight_rho``), the posterior being Normal(mu, log(1 + e^rho)); or the posteriors themselves.
    prior : Distribution, optional
        Of every weight; standard normal by default.

    Returns
    -------
    Tensor
        A scalar; float32 of parameters in half precision.

    Raises
    ------
    InputError
        If the module has no such pair, or a mu without its rho.

    References
    ----------
    C. Blundell et al., Weight uncertainty in neural networks (ICML 2015), eq. 2.
    """
    if prior is not None:
        prior = law(prior, "prior")
    found = list(_of_module(module)) if isinstance(module, torch.nn.Module) else list(_given(module))
    if not found:
        raise InputError(f"{type(module).__name__} has no pair of parameters named mu and rho: pass the posteriors")
    total = None
    for posterior in found:
        like = posterior.mean
        against = Normal(torch.zeros_like(like), torch.ones_like(like)) if prior is None else prior
        part = kl(posterior, against)
        if part.shape != like.shape and not posterior.event_shape:
            raise InputError(f"prior of batch shape {tuple(against.batch_shape)} does not fit {tuple(like.shape)}")
        total = part.sum() if total is None else total + part.sum()
    assert total is not None
    return total


def _of_module(module: torch.nn.Module) -> Iterator[Distribution]:
    # Shared parameters come under each of their names; a pair that was counted, or is seen again as another view of its
    # memory, is one.
    named = dict(module.named_parameters(remove_duplicate=False))
    seen, partners = set(), set()
    for name, mean in named.items():
        head, _, last = name.rpartition(".")
        if not _MEAN.search(last):
            continue
        partner = f"{head}.{_MEAN.sub('rho', last)}" if head else _MEAN.sub("rho", last)
        if partner not in named:
            raise InputError(f"parameter {name} has no {partner} beside it: pass the posteriors themselves")
        partners.add(partner)
        pair = mean.data_ptr(), named[partner].data_ptr()
        if pair not in seen:
            seen.add(pair)
            mu, rho = (x.to(wide(x.dtype)) for x in (mean, named[partner]))
            yield Normal(mu, torch.nn.functional.softplus(rho))
    lone = [name for name in named if _SPREAD.search(name.rpartition(".")[2]) and name not in partners]
    if lone:
        raise InputError(f"parameter {lone[0]} has no mu beside it: pass the posteriors themselves")


def _given(posteriors: Any) -> Iterator[Distribution]:
    if isinstance(posteriors, Distribution):
        posteriors = [posteriors]
    if isinstance(posteriors, (str, bytes)) or not isinstance(posteriors, Iterable):
        raise InputTypeError(f"module must be a module or distributions, got {type(posteriors).__name__}")
    for k, posterior in enumerate(posteriors):
        yield law(posterior, f"posterior {k}")


def local_reparameterization(inputs: Tensor, mean: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""Draw the outputs of a linear layer with normal weights: a draw for each row, of far less variance.

    .. math:: x·μ^T + b + \sqrt{x^2·(σ^2)^T}·ε,\quad ε ∼ N(0, 1)

    Parameters
    ----------
    inputs : Tensor
        (…, features).
    mean, scale : Tensor
        μ and σ of the weights, (outputs, features).
    bias : Tensor, optional
        (outputs,).

    References
    ----------
    D. P. Kingma, T. Salimans and M. Welling, Variational dropout and the local reparameterization trick (NeurIPS 2015),
    eq. 6.
    """
    if mean.shape != scale.shape or mean.ndim != 2 or inputs.shape[-1:] != mean.shape[-1:]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (inputs, mean, scale))
        raise InputError(f"inputs, mean and scale have shapes {shapes}: (…, features), and twice (outputs, features)")
    centre = torch.nn.functional.linear(inputs, mean, bias)
    variance = torch.nn.functional.linear(inputs * inputs, scale * scale)
    # The square root has no gradient at 0, where the noise is 0 whatever the draw.
    some = variance > 0
    spread = torch.where(some, torch.sqrt(torch.where(some, variance, 1.0)), 0.0)
    return centre + spread * torch.randn_like(centre)
