from mpmath import mp

from truths.law import Law


def _gamma(x, concentration, rate):
    return concentration * mp.log(rate) + (concentration - 1) * mp.log(x) - rate * x - mp.loggamma(concentration)


LAWS = [
    Law(
        name="Gamma",
        log_density=_gamma,
        support=lambda **_: (mp.mpf(0), mp.inf),
        coordinate="log",
        centre=lambda concentration, rate: mp.digamma(concentration) - mp.log(rate),
        width=lambda concentration, rate: mp.sqrt(mp.polygamma(1, concentration)),
        # Of a small concentration, log x falls off like exp(concentration·log x) on the left and at once on the right.
        marks=lambda concentration, rate: [k - mp.log(rate) for k in (-9, -3, -1, 0, 1, 3, 5, 6)],
        ordinary=[{"concentration": 2.5, "rate": 3.0}, {"concentration": 0.6, "rate": 0.8}],
        extreme=[
            {"concentration": 1e15, "rate": 1.0},
            {"concentration": 1e-3, "rate": 1e8},
            {"concentration": 30.0, "rate": 1e-200},
        ],
    ),
    Law(
        name="Exponential",
        log_density=lambda x, rate: mp.log(rate) - rate * x,
        support=lambda **_: (mp.mpf(0), mp.inf),
        coordinate="log",
        centre=lambda rate: -mp.log(rate),
        width=lambda rate: mp.mpf(1),
        ordinary=[{"rate": 0.7}, {"rate": 2.0}],
        extreme=[{"rate": 1e-200}, {"rate": 1e200}],
    ),
]
