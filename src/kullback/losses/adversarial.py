"""Adversarial training: the variational objectives of an f-divergence for a critic and a generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError
from kullback.arrays.generators import GENERATORS

from ._logits import wide
from ._rows import check_number, check_tensor


@dataclass(frozen=True)
class _Critic:
    """What is made of a critic's output V, any number: T, increasing in V and 0 at 0 as f'(1) is, f*(T) and p/q.

    In terms of V none of them rounds or overflows where T is near the end of the conjugate's domain. Where no formula
    is given the conjugate of `kullback.GENERATORS` has no such end.
    """

    activation: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor] | None = None
    ratio: Callable[[Tensor], Tensor] | None = None


def _log_softplus(z: Tensor) -> Tensor:
    """Log log(1 + e^z), which is z where e^z is nothing beside 1."""
    small = z < -40
    return torch.where(small, z, softplus(torch.where(small, 0.0, z)).log())


def _shifted(limit: float) -> Callable[[Tensor], Tensor]:
    """Return z of T = limit − log(1 + e^z), so that T is 0 at V = 0."""
    shift = math.log(math.expm1(limit))
    return lambda v: shift - v


_one, _half, _js = (_shifted(limit) for limit in (1.0, 0.5, math.log(2) / 2))


def _js_conjugate(v: Tensor) -> Tensor:
    z = _js(v)
    return -0.5 * (math.log(2) + logsigmoid(z) + torch.log1p(torch.sigmoid(-z)))


def _js_ratio(v: Tensor) -> Tensor:
    z = _js(v)
    return torch.exp(2 * logsigmoid(-z) - logsigmoid(z) - torch.log1p(torch.sigmoid(-z)))


_CRITICS = {
    "kl": _Critic(lambda v: v),
    "reverse_kl": _Critic(
        lambda v: 1 - softplus(_one(v)), lambda v: -_log_softplus(_one(v)), lambda v: torch.exp(-_log_softplus(_one(v)))
    ),
    "jeffreys": _Critic(lambda v: v),
    "js": _Critic(lambda v: math.log(2) / 2 - softplus(_js(v)), _js_conjugate, _js_ratio),
    "total_variation": _Critic(lambda v: 0.5 * torch.tanh(v)),
    "hellinger": _Critic(
        lambda v: 0.5 - softplus(_half(v)),
        lambda v: 0.25 * torch.exp(-_log_softplus(_half(v))) - 0.5,
        lambda v: 0.25 * torch.exp(-2 * _log_softplus(_half(v))),
    ),
    "pearson": _Critic(lambda v: v),
    "neyman": _Critic(
        lambda v: 1 - softplus(_one(v)),
        lambda v: 2 - 2 * torch.exp(0.5 * _log_softplus(_one(v))),
        lambda v: torch.exp(-0.5 * _log_softplus(_one(v))),
    ),
}


@dataclass(frozen=True)
class Adversarial:
    r"""Objectives of a critic V and a generator for D_f(P‖Q), P the data and Q the generator's distribution.

    .. math:: D_f(P ‖ Q) ≥ E_P[T] - E_Q[f^*(T)],\qquad T = g(V)

    with equality at T = f'(p/q). The critic raises the bound, the generator lowers it.

    Attributes
    ----------
    name : str
        Of the divergence, as in `kullback.GENERATORS`.
    """

    name: str

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the critic's loss, minus the bound, of its outputs V on data and on generated draws."""
        return -self._bound(real, fake)

    def generator(self, fake: Tensor) -> Tensor:
        """Return the generator's loss, −E_Q[f*(T)], of the critic's outputs V on generated draws."""
        return -self._conjugate(fake, "fake").mean()

    def generator_non_saturating(self, fake: Tensor) -> Tensor:
        """Return −E_Q[T], which points the same way and does not fade where the critic is sure (Nowozin, sec. 3.2)."""
        return -self._activated(fake, "fake").mean()

    def ratio(self, output: Tensor) -> Tensor:
        """Return p/q as the critic sees it, f'⁻¹(T) = (f*)'(T)."""
        if self.name == "total_variation":
            raise InputError("a critic of total variation tells which of p and q is greater, not their ratio")
        with torch.enable_grad():
            v = output.detach().to(wide(output.dtype)).requires_grad_()
            formula = _CRITICS[self.name].ratio
            if formula is not None:
                return formula(v).detach()
            # (f*∘g)′ over g′ is (f*)′.
            t = self._activated(v, "output")
            above, below = (torch.autograd.grad(x.sum(), v)[0] for x in (self._conjugate(v, "output"), t))
            return above / below

    def bound(self, real: Tensor, fake: Tensor, *, confidence: float = 0.95) -> Divergence:
        """Return the bound that the critic reaches, in nats, with its standard error; "at least" where it is held out.

        Parameters
        ----------
        real, fake : Tensor
            Outputs V on draws that the critic was not trained on: on others the bound holds for no distribution.
        confidence : float
            Of the lower end of the interval.
        """
        if not 0 < check_number(confidence, "confidence") < 1:
            raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence}")
        check_tensor(real, "real", "critic outputs")
        check_tensor(fake, "fake", "critic outputs")
        with torch.no_grad():
            on_p = self._activated(real.double(), "real").flatten()
            on_q = self._conjugate(fake.double(), "fake").flatten()
        if min(len(on_p), len(on_q)) < 2:
            raise InputError(f"real and fake need 2 draws each for an error, got {len(on_p)} and {len(on_q)}")
        value = float(on_p.mean() - on_q.mean())
        error = float((on_p.var() / len(on_p) + on_q.var() / len(on_q)).sqrt())
        reach = float(torch.special.ndtri(torch.tensor(confidence, dtype=torch.float64))) * error
        caveats = ["A critic gives a lower bound: what it does not see is missing."]
        if value < 0:
            caveats.append(f"The bound is {value:.3g} on these draws, below 0, which was known: the critic is wrong.")
        low = max(value - reach, 0.0)
        method = f"variational bound of {self.name}"
        return Divergence(max(value, 0.0), error, (low, math.inf), confidence, method, {}, tuple(caveats))

    def _bound(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._activated(real, "real").mean() - self._conjugate(fake, "fake").mean()

    def _activated(self, output: Tensor, name: str) -> Tensor:
        check_tensor(output, name, "critic outputs")
        return _CRITICS[self.name].activation(output.to(wide(output.dtype)))

    def _conjugate(self, output: Tensor, name: str) -> Tensor:
        """f*(T) of the critic's outputs."""
        formula = _CRITICS[self.name].conjugate
        if formula is not None:
            check_tensor(output, name, "critic outputs")
            return formula(output.to(wide(output.dtype)))
        conjugate = GENERATORS[self.name].conjugate
        assert conjugate is not None
        value: Tensor = conjugate(self._activated(output, name))
        return value


def adversarial(divergence: str = "js") -> Adversarial:
    """Return the objectives of an f-divergence for a critic and a generator.

    Parameters
    ----------
    divergence : str
        One of `kullback.GENERATORS`: "kl", "reverse_kl", "jeffreys", "js", "total_variation", "hellinger", "pearson",
        "neyman".

    Returns
    -------
    Adversarial
        With `critic`, `generator`, `generator_non_saturating`, `ratio` and `bound`.

    References
    ----------
    S. Nowozin, B. Cseke and R. Tomioka, f-GAN: Training generative neural samplers using variational divergence
    minimization (NeurIPS 2016), eq. 6 and table 2. X. Nguyen, M. Wainwright and M. Jordan, Estimating divergence
    functionals and the likelihood ratio by convex risk minimization, IEEE Trans. Inform. Theory 56 (2010).
    """
    if not isinstance(divergence, str) or divergence not in GENERATORS:
        raise InputError(f"divergence must be one of {', '.join(GENERATORS)}; got {divergence!r}")
    return Adversarial(divergence)
