"""Ridge logistic regression of "from P or from Q", whose linear predictor is log p/q.

Newton's method of our own rather than scikit-learn's: the sizes of the samples enter as a known offset, and the Hessian
at the solution is what the standard error of the divergence is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

Floats = NDArray[np.float64]

LARGEST = 40.0  # |log p/q| beyond this is not distinguishable from infinite by any sample
_STEPS = 40
_ENOUGH = 1e-3  # Newton's decrement, in nats of the whole sample, below which the fit is done


@dataclass(frozen=True)
class Logistic:
    """A fitted log p/q, linear in features.

    Attributes
    ----------
    weights : ndarray
        Of the features; the first is the constant.
    hessian : ndarray
        Of the penalised loss, summed over rows.
    rows : int
        How many rows were fitted.
    """

    weights: Floats
    hessian: Floats
    rows: int

    def __call__(self, features: Floats) -> Floats:
        """Log p/q, bounded by `LARGEST`."""
        return np.asarray(np.clip(features @ self.weights, -LARGEST, LARGEST))


def fit_logistic(x: Floats, y: Floats, penalty: Floats | float = 0.0, start: Logistic | None = None) -> Logistic:
    """Fit log p/q = w·φ by maximum penalised likelihood of which sample each row came from.

    Minimises Σ_x log(1 + e^(−w·φ − o)) + Σ_y log(1 + e^(w·φ + o)) + ½ Σ penalty·w², with the offset o = log n/m, so
    that w·φ itself estimates log p/q (Qin 1998, "Inferences for case-control and semiparametric two-sample density
    ratio models", Biometrika 85).

    Parameters
    ----------
    x, y : ndarray
        Features of the rows of both samples; the first column is constant.
    penalty : ndarray or float
        Ridge penalty of every weight; that of the constant is taken as 0.
    start : Logistic, optional
        A fit to rows much like these: its Hessian serves as long as it brings the loss down.
    """
    features = np.concatenate([x, y])
    rows, size = features.shape
    ridge = np.broadcast_to(np.asarray(penalty, dtype=float), (size,)).copy()
    ridge[0] = 0.0
    ridge += 1e-9 * (1 + (features * features).sum(axis=0))  # keeps collinear features solvable
    signs = np.where(np.arange(rows) < len(x), 1.0, -1.0)
    offset = float(np.log(len(x) / len(y)))

    def newton(predictor: Floats) -> Any:
        half = np.abs(special.expit(predictor) - 0.5)
        scaled = features * np.sqrt(0.25 - half * half)[:, None]
        hessian = scaled.T @ scaled
        hessian[np.diag_indices(size)] += ridge
        return hessian

    weights = np.zeros(size) if start is None else start.weights.copy()
    hessian: Any = None if start is None else start.hessian * (rows / start.rows)
    fresh = False
    loss, decrement = np.inf, np.inf
    step = np.zeros(size)
    for _ in range(_STEPS):
        predictor = features @ weights + offset
        now = float(np.logaddexp(0, -signs * predictor).sum() + 0.5 * ridge @ (weights * weights))
        if now > loss + 1e-9 * abs(loss):
            step = step / 2
            weights = weights - step
            continue
        loss = now
        gradient = ridge * weights - features.T @ (signs * special.expit(-signs * predictor))
        if hessian is None or start is None:
            hessian, fresh = newton(predictor), True
        step = -linalg.solve(hessian, gradient, assume_a="pos", check_finite=False)
        progress = -float(gradient @ step)
        if not fresh and progress > 0.1 * decrement:
            hessian, start, fresh = newton(predictor), None, True
            step = -linalg.solve(hessian, gradient, assume_a="pos", check_finite=False)
            progress = -float(gradient @ step)
        decrement = progress
        if decrement < _ENOUGH:
            break
        weights = weights + step
    return Logistic(weights, np.eye(size) if hessian is None else hessian, rows)
