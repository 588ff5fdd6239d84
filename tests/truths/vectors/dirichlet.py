import mpmath as mp
import numpy as np
from scipy import stats

from truths.vectors import VectorLaw


def _formula(p, q):
    a, b = list(p["concentration"]), list(q["concentration"])
    total, other = mp.fsum(a), mp.fsum(b)
    value = mp.loggamma(total) - mp.loggamma(other)
    for x, y in zip(a, b, strict=True):
        value += mp.loggamma(y) - mp.loggamma(x) + (x - y) * (mp.digamma(x) - mp.digamma(total))
    return value


def _density(a):
    law = stats.dirichlet(a["concentration"])
    return lambda rng, count: law.rvs(count, random_state=rng), lambda x: law.logpdf(x.T)


def _of(*concentration):
    return {"concentration": np.array(concentration)}


LAWS = [
    VectorLaw(
        name="Dirichlet",
        formula=_formula,
        ordinary=[_of(1.3, 2.0, 0.7), _of(0.9, 3.0, 1.6)],
        extreme=[
            _of(1e12, 2e12, 3e12),
            _of(1e12, 1.0, 1e-3),
            _of(1e-8, 1e-3, 1e-5),
            _of(1e12 + 1e4, 2e12, 3e12 - 1e5),
            _of(*np.linspace(0.1, 30, 50)),
            _of(5e11, 1.5),
        ],
        density=_density,
    )
]
