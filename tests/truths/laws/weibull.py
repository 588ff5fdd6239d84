from mpmath import mp

from truths.halfline import look
from truths.law import Law


def _weibull(x, scale, concentration):
    z = x / scale
    return mp.log(concentration / scale) + (concentration - 1) * mp.log(z) - z**concentration


def _frechet(x, scale, concentration):
    z = x / scale
    return mp.log(concentration / scale) - (concentration + 1) * mp.log(z) - z ** (-concentration)


def _gumbel(x, loc, scale):
    z = (x - loc) / scale
    return -mp.log(scale) - z - mp.exp(-z)


LAWS = [
    Law(
        name="Weibull",
        log_density=_weibull,
        **look(lambda scale, concentration: (mp.mpf(1), concentration, mp.log(scale))),
        ordinary=[{"scale": 1.3, "concentration": 1.6}, {"scale": 0.7, "concentration": 0.9}],
        extreme=[{"scale": 1e-60, "concentration": 0.05}, {"scale": 1e100, "concentration": 300.0}],
    ),
    Law(
        name="Frechet",
        log_density=_frechet,
        **look(lambda scale, concentration: (mp.mpf(1), -concentration, mp.log(scale))),
        ordinary=[{"scale": 0.9, "concentration": 2.3}, {"scale": 1.4, "concentration": 3.4}],
        extreme=[{"scale": 1e-60, "concentration": 0.05}, {"scale": 1e100, "concentration": 300.0}],
    ),
    Law(
        name="Gumbel",
        log_density=_gumbel,
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        ordinary=[{"loc": 0.3, "scale": 0.8}, {"loc": -1.0, "scale": 1.5}],
        extreme=[{"loc": 1e6, "scale": 1e-3}, {"loc": 0.0, "scale": 1e150}],
    ),
    Law(
        name="GumbelMin",
        log_density=lambda x, loc, scale: _gumbel(-x, -loc, scale),
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        ordinary=[{"loc": 0.1, "scale": 1.2}, {"loc": -1.0, "scale": 0.5}],
        extreme=[{"loc": 1e6, "scale": 1e-3}, {"loc": 0.0, "scale": 1e150}],
    ),
]

# e^(x/β_Q) has no mean under e^(−x/β_P).
INFINITE = {pair: lambda a, b: a["scale"] >= b["scale"] for pair in (("Gumbel", "GumbelMin"), ("GumbelMin", "Gumbel"))}
