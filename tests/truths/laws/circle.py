from functools import cache

from mpmath import mp

from truths.law import Law


@cache
def _norm(concentration):
    return mp.log(2 * mp.pi * mp.besseli(0, concentration))


def _von_mises(x, loc, concentration):
    return concentration * mp.cos(x - loc) - _norm(concentration)


def _wrapped_cauchy(x, loc, concentration):
    c = concentration
    return mp.log((1 - c) * (1 + c) / (2 * mp.pi)) - mp.log((1 - c) ** 2 + 4 * c * mp.sin((x - loc) / 2) ** 2)


LAWS = [
    Law(
        name="VonMises",
        log_density=_von_mises,
        support=lambda **_: (-mp.pi, mp.pi),
        centre=lambda loc, concentration: loc,
        width=lambda loc, concentration: 1 / mp.sqrt(concentration + 1),
        ordinary=[{"loc": 0.3, "concentration": 2.0}, {"loc": -1.0, "concentration": 0.8}],
        extreme=[
            {"loc": 0.5, "concentration": 1e8},
            {"loc": 0.5, "concentration": 1e-6},
            {"loc": 0.5, "concentration": 10.0},
            {"loc": 0.5, "concentration": 19.99},
            {"loc": 0.5, "concentration": 25.0},
        ],
    ),
    Law(
        name="WrappedCauchy",
        log_density=_wrapped_cauchy,
        support=lambda **_: (-mp.pi, mp.pi),
        centre=lambda loc, concentration: loc,
        width=lambda loc, concentration: 1 - concentration,
        marks=lambda loc, concentration: [
            loc + sign * (1 - concentration) * mp.mpf(10) ** k for k in range(1, 12) for sign in (-1, 1)
        ],
        # No corner, but as good as one for the logarithm of a narrow density.
        kinks=lambda loc, concentration: [loc],
        ordinary=[{"loc": 0.3, "concentration": 0.5}, {"loc": -1.0, "concentration": 0.8}],
        extreme=[{"loc": 0.5, "concentration": 1 - 2.0**-30}, {"loc": 0.5, "concentration": 1e-8}],
    ),
]
