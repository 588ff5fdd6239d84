"""Normalising flows by maximum likelihood, stopped when rows held out no longer gain."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from kullback._core.errors import InputError
from kullback._core.extras import require
from kullback.distributions.families.gaussian_mixture import GaussianMixture
from kullback.matching.features import Floats
from kullback.matching.match import Match

from .families import drawn
from .options import Options
from .target import Target

_HELD_OUT = 0.2
_BATCH = 256
_EPOCHS = 400
_PATIENCE = 25  # epochs
_RATE = 2e-3
_GAIN = 1e-3  # nats a row: what another `_PATIENCE` epochs must bring to go on
_FEWEST = 100


def names() -> list[str]:
    """What can be fitted here."""
    return ["flow"]


def fits(family: Any) -> bool:
    """Whether this is a flow."""
    return isinstance(family, str) and family == "flow"


def fit(family: Any, target: Target, options: Options) -> Match:
    """Fit a neural spline flow (Durkan et al. 2019) to whitened rows; the result is a torch distribution."""
    torch = require("torch", extra="torch", purpose="fit flows")
    zuko = require("zuko", extra="matching", purpose="fit flows")
    rows, w = target.rows, target.weights
    if rows.ndim != 2 or rows.shape[1] < 2:
        raise InputError(f"a flow is of vectors of two numbers or more; the rows have shape {rows.shape[1:]}")
    if len(rows) < _FEWEST:
        raise InputError(f"{len(rows)} rows are too few for a flow: at least {_FEWEST}")
    centre = w @ rows
    covariance = ((rows - centre) * w[:, None]).T @ (rows - centre)
    if np.linalg.matrix_rank(covariance) < rows.shape[1]:
        raise InputError("some columns of the target are constant or determined by the others: it has no density")
    root = np.asarray(np.linalg.cholesky(covariance), dtype=float)
    z = torch.as_tensor(np.linalg.solve(root, (rows - centre).T).T, dtype=torch.float32)
    shares = torch.as_tensor(w * len(w), dtype=torch.float32)
    before = torch.random.get_rng_state()
    torch.manual_seed(int(options.rng.integers(2**31)))  # of the initial weights
    try:
        flow = zuko.flows.NSF(rows.shape[1], transforms=3, hidden_features=(64, 64))
        last, epochs, history, interrupted = _train(torch, flow, z, shares, options)
    finally:
        torch.random.set_rng_state(before)
    law = _law(torch, flow, centre, root)
    converged = last <= _GAIN and not interrupted
    gaussian = GaussianMixture(np.ones(1), centre[None], covariance[None])
    before, after = target.divergences(gaussian, law)
    return Match(
        result=law,
        before=before,
        after=after,
        converged=converged,
        reason=f"Rows held out gained {last:.2g} nats in the last {_PATIENCE} epochs."
        if not interrupted
        else "It was interrupted: this is the best until then.",
        iterations=epochs,
        max_error=last,
        tolerance=_GAIN,
        history=tuple(history),
        draw=lambda: drawn(target, gaussian, law),
        caveats=(f"A fifth of the rows told when to stop; the network is of {_RATE:g} steps of Adam.",),
    )


def _train(torch: Any, flow: Any, z: Any, shares: Any, options: Options) -> tuple[float, int, list[float], bool]:
    """Adam until rows held out gain nothing for a while; the best weights are kept."""
    order = options.rng.permutation(len(z))
    held, seen = np.split(order, [int(len(z) * _HELD_OUT)])
    optimiser = torch.optim.Adam(flow.parameters(), lr=_RATE)

    def cost(rows: Any) -> Any:
        return -(flow().log_prob(z[rows]) * shares[rows]).sum() / shares[rows].sum()

    best, kept, history = np.inf, copy.deepcopy(flow.state_dict()), []
    since, epoch, interrupted = 0, 0, False
    try:
        for epoch in range(1, _EPOCHS + 1):
            options.tell(epoch, _EPOCHS)
            for rows in np.array_split(options.rng.permutation(seen), max(len(seen) // _BATCH, 1)):
                optimiser.zero_grad()
                cost(rows).backward()
                torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
                optimiser.step()
            with torch.no_grad():
                now = float(cost(held))
            history.append(now)
            since = 0 if now < best - _GAIN else since + 1
            if now < best:
                best, kept = now, copy.deepcopy(flow.state_dict())
            if since >= _PATIENCE:
                break
    except KeyboardInterrupt:
        interrupted = True
    flow.load_state_dict(kept)
    flow.requires_grad_(False)
    earlier = min(history[:-_PATIENCE], default=np.inf)
    return max(earlier - best, 0.0), epoch, history, interrupted


def _law(torch: Any, flow: Any, centre: Floats, root: Floats) -> Any:
    """The flow in the coordinates of the rows, in double precision."""
    from kullback.matching.affine import Affine

    law = flow.double()()
    back = Affine(torch.as_tensor(centre), torch.as_tensor(root))
    return torch.distributions.TransformedDistribution(law.base, [law.transform.inv, back])
