from functools import cache

from mpmath import mp

from truths.law import Law

LOCATIONS = [{"loc": 0.3, "scale": 1.5}, {"loc": -1.0, "scale": 0.7}]
FAR = [{"loc": 1e8, "scale": 1e-3}, {"loc": 0.0, "scale": 1e-170}, {"loc": 3.0, "scale": 1e170}]


def _asymmetric(x, loc, scale, asymmetry):
    rate = asymmetry if x >= loc else 1 / asymmetry
    return -abs(x - loc) / scale * rate - mp.log(scale * (asymmetry + 1 / asymmetry))


def _logistic(x, loc, scale):
    z = abs(x - loc) / scale
    return -z - 2 * mp.log1p(mp.exp(-z)) - mp.log(scale)


@cache
def _peak(df):
    return mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(mp.pi * df) / 2


def _student(x, df, loc, scale):
    z = (x - loc) / scale
    return _peak(df) - mp.log(scale) - (df + 1) / 2 * mp.log1p(z * z / df)


def _power_tails(loc, scale, df=1):
    """Decades until less than 1e-45 of the mass is left."""
    decades = int(min(90, mp.ceil(48 / df)))
    return [loc + sign * scale * mp.mpf(10) ** k for k in range(2, decades, 2) for sign in (-1, 1)]


LAWS = [
    Law(
        name="Laplace",
        log_density=lambda x, loc, scale: -abs(x - loc) / scale - mp.log(2 * scale),
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        kinks=lambda loc, scale: [loc],
        costs=lambda **_: (1, 1),
        ordinary=LOCATIONS,
        extreme=FAR,
    ),
    Law(
        name="AsymmetricLaplace",
        log_density=_asymmetric,
        centre=lambda loc, scale, asymmetry: loc,
        width=lambda loc, scale, asymmetry: scale * (asymmetry + 1 / asymmetry) / 2,
        marks=lambda loc, scale, asymmetry: [
            loc + k * s for k in (1, 6, 60) for s in (scale / asymmetry, -scale * asymmetry)
        ],
        kinks=lambda loc, scale, asymmetry: [loc],
        costs=lambda **_: (1, 1),
        ordinary=[{"loc": 0.3, "scale": 1.5, "asymmetry": 0.6}, {"loc": -1.0, "scale": 0.7, "asymmetry": 1.4}],
        extreme=[
            {"loc": 1e8, "scale": 1e-3, "asymmetry": 1e4},
            {"loc": 3.0, "scale": 1e20, "asymmetry": 1e-6},
            {"loc": 0.0, "scale": 1.0, "asymmetry": 1.0},
        ],
    ),
    Law(
        name="Cauchy",
        log_density=lambda x, loc, scale: -mp.log1p(((x - loc) / scale) ** 2) - mp.log(mp.pi * scale),
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        marks=_power_tails,
        # No corner, but seen from a wide P, a log-singularity.
        kinks=lambda loc, scale: [loc],
        tails=lambda **_: (1, 1),
        ordinary=LOCATIONS,
        extreme=FAR,
    ),
    Law(
        name="Logistic",
        log_density=_logistic,
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        costs=lambda **_: (1, 1),
        ordinary=LOCATIONS,
        extreme=FAR,
    ),
    Law(
        name="StudentT",
        log_density=_student,
        centre=lambda df, loc, scale: loc,
        width=lambda df, loc, scale: scale,
        marks=_power_tails,
        kinks=lambda df, loc, scale: [loc],
        tails=lambda df, **_: (df, df),
        ordinary=[{"df": 5.0, "loc": 0.3, "scale": 1.5}, {"df": 3.0, "loc": -1.0, "scale": 0.7}],
        extreme=[
            {"df": 1e8, "loc": 0.3, "scale": 1.5},
            {"df": 2.5, "loc": 1e8, "scale": 1e-3},
            {"df": 1.5, "loc": 0.0, "scale": 1.0},
        ],
    ),
]
# The moment generating function that Gumbel's density asks for ends at the scale of an exponential tail.
INFINITE = {(name, "Gumbel"): lambda a, b: a["scale"] >= b["scale"] for name in ("Laplace", "Logistic")}
