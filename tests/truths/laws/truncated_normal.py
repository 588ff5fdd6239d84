from functools import cache

from mpmath import mp

from truths.law import Law


@cache
def _log_mass(a, b):
    """Logarithm of Φ(b) − Φ(a), from the tail that both are in."""
    if b < 0:
        a, b = -b, -a
    if a > 0:
        return mp.log((mp.erfc(a / mp.sqrt(2)) - mp.erfc(b / mp.sqrt(2))) / 2)
    return mp.log((mp.erf(b / mp.sqrt(2)) - mp.erf(a / mp.sqrt(2))) / 2)


def _log_density(x, loc, scale, low, high):
    mass = _log_mass((low - loc) / scale, (high - loc) / scale)
    return -(((x - loc) / scale) ** 2) / 2 - mp.log(scale * mp.sqrt(2 * mp.pi)) - mass


def _mode(loc, scale, low, high):
    return min(max(loc, low), high)


LAWS = [
    Law(
        name="TruncatedNormal",
        log_density=_log_density,
        support=lambda loc, scale, low, high: (low, high),
        centre=_mode,
        width=lambda loc, scale, low, high: scale / (1 + abs(_mode(loc, scale, low, high) - loc) / scale),
        costs=lambda **_: (2, 2),
        ordinary=[
            {"loc": 0.3, "scale": 1.5, "low": 0.1, "high": 1.2},
            {"loc": -1.0, "scale": 0.7, "low": -0.5, "high": 1.9},
        ],
        extreme=[
            {"loc": 0.0, "scale": 1.0, "low": 30.0, "high": 50.0},
            {"loc": 0.0, "scale": 1e6, "low": -1.0, "high": 60.0},
            {"loc": 5.0, "scale": 1e-3, "low": -1.0, "high": 10.0},
            {"loc": -2.0, "scale": 0.1, "low": -1.0, "high": float("inf")},
        ],
    )
]
