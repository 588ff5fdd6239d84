import mpmath as mp
import numpy as np
from scipy import stats

from truths.vectors import VectorLaw


def _log_constant(kappa, n):
    half = mp.mpf(n) / 2
    # I by its own exponential, so that large κ does not overflow.
    return (half - 1) * mp.log(kappa) - half * mp.log(2 * mp.pi) - mp.log(mp.besseli(half - 1, kappa))


def _formula(a, b):
    """Diethe (2015)."""
    n, kappa, other = a["loc"].rows, a["concentration"], b["concentration"]
    lengths = mp.sqrt((a["loc"].T * a["loc"])[0] * (b["loc"].T * b["loc"])[0])
    cosine = (a["loc"].T * b["loc"])[0] / lengths
    ratio = mp.besseli(mp.mpf(n) / 2, kappa) / mp.besseli(mp.mpf(n) / 2 - 1, kappa)
    return _log_constant(kappa, n) - _log_constant(other, n) + (kappa - other * cosine) * ratio


def _density(a):
    law = stats.vonmises_fisher(a["loc"] / np.linalg.norm(a["loc"]), a["concentration"])
    return lambda rng, count: law.rvs(count, random_state=rng), law.logpdf


def _of(concentration, *direction):
    direction = np.array(direction, float)
    return {"loc": direction / np.linalg.norm(direction), "concentration": concentration}


def _in_two(concentration):
    return _of(concentration, 0.6, 0.8)


HIGH = np.linspace(-1, 2, 60)

LAWS = [
    VectorLaw(
        name="VonMisesFisher",
        formula=_formula,
        ordinary=[_of(3.0, 1, 2, -1), _of(1.5, 0, 2, 1)],
        extreme=[
            *(_in_two(kappa) for kappa in (1e-8, 0.3, 1e3, 1e8)),
            *(_of(kappa, 1, 0, 0) for kappa in (1e-8, 20.0, 1e8)),
            *(_of(kappa, 1, 2, 3, 4, 5) for kappa in (1e-3, 50.0, 1e6)),
            *(_of(kappa, *HIGH) for kappa in (1e-2, 30.0, 1e4)),
        ],
        density=_density,
    )
]
