from mpmath import mp

from truths.halfline import look
from truths.law import Law


def _density(x, concentration, power, scale):
    z = x / scale
    logs = mp.log(abs(power) / scale) - mp.loggamma(concentration)
    return logs + (power * concentration - 1) * mp.log(z) - z**power


LAWS = [
    Law(
        name="GeneralizedGamma",
        log_density=_density,
        **look(lambda concentration, power, scale: (concentration, power, mp.log(scale))),
        ordinary=[
            {"concentration": 1.7, "power": 1.4, "scale": 2.0},
            {"concentration": 3.2, "power": -1.5, "scale": 0.8},
        ],
        extreme=[
            {"concentration": 400.0, "power": 0.05, "scale": 1e-30},
            {"concentration": 0.02, "power": 7.0, "scale": 1e40},
        ],
    )
]
