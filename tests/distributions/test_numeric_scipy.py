"""Every continuous distribution of scipy.stats, against itself scaled and shifted: an honest number for each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats as st
from scipy.stats._distr_params import distcont, distdiscrete

import kullback as kb

# Densities or draws that take scipy a tenth of a second each.
SLOW = {"levy_stable", "studentized_range", "ksone", "rel_breitwigner", "gausshyper"}
# On the circle, a shift leaves no support.
CIRCULAR = {"vonmises", "vonmises_line", "wrapcauchy"}
CONTINUOUS = {name: arguments for name, arguments in distcont if name not in SLOW | CIRCULAR}
DISCRETE = {name: arguments for name, arguments in distdiscrete if isinstance(name, str)}


def is_inside(p: Any, q: Any) -> bool:
    (a, b), (c, d) = p.support(), q.support()
    return bool(c <= a and b <= d)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities(name: str) -> None:
    make, arguments = getattr(st, name), CONTINUOUS[name]
    p = make(*arguments)
    for q in (make(*arguments, scale=1.5), make(*arguments, loc=-0.25)):
        found = kb.estimate(p, q, method="quadrature")
        if not is_inside(p, q):
            assert found.value == math.inf
            continue
        if math.isinf(found.value):
            # Pearson's third, by scipy, is on all of the line, with a density of 0 beyond an end.
            assert "diverges" in found.caveats[0] or name == "pearson3"
            continue
        # Some log-densities of scipy are integrals themselves, or sums that cancel.
        assert found.error <= 1e-5 * max(found.value, 1e-3), found
        draws = p.rvs(size=4000, random_state=np.random.default_rng(1))
        with np.errstate(all="ignore"):
            terms = p.logpdf(draws) - q.logpdf(draws)
        terms = terms[np.isfinite(terms)]
        assert abs(np.mean(terms) - found.value) < 6 * np.std(terms) / math.sqrt(terms.size) + found.error + 1e-9


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities(name: str) -> None:
    make, arguments = getattr(st, name), DISCRETE[name]
    p, q = make(*arguments), st.nbinom(2, 0.2, loc=int(max(min(make(*arguments).support()[0], 0), -1000)))
    found = kb.estimate(p, q, method="series")
    if not is_inside(p, q):
        assert found.value == math.inf
        return
    if math.isinf(found.value):
        # A power tail against a geometric one.
        assert "diverges" in found.caveats[0]
        return
    low, high = p.support()
    k = np.arange(low, min(high, 20_000) + 1)
    with np.errstate(all="ignore"):
        log_p, log_q = p.logpmf(k), q.logpmf(k)
        terms = np.where(log_p > -np.inf, np.exp(log_p) * (log_p - log_q), 0.0)
    assert found.value == pytest.approx(math.fsum(terms), rel=1e-6, abs=1e-9)
