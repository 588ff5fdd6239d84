from mpmath import mp

from truths.halfline import POSITIVE
from truths.law import Law

LAWS = [
    Law(
        name="HalfCauchy",
        log_density=lambda x, scale: mp.log(2 / (mp.pi * scale)) - mp.log1p((x / scale) ** 2),
        support=lambda **_: POSITIVE,
        coordinate="log",
        centre=lambda scale: mp.log(scale),
        width=lambda scale: mp.mpf(2),
        tails=lambda scale: (mp.mpf(1), mp.mpf(1)),
        ordinary=[{"scale": 0.8}, {"scale": 1.9}],
        extreme=[{"scale": 1e-200}, {"scale": 1e200}],
    )
]
