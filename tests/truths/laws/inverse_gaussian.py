from mpmath import mp

from truths.halfline import POSITIVE
from truths.law import Law


def _density(x, loc, concentration):
    z = (x - loc) / loc
    return (mp.log(concentration / (2 * mp.pi)) - 3 * mp.log(x) - concentration * z * z / x) / 2


LAWS = [
    Law(
        name="InverseGaussian",
        log_density=_density,
        support=lambda **_: POSITIVE,
        coordinate="log",
        centre=lambda loc, concentration: mp.log(loc) - mp.log1p(loc / concentration) / 2,
        width=lambda loc, concentration: mp.sqrt(mp.log1p(loc / concentration)),
        # Between λ and μ²/λ the density of log x goes like a power, beyond it falls at once.
        marks=lambda loc, concentration: [
            *(mp.log(concentration) - k for k in (0, 2, 4, 6)),
            *(mp.log(loc) + mp.log1p(loc / concentration) + k for k in (0, 2, 4, 6)),
        ],
        costs=lambda **_: (mp.mpf(1), mp.mpf(1)),
        ordinary=[{"loc": 1.4, "concentration": 3.0}, {"loc": 0.8, "concentration": 1.1}],
        extreme=[{"loc": 1e50, "concentration": 1e42}, {"loc": 1e-3, "concentration": 1e9}],
    )
]
