from mpmath import mp

from truths.halfline import POSITIVE
from truths.law import Law

LAWS = [
    Law(
        name="LogNormal",
        log_density=lambda x, loc, scale: (
            -(((mp.log(x) - loc) / scale) ** 2) / 2 - mp.log(x) - mp.log(scale) - mp.log(2 * mp.pi) / 2
        ),
        support=lambda **_: POSITIVE,
        coordinate="log",
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        # The mean of x^p has its mass at p·σ² further right.
        marks=lambda loc, scale: [loc + k * scale**2 for k in (-2, -1, 1, 2)] if scale > 1 else [],
        ordinary=[{"loc": 0.3, "scale": 0.7}, {"loc": -0.4, "scale": 0.5}],
        extreme=[{"loc": 100.0, "scale": 1e-6}, {"loc": -30.0, "scale": 6.0}, {"loc": 0.0, "scale": 38.0}],
    )
]
