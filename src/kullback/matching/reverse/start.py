"""Where a fit starts: the modes of the density, and the Gaussian that its curvature there suggests (Laplace)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from kullback._core.errors import InputError

from .density import Density, shown
from .draws import even

Floats = NDArray[np.float64]

_CURVED = 400  # coordinates: beyond, no Hessian is formed
_DRAWS = 256
_ENDLESS = 1e30
_CLIMB = 300  # looks at the density: a mode that is further away is left to the fit
_NEWTON = 30  # steps
_EXACT = 1e-10  # nats that a step would gain
NEGLIGIBLE = 7.0  # nats below the best: a mode with less than a thousandth of its mass
_APART = 4.0  # standard deviations between modes that count as two


@dataclass(frozen=True)
class Place:
    """A Gaussian to start from.

    Parameters
    ----------
    centre : Tensor of shape (free,)
        Its mean.
    factor : Tensor of shape (free, free)
        Lower-triangular root of its covariance.
    elbo : float
        Its ELBO on a few draws; −inf where a draw leaves the support.
    log_mass : float
        Laplace's log of the mass near a mode; −inf where it is none.
    """

    centre: Tensor
    factor: Tensor
    elbo: float = -math.inf
    log_mass: float = -math.inf


def places(density: Density, starts: Tensor, rng: np.random.Generator) -> list[Place]:
    """Return the Gaussians at the distinct modes and the standard one at the first start, best ELBO first.

    Raises
    ------
    InputError
        If the density is −inf at every start, or at draws of every Gaussian.
    """
    value = density(starts).detach()
    density.refuse_nan(starts, value, "starting points")
    reachable = starts[torch.isfinite(value)]
    if not len(reachable):
        raise InputError(
            f"the log-density is -inf at all {len(starts)} starting points, first at x = "
            f"{shown(density.place(starts[:1])[0])}: pass start= with a point inside the support, or support="
        )
    found = explored(density, reachable, [])
    found.append(Place(reachable[0], torch.eye(density.free, dtype=torch.float64)))
    draws = even(_DRAWS, density.free, rng)
    found = sorted((judged(density, place, draws) for place in found), key=lambda place: -place.elbo)
    if not math.isfinite(found[0].elbo):
        u = found[0].centre + draws @ found[0].factor.T
        density.refuse_outside(u, density(u).detach(), "draws of the start")
    return found


def explored(density: Density, starts: Tensor, known: list[Place]) -> list[Place]:
    """Return the places known and those of other modes that are climbed to from the starts."""
    found = list(known)
    for start in starts:
        if not math.isfinite(float(density(start[None]).detach())):
            continue
        mode = _mode(density, start)
        if not float(mode.abs().amax()) < _ENDLESS:  # a slope without a top
            continue
        if not any(_same(mode, place) for place in found if math.isfinite(place.log_mass)):
            found.append(_laplace(density, mode))
    return found


def _mode(density: Density, start: Tensor) -> Tensor:
    """Climb by Newton where the curvature is a maximum's; where it is not, by L-BFGS, and then by Newton."""
    here, done = _newton(density, start)
    if done:
        return here

    def cost(x: Floats) -> tuple[float, Floats]:
        value, gradient = density.slopes(torch.from_numpy(x)[None])
        if not (torch.isfinite(value).all() and torch.isfinite(gradient).all()):
            return 1e10, np.zeros_like(x)
        return -float(value[0]), -gradient[0].numpy()

    options = {"maxfun": _CLIMB, "maxcor": 30, "gtol": 1e-6, "ftol": 1e-13}
    with np.errstate(all="ignore"):  # a slope without a top runs into overflow
        found = minimize(cost, here.numpy(), jac=True, method="L-BFGS-B", options=options)  # type: ignore[call-overload]
    here = torch.from_numpy(found.x)
    return _newton(density, here)[0]


def _newton(density: Density, here: Tensor) -> tuple[Tensor, bool]:
    """Take steps of Newton while they gain; returns where, and whether nothing is left to gain."""
    if density.free > _CURVED:
        return here, False
    value, gradient = density.slopes(here[None])
    for _ in range(_NEWTON):
        factor, failed = torch.linalg.cholesky_ex(-density.curvature(here))
        if failed or not torch.isfinite(factor).all():
            return here, False
        step = torch.cholesky_solve(gradient[0, :, None], factor)[:, 0]
        if float(gradient[0] @ step) < _EXACT:
            return here, True
        there, slope = density.slopes((here + step)[None])
        if not (float(there[0]) > float(value[0]) and torch.isfinite(slope).all()):
            return here, False
        here, value, gradient = here + step, there, slope
    return here, False


def _same(mode: Tensor, place: Place) -> bool:
    gap = torch.linalg.solve_triangular(place.factor, (mode - place.centre)[:, None], upper=False)
    return float(gap.norm()) < _APART


def _laplace(density: Density, mode: Tensor) -> Place:
    """Curvature where it is that of a maximum; where it is not, its size, which is a scale all the same."""
    free = density.free
    if free > _CURVED:
        return Place(mode, torch.eye(free, dtype=torch.float64))
    hessian = density.curvature(mode)
    if not torch.isfinite(hessian).all():
        return Place(mode, torch.eye(free, dtype=torch.float64))
    sizes, axes = torch.linalg.eigh(-hessian)
    proper = bool((sizes > 1e-10 * sizes.abs().amax()).all()) and bool(sizes.amax() > 0)
    sizes = sizes.abs().clamp(min=max(1e-10 * float(sizes.abs().amax()), 1e-12))
    factor = torch.linalg.cholesky((axes / sizes) @ axes.T)
    top = float(density(mode[None])[0])
    mass = top + free / 2 * math.log(2 * math.pi) + float(factor.diagonal().log().sum())
    return Place(mode, factor, log_mass=mass if proper else -math.inf)


def judged(density: Density, place: Place, draws: Tensor) -> Place:
    """Return the place with its ELBO on draws of N(0, I)."""
    u = place.centre + draws @ place.factor.T
    value = density(u).detach()
    density.refuse_nan(u, value, "draws of the start")
    entropy = float(place.factor.diagonal().log().sum()) + density.free / 2 * (1 + math.log(2 * math.pi))
    return Place(place.centre, place.factor, float(value.mean()) + entropy, place.log_mass)
