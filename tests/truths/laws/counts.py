from mpmath import mp

from truths.law import Law


def _log(x):
    return mp.log(x) if x > 0 else -mp.inf


def _times(k, x):
    """k·log x, with 0·log 0 = 0."""
    return mp.mpf(0) if k == 0 else k * _log(x)


def _trials(p, q):
    return sum(a * mp.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a != 0)


def _binomial(x, total_count, probs):
    choose = mp.loggamma(total_count + 1) - mp.loggamma(x + 1) - mp.loggamma(total_count - x + 1)
    return choose + _times(x, probs) + _times(total_count - x, 1 - probs)


def _negative_binomial(x, total_count, probs):
    choose = mp.loggamma(x + total_count) - mp.loggamma(total_count) - mp.loggamma(x + 1)
    return choose + total_count * mp.log(1 - probs) + _times(x, probs)


LAWS = [
    Law(
        name="Bernoulli",
        discrete=True,
        log_density=lambda x, probs: _log(probs if x == 1 else 1 - probs),
        support=lambda probs: (mp.floor(probs), mp.ceil(probs)),
        ordinary=[{"probs": 0.3}, {"probs": 0.8}],
        extreme=[{"probs": 1e-20}, {"probs": 1e-25}, {"probs": 1 - 2**-40}, {"probs": 0.0}, {"probs": 1.0}],
    ),
    Law(
        name="Binomial",
        discrete=True,
        log_density=_binomial,
        support=lambda total_count, probs: (total_count * mp.floor(probs), total_count * mp.ceil(probs)),
        centre=lambda total_count, probs: total_count * probs,
        width=lambda total_count, probs: mp.sqrt(total_count * probs * (1 - probs)),
        ordinary=[{"total_count": 4.0, "probs": 0.35}, {"total_count": 7.0, "probs": 0.6}],
        extreme=[
            {"total_count": 4.0, "probs": 1e-12},
            {"total_count": 1200.0, "probs": 0.02},
            {"total_count": 3.0, "probs": 1.0},
            {"total_count": 5.0, "probs": 0.0},
        ],
    ),
    Law(
        name="DiscreteUniform",
        discrete=True,
        log_density=lambda x, low, high: -mp.log(high - low + 1),
        support=lambda low, high: (low, high),
        centre=lambda low, high: low,
        width=lambda low, high: high - low,
        ordinary=[{"low": 0.0, "high": 3.0}, {"low": 0.0, "high": 7.0}],
        extreme=[{"low": 0.0, "high": 1.0}, {"low": 2.0, "high": 2.0}, {"low": -300.0, "high": 500.0}],
    ),
    Law(
        name="Poisson",
        discrete=True,
        log_density=lambda x, rate: _times(x, rate) - rate - mp.loggamma(x + 1),
        support=lambda rate: (mp.mpf(0), mp.inf if rate else mp.mpf(0)),
        centre=lambda rate: rate,
        width=lambda rate: mp.sqrt(rate),
        ordinary=[{"rate": 0.7}, {"rate": 3.5}],
        extreme=[{"rate": 1e12}, {"rate": 1e12 + 1e3}, {"rate": 1e-200}, {"rate": 0.0}],
    ),
    Law(
        name="Geometric",
        discrete=True,
        log_density=lambda x, probs: mp.log(probs) + _times(x, 1 - probs),
        support=lambda probs: (mp.mpf(0), mp.inf if probs < 1 else mp.mpf(0)),
        width=lambda probs: 1 / probs,
        ordinary=[{"probs": 0.4}, {"probs": 0.15}],
        extreme=[{"probs": 1e-20}, {"probs": 2e-20}, {"probs": 1 - 1e-9}, {"probs": 1.0}],
    ),
    Law(
        name="GeometricTrials",
        discrete=True,
        log_density=lambda x, probs: mp.log(probs) + _times(x - 1, 1 - probs),
        support=lambda probs: (mp.mpf(1), mp.inf if probs < 1 else mp.mpf(1)),
        width=lambda probs: 1 / probs,
        ordinary=[{"probs": 0.4}, {"probs": 0.15}],
        extreme=[{"probs": 1e-20}, {"probs": 1.0}],
    ),
    Law(
        name="NegativeBinomial",
        discrete=True,
        tied=("total_count",),
        log_density=_negative_binomial,
        support=lambda total_count, probs: (mp.mpf(0), mp.inf if probs else mp.mpf(0)),
        centre=lambda total_count, probs: total_count * probs / (1 - probs),
        width=lambda total_count, probs: (mp.sqrt(total_count) + 1) / (1 - probs),
        ordinary=[{"total_count": 2.5, "probs": 0.4}, {"total_count": 2.5, "probs": 0.7}],
        extreme=[
            {"total_count": 2.5, "probs": 1e-12},
            {"total_count": 2.5, "probs": 1 - 2**-40},
            {"total_count": 2.5, "probs": 0.0},
            {"total_count": 1e6, "probs": 1e-7},
        ],
    ),
]

TEXTBOOK = {
    ("Poisson", "Poisson"): lambda p_rate, q_rate: p_rate * mp.log(p_rate / q_rate) - p_rate + q_rate,
    ("Geometric", "Geometric"): lambda p_probs, q_probs: _trials(p_probs, q_probs) / p_probs,
    ("GeometricTrials", "GeometricTrials"): lambda p_probs, q_probs: _trials(p_probs, q_probs) / p_probs,
    ("NegativeBinomial", "NegativeBinomial"): lambda p_total_count, p_probs, q_total_count, q_probs: (
        p_total_count * _trials(p_probs, q_probs) / (1 - p_probs)
    ),
}
