from mpmath import mp

from truths.law import Law


def _log_mass(rate, low, high):
    """Log ∫ e^(−r(x − low)) dx."""
    if rate == 0:
        return mp.log(high - low)
    return mp.log((1 - mp.exp(-rate * (high - low))) / rate)


def _end(rate, low, high):
    return high if rate < 0 else low


LAWS = [
    Law(
        name="TruncatedExponential",
        log_density=lambda x, rate, low, high: -rate * (x - low) - _log_mass(rate, low, high),
        support=lambda rate, low, high: (low, high),
        centre=_end,
        width=lambda rate, low, high: min(1 / abs(rate) if rate else mp.inf, high - low),
        costs=lambda **_: (0, 1),
        ordinary=[{"rate": 1.3, "low": 0.1, "high": 1.2}, {"rate": -0.7, "low": -0.5, "high": 1.9}],
        extreme=[
            {"rate": 1e6, "low": 0.0, "high": 1.0},
            {"rate": 1e-9, "low": -1.0, "high": 60.0},
            {"rate": -300.0, "low": 0.0, "high": 2.0},
            {"rate": 2.0, "low": 0.2, "high": float("inf")},
        ],
    ),
    Law(
        name="TruncatedPareto",
        log_density=lambda x, alpha, low, high: (
            -alpha * mp.log(x / low) - mp.log(x) - _log_mass(alpha, mp.log(low), mp.log(high))
        ),
        support=lambda alpha, low, high: (low, high),
        centre=lambda alpha, low, high: _end(alpha, low, high),
        width=lambda alpha, low, high: min(low, high - low),
        marks=lambda alpha, low, high: [low * mp.mpf(10) ** (k / mp.mpf(2)) for k in range(1, 40)],
        tails=lambda alpha, low, high: (mp.inf, alpha if high == mp.inf else mp.inf),
        ordinary=[{"alpha": 1.3, "low": 0.3, "high": 1.2}, {"alpha": -0.7, "low": 0.2, "high": 1.9}],
        extreme=[
            {"alpha": 0.0, "low": 1e-3, "high": 10.0},
            {"alpha": 400.0, "low": 0.1, "high": 3.0},
            {"alpha": 2.5, "low": 0.2, "high": float("inf")},
        ],
    ),
]
