from mpmath import mp

from truths.halfline import look
from truths.law import Law


def _inverse_gamma(x, concentration, rate):
    return concentration * mp.log(rate) - mp.loggamma(concentration) - (concentration + 1) * mp.log(x) - rate / x


LAWS = [
    Law(
        name="InverseGamma",
        log_density=_inverse_gamma,
        **look(lambda concentration, rate: (concentration, -1, mp.log(rate))),
        ordinary=[{"concentration": 3.5, "rate": 2.0}, {"concentration": 4.8, "rate": 5.0}],
        extreme=[{"concentration": 1e15, "rate": 1e3}, {"concentration": 1e-3, "rate": 1e-8}],
    ),
    Law(
        name="Levy",
        log_density=lambda x, scale: mp.log(scale / (2 * mp.pi)) / 2 - 3 * mp.log(x) / 2 - scale / (2 * x),
        **look(lambda scale: (mp.mpf(1) / 2, -1, mp.log(scale / 2))),
        ordinary=[{"scale": 0.8}, {"scale": 2.1}],
        extreme=[{"scale": 1e-200}, {"scale": 1e200}],
    ),
]
