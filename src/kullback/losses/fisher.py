"""Natural gradients and trust regions: products with the Hessian of a divergence where it is 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from kullback._core.errors import InputError

from ._rows import check_number


def fisher_vector_product(
    divergence: Callable[[], Tensor],
    parameters: Iterable[Tensor],
    vectors: Iterable[Tensor],
    *,
    damping: float = 0.0,
) -> list[Tensor]:
    r"""Product of the Fisher information with a vector: of the Hessian of D(p_old‖p_θ) at θ = old.

    .. math:: F·v + λ·v,\qquad F = ∇^2_θ D(p_{old} ‖ p_θ)

    Parameters
    ----------
    divergence : callable
        Returns the divergence, a scalar, as a function of the parameters as they stand; its other side is detached, as
        in ``lambda: losses.distillation(teacher=f(x).detach(), student=f(x))``.
    parameters : iterable of Tensor
        θ, requiring gradients.
    vectors : iterable of Tensor
        v, shaped like the parameters.
    damping : float, default 0
        λ.

    Returns
    -------
    list of Tensor
        Shaped like the parameters; 0 for one that the divergence does not depend on.

    Raises
    ------
    InputError
        If the numbers or shapes of parameters and vectors differ, or the divergence is no differentiable number.

    References
    ----------
    J. Schulman et al., Trust region policy optimization (ICML 2015), appendix C. J. Martens, New insights and
    perspectives on the natural gradient method, JMLR 21 (2020), section 5.
    """
    check_number(damping, "damping", least=0)
    parameters, vectors = list(parameters), list(vectors)
    shapes = [[tuple(x.shape) for x in side] for side in (parameters, vectors)]
    if shapes[0] != shapes[1]:
        raise InputError(f"vectors are shaped {shapes[1]}, the parameters {shapes[0]}")
    with torch.enable_grad():
        value = divergence()
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            raise InputError("divergence must return one number that depends on the parameters, as a tensor")
        first = torch.autograd.grad(value, parameters, create_graph=True, materialize_grads=True)
        along = sum((g * v).sum() for g, v in zip(first, vectors, strict=True))
        assert isinstance(along, Tensor)
        second = torch.autograd.grad(along, parameters, materialize_grads=True)
    return [s + damping * v for s, v in zip(second, vectors, strict=True)]
