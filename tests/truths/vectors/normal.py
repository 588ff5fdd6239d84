import mpmath as mp
import numpy as np
from scipy import linalg, stats

from truths.vectors import VectorLaw, condition, inverse, normal


def _covariance(a):
    if "scale_tril" in a:
        return a["scale_tril"] * a["scale_tril"].T
    return inverse(a["precision_matrix"]) if "precision_matrix" in a else a["covariance_matrix"]


def _full(a, b):
    return normal(a["loc"], _covariance(a), b["loc"], _covariance(b))


def _diagonal(a, b):
    return normal(a["loc"], mp.diag([x**2 for x in a["scale"]]), b["loc"], mp.diag([x**2 for x in b["scale"]]))


def _low_rank(a, b):
    first, second = (x["cov_factor"] * x["cov_factor"].T + mp.diag(list(x["cov_diag"])) for x in (a, b))
    return normal(a["loc"], first, b["loc"], second)


def _matrix(a, b):
    """vec X is normal with covariance V ⊗ U (columns stacked)."""

    def stacked(x):
        u, v = (x[s] * x[s].T for s in ("scale_tril_row", "scale_tril_column"))
        n, m = u.rows, v.rows
        covariance = mp.matrix(n * m, n * m)
        for i in range(n * m):
            for j in range(n * m):
                covariance[i, j] = u[i % n, j % n] * v[i // n, j // n]
        return mp.matrix([x["loc"][i % n, i // n] for i in range(n * m)]), covariance

    return normal(*stacked(a), *stacked(b))


def _of_scipy(covariance):
    def density(a):
        law = stats.multivariate_normal(a["loc"], covariance(a))
        return lambda rng, count: law.rvs(count, random_state=rng), law.logpdf

    return density


def _of_scipy_matrix(a):
    u, v = (np.asarray(a[s]) @ np.transpose(a[s]) for s in ("scale_tril_row", "scale_tril_column"))
    law = stats.matrix_normal(a["loc"], u, v)
    return lambda rng, count: law.rvs(count, random_state=rng), law.logpdf


def _conditioned(key):
    # A change of the last bit of the entries moves D by the condition number of the correlations times that.
    return lambda a, b: max(1e-12, 20 * 2.0**-52 * condition(a[key], b[key]))


HILBERT = linalg.hilbert(6)
SPREAD = np.array([1e-100, 1.0, 1e100])
A = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.7]])
B = np.array([[1.0, -0.2, 0.1], [-0.2, 0.5, 0.0], [0.1, 0.0, 2.5]])
LA, LB = np.linalg.cholesky(A), np.linalg.cholesky(B)
X, Y = np.array([0.3, -1.0, 2.0]), np.array([0.1, 0.4, 1.2])


LAWS = [
    VectorLaw(
        name="MultivariateNormal",
        formula=_full,
        ordinary=[{"loc": X, "covariance_matrix": A}, {"loc": Y, "covariance_matrix": B}],
        extreme=[
            {"loc": X * SPREAD, "covariance_matrix": A * SPREAD * SPREAD[:, None]},
            {"loc": Y, "covariance_matrix": B * 1e-100},
            {"loc": 1e8 * X, "covariance_matrix": A * 1e100},
            {"loc": np.zeros(6), "covariance_matrix": HILBERT},
            {"loc": np.ones(6), "covariance_matrix": HILBERT + 1e-3 * np.eye(6)},
            {"loc": np.array([2.0]), "covariance_matrix": np.array([[3.0]])},
        ],
        density=_of_scipy(lambda a: a["covariance_matrix"]),
        tolerance=_conditioned("covariance_matrix"),
    ),
    VectorLaw(
        name="DiagonalNormal",
        formula=_diagonal,
        ordinary=[{"loc": X, "scale": np.array([1.0, 2.0, 0.3])}, {"loc": Y, "scale": np.array([0.5, 1.5, 0.7])}],
        extreme=[{"loc": X, "scale": SPREAD}, {"loc": X, "scale": SPREAD[::-1]}],
        density=_of_scipy(lambda a: np.diag(a["scale"] ** 2)),
    ),
    VectorLaw(
        name="LowRankMultivariateNormal",
        formula=_low_rank,
        ordinary=[
            {"loc": X, "cov_factor": np.array([[1.0], [0.5], [-0.7]]), "cov_diag": np.array([1.0, 0.3, 2.0])},
            {"loc": Y, "cov_factor": np.array([[0.8], [0.1], [0.4]]), "cov_diag": np.array([0.5, 0.6, 1.0])},
        ],
        extreme=[
            {
                "loc": X,
                "cov_factor": np.array([[1e6, 2e3], [5.0, 1e6], [-7e5, 1e5]]),
                "cov_diag": np.array([1, 3, 2e3]),
            },
            {
                "loc": X,
                "cov_factor": np.array([[3e5, 2e6], [5e5, 1e6], [-7e3, 1.0]]),
                "cov_diag": np.array([3e8, 3, 2]),
            },
            {
                "loc": X,
                "cov_factor": 1e-9 * np.array([[1.0, 2.0], [2.0, 3.0], [0, 1]]),
                "cov_diag": np.array([3, 3, 2.0]),
            },
            {"loc": X, "cov_factor": 1e-90 * A[:, :2], "cov_diag": 1e-180 * X**2},
        ],
        density=_of_scipy(lambda a: a["cov_factor"] @ a["cov_factor"].T + np.diag(a["cov_diag"])),
    ),
    VectorLaw(
        name="MatrixNormal",
        formula=_matrix,
        ordinary=[
            {
                "loc": np.outer(X, [1.0, 2.0]),
                "scale_tril_row": LA,
                "scale_tril_column": np.array([[1.0, 0], [0.4, 0.7]]),
            },
            {
                "loc": np.outer(Y, [0.5, 1.0]),
                "scale_tril_row": LB,
                "scale_tril_column": np.array([[0.8, 0], [-1, 1.7]]),
            },
        ],
        extreme=[
            {"loc": np.zeros((3, 2)), "scale_tril_row": 1e100 * LA, "scale_tril_column": 1e-90 * np.eye(2)},
            {"loc": np.zeros((3, 2)), "scale_tril_row": LA, "scale_tril_column": np.array([[1.0, 0], [1e4, 1]])},
        ],
        density=_of_scipy_matrix,
        # A factor with entries 1e4 times its diagonal has a condition number of 1e8.
        tolerance=lambda a, b: max(1e-12, 4e-16 * max(np.linalg.cond(x["scale_tril_column"]) for x in (a, b))),
    ),
]
