from mpmath import mp

from truths.halfline import look
from truths.law import Law


def _chi(x, df, scale):
    z = x / scale
    return (1 - df / 2) * mp.log(2) - mp.log(scale) - mp.loggamma(df / 2) + (df - 1) * mp.log(z) - z * z / 2


def _nakagami(x, concentration, scale):
    m, z = concentration, x / scale
    return mp.log(2) + m * mp.log(m) - mp.loggamma(m) - mp.log(scale) + (2 * m - 1) * mp.log(z) - m * z * z


def _length(name, dimensions, density):
    return Law(
        name=name,
        log_density=density,
        **look(lambda scale: (mp.mpf(dimensions) / 2, 2, mp.log(scale) + mp.log(2) / 2)),
        ordinary=[{"scale": 0.8}, {"scale": 1.7}],
        extreme=[{"scale": 1e-60}, {"scale": 1e90}],
    )


LAWS = [
    Law(
        name="Chi",
        log_density=_chi,
        **look(lambda df, scale: (df / 2, 2, mp.log(scale) + mp.log(2) / 2)),
        ordinary=[{"df": 3.0, "scale": 0.6}, {"df": 4.5, "scale": 1.1}],
        extreme=[{"df": 1e-3, "scale": 1e40}, {"df": 1e6, "scale": 1e-40}],
    ),
    Law(
        name="Nakagami",
        log_density=_nakagami,
        **look(lambda concentration, scale: (concentration, 2, mp.log(scale) - mp.log(concentration) / 2)),
        ordinary=[{"concentration": 1.8, "scale": 1.4}, {"concentration": 2.6, "scale": 0.9}],
        extreme=[{"concentration": 1e-3, "scale": 1e40}, {"concentration": 1e6, "scale": 1e-40}],
    ),
    _length("HalfNormal", 1, lambda x, scale: mp.log(2 / mp.pi) / 2 - mp.log(scale) - (x / scale) ** 2 / 2),
    _length("Rayleigh", 2, lambda x, scale: mp.log(x) - 2 * mp.log(scale) - (x / scale) ** 2 / 2),
    _length(
        "Maxwell",
        3,
        lambda x, scale: mp.log(2 / mp.pi) / 2 + 2 * mp.log(x) - 3 * mp.log(scale) - (x / scale) ** 2 / 2,
    ),
]
