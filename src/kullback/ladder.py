"""The ladder: a closed form where there is one, else quadrature or a sum, else draws, else samples; with an error."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ._core.divergence import Divergence
from ._core.errors import InputError, InputTypeError
from ._core.progress import Progress, reporter
from .distributions import measures
from .distributions._family import Family
from .distributions.adapters import adapt
from .distributions.numeric._side import side
from .distributions.numeric.rungs import METHODS, climbed, named
from .samples.against import Draw, estimate_against
from .samples.estimation import MOST_ROWS, estimate_samples
from .samples.problem import Floats, Missing
from .samples.reading import is_sample


def estimate(
    P: Any,
    Q: Any,
    *,
    method: str = "auto",
    confidence: float = 0.95,
    rng: int | np.random.Generator | None = None,
    progress: bool | Progress | None = None,
    tolerance: float | None = None,
    missing: Missing = "raise",
    most_rows: int | None = MOST_ROWS,
    test: bool = False,
    draw: Draw | None = None,
) -> Divergence:
    r"""Estimate D(P‖Q), with its error: of two distribution objects, of samples of both, or of one of each.

    **Of two distribution objects**, the first of these that applies answers:

    1. the closed form (`kullback.kl`), whose error is 0;
    2. ∞, where P's support leaves Q's;
    3. of densities on the line, quadrature of q·φ(p/q), φ(x) = x·log x − x + 1; of integers, its sum; both with a
       bound on the error;
    4. of densities of two or three numbers, cubature where it converges, with a bound on the error;
    5. Monte Carlo from draws of P and of Q, with a standard error.

    **From samples**, D(P‖Q) = E_P[log p/q], where log p/q is what a classifier of "from P or from Q" learns. Families
    of classifiers (linear, quadratic, smooth curves, learnt directions, surfaces, boosted trees) are fitted, every row
    is judged by fits that did not see it, and the families are weighed by how well they do (Yao, Vehtari, Simpson &
    Gelman 2018). The interval is two-sided where log p/q has a formula, and says "at least" where it has none.

    **From a sample of P and a known Q**, how good a model of the data Q is: the mean of log q over the rows, and what a
    reference that can be drawn from leaves to be learnt of P.

    Parameters
    ----------
    P, Q : distribution object, or sample; Q also a log-density
        P is the truth, Q the model of it. Distributions: of scipy.stats (frozen, or of the new infrastructure),
        torch.distributions, numpyro.distributions or kullback.distributions, or a fitted GaussianMixture of
        scikit-learn; they may be of different libraries. Samples: arrays and tensors of any real dtype, (n, d) and
        (m, d) or (n,) and (m,), nested lists, or data frames, series and tables of pandas, Polars and PyArrow, one row
        a draw; columns are matched by name, and text is a category. Beside a sample, Q may be a callable: log q in
        nats, normalised, of rows of the shape of P's (or log-probabilities, of a discrete sample).
    method : str
        "auto"; of distributions one rung: "closed form", "quadrature", "series", "cubature", "Monte Carlo", for
        mixtures of Gaussians also "variational" (Hershey and Olsen's approximation, with bounds as the interval) and
        "bounds"; of samples one estimator: a file of `kullback/samples/estimators`, such as "linear", "quadratic" or
        "boosting".
    confidence : float
        Coverage of the interval. That of a bound on the error holds at any.
    rng : int or numpy.random.Generator, optional
        Seed or source of the draws of Monte Carlo, or of the dealing of rows, which is 0 by default: the same samples
        give the same answer.
    progress : bool or callable, optional
        True shows a bar once 2 s have passed; a callable is called with what is done and what there seems to be.
    tolerance : float, optional
        Distributions only: the error wanted, in nats. Monte Carlo doubles its draws until the standard error is within
        it, or 2^22 draws are made; the others refine. A caveat says where it was not reached.
    missing : {"raise", "outcome"}
        Two samples only: whether a missing value is an error or an outcome of its own.
    most_rows : int, optional
        Samples only: larger ones are sub-sampled to this many rows each, and the result says so; None uses all.
    test : bool
        Two samples only: whether to test P = Q, exactly, by permutation; the result has its `p_value`.

    Returns
    -------
    Divergence
        The value in nats, its `error` (a bound, or a standard error), the `interval` (an upper end of inf says "at
        least"), the `method` that answered and `caveats`, sentences on what was cut, left out or not reached.

    Raises
    ------
    InputTypeError
        If P or Q is neither a distribution object nor a sample, or Q is a sample and P is not.
    InputError
        If they are over different events or variables, are batches, are samples too small or with values that are no
        numbers (named by column and row), or if the method named does not exist or an option does not apply.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.stats
    >>> import kullback as kb
    >>> d = kb.estimate(scipy.stats.gumbel_r(0, 1), scipy.stats.skewnorm(3, -1, 2))
    >>> d.method, round(d.value, 6), d.error < 1e-12
    ('quadrature', 0.02008, True)
    >>> rng = np.random.default_rng(0)
    >>> d = kb.estimate(rng.normal(1, 1, 1000), rng.normal(0, 1, 1000))  # the truth is ½
    >>> d.interval[0] < 0.5 < d.interval[1]
    True
    """
    if not 0 < _number("confidence", confidence) < 1:
        raise InputError(f"confidence must lie strictly between 0 and 1, got {confidence!r}")
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise InputTypeError(f"progress must be True, False or a function, got {progress!r}")
    draws = _generator(rng)
    sampled = is_sample(P), is_sample(Q)
    if all(sampled):
        _refuse("distribution objects", tolerance=tolerance is not None)
        _refuse("a sample and a log-density", draw=draw is not None)
        with reporter(progress, "estimators") as report:
            return estimate_samples(
                P,
                Q,
                method=method,
                confidence=float(confidence),
                rng=None if rng is None else draws,
                missing=missing,
                most_rows=most_rows,
                test=test,
                report=report,
            )
    if sampled[1]:
        _law(P, "P")
        raise InputTypeError(
            "P is a distribution and Q are samples: where only Q's draws are known, give draws of P too, "
            "estimate(P.rvs(n), y); how good a model of the samples the distribution is, is estimate(y, P)"
        )
    if sampled[0]:
        _refuse("two samples", method=method != "auto", missing=missing != "raise", test=test)
        _refuse("distribution objects", tolerance=tolerance is not None)
        return _against(P, Q, draw, confidence=float(confidence), rng=rng, most_rows=most_rows)
    _refuse("samples", missing=missing != "raise", most_rows=most_rows != MOST_ROWS, test=test, draw=draw is not None)
    name = _method(method)
    if tolerance is not None and not 0 < _number("tolerance", tolerance) < math.inf:
        raise InputError(f"tolerance must be a finite number above 0, got {tolerance!r}")
    p, q = _law(P, "P"), _law(Q, "Q")
    _check(p, q)
    p, q = p.beside(q), q.beside(p)
    # Libraries warn of the overflows and logarithms of 0 that are looked for here.
    with warnings.catch_warnings(), reporter(progress, "draws of P") as report:
        warnings.simplefilter("ignore", RuntimeWarning)
        options = tolerance, float(confidence), draws, report
        return climbed(p, q, *options) if name == "auto" else named(name, p, q, *options)


def _against(x: Any, Q: Any, draw: Draw | None, **options: Any) -> Divergence:
    """Estimate from a sample and a distribution object or a log-density."""
    try:
        law = _law(Q, "Q")
    except InputTypeError:
        if not callable(Q):
            raise
        return estimate_against(x, Q, draw=draw, **options)
    _refuse("a log-density", draw=draw is not None)
    _check_batch("Q", law)
    known = side(law)

    def log_density(rows: Floats) -> Floats:
        if rows.shape[1:] == (1,) and not law.event_shape:
            rows = rows[:, 0]
        if rows.shape[1:] != law.event_shape:
            raise InputError(f"rows of x have shape {rows.shape[1:]}, and events of Q {law.event_shape}")
        return known.log_density(rows)

    def own(count: int, rng: np.random.Generator) -> Floats:
        return known.draw(rng, count)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        draws = own if known.can_be_sampled else None
        return estimate_against(x, log_density, draw=draws, discrete=law.discrete, **options)


def _refuse(kind: str, **given: bool) -> None:
    for name, used in given.items():
        if used:
            raise InputError(f"{name} is an option for {kind} only: leave it out")


def _method(method: Any) -> str:
    wanted = str(method).replace("_", " ").lower()
    for name in METHODS:
        if name.lower() == wanted:
            return name
    raise InputError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name} must be a number, got {value!r}") from error


def _generator(rng: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"rng must be a whole number of at least 0, a numpy.random.Generator or None, got {rng!r}"
        ) from error


def _law(thing: Any, name: str) -> Family:
    try:
        return adapt(thing)
    except InputTypeError as error:
        raise InputTypeError(f"{name}: {error}") from error


def _check(p: Family, q: Family) -> None:
    _check_batch("P", p)
    _check_batch("Q", q)
    measures.check_events(p, q)


def _check_batch(name: str, law: Family) -> None:
    if law.batch_shape:
        raise InputError(
            f"{name} is a batch of shape {law.batch_shape}: estimate takes one distribution at a time; "
            "kullback.kl takes batches where there is a closed form"
        )
