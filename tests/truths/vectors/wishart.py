import mpmath as mp
import numpy as np
from scipy import stats

from truths.vectors import VectorLaw, condition, inverse, log_det, trace
from truths.vectors.normal import HILBERT, SPREAD, A, B


def multi_loggamma(x, n):
    return mp.mpf(n * (n - 1)) / 4 * mp.log(mp.pi) + mp.fsum(mp.loggamma(x - mp.mpf(i) / 2) for i in range(n))


def multi_digamma(x, n):
    return mp.fsum(mp.digamma(x - mp.mpf(i) / 2) for i in range(n))


def wishart(nu_p, v_p, nu_q, v_q):
    """Penny (2001)."""
    n = v_p.rows
    value = nu_q / 2 * (log_det(v_q) - log_det(v_p)) + nu_p / 2 * (trace(inverse(v_q) * v_p) - n)
    value += multi_loggamma(nu_q / 2, n) - multi_loggamma(nu_p / 2, n)
    return value + (nu_p - nu_q) / 2 * multi_digamma(nu_p / 2, n)


def _wishart(a, b):
    return wishart(a["df"], a["covariance_matrix"], b["df"], b["covariance_matrix"])


def _inverse_wishart(a, b):
    return wishart(a["df"], inverse(a["scale_matrix"]), b["df"], inverse(b["scale_matrix"]))


def _of_scipy(kind, key):
    def density(a):
        law = kind(a["df"], a[key])
        return lambda rng, count: law.rvs(count, random_state=rng), lambda x: law.logpdf(np.moveaxis(x, 0, -1))

    return density


def _parameters(key):
    ordinary = [{"df": 8.5, key: A}, {"df": 9.0, key: B}]
    extreme = [
        {"df": 1e12, key: A},
        {"df": 1e12 + 1e5, key: A * (1 + 1e-7)},
        {"df": 2 + 1e-6, key: B},
        {"df": 7.0, key: A * SPREAD * SPREAD[:, None]},
        {"df": 40.0, key: 1e100 * B},
        {"df": 9.0, key: HILBERT},
        {"df": 3.0, key: np.array([[2.0]])},
    ]
    return ordinary, extreme


def _conditioned(key):
    return lambda a, b: max(1e-12, 20 * 2.0**-52 * condition(a[key], b[key]))


LAWS = [
    VectorLaw(
        "Wishart",
        _wishart,
        *_parameters("covariance_matrix"),
        density=_of_scipy(stats.wishart, "covariance_matrix"),
        tolerance=_conditioned("covariance_matrix"),
    ),
    VectorLaw(
        "InverseWishart",
        _inverse_wishart,
        *_parameters("scale_matrix"),
        density=_of_scipy(stats.invwishart, "scale_matrix"),
        tolerance=_conditioned("scale_matrix"),
    ),
]
