from mpmath import mp

from truths.halfline import look
from truths.law import Law


def _gamma(x, concentration, rate):
    return concentration * mp.log(rate) + (concentration - 1) * mp.log(x) - rate * x - mp.loggamma(concentration)


LAWS = [
    Law(
        name="Gamma",
        log_density=_gamma,
        **look(lambda concentration, rate: (concentration, 1, -mp.log(rate))),
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
        **look(lambda rate: (mp.mpf(1), 1, -mp.log(rate))),
        ordinary=[{"rate": 0.7}, {"rate": 2.0}],
        extreme=[{"rate": 1e-200}, {"rate": 1e200}],
    ),
    Law(
        name="Chi2",
        log_density=lambda x, df: (df / 2 - 1) * mp.log(x) - x / 2 - df / 2 * mp.log(2) - mp.loggamma(df / 2),
        **look(lambda df: (df / 2, 1, mp.log(2))),
        ordinary=[{"df": 3.0}, {"df": 5.5}],
        extreme=[{"df": 1e14}, {"df": 1e-3}],
    ),
]
