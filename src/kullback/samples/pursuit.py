"""Directions along which two samples differ in shape, once their means and covariances are set aside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from .logistic import fit_logistic

Floats = NDArray[np.float64]
Slopes = Callable[[Floats, Floats], tuple[Floats, Floats]]

_ROWS = 20_000  # of each sample: what finding a direction asks for
_STARTS = 3
_STEPS = 24
_POLISHES = 4
_PLAIN = 10.0  # standard errors beyond which no other start is needed
_NOISE, _NOISE_GROWTH = 1.0, 0.5  # a search through noise reaches about this many standard errors, growing with √d
_CUTS = np.linspace(-2.4, 2.4, 9)
_WIDTH = 0.6


def pursue(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """Find the directions in which two samples differ most in shape.

    Directions come from fixed-point iterations of w ← E_x[z(wz)³] − E_y[z(wz)³] − 3(…)w in whitened coordinates, with
    symmetric decorrelation, as in FastICA (Hyvärinen 1999, "Fast and robust fixed-point algorithms for independent
    component analysis", IEEE Transactions on Neural Networks 10) but for the difference of two samples. Those kept are
    polished by Newton steps of the likelihood of log p/q = a + b·z + Σ g(wz), as in projection pursuit regression
    (Friedman & Stuetzle 1981, JASA 76), which is what makes them efficient.

    Returns
    -------
    centre, directions : ndarray
        The directions are columns, of unit pooled variance, the most different first; at least one, at most `most`.
    """
    centre, white, u, v = _whitened(x, y)
    turn, gaps = _found(u, v)
    best = np.argsort(-gaps)
    sure = int((gaps > _in_noise(len(turn))).sum())
    kept = turn[:, best[: min(most, sure or most)]]
    if len(turn) > 1:
        kept = _polished(u, v, kept)
    return centre, white @ kept


def differ_in_shape(x: Floats, y: Floats) -> bool:
    """Whether any direction is found in which the samples differ in shape by more than a search finds in noise."""
    _, _, u, v = _whitened(x, y)
    return bool(_found(u, v)[1].max() > _in_noise(x.shape[1]))


def _in_noise(size: int) -> float:
    return float(_NOISE + _NOISE_GROWTH * np.sqrt(size))


def _whitened(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    x, y = x[:_ROWS], y[:_ROWS]
    centre = (x.mean(axis=0) + y.mean(axis=0)) / 2
    covariance = (np.atleast_2d(np.cov(x.T)) + np.atleast_2d(np.cov(y.T))) / 2
    values, vectors = linalg.eigh(covariance)
    white = vectors / np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    return centre, white, (x - centre) @ white, (y - centre) @ white


def _found(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Orthogonal directions, and by how many standard errors the samples differ along each."""
    size = u.shape[1]
    a, b = u - u.mean(axis=0), v - v.mean(axis=0)
    turn, gaps = np.eye(size), _shape_gaps(a, b)
    for seed in range(_STARTS if size > 1 else 0):
        other = _search(a, b, _orthogonal(np.random.default_rng(seed).normal(size=(size, size))))
        found = _shape_gaps(a @ other, b @ other)
        if found.max() > gaps.max():
            turn, gaps = other, found
        if gaps.max() > _PLAIN:
            break
    return turn, gaps


def _search(a: Floats, b: Floats, turn: Floats) -> Floats:
    """Fixed points of the difference of two contrasts: the cube finds, the bounded one is the surer."""
    for step in range(_STEPS):
        s, t = a @ turn, b @ turn
        if step < _STEPS // 2:
            push_s, push_t, curve_s, curve_t = s**3, t**3, 3 * s * s, 3 * t * t
        else:
            near_s, near_t = np.exp(-s * s / 2), np.exp(-t * t / 2)
            push_s, push_t = s * near_s, t * near_t
            curve_s, curve_t = (1 - s * s) * near_s, (1 - t * t) * near_t
        push = a.T @ push_s / len(a) - b.T @ push_t / len(b)
        turn = _orthogonal(push - turn * (curve_s.mean(axis=0) - curve_t.mean(axis=0)))
    return turn


def _shape_gaps(s: Floats, t: Floats) -> Floats:
    """How many standard errors apart two samples' masses near the middle lie, column by column."""
    near_s, near_t = (np.exp(-((z / z.std(axis=0)) ** 2) / 2) for z in (s, t))
    noise = near_s.var(axis=0) / len(s) + near_t.var(axis=0) / len(t)
    return np.asarray(np.abs(near_s.mean(axis=0) - near_t.mean(axis=0)) / np.sqrt(noise))


def _polished(u: Floats, v: Floats, turn: Floats) -> Floats:
    """Directions after a few Newton steps of the likelihood, each kept only if it helps."""
    fit = _curves(u, v, turn)
    for _ in range(_POLISHES):
        candidate = turn + _newton_step(u, v, turn, fit[1])
        candidate /= np.linalg.norm(candidate, axis=0)
        after = _curves(u, v, candidate)
        if after[0] > fit[0] - 1.0:
            break
        turn, fit = candidate, after
    return turn


def _newton_step(u: Floats, v: Floats, turn: Floats, slopes: Slopes) -> Floats:
    """The step of all directions together at which the linearised likelihood peaks."""
    z = np.concatenate([u, v])
    predictor, slope = slopes(z, z @ turn)
    signs = np.where(np.arange(len(z)) < len(u), 1.0, -1.0)
    predictor = predictor + np.log(len(u) / len(v))
    design = np.hstack([np.ones((len(z), 1)), z, *(slope[:, [k]] * z for k in range(turn.shape[1]))])
    share = special.expit(predictor)
    gradient = design.T @ (signs * special.expit(-signs * predictor))
    hessian = (design * (share * (1 - share))[:, None]).T @ design
    hessian[np.diag_indices(len(hessian))] += 1.0
    step = linalg.solve(hessian, gradient, assume_a="pos")[1 + z.shape[1] :]
    return np.asarray(step.reshape(turn.shape[1], z.shape[1]).T)


def _curves(u: Floats, v: Floats, turn: Floats) -> tuple[float, Slopes]:
    """Fit a + b·z + Σ g(wz); return its loss, and its value and slopes g′ as a function of z and wz."""

    def features(z: Floats, along: Floats) -> Floats:
        bumps = np.exp(-0.5 * ((along[:, :, None] - _CUTS) / _WIDTH) ** 2)
        return np.hstack([np.ones((len(z), 1)), z, along**2, bumps.reshape(len(z), -1)])

    fit = fit_logistic(features(u, u @ turn), features(v, v @ turn), 1.0)
    offset = np.log(len(u) / len(v))
    loss = float(
        np.logaddexp(0, -fit(features(u, u @ turn)) - offset).sum()
        + np.logaddexp(0, fit(features(v, v @ turn)) + offset).sum()
    )
    count = turn.shape[1]
    start = 1 + u.shape[1]
    of_square = fit.weights[start : start + count]
    of_bump = fit.weights[start + count :].reshape(count, len(_CUTS))

    def value_and_slopes(z: Floats, along: Floats) -> tuple[Floats, Floats]:
        gap = (along[:, :, None] - _CUTS) / _WIDTH
        falling = (-gap / _WIDTH * np.exp(-0.5 * gap**2) * of_bump).sum(axis=2)
        return fit(features(z, along)), 2 * of_square * along + falling

    return loss, value_and_slopes


def _orthogonal(w: Floats) -> Floats:
    left, _, right = linalg.svd(w, full_matrices=False)
    return np.asarray(left @ right)
