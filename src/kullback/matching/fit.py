"""The entry to fitting: the direction of the divergence is named, and the rest follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback._core.progress import Progress

from .match import Match


def fit(
    family: Any,
    to: Any,
    *,
    direction: str = "forward",
    rng: int | np.random.Generator | None = 0,
    progress: bool | Progress | None = None,
    **options: Any,
) -> Match:
    r"""Fit the member of a family that is nearest a target, in the direction of the divergence that is named.

    **Forward** minimises D(P‖Q), P the target, known by draws or as a distribution object (maximum likelihood, moment
    matching): the entropy of P does not depend on Q, so that Q has the largest mean log-density under P. Newton's
    method searches the parameters, as logarithms, logits or Cholesky factors; Gaussians of vectors, Laplace's law and
    counts have formulas; mixtures are fitted by EM.

    **Reverse** minimises D(Q‖P), P the target, known by a log-density up to a constant (variational inference):

    .. math:: D(Q ‖ P) = \log Z − \mathrm{ELBO}(Q),\qquad \mathrm{ELBO}(Q) = E_Q[\log p(x) − \log q(x)],\qquad Z = ∫ p

    It starts at the modes and their curvature (Laplace), in coordinates in which that is the identity, and minimises on
    fixed draws (scrambled Sobol points, their moments matched) by L-BFGS, with more draws until the gradient on fresh
    ones promises less than `tolerance` nats and the ELBO there is that on the draws that were fitted to.

    Parameters
    ----------
    family : str, class, or list
        Forward: the name or class of a family of `kullback.distributions` ("gamma", "student_t", "dirichlet", …),
        "gaussian" or "meanfield" (vectors), "mixture(k)" (of Gaussians), "histogram", "kernel density", "flow", "best
        of" or a list of names: that under which rows held out cost the fewest bits.
        Reverse: a file of `kullback/matching/reverse/families`: "gaussian" (any covariance), "meanfield" (independent
        coordinates), "lowrank(r)", "mixture(k)" (of Gaussians), or "flow" (zuko's coupled splines).
    to : array, tensor, data frame, distribution object, or callable
        Forward: draws of P, (n,) or (n, d), or a distribution object of SciPy, torch, NumPyro or kullback.
        Reverse: log p(x) + constant, in nats, of points (..., dim), as a torch or a JAX function; it is called with
        float64, or float32 where that fails. An object of torch.distributions brings its own dim and support. With
        stochastic=True the function takes a numpy.random.Generator too, and draws a minibatch by it.
    direction : {"forward", "reverse"}
        Which divergence: "forward" is D(P‖Q), which covers all of P; "reverse" is D(Q‖P), which avoids where P has
        nothing.
    rng : int or numpy.random.Generator, optional
        Seed or source of all draws; the same seed gives the same fit. None takes one from the system.
    progress : bool or callable, optional
        True shows a bar once 2 s have passed; a callable is called with the draws in use and the most allowed.
    **options
        Forward: `weights` (of draws); `fixed` (parameters that stay, by name); `restarts` (of a mixture, 10 by
        default); `tolerance` (slope of D per unit of a searched parameter, 1e-7 by default).
        Reverse: `dim` (int, numbers in a point; needed for a function); `support` (where p > 0: a constraint of
        torch.distributions, "real", "positive", "unit_interval", "simplex", or a list of such, one a coordinate; all of
        ℝ^dim by default), reached by a bijection from ℝ; `start` (points (dim,) or (k, dim) to look for modes from, the
        origin and random points about it by default); `tolerance` (nats, 0.005 by default); `most_draws` (a power of 2,
        65536 by default); `stochastic` (bool: minibatches; "gaussian" and "meanfield" only); `most_steps` (of a
        stochastic fit).

    Returns
    -------
    Match
        Forward: `result` is of scipy.stats for arrays, of torch.distributions for tensors, of kullback where they have
        none; `after` is D(P‖result), of draws with its standard error.
        Reverse: a `Variational`, with the `elbo` and `log_evidence` ± their errors, `khat`, `expectation(function)`
        under the target, and a `result` of torch.distributions. `before` and `after` are D(Q‖P) of the start and the
        result: log Z − ELBO where importance weights tell log Z (k̂ ≤ 0.7), else what is known of it, "at least".

    Raises
    ------
    InputTypeError
        If the family is no name, or the target neither draws nor a distribution (forward), or no function of torch or
        JAX (reverse).
    InputError
        If the direction or family is unknown; forward: rows lie where no member has any mass, are all equal, or hold
        NaN; reverse: `dim` is missing, the log-density raises, has another shape than one
        value a point, is NaN (where, how many), is not differentiable, or is −inf at the start or at draws of the fit.
    MissingExtra
        If torch, arviz-stats or zuko is needed and absent.

    Notes
    -----
    `max_error` is ½ gᵀF⁻¹g, g the gradient of the ELBO on draws that were not fitted to and F the Fisher information of
    the member: what a natural-gradient step would gain. For a flow, which has no such metric, it is D(Q‖P) itself, more
    than which nothing can gain. Either is the upper 95% end.

    References
    ----------
    R. Giordano, M. Ingram and T. Broderick, Black box variational inference with a deterministic objective (Journal of
    Machine Learning Research 25, 2024). G. Roeder, Y. Wu and D. Duvenaud, Sticking the landing (NeurIPS 2017).
    A. Vehtari et al., Pareto smoothed importance sampling (Journal of Machine Learning Research 25, 2024).

    Examples
    --------
    >>> import torch
    >>> import kullback as kb
    >>> def log_density(x):  # two correlated numbers, up to a constant
    ...     return -(x[..., 0] ** 2 + x[..., 1] ** 2 - x[..., 0] * x[..., 1])
    >>> match = kb.fit("gaussian", log_density, direction="reverse", dim=2)
    >>> match.converged, round(match.log_evidence, 4)  # log 2π/√3
    (True, 1.2886)
    """
    if direction == "forward":
        from .forward import fit_forward

        return fit_forward(family, to, rng=rng, progress=progress, **options)
    if direction == "reverse":
        from .reverse import fit_reverse

        return fit_reverse(family, to, rng=rng, progress=progress, **options)
    raise InputError(f"direction must be 'forward', D(P‖Q), or 'reverse', D(Q‖P); got {direction!r}")
