"""Mixtures of Gaussians by EM from several starts, accelerated, on weighted rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import linalg, special

from kullback._core.errors import InputError
from kullback.distributions.families.gaussian_mixture import GaussianMixture
from kullback.matching.features import Floats
from kullback.matching.match import Match

from .families import drawn
from .options import Options
from .target import Target

_NAME = re.compile(r"mixture\((\d+)\)")
_STEPS = 2_000
_SHORT = 30  # steps of every start; the best goes on
_COLLAPSED = 1e-7  # variance of a component, that of the rows being 1: its likelihood has no top
_LOG_2PI = float(np.log(2 * np.pi))


def names() -> list[str]:
    """What can be fitted here."""
    return ["mixture(k)"]


def fits(family: Any) -> bool:
    """Whether this is a mixture of so many components."""
    return isinstance(family, str) and _NAME.fullmatch(family.replace(" ", "")) is not None


@dataclass(frozen=True)
class Mixture:
    """Logarithms of weights, means and covariances of k Gaussians, in the units of whitened rows."""

    log_weights: Floats
    means: Floats
    covariances: Floats

    def joint(self, rows: Floats) -> Floats:
        """Log of weight times density of every component at every row, (k, n)."""
        d = rows.shape[1]
        out = np.empty((len(self.means), len(rows)))
        for k, (mean, covariance) in enumerate(zip(self.means, self.covariances, strict=True)):
            factor = linalg.cholesky(covariance, lower=True, check_finite=False)
            z = linalg.solve_triangular(factor, (rows - mean).T, lower=True, check_finite=False)
            size = np.log(np.diag(factor)).sum()
            out[k] = self.log_weights[k] - np.einsum("ij,ij->j", z, z) / 2 - size - d * _LOG_2PI / 2
        return out

    def flat(self) -> Floats:
        """Everything in a row, covariances by logarithms of their Cholesky factors' diagonals."""
        d = self.means.shape[1]
        factors = np.linalg.cholesky(self.covariances)
        factors[:, np.arange(d), np.arange(d)] = np.log(factors[:, np.arange(d), np.arange(d)])
        low = factors[(slice(None), *np.tril_indices(d))]
        return np.concatenate([self.log_weights, self.means.ravel(), low.ravel()])

    @classmethod
    def of(cls, flat: Floats, k: int, d: int) -> Mixture:
        """Undo `flat`."""
        logs, means, low = np.split(flat, [k, k + k * d])
        factors = np.zeros((k, d, d))
        factors[(slice(None), *np.tril_indices(d))] = low.reshape(k, -1)
        factors[:, np.arange(d), np.arange(d)] = np.exp(factors[:, np.arange(d), np.arange(d)])
        return cls(logs - special.logsumexp(logs), means.reshape(k, d), factors @ np.swapaxes(factors, 1, 2))


@dataclass(frozen=True)
class _Fit:
    mixture: Mixture
    value: float
    moved: float
    iterations: int
    history: tuple[float, ...]
    interrupted: bool = False


def fit(family: Any, target: Target, options: Options) -> Match:
    """Fit "mixture(k)"."""
    found = _NAME.fullmatch(str(family).replace(" ", ""))
    assert found is not None
    count = int(found.group(1))
    if target.rows.ndim > 2:
        raise InputError(
            f"a mixture of Gaussians is of numbers or vectors; the rows have shape {target.rows.shape[1:]}"
        )
    rows = target.rows.reshape(len(target.rows), -1)
    distinct = len(np.unique(rows, axis=0))
    if count < 1 or distinct < 2 * count * (rows.shape[1] + 1):
        raise InputError(f"{distinct} different rows are too few for {count} components of {rows.shape[1]} columns")
    centre, root = _whitening(rows, target.weights)
    z = np.asarray(linalg.solve_triangular(root, (rows - centre).T, lower=True).T)
    best = _best(z, target.weights, count, options)
    order = np.argsort(-best.mixture.log_weights)
    means = centre + best.mixture.means[order] @ root.T
    covariances = root @ best.mixture.covariances[order] @ root.T
    weights = np.exp(best.mixture.log_weights[order])
    law = _law(weights, means, covariances, target.rows.ndim == 1)
    single = _law(np.ones(1), centre[None], (root @ root.T)[None], target.rows.ndim == 1)
    numbers = count * (1 + rows.shape[1] + rows.shape[1] * (rows.shape[1] + 1) // 2) - 1
    before, after = target.divergences(single, law, numbers)
    return Match(
        result=_as_torch(weights, means, covariances, target) if hasattr(target.thing, "detach") else law,
        before=before,
        after=after,
        converged=best.moved <= options.tolerance and not best.interrupted,
        reason=_reason(best, options),
        iterations=best.iterations,
        max_error=best.moved,
        tolerance=options.tolerance,
        history=best.history,
        caveats=() if target.law is None else (f"P was represented by {len(rows)} draws of it.",),
        draw=lambda: drawn(target, single, law),
    )


@dataclass(frozen=True)
class Refined:
    """A mixture that EM ended with, what its last step moved, and how many it took."""

    law: GaussianMixture
    moved: float
    iterations: int


def refined(target: Target, start: tuple[Floats, ...], tolerance: float) -> Refined | None:
    """EM from given weights, means and covariances on the rows of a target; None where a component collapses."""
    rows = target.rows.reshape(len(target.rows), -1)
    centre, root = _whitening(rows, target.weights)
    inverse = np.linalg.inv(root)
    weights, means, covariances = start
    mixture = Mixture(np.log(weights / weights.sum()), (means - centre) @ inverse.T, inverse @ covariances @ inverse.T)
    found = _em((rows - centre) @ inverse.T, target.weights, mixture, tolerance, _STEPS, least=0.0)
    if found is None:
        return None
    last = found.mixture
    law = _law(
        np.exp(last.log_weights), centre + last.means @ root.T, root @ last.covariances @ root.T, target.rows.ndim == 1
    )
    return Refined(law, found.moved, found.iterations)


def _reason(found: _Fit, options: Options) -> str:
    if found.interrupted:
        return "It was interrupted: this is the best until then."
    if found.moved <= options.tolerance:
        return (
            f"A step of EM moves nothing; the best of {options.restarts} starts, which need not be the best there is."
        )
    return f"EM still moves after {found.iterations} steps: the components overlap; try fewer."


def _whitening(rows: Floats, weights: Floats) -> tuple[Floats, Floats]:
    centre = weights @ rows
    moved = rows - centre
    covariance = (moved * weights[:, None]).T @ moved
    scale = np.sqrt(np.diag(covariance))
    if (scale == 0).any():
        raise InputError(f"column {int(np.argmin(scale))} of the target is constant: a mixture of it has no density")
    if np.linalg.matrix_rank(covariance / np.outer(scale, scale)) < len(covariance):
        raise InputError("some columns of the target are determined by the others: a mixture of them has no density")
    return np.asarray(centre), np.asarray(np.linalg.cholesky(covariance))


def _best(rows: Floats, weights: Floats, count: int, options: Options) -> _Fit:
    """Short runs from every start; the likeliest goes on to the end."""
    runs = []
    for start in range(options.restarts if count > 1 else 1):
        options.tell(start, options.restarts + 1)
        run = _em(rows, weights, _start(rows, weights, count, options.rng), options.tolerance, _SHORT)
        if run is not None:
            runs.append(run)
            if run.interrupted:
                return run
    for run in sorted(runs, key=lambda r: -r.value):
        last = _em(rows, weights, run.mixture, options.tolerance, _STEPS)
        if last is not None:
            history = (*run.history, *last.history)
            return replace(last, iterations=run.iterations + last.iterations, history=history)
    raise InputError(f"every start of {count} components ended with one on a single row: ask for fewer components")


def _start(rows: Floats, weights: Floats, count: int, rng: np.random.Generator) -> Mixture:
    """Centres far from each other, as k-means++ draws them (Arthur & Vassilvitskii 2007)."""
    n, d = rows.shape
    centres = [rows[rng.choice(n, p=weights)]]
    for _ in range(count - 1):
        far = np.min([((rows - c) ** 2).sum(axis=1) for c in centres], axis=0) * weights
        centres.append(rows[rng.choice(n, p=far / far.sum())])
    means = np.stack(centres)
    width = float(count) ** (-2 / d) if count > 1 else 1.0
    return Mixture(np.full(count, -np.log(count)), means, np.tile(np.eye(d) * width, (count, 1, 1)))


def _em(
    rows: Floats, weights: Floats, mixture: Mixture, tolerance: float, steps: int, least: float = _COLLAPSED
) -> _Fit | None:
    """EM with the extrapolation of Varadhan & Roland (2008, SQUAREM); None where a component collapses."""
    k, d = mixture.means.shape
    history: list[float] = []
    moved, done = np.inf, 0
    try:
        value, once = _step(rows, weights, mixture, least)
        while once is not None and done < steps:
            history.append(value)
            done += 1
            here, there = mixture.flat(), once.flat()
            moved = float(np.abs(there - here).max())
            if moved <= tolerance / 10:
                mixture = once
                break
            value, twice = _step(rows, weights, once, least)
            if twice is None:
                return None
            beyond = _extrapolated(here, there, twice.flat(), k, d)
            mixture = twice
            if beyond is not None:
                try:
                    leap, after = _step(rows, weights, beyond, least)
                except linalg.LinAlgError:
                    leap, after = -np.inf, None
                if after is not None and leap >= value:
                    mixture, value, once = beyond, leap, after
                    continue
            value, once = _step(rows, weights, mixture, least)
        if once is None:
            return None
    except KeyboardInterrupt:
        return _Fit(mixture, history[-1] if history else -np.inf, moved, done, tuple(-v for v in history), True)
    return _Fit(mixture, value, moved, done, tuple(-v for v in history))


def _extrapolated(here: Floats, there: Floats, beyond: Floats, k: int, d: int) -> Mixture | None:
    change, bend = there - here, beyond - 2 * there + here
    size = float(np.linalg.norm(bend))
    if size == 0:
        return None
    length = max(float(np.linalg.norm(change)) / size, 1.0)
    return Mixture.of(here + 2 * length * change + length**2 * bend, k, d)


def _step(rows: Floats, weights: Floats, mixture: Mixture, least: float) -> tuple[float, Mixture | None]:
    """The mean log-density, and the mixture after one step; None where a component collapses."""
    joint = mixture.joint(rows)
    total = special.logsumexp(joint, axis=0)
    value = float(weights @ total)
    share = np.exp(joint - total) * weights
    mass = share.sum(axis=1)
    if not np.isfinite(value) or mass.min() <= 0:
        return value, None
    means = (share @ rows) / mass[:, None]
    covariances = np.empty_like(mixture.covariances)
    for k, mean in enumerate(means):
        moved = rows - mean
        covariances[k] = (moved * share[k][:, None]).T @ moved / mass[k]
    if np.linalg.eigvalsh(covariances).min() <= least:
        return value, None
    return value, Mixture(np.log(mass), means, covariances)


def _law(weights: Floats, means: Floats, covariances: Floats, numbers: bool) -> GaussianMixture:
    weights = weights / weights.sum()
    if numbers:
        return GaussianMixture(weights, means[:, 0], covariances[:, 0, 0])
    return GaussianMixture(weights, means, covariances)


def _as_torch(weights: Floats, means: Floats, covariances: Floats, target: Target) -> Any:
    import torch

    part = torch.distributions
    w, m, c = (torch.as_tensor(v) for v in (weights / weights.sum(), means, covariances))
    if target.rows.ndim == 1:
        return part.MixtureSameFamily(part.Categorical(w), part.Normal(m[:, 0], c[:, 0, 0].sqrt()))
    return part.MixtureSameFamily(part.Categorical(w), part.MultivariateNormal(m, c))
