"""Adversarial training: the variational objectives of an f-divergence for a critic and a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kullback._core.divergence import Divergence
from kullback._core.errors import InputError
from kullback.arrays.generators import GENERATORS

from ._logits import wide
from ._rows import check_tensor


def _below(limit: float) -> Any:
    """Map every number below a limit, smoothly, with 0 to 0."""
    shift = torch.log(torch.expm1(torch.tensor(limit, dtype=torch.float64))).item()
    return lambda v: limit - torch.nn.functional.softplus(shift - v)


def _itself(v: Tensor) -> Tensor:
    return v


# From any number of the critic into the domain of the conjugate, increasing, and 0 at 0 as f'(1) is.
_ACTIVATIONS: dict[str, Any] = {
    "kl": _itself,
    "reverse_kl": _below(1.0),
    "jeffreys": _itself,
    "js": _below(0.34657359027997264),
    "total_variation": lambda v: 0.5 * torch.tanh(v),
    "hellinger": _below(0.5),
    "pearson": _itself,
    "neyman": _below(1.0),
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
        return -self._conjugate(self._activated(fake, "fake")).mean()

    def generator_non_saturating(self, fake: Tensor) -> Tensor:
        """Return −E_Q[T], which points the same way and does not fade where the critic is sure (Nowozin, sec. 3.2)."""
        return -self._activated(fake, "fake").mean()

    def ratio(self, output: Tensor) -> Tensor:
        """Return p/q as the critic sees it, f'⁻¹(T) = (f*)'(T)."""
        with torch.enable_grad():
            t = self._activated(output.detach(), "output").requires_grad_()
            return torch.autograd.grad(self._conjugate(t).sum(), t)[0]

    def bound(self, real: Tensor, fake: Tensor, *, confidence: float = 0.95) -> Divergence:
        """Return the bound that the critic reaches, in nats, with its standard error; "at least" where it is held out.

        Parameters
        ----------
        real, fake : Tensor
            Outputs V on draws that the critic was not trained on: on others the bound holds for no distribution.
        confidence : float
            Of the lower end of the interval.
        """
        with torch.no_grad():
            on_p = self._activated(real, "real").double().flatten()
            on_q = self._conjugate(self._activated(fake, "fake").double()).flatten()
        if min(len(on_p), len(on_q)) < 2:
            raise InputError(f"real and fake need 2 draws each for an error, got {len(on_p)} and {len(on_q)}")
        value = float(on_p.mean() - on_q.mean())
        error = float((on_p.var() / len(on_p) + on_q.var() / len(on_q)).sqrt())
        reach = float(torch.special.ndtri(torch.tensor(confidence, dtype=torch.float64))) * error
        caveat = "A critic gives a lower bound: what it does not see is missing."
        low = max(value - reach, 0.0)
        return Divergence(
            max(value, 0.0), error, (low, float("inf")), confidence, f"variational bound of {self.name}", {}, (caveat,)
        )

    def _bound(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._activated(real, "real").mean() - self._conjugate(self._activated(fake, "fake")).mean()

    def _activated(self, output: Tensor, name: str) -> Tensor:
        check_tensor(output, name, "critic outputs")
        activated: Tensor = _ACTIVATIONS[self.name](output.to(wide(output.dtype)))
        return activated

    def _conjugate(self, t: Tensor) -> Tensor:
        conjugate = GENERATORS[self.name].conjugate
        assert conjugate is not None
        value: Tensor = conjugate(t)
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
    if divergence not in GENERATORS:
        raise InputError(f"divergence must be one of {', '.join(GENERATORS)}; got {divergence!r}")
    return Adversarial(divergence)
