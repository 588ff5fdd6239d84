"""Distributions of torch.distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.distributions._family import Family
from kullback.distributions.foreign import Foreign

from ._density import adapted, domain, marks, places, support

LIBRARY = "torch.distributions"


def recognises(thing: Any) -> bool:
    """Whether this is a distribution of torch."""
    from torch.distributions import Distribution

    return isinstance(thing, Distribution)


def adapt(thing: Any) -> Family:
    """Return the family member that `thing` is; one known by its density alone if it is of no known family."""
    return adapted(thing, "torch", by_density)


def by_density(thing: Any) -> Family:
    """Return a distribution known by its density and draws alone."""
    import torch

    within = support(thing)
    dtype, device = _kept_in(thing)

    def log_density(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        points = torch.as_tensor(x, device=device)
        with torch.no_grad():
            # With its own checks on, torch refuses points outside the support; with them off, it makes up values.
            inside = within.check(points)
            values = torch.full(inside.shape, -torch.inf, dtype=torch.float64, device=device)
            values[inside] = _log_prob(thing, points[inside], dtype).to(torch.float64)
        found: np.ndarray[Any, Any] = values.cpu().numpy()
        return found

    def draw(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        with _state_kept(), torch.no_grad():
            torch.manual_seed(int(rng.integers(2**63)))
            draws: np.ndarray[Any, Any] = thing.sample((count,)).cpu().to(torch.float64).numpy()
            return draws

    return Foreign(
        name=f"torch.distributions.{type(thing).__name__}",
        log_density_of=log_density,
        draw=draw,
        shape=tuple(thing.event_shape),
        where=domain(thing),
        marks=marks(thing),
        places=places(thing),
        batch=tuple(thing.batch_shape),
        precision=float(torch.finfo(dtype).eps),
    )


def _state_kept() -> Any:
    """Keep the user's state of random numbers, on every device that has one."""
    import torch

    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    return torch.random.fork_rng(devices=devices)


def _kept_in(thing: Any) -> tuple[Any, Any]:
    """Return dtype and device of its draws, those of its parameters; a default dtype where they are whole numbers."""
    import torch

    with _state_kept(), torch.no_grad():
        draw = thing.sample()
    return draw.dtype if draw.dtype.is_floating_point else torch.get_default_dtype(), draw.device


def _log_prob(thing: Any, points: Any, dtype: Any) -> Any:
    try:
        return thing.log_prob(points)
    except RuntimeError:
        # Matrices of float32 do not multiply vectors of float64.
        return thing.log_prob(points.to(dtype))
