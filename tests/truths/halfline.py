"""Where the mass of a positive variable is of which a power is gamma distributed, for the quadrature of its laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp

POSITIVE = (mp.mpf(0), mp.inf)


def look(shape: Callable[..., tuple[Any, Any, Any]]) -> dict[str, Any]:
    """Options of a Law, from k, p and the logarithm of a such that (x/a)^p is gamma distributed of shape k."""

    def centre(**parameters: Any) -> Any:
        k, p, log_a = shape(**parameters)
        return log_a + mp.digamma(k) / p

    def width(**parameters: Any) -> Any:
        k, p, _ = shape(**parameters)
        return mp.sqrt(mp.polygamma(1, k)) / abs(p)

    def marks(**parameters: Any) -> list[Any]:
        # Of a small k, the logarithm falls off like e^(ku) on one side and at once on the other.
        k, p, log_a = shape(**parameters)
        return [log_a + u / p for u in (-9, -3, -1, 0, 1, 3, 5, 6)] if k < 0.3 else []

    def tails(**parameters: Any) -> tuple[Any, Any]:
        k, p, _ = shape(**parameters)
        return (p * k, mp.inf) if p > 0 else (mp.inf, -p * k)

    def costs(**parameters: Any) -> tuple[Any, Any]:
        _, p, _ = shape(**parameters)
        return (mp.mpf(0), p) if p > 0 else (-p, mp.mpf(0))

    return {
        "support": lambda **_: POSITIVE,
        "coordinate": "log",
        "centre": centre,
        "width": width,
        "marks": marks,
        "tails": tails,
        "costs": costs,
    }
