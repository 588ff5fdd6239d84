import mpmath as mp
import numpy as np
from scipy import stats

from truths.vectors import VectorLaw, condition, inverse, normal
from truths.vectors.normal import A, B, X, Y
from truths.vectors.wishart import wishart


def _gamma(a, b):
    """Penny (2001)."""
    alpha, beta, other_alpha, other_beta = a["concentration"], a["rate"], b["concentration"], b["rate"]
    value = mp.loggamma(other_alpha) - mp.loggamma(alpha) + other_alpha * mp.log(beta / other_beta)
    return value + (alpha - other_alpha) * mp.digamma(alpha) + alpha * (other_beta / beta - 1)


def _of_precision(a, b, precision_p, precision_q, mean_precision, n):
    """E of D(N(μ_P, (τΛ_P)⁻¹)‖N(μ_Q, (τΛ_Q)⁻¹)): the shift counts E τ times."""
    zero = mp.zeros(n, 1)
    shift = a["loc"] - b["loc"] if n > 1 else mp.matrix([a["loc"] - b["loc"]])
    squares = (shift.T * precision_q * shift)[0]
    return mean_precision * squares / 2 + normal(zero, inverse(precision_p), zero, inverse(precision_q))


def _normal_gamma(a, b):
    precisions = (mp.matrix([[x["pseudo_count"]]]) for x in (a, b))
    return _of_precision(a, b, *precisions, a["concentration"] / a["rate"], 1) + _gamma(a, b)


def _vector(a, b):
    precisions = (x["precision_matrix"] for x in (a, b))
    return _of_precision(a, b, *precisions, a["concentration"] / a["rate"], a["loc"].rows) + _gamma(a, b)


def _normal_wishart(a, b, scale=lambda x: x["covariance_matrix"]):
    n = a["loc"].rows
    v_p, v_q, shift = scale(a), scale(b), a["loc"] - b["loc"]
    ratio = b["pseudo_count"] / a["pseudo_count"]
    squares = b["pseudo_count"] * a["df"] * (shift.T * v_p * shift)[0]
    return (squares + n * (ratio - 1 - mp.log(ratio))) / 2 + wishart(a["df"], v_p, b["df"], v_q)


def _normal_inverse_wishart(a, b):
    return _normal_wishart(a, b, lambda x: inverse(x["scale_matrix"]))


def _number(inverted):
    def density(a):
        gamma = (stats.invgamma if inverted else stats.gamma)(
            a["concentration"], scale=a["rate"] if inverted else 1 / a["rate"]
        )

        def spread(x):
            return np.sqrt((x if inverted else 1 / x) / a["pseudo_count"])

        def draw(rng, count):
            second = gamma.rvs(count, random_state=rng)
            return np.stack([stats.norm(a["loc"], spread(second)).rvs(count, random_state=rng), second], axis=-1)

        return draw, lambda x: gamma.logpdf(x[:, 1]) + stats.norm(a["loc"], spread(x[:, 1])).logpdf(x[:, 0])

    return density


def _vector_density(a):
    gamma = stats.gamma(a["concentration"], scale=1 / a["rate"])
    covariance = np.linalg.inv(a["precision_matrix"])
    noise = stats.multivariate_normal(np.zeros(len(a["loc"])), covariance)

    def draw(rng, count):
        second = gamma.rvs(count, random_state=rng)[:, None]
        return np.concatenate([a["loc"] + noise.rvs(count, random_state=rng) / np.sqrt(second), second], axis=-1)

    def log_density(x):
        root = np.sqrt(x[:, -1:])
        inner = noise.logpdf((x[:, :-1] - a["loc"]) * root) + len(a["loc"]) * np.log(root[:, 0])
        return inner + gamma.logpdf(x[:, -1])

    return draw, log_density


def _matrix_density(kind, key):
    def density(a):
        law, n = kind(a["df"], a[key]), len(a["loc"])

        def roots(x):
            """Of the precision over κ: its transpose whitens."""
            precision = x if kind is stats.wishart else np.linalg.inv(x)
            return np.linalg.cholesky(a["pseudo_count"] * precision)

        def draw(rng, count):
            second = law.rvs(count, random_state=rng)
            noise = rng.normal(size=(count, n, 1))
            value = a["loc"] + np.linalg.solve(np.swapaxes(roots(second), -1, -2), noise)[..., 0]
            return np.concatenate([value[:, None, :], second], axis=1)

        def log_density(x):
            root = roots(x[:, 1:])
            white = np.einsum("nji,nj->ni", root, x[:, 0] - a["loc"])
            log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(-1)
            inner = stats.norm.logpdf(white).sum(-1) + log_det
            return inner + law.logpdf(np.moveaxis(x[:, 1:], 0, -1))

        return draw, log_density

    return density


def _numbers(*values):
    return dict(zip(("loc", "pseudo_count", "concentration", "rate"), values, strict=True))


NUMBERS = {
    "ordinary": [_numbers(0.3, 2.0, 4.5, 3.0), _numbers(-0.4, 1.5, 5.0, 2.0)],
    "extreme": [
        _numbers(1e8, 1e-8, 1e12, 1.0),
        _numbers(1e8 + 1.0, 1e-8, 1e12 + 1e3, 1.0),
        _numbers(0.0, 1e100, 1e-3, 1e-100),
    ],
}


def _matrices(key):
    ordinary = [
        {"loc": X, "pseudo_count": 2.0, "df": 8.5, key: A},
        {"loc": Y, "pseudo_count": 3.0, "df": 9.0, key: B},
    ]
    extreme = [
        {"loc": X, "pseudo_count": 1e-8, "df": 1e12, key: A},
        {"loc": X * 1e6, "pseudo_count": 1e10, "df": 2.001, key: 1e-100 * B},
    ]
    return {"ordinary": ordinary, "extreme": extreme}


def _conditioned(key):
    return lambda a, b: max(1e-12, 20 * 2.0**-52 * condition(a[key], b[key]))


def _vectors():
    ordinary, extreme = (
        [{"loc": x, "precision_matrix": m, "concentration": c, "rate": r} for x, m, c, r in rows]
        for rows in (
            [(X, A, 4.5, 3.0), (Y, B, 5.0, 2.0)],
            [(X, 1e100 * A, 1e12, 1.0), (Y * 1e50, 1e-100 * B, 1e-3, 1e8)],
        )
    )
    return {"ordinary": ordinary, "extreme": extreme}


LAWS = [
    VectorLaw("NormalGamma", _normal_gamma, **NUMBERS, density=_number(False)),
    VectorLaw("NormalInverseGamma", _normal_gamma, **NUMBERS, density=_number(True)),
    VectorLaw(
        "MultivariateNormalGamma",
        _vector,
        **_vectors(),
        density=_vector_density,
        tolerance=_conditioned("precision_matrix"),
    ),
    VectorLaw(
        "NormalWishart",
        _normal_wishart,
        **_matrices("covariance_matrix"),
        density=_matrix_density(stats.wishart, "covariance_matrix"),
        tolerance=_conditioned("covariance_matrix"),
    ),
    VectorLaw(
        "NormalInverseWishart",
        _normal_inverse_wishart,
        **_matrices("scale_matrix"),
        density=_matrix_density(stats.invwishart, "scale_matrix"),
        tolerance=_conditioned("scale_matrix"),
    ),
]
