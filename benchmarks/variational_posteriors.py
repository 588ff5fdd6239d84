"""Posteriors for benchmarks/variational.py: one formula each, run by torch (kullback) and by JAX (NumPyro)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

Formula = Callable[[Any, Any], Any]  # of the array library and points (..., dim)


@dataclass(frozen=True)
class Posterior:
    """A log-density up to a constant.

    `moments` are its mean and standard deviations where they are known; `twin` is the same posterior where a chain runs
    better, and what takes its draws (..., dim) here.
    """

    name: str
    dim: int
    formula: Callable[..., Any]
    data: dict[str, np.ndarray]
    moments: tuple[np.ndarray, np.ndarray] | None = None
    twin: tuple[Posterior, Callable[[np.ndarray], np.ndarray]] | None = None

    def bind(self, xp: Any) -> Callable[[Any], Any]:
        """Return the log-density in torch or jax.numpy."""
        data = {k: xp.asarray(v) for k, v in self.data.items()}
        return lambda x: self.formula(xp, x, **data)


def softplus(xp: Any, z: Any) -> Any:
    return xp.logaddexp(z, 0 * z)


def square(z: Any) -> Any:
    return (z * z).sum(-1)


def standardised(X: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(X)), (X - X.mean(0)) / X.std(0)])


def eight_schools(xp: Any, z: Any, y: Any, s: Any) -> Any:
    """mu ~ N(0, 5), tau ~ half-Cauchy(5), theta = mu + tau·z[2:]; coordinates mu, log tau, z."""
    mu, log_tau, raw = z[..., 0], z[..., 1], z[..., 2:]
    tau = xp.exp(log_tau)
    gap = (y - mu[..., None] - tau[..., None] * raw) / s
    return -0.5 * (mu / 5) ** 2 + log_tau - xp.log1p((tau / 5) ** 2) - 0.5 * square(raw) - 0.5 * square(gap)


def eight_schools_centred(xp: Any, z: Any, y: Any, s: Any) -> Any:
    mu, log_tau, theta = z[..., 0], z[..., 1], z[..., 2:]
    tau = xp.exp(log_tau)
    spread = square((theta - mu[..., None]) / tau[..., None]) + 2 * theta.shape[-1] * log_tau
    return -0.5 * (mu / 5) ** 2 + log_tau - xp.log1p((tau / 5) ** 2) - 0.5 * spread - 0.5 * square((y - theta) / s)


def logistic(xp: Any, b: Any, signed: Any) -> Any:
    """N(0, 1) prior on every coefficient; rows of `signed` are features times ±1."""
    return -softplus(xp, -(b @ signed.T)).sum(-1) - 0.5 * square(b)


def gaussian(xp: Any, x: Any, mean: Any, precision: Any) -> Any:
    gap = x - mean
    return -0.5 * ((gap @ precision) * gap).sum(-1)


def linear(xp: Any, z: Any, X: Any, y: Any) -> Any:
    """N(0, 1) coefficients of standardised data, half-normal sigma; coordinates coefficients and log sigma."""
    b, log_sigma = z[..., :-1], z[..., -1]
    gap = square(y - b @ X.T)
    return (
        -0.5 * square(b)
        - y.shape[0] * log_sigma
        - 0.5 * gap * xp.exp(-2 * log_sigma)
        + (log_sigma - 0.5 * xp.exp(2 * log_sigma))
    )


def softmax_regression(xp: Any, b: Any, X: Any, onehot: Any) -> Any:
    """Three classes, N(0, 1) prior."""
    k = onehot.shape[1]
    logits = [b[..., i * X.shape[1] : (i + 1) * X.shape[1]] @ X.T for i in range(k)]
    total = logits[0]
    for z in logits[1:]:
        total = xp.logaddexp(total, z)
    chosen = sum(z * onehot[:, i] for i, z in enumerate(logits))
    return (chosen - total).sum(-1) - 0.5 * square(b)


def poisson_groups(xp: Any, z: Any, X: Any, y: Any, member: Any) -> Any:
    """Counts with group intercepts, non-centred: coordinates log tau, 3 slopes, groups."""
    log_tau, b, raw = z[..., 0], z[..., 1:4], z[..., 4:]
    eta = b @ X.T + xp.exp(log_tau)[..., None] * (raw @ member.T)
    prior = -0.5 * square(b) - 0.5 * square(raw) + log_tau - 0.5 * xp.exp(2 * log_tau)
    return (y * eta - xp.exp(eta)).sum(-1) + prior


def autoregression(xp: Any, z: Any, lags: Any, y: Any) -> Any:
    """AR(5) with N(0, .5) coefficients; coordinates intercept, coefficients, log sigma."""
    a, b, log_sigma = z[..., :1], z[..., 1:-1], z[..., -1]
    gap = square(y - a - b @ lags.T)
    return (
        -0.5 * (square(a) + 4 * square(b)) - y.shape[0] * log_sigma - 0.5 * gap * xp.exp(-2 * log_sigma)
        + log_sigma - 0.5 * xp.exp(2 * log_sigma)
    )  # fmt: skip


def two_groups(xp: Any, z: Any, y: Any) -> Any:
    """An even mixture of two Gaussians of unknown means: two modes, by exchange of the labels."""
    left = -0.5 * (y - z[..., :1]) ** 2
    return xp.logaddexp(left, -0.5 * (y - z[..., 1:]) ** 2).sum(-1) - 0.5 * square(z) / 25


def funnel(xp: Any, z: Any) -> Any:
    v, x = z[..., 0], z[..., 1:]
    return -0.5 * (v / 3) ** 2 - 0.5 * square(x) * xp.exp(-v) - 0.5 * x.shape[-1] * v


def centre(z: np.ndarray) -> np.ndarray:
    """From mu, log tau and z to mu, log tau and theta."""
    return np.concatenate([z[..., :2], z[..., :1] + np.exp(z[..., 1:2]) * z[..., 2:]], -1)


def exchange(z: np.ndarray) -> np.ndarray:
    """A chain that stays in one mode, and its mirror image, which is as likely."""
    return np.concatenate([z, z[..., ::-1]], 1)


def all_posteriors() -> list[Posterior]:
    rng = np.random.default_rng(7)
    schools = {"y": np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), "s": np.array([15.0, 10, 16, 11, 9, 11, 10, 18])}
    X, y = load_breast_cancer(return_X_y=True)
    cancer = {"signed": standardised(X) * (2 * y[:, None] - 1)}
    axes = np.linalg.qr(rng.normal(size=(100, 100)))[0]
    normal = {"mean": rng.normal(size=100), "precision": (axes * np.logspace(0, 3, 100)) @ axes.T}
    X, y = load_diabetes(return_X_y=True)
    diabetes = {"X": standardised(X), "y": (y - y.mean()) / y.std()}
    X, y = load_wine(return_X_y=True)
    wine = {"X": standardised(X), "onehot": np.eye(3)[y]}
    group = np.repeat(np.arange(12), 10)
    covariates = np.column_stack([np.ones(120), rng.normal(size=(120, 2))])
    rate = np.exp(covariates @ [1.0, 0.4, -0.3] + 0.5 * rng.normal(size=12)[group])
    counts = {"X": covariates, "y": rng.poisson(rate).astype(float), "member": np.eye(12)[group]}
    series = np.zeros(205)
    for t in range(5, 205):
        series[t] = series[t - 5 : t][::-1] @ [0.5, 0.2, -0.2, 0.1, 0.1] + 0.5 * rng.normal()
    lags = {"lags": np.column_stack([series[5 - k : 205 - k] for k in range(1, 6)]), "y": series[5:]}
    groups = {"y": np.concatenate([rng.normal(-2, 1, 30), rng.normal(2, 1, 30)])}
    easy = Posterior("8 schools, non-centred", 10, eight_schools, schools)
    mixed = Posterior("two groups", 2, two_groups, groups)
    narrow = np.full(10, math.exp(9 / 4)), np.zeros(10)
    narrow[0][0] = 3.0
    return [
        easy,
        Posterior("breast cancer, logistic", 31, logistic, cancer),
        Posterior("Gaussian, condition 1e3", 100, gaussian, normal),
        Posterior("diabetes, linear", 12, linear, diabetes),
        Posterior("wine, softmax", 42, softmax_regression, wine),
        Posterior("counts in groups", 16, poisson_groups, counts),
        Posterior("autoregression", 7, autoregression, lags),
        Posterior("8 schools, centred", 10, eight_schools_centred, schools, twin=(easy, centre)),
        Posterior("two groups, labels exchangeable", 2, two_groups, groups, twin=(mixed, exchange)),
        Posterior("funnel", 10, funnel, {}, moments=(narrow[1], narrow[0])),
    ]
