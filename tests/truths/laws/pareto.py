from mpmath import mp

from truths.halfline import POSITIVE
from truths.law import Law

LAWS = [
    Law(
        name="Pareto",
        log_density=lambda x, scale, alpha: mp.log(alpha) + alpha * mp.log(scale) - (alpha + 1) * mp.log(x),
        support=lambda scale, alpha: (scale, mp.inf),
        # In the logarithm of x − scale.
        coordinate="log",
        centre=lambda scale, alpha: mp.log(scale) - mp.log1p(alpha),
        width=lambda scale, alpha: mp.mpf(1) + 1 / alpha,
        marks=lambda scale, alpha: [mp.log(scale), mp.log(scale) + 10 / alpha, mp.log(scale) + 50 / alpha],
        tails=lambda scale, alpha: (mp.inf, alpha),
        ordinary=[{"scale": 1.2, "alpha": 3.5}, {"scale": 0.6, "alpha": 2.8}],
        extreme=[{"scale": 1e-100, "alpha": 1e6}, {"scale": 1e60, "alpha": 1e-2}],
    ),
    Law(
        name="Lomax",
        log_density=lambda x, scale, alpha: mp.log(alpha / scale) - (alpha + 1) * mp.log1p(x / scale),
        support=lambda **_: POSITIVE,
        coordinate="log",
        centre=lambda scale, alpha: mp.log(scale) - mp.euler - mp.digamma(alpha),
        width=lambda scale, alpha: mp.sqrt(mp.zeta(2) + mp.polygamma(1, alpha)),
        marks=lambda scale, alpha: [mp.log(scale), mp.log(scale) + 10 / alpha, mp.log(scale) + 50 / alpha],
        tails=lambda scale, alpha: (mp.mpf(1), alpha),
        ordinary=[{"scale": 2.5, "alpha": 3.5}, {"scale": 1.2, "alpha": 2.8}],
        extreme=[{"scale": 1e6, "alpha": 1e6}, {"scale": 1e60, "alpha": 1e-2}],
    ),
]
