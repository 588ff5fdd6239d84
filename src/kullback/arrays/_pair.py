"""A pair of distributions, p and q, made ready for the formulas: everything is relative to q and safe to differentiate.

A formula sees the outcomes along the last axis. Arithmetic happens on *live* entries, where neither p nor q is 0; the
others are replaced before any function could turn them into NaN, forwards or backwards, and each formula says what
they are worth.
"""

from __future__ import annotations

import math

from ._backend import Array, Namespace
from ._lazy import lazy
from ._numeric import polynomial

# Beyond this log-ratio the closed form loses nothing; below it the series does not.
_NEAR = 1.0
# (1/22)! bounds the first term left out: far below a half-ulp at log-ratios up to _NEAR.
_TERMS = 22


class Pair:
    """Two arrays of probabilities over the last axis.

    Parameters
    ----------
    xp : namespace
        The array library.
    p, q : array
        Probabilities, broadcastable.
    difference : array
        p − q, formed without cancellation by whoever knows how.
    log_p, log_q : array, optional
        Logarithms, where they are what was given: then probabilities that underflow still count.
    log_ratio : array, optional
        log p − log q where both are finite, formed without cancellation; NaN where they are not is fine.
    """

    def __init__(
        self,
        xp: Namespace,
        p: Array,
        q: Array,
        difference: Array,
        *,
        log_p: Array | None = None,
        log_q: Array | None = None,
        log_ratio: Array | None = None,
        smooth: bool = False,
    ) -> None:
        self.xp, self.p, self.q, self.difference = xp, p, q, difference
        self._log_p, self._log_q, self._log_ratio = log_p, log_q, log_ratio
        # Probabilities made from logarithms reach 0 flatly: no slope of -inf there.
        self.smooth = smooth or log_p is not None

    def swap(self) -> Pair:
        """Return the pair with p and q exchanged."""
        ratio = None if self._log_ratio is None else -self._log_ratio
        return Pair(
            self.xp,
            self.q,
            self.p,
            -self.difference,
            log_p=self._log_q,
            log_q=self._log_p,
            log_ratio=ratio,
            smooth=self.smooth,
        )

    def fill(self, value: float) -> Array:
        """Return an array of one value."""
        return self.xp.full_like(self.difference, value)

    @lazy
    def p_is_zero(self) -> Array:
        """Where p is exactly 0."""
        return self.p == 0 if self._log_p is None else self._log_p == -math.inf

    @lazy
    def q_is_zero(self) -> Array:
        """Where q is exactly 0."""
        return self.q == 0 if self._log_q is None else self._log_q == -math.inf

    @lazy
    def live(self) -> Array:
        """Where neither is 0; NaN counts as alive, and so stays NaN."""
        return ~(self.p_is_zero | self.q_is_zero)

    @lazy
    def log_ratio(self) -> Array:
        """log(p/q) to full relative accuracy, also near p = q; 0 where either is 0."""
        xp, one = self.xp, self.fill(1.0)
        if self._log_ratio is not None:
            return xp.where(self.live, self._log_ratio, self.fill(0.0))
        p, q = (xp.where(self.live, x, one) for x in (self.p, self.q))
        d = xp.where(self.live, self.difference, self.fill(0.0))
        near = xp.abs(d) <= 0.5 * q
        close = xp.log1p(xp.where(near, d, self.fill(0.0)) / q)
        ratio = xp.where(near, one, p / q)
        # Where p/q overflows or underflows, the logarithms are so far apart that their difference is exact enough.
        tiny = float(xp.finfo(ratio.dtype).smallest_normal)
        formed = ((ratio >= tiny) & (ratio < math.inf)) | (ratio != ratio)
        apart = xp.log(xp.where(formed, one, p)) - xp.log(xp.where(formed, one, q))
        return xp.where(near, close, xp.where(formed, xp.log(xp.where(formed, ratio, one)), apart))

    @lazy
    def log_p(self) -> Array:
        """Log p on live entries, 0 elsewhere."""
        return self._safe_log(self.p, self._log_p)

    def _safe_log(self, x: Array, log: Array | None) -> Array:
        if log is not None:
            return self.xp.where(self.live, log, self.fill(0.0))
        return self.xp.log(self.xp.where(self.live, x, self.fill(1.0)))

    def _dip(self, x: Array, where: Array) -> Array:
        """Return 0 for the zeros of x that `where` marks, with the slope -inf in x that p·log p has there."""
        if self.smooth:
            return self.fill(0.0)
        return -self.xp.sqrt(self.xp.where(where, x, self.fill(1.0)))

    def gap(self, order: float = 1.0) -> Array:
        r"""Terms of the α-divergence: each at least 0, 0 only where p = q, to full relative accuracy.

        .. math:: \frac{p^α q^{1-α} - α p - (1-α) q}{α (α - 1)}

        At α = 1 this is q·φ(p/q) = p·log(p/q) − p + q (the limit), at α = 0 the same with p and q exchanged.
        """
        if order < 0.5:
            return self.swap().gap(1 - order)
        xp, eta, zero = self.xp, self.log_ratio, self.fill(0.0)
        near = xp.abs(eta) * max(1.0, order) <= _NEAR
        q = xp.where(self.live, self.q, zero)
        eta_near = xp.where(near, eta, zero)
        close = q * (eta_near * eta_near) * polynomial(eta_near, _series(order))

        far = self.live & ~near
        p = xp.where(far, self.p, zero)
        apart = (deformed(xp, p, eta, self.log_p, far, order) - xp.where(far, self.difference, zero)) / order

        only_p, only_q = self.q_is_zero & ~self.p_is_zero, self.p_is_zero & ~self.q_is_zero
        p_alone = self.p / (1 - order) + self._dip(self.q, only_p) if order < 1 else self._infinity(only_p)
        q_alone = self.q / order + (self._dip(self.p, only_q) if order <= 1 else -self.p / (order - 1))
        edge = xp.where(only_p, p_alone, xp.where(only_q, q_alone, zero))
        return xp.where(self.live, xp.where(near, close, apart), edge)

    def _infinity(self, only_p: Array) -> Array:
        """Return inf where only q is 0, growing in p and falling in q as the terms do on the way there."""
        if self._log_q is None:
            return self.p / self.xp.where(only_p, self.q, self.fill(1.0))
        weight = self.xp.where(only_p & (self.p != 0), self.p, self.fill(1.0))
        return -weight * self.xp.where(only_p, self._log_q, self.fill(0.0))

    def q_alone(self) -> Array:
        """Terms of the mass that q has where p has none."""
        return self.xp.where(self.p_is_zero, self.q, 0 * (self.p + self.q))

    def only(self, rows: Array) -> Pair:
        """Return the pair with the rows that are not marked emptied, where they can overflow into nothing."""
        xp, zero = self.xp, self.fill(0.0)
        log = {"log_p": self._log_p, "log_q": self._log_q}
        kept = {k: None if x is None else xp.where(rows, x, self.fill(-math.inf)) for k, x in log.items()}
        ratio = None if self._log_ratio is None else xp.where(rows, self._log_ratio, zero)
        p, q, difference = (xp.where(rows, x, zero) for x in (self.p, self.q, self.difference))
        return Pair(xp, p, q, difference, log_ratio=ratio, smooth=self.smooth, **kept)

    def dips(self) -> Array:
        """Terms worth 0, with the slope -inf that p^α q^(1−α), 0 < α < 1, gives to a zero facing a positive entry."""
        only_p, only_q = self.q_is_zero & ~self.p_is_zero, self.p_is_zero & ~self.q_is_zero
        zero = self.fill(0.0)
        return self.xp.where(only_p, self._dip(self.q, only_p), self.xp.where(only_q, self._dip(self.p, only_q), zero))


def against_mixture(
    xp: Namespace, arrays: list[Array], to_first: list[Array], weights: list[float], smooth: bool
) -> list[Pair]:
    """Return the pair of each array with the mixture of all; `to_first` are the arrays less the first of them."""
    shift = sum(w * d for w, d in zip(weights, to_first, strict=True))
    mixture = arrays[0] + shift
    nothing = mixture == 0
    # Half the smallest subnormal rounds to 0: an outcome that the mixture misses so is missed by its parts too.
    parts = [xp.where(nothing, mixture, a) for a in arrays]
    return [Pair(xp, a, mixture, d - shift, smooth=smooth) for a, d in zip(parts, to_first, strict=True)]


def deformed(xp: Namespace, p: Array, eta: Array, log_p: Array, far: Array, order: float) -> Array:
    """p·((p/q)^(α−1) − 1)/(α−1), which is p·log(p/q) at α = 1, without overflow on the way."""
    zero = xp.zeros_like(eta)
    if order == 1:
        return p * xp.where(far, eta, zero)
    x = xp.where(far, (order - 1) * eta, zero)
    large = x > 1
    power = xp.exp(xp.where(large, x + log_p, zero)) - p
    return xp.where(large, power, p * xp.expm1(xp.where(large, zero, x))) / (order - 1)


def _series(order: float) -> list[float]:
    """Coefficients of (e^(αη) − α·e^η − 1 + α)/(α(α−1)η²): the geometric sums 1 + α + … + α^j over (j+2)!."""
    coefficients, geometric, factorial = [], 1.0, 2.0
    for j in range(_TERMS):
        coefficients.append(geometric / factorial)
        geometric = 1.0 + order * geometric
        factorial *= j + 3
    return coefficients
