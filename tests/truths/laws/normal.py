from mpmath import mp

from truths.law import Law

LAWS = [
    Law(
        name="Normal",
        log_density=lambda x, loc, scale: -(((x - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2,
        centre=lambda loc, scale: loc,
        width=lambda loc, scale: scale,
        costs=lambda **_: (2, 2),
        ordinary=[{"loc": 0.3, "scale": 1.5}, {"loc": -1.0, "scale": 0.7}],
        extreme=[{"loc": 1e8, "scale": 1e-3}, {"loc": 0.0, "scale": 1e-170}, {"loc": 3.0, "scale": 1e170}],
    )
]
