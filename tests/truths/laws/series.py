from mpmath import mp

from truths.law import Law


def _zero_inflated(x, gate, rate):
    if x == 0:
        return mp.log(gate + (1 - gate) * mp.exp(-rate))
    return mp.log(1 - gate) + x * mp.log(rate) - rate - mp.loggamma(x + 1)


def _of_inflated(a, u, b, v):
    """From gate a and rate u to gate b and rate v, for rates above 0."""
    p, q = a + (1 - a) * mp.exp(-u), b + (1 - b) * mp.exp(-v)
    rest = (1 - a) * ((1 - mp.exp(-u)) * (mp.log((1 - a) / (1 - b)) - u + v) + u * mp.log(u / v)) if a < 1 else 0
    return p * mp.log(p / q) + rest


LAWS = [
    Law(
        name="LogSeries",
        discrete=True,
        log_density=lambda x, probs: x * mp.log(probs) - mp.log(x) - mp.log(-mp.log(1 - probs)),
        support=lambda **_: (mp.mpf(1), mp.inf),
        width=lambda probs: 1 / (1 - probs),
        ordinary=[{"probs": 0.4}, {"probs": 0.9}],
        extreme=[{"probs": 1e-10}, {"probs": 0.03}, {"probs": 0.055}, {"probs": 0.19}, {"probs": 1 - 2**-40}],
    ),
    Law(
        name="Zeta",
        discrete=True,
        log_density=lambda x, power: -power * mp.log(x) - mp.log(mp.zeta(power)),
        support=lambda **_: (mp.mpf(1), mp.inf),
        # Too heavy a tail to sum: the formula in many digits is the truth.
        width=lambda **_: mp.mpf(10) ** 6,
        ordinary=[{"power": 2.5}, {"power": 1.6}],
        extreme=[
            {"power": 1 + 1e-6},
            {"power": 1.01},
            {"power": 4.0},
            {"power": 20.0},
            {"power": 1e4},
            {"power": 1100001.0},
        ],
    ),
    Law(
        name="DiscreteLaplace",
        discrete=True,
        log_density=lambda x, rate: mp.log(mp.tanh(rate / 2)) - rate * abs(x),
        width=lambda rate: 4 / rate,
        ordinary=[{"rate": 0.8}, {"rate": 2.0}],
        extreme=[{"rate": 1e-15}, {"rate": 1e-3}, {"rate": 30.0}],
    ),
    Law(
        name="ZeroInflatedPoisson",
        discrete=True,
        log_density=_zero_inflated,
        support=lambda gate, rate: (mp.mpf(0), mp.inf if gate < 1 and rate > 0 else mp.mpf(0)),
        centre=lambda gate, rate: rate,
        width=lambda gate, rate: mp.sqrt(rate),
        ordinary=[{"gate": 0.3, "rate": 2.5}, {"gate": 0.6, "rate": 0.8}],
        extreme=[
            {"gate": 0.2, "rate": 1e-8},
            {"gate": 0.0, "rate": 0.2},
            {"gate": 0.1, "rate": 500.0},
            {"gate": 1.0, "rate": 1.0},
            {"gate": 0.5, "rate": 0.0},
        ],
    ),
]

TEXTBOOK = {
    ("LogSeries", "LogSeries"): lambda p_probs, q_probs: (
        -p_probs / ((1 - p_probs) * mp.log(1 - p_probs)) * mp.log(p_probs / q_probs)
        + mp.log(mp.log(1 - q_probs) / mp.log(1 - p_probs))
    ),
    ("Zeta", "Zeta"): lambda p_power, q_power: (
        mp.log(mp.zeta(q_power) / mp.zeta(p_power)) - (q_power - p_power) * mp.zeta(p_power, 1, 1) / mp.zeta(p_power)
    ),
    ("DiscreteLaplace", "DiscreteLaplace"): lambda p_rate, q_rate: (
        mp.log(mp.tanh(p_rate / 2) / mp.tanh(q_rate / 2)) + (q_rate - p_rate) / mp.sinh(p_rate)
    ),
    ("Poisson", "ZeroInflatedPoisson"): lambda p_rate, q_gate, q_rate: _of_inflated(0, p_rate, q_gate, q_rate),
    ("ZeroInflatedPoisson", "Poisson"): lambda p_gate, p_rate, q_rate: _of_inflated(p_gate, p_rate, 0, q_rate),
}
