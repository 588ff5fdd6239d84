"""The plug-in estimate and its bias to first order (Miller 1955, "Note on the bias of information estimates")."""

from __future__ import annotations

from scipy import special

from .discrete import Counts


def plug_in(counts: Counts) -> float:
    """Σ p̂ log p̂/q̂, nats."""
    p, q = counts.x / counts.n, counts.y / counts.m
    return float(counts.levels @ special.rel_entr(p, q))


def first_order_bias(counts: Counts) -> float:
    """E[D̂] − D ≈ (K_P − 1)/2n + (Σ p/q − 1)/2m, with K_P values in x and the sum over them."""
    seen = counts.x > 0
    w, p, q = counts.levels[seen], counts.x[seen] / counts.n, counts.y[seen] / counts.m
    return float((w.sum() - 1) / (2 * counts.n) + (w @ (p / q) - 1) / (2 * counts.m))
