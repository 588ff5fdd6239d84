from functools import cache

from mpmath import mp

from truths.law import Law

UNIT = (mp.mpf(0), mp.mpf(1))


def _log_rest(x):
    """log(1 − x); beyond 50 digits of x, as if there were no mass left."""
    return mp.log1p(-x) if x < 1 else -(mp.mpf(10) ** 9)


@cache
def _log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def _beta(x, concentration1, concentration0):
    a, b = concentration1, concentration0
    if x >= 1:
        return -(mp.mpf(10) ** 9)
    return (a - 1) * mp.log(x) + (b - 1) * _log_rest(x) - _log_beta(a, b)


def _beta_prime(x, concentration1, concentration0):
    a, b = concentration1, concentration0
    return (a - 1) * mp.log(x) - (a + b) * mp.log1p(x) - _log_beta(a, b)


def _kumaraswamy(x, concentration1, concentration0):
    a, b = concentration1, concentration0
    if x >= 1:
        return -(mp.mpf(10) ** 9)
    return mp.log(a * b) + (a - 1) * mp.log(x) + (b - 1) * mp.log(-mp.expm1(a * mp.log(x)))


def _continuous_bernoulli(x, probs):
    norm = mp.log(2) if probs == 0.5 else mp.log((mp.log1p(-probs) - mp.log(probs)) / (1 - 2 * probs))
    return norm + x * mp.log(probs) + (1 - x) * mp.log1p(-probs)


def _logit_normal(x, loc, scale):
    if x >= 1:
        return -(mp.mpf(10) ** 9)
    z = (mp.log(x) - _log_rest(x) - loc) / scale
    return -z * z / 2 - mp.log(scale * mp.sqrt(2 * mp.pi)) - mp.log(x) - _log_rest(x)


def _triangular(x, low, mode, high):
    height = (x - low) / (mode - low) if x < mode else (high - x) / (high - mode)
    return mp.log(2 * height / (high - low))


LAWS = [
    Law(
        name="Uniform",
        log_density=lambda x, low, high: -mp.log(high - low),
        support=lambda low, high: (low, high),
        centre=lambda low, high: (low + high) / 2,
        width=lambda low, high: (high - low) / 2,
        tails=lambda **_: (mp.mpf(1), mp.inf),
        ordinary=[{"low": 0.2, "high": 0.9}, {"low": -0.5, "high": 1.5}],
        extreme=[{"low": 1e3, "high": 1003.0}, {"low": -1e-200, "high": 1e-200}, {"low": -1e150, "high": 1e150}],
    ),
    Law(
        name="Triangular",
        log_density=_triangular,
        support=lambda low, mode, high: (low, high),
        centre=lambda low, mode, high: mode,
        width=lambda low, mode, high: (high - low) / 2,
        ordinary=[{"low": 0.1, "mode": 0.4, "high": 0.8}, {"low": -0.4, "mode": 0.2, "high": 1.3}],
        extreme=[{"low": 0.0, "mode": 0.0, "high": 1e-3}, {"low": -1e5, "mode": 3.0, "high": 1e5}],
    ),
    Law(
        name="Beta",
        log_density=_beta,
        support=lambda **_: UNIT,
        coordinate="logit",
        centre=lambda concentration1, concentration0: mp.digamma(concentration1) - mp.digamma(concentration0),
        width=lambda concentration1, concentration0: mp.sqrt(
            mp.polygamma(1, concentration1) + mp.polygamma(1, concentration0)
        ),
        marks=lambda **_: [-9, -3, 0, 3, 9],
        tails=lambda concentration1, concentration0: (concentration1, mp.inf),
        ordinary=[
            {"concentration1": 2.5, "concentration0": 1.7},
            {"concentration1": 0.8, "concentration0": 3.0},
        ],
        extreme=[
            {"concentration1": 1e12, "concentration0": 1e12},
            {"concentration1": 1e-3, "concentration0": 3.0},
            {"concentration1": 1e-2, "concentration0": 1e5},
        ],
    ),
    Law(
        name="BetaPrime",
        log_density=_beta_prime,
        support=lambda **_: (mp.mpf(0), mp.inf),
        coordinate="log",
        centre=lambda concentration1, concentration0: mp.digamma(concentration1) - mp.digamma(concentration0),
        width=lambda concentration1, concentration0: mp.sqrt(
            mp.polygamma(1, concentration1) + mp.polygamma(1, concentration0)
        ),
        marks=lambda **_: [-9, -3, 0, 3, 9],
        tails=lambda concentration1, concentration0: (concentration1, concentration0),
        ordinary=[
            {"concentration1": 2.5, "concentration0": 3.7},
            {"concentration1": 0.8, "concentration0": 3.0},
        ],
        extreme=[
            {"concentration1": 1e12, "concentration0": 1e12},
            {"concentration1": 1e-3, "concentration0": 3.0},
        ],
    ),
    Law(
        name="PowerFunction",
        log_density=lambda x, concentration: mp.log(concentration) + (concentration - 1) * mp.log(x),
        support=lambda **_: UNIT,
        coordinate="logit",
        centre=lambda concentration: mp.digamma(concentration) - mp.digamma(1),
        width=lambda concentration: mp.sqrt(mp.polygamma(1, concentration) + mp.polygamma(1, 1)),
        marks=lambda concentration: [-9, -3, 0, 3, 9, *(mp.log(concentration) + k for k in (-6, -3, 0, 3, 6))],
        tails=lambda concentration: (concentration, mp.inf),
        ordinary=[{"concentration": 2.5}, {"concentration": 0.7}],
        extreme=[{"concentration": 1e-3}, {"concentration": 1e8}],
    ),
    Law(
        name="Kumaraswamy",
        log_density=_kumaraswamy,
        support=lambda **_: UNIT,
        coordinate="logit",
        centre=lambda concentration1, concentration0: mp.log(concentration1) - mp.log(concentration0) / concentration1,
        width=lambda concentration1, concentration0: 1 + 1 / concentration1,
        marks=lambda **_: [-9, -3, 0, 3, 9],
        tails=lambda concentration1, concentration0: (concentration1, mp.inf),
        ordinary=[
            {"concentration1": 2.5, "concentration0": 1.7},
            {"concentration1": 0.8, "concentration0": 3.0},
        ],
        extreme=[
            {"concentration1": 50.0, "concentration0": 2.0},
            {"concentration1": 0.05, "concentration0": 1.5},
            {"concentration1": 1.5, "concentration0": 1e6},
        ],
    ),
    Law(
        name="ContinuousBernoulli",
        log_density=_continuous_bernoulli,
        support=lambda **_: UNIT,
        centre=lambda probs: mp.mpf(0) if probs < 0.5 else mp.mpf(1),
        width=lambda probs: 1 / (1 + abs(mp.log(probs) - mp.log(1 - probs))),
        ordinary=[{"probs": 0.3}, {"probs": 0.9}],
        extreme=[{"probs": 0.5}, {"probs": 0.4999999999}, {"probs": 1e-20}, {"probs": 1e-200}, {"probs": 1 - 1e-10}],
    ),
    Law(
        name="LogitNormal",
        log_density=_logit_normal,
        support=lambda **_: UNIT,
        coordinate="logit",
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        ordinary=[{"loc": 0.3, "scale": 1.5}, {"loc": -1.0, "scale": 0.7}],
        extreme=[{"loc": 0.0, "scale": 1e-9}, {"loc": -20.0, "scale": 5.0}],
    ),
]
# From a small α and a β thousands of times larger, Stirling's rests of β and α + β are that much larger than D.
CONDITIONS = {("Beta", "Beta"): lambda a, b: 4e-12 if b["concentration0"] > 1e4 * a["concentration0"] else 1e-12}
