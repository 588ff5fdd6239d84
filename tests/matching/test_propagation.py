"""Expectation propagation where the answer is known: Gaussian factors, one factor, quadrature in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats as st
from scipy import integrate

import kullback as kb

RNG = np.random.default_rng(0)


def test_gaussian_factors_are_exact() -> None:
    a, b = RNG.normal(size=(20, 3)), RNG.normal(size=20)
    m = kb.expectation_propagation(lambda s: st.norm.logpdf(s, b[:, None]), a)
    covariance = np.linalg.inv(np.eye(3) + a.T @ a)
    assert m.converged
    assert m.result.mean == pytest.approx(covariance @ a.T @ b, abs=1e-8)
    assert m.result.cov == pytest.approx(covariance, abs=1e-8)
    wanted = st.multivariate_normal(np.zeros(20), a @ a.T + np.eye(20)).logpdf(b)
    assert m.log_evidence == pytest.approx(wanted, abs=1e-8)
    assert m.after.value == pytest.approx(0, abs=1e-12)


def test_one_factor_is_exact() -> None:
    prior = st.norm(0.5, 2.0)
    mass, moment, square = (
        integrate.quad(lambda x, k=k: x**k * st.norm.cdf(3 * x) * prior.pdf(x), -20, 20, points=[0])[0]
        for k in range(3)
    )
    m = kb.expectation_propagation(lambda s: st.norm.logcdf(s), [[3.0]], mean=[0.5], covariance=[[4.0]])
    assert m.result.mean == pytest.approx([moment / mass], rel=1e-6)
    assert m.result.cov[0, 0] == pytest.approx(square / mass - (moment / mass) ** 2, rel=1e-6)
    assert np.exp(m.log_evidence) == pytest.approx(mass, rel=1e-6)


def test_logistic_regression_is_near_the_integral() -> None:
    a = RNG.normal(size=(30, 2)) * [1.0, 2.0]
    labels = np.where(RNG.random(30) < 1 / (1 + np.exp(-a @ [1.0, -0.5])), 1.0, -1.0)
    signed = a * labels[:, None]
    m = kb.expectation_propagation(lambda s: -np.logaddexp(0, -s), signed)
    grid = np.linspace(-6, 6, 401)
    x = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    logs = -np.logaddexp(0, -x @ signed.T).sum(axis=1) + st.multivariate_normal(np.zeros(2)).logpdf(x)
    w = np.exp(logs) * (grid[1] - grid[0]) ** 2
    mean = w @ x / w.sum()
    assert m.converged
    top = x[np.argmax(logs)]
    curved = np.eye(2) + (signed * (np.cosh(signed @ top / 2) ** -2 / 4)[:, None]).T @ signed
    laplace = logs.max() + np.log(2 * np.pi) - np.linalg.slogdet(curved)[1] / 2
    assert abs(m.log_evidence - np.log(w.sum())) < abs(laplace - np.log(w.sum())) / 2
    assert np.abs(m.result.mean - mean).max() < np.abs(top - mean).max() / 4
    one_by_one = sequential(signed)
    assert m.result.mean == pytest.approx(one_by_one[0], abs=1e-6)
    assert m.result.cov == pytest.approx(one_by_one[1], abs=1e-6)


def sequential(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """EP one factor at a time, its integrals by sums over a fine grid."""
    tau, nu, precision, shift = np.zeros(len(a)), np.zeros(len(a)), np.eye(2), np.zeros(2)
    z = np.linspace(-12, 12, 2001)
    for _ in range(25):
        for i, along in enumerate(a):
            covariance = np.linalg.inv(precision)
            m, v = along @ covariance @ shift, along @ covariance @ along
            v_cavity = 1 / (1 / v - tau[i])
            m_cavity = v_cavity * (m / v - nu[i])
            s = m_cavity + np.sqrt(v_cavity) * z
            w = np.exp(-z * z / 2 - np.logaddexp(0, -s))
            mean = w @ s / w.sum()
            variance = w @ (s - mean) ** 2 / w.sum()
            site = 1 / variance - 1 / v_cavity, mean / variance - m_cavity / v_cavity
            precision = precision + (site[0] - tau[i]) * np.outer(along, along)
            shift = shift + (site[1] - nu[i]) * along
            tau[i], nu[i] = site
    covariance = np.linalg.inv(precision)
    return covariance @ shift, covariance


def test_interruption() -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    a = RNG.normal(size=(10, 2))
    m = kb.expectation_propagation(lambda s: -np.logaddexp(0, -s), a, progress=stop)
    assert not m.converged
    assert np.isfinite(m.result.mean).all()


@pytest.mark.parametrize(
    ("factors", "directions", "options", "message"),
    [
        (3, np.eye(2), {}, "callable"),
        (lambda s: s[:, :1], np.eye(2), {}, "gave shape"),
        (lambda s: s * np.nan, np.eye(2), {}, "nan for factor 0"),
        (lambda s: s - np.inf, np.eye(2), {}, "factor 0 is 0"),
        (lambda s: -s * s, np.eye(2), {"covariance": -np.eye(2)}, "positive definite"),
        (lambda s: -s * s, np.eye(2), {"mean": [0.0]}, "2 columns"),
        (lambda s: -s * s, [[np.inf, 0.0]], {}, "not finite"),
    ],
)
def test_bad_input(factors: Any, directions: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((kb.InputError, kb.InputTypeError), match=message):
        kb.expectation_propagation(factors, directions, **options)
