"""Generators of f-divergences, each with its convex conjugate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from kullback._core.errors import InputError

from ._backend import Array, Namespace, as_arrays, inspectable, quiet
from ._numeric import xlogx
from ._pair import Pair, against_mixture


@dataclass(frozen=True)
class Generator:
    """A convex function f with f(1) = 0, as in D_f(p‖q) = Σ q·f(p/q), and its conjugate f*(t) = sup_x (t·x − f(x)).

    Parameters
    ----------
    name : str
        What the divergence is called.
    term : callable
        The terms q·f(p/q) of a `Pair`, without cancellation and with their limits where p or q is 0.
    f : callable
        f itself, of an array of ratios.
    conjugate : callable, optional
        f*, of an array; inf outside its domain. Adversarial objectives are made of it. Absent for a bare callable.

    Notes
    -----
    Adding c·(x − 1) to f changes no divergence of normalised arrays; here f'(1) = 0, so that every term is at least 0.
    The conjugates in the reference are of its own f, which differ from these by such a term or a factor.

    References
    ----------
    S. Nowozin, B. Cseke and R. Tomioka, f-GAN: Training generative neural samplers using variational divergence
    minimization, Advances in Neural Information Processing Systems 29 (2016), tables 1 (generators) and 2 (conjugates).
    """

    name: str
    term: Callable[[Pair], Array]
    f: Callable[[Array], Array]
    conjugate: Callable[[Array], Array] | None = None

    @classmethod
    def of(cls, f: Callable[[Array], Array]) -> Generator:
        """Make a generator of a bare function of the ratio p/q; it must be finite at 0 if p may be 0."""

        def term(pair: Pair) -> Array:
            xp, one = pair.xp, pair.fill(1.0)
            alone = pair.q_is_zero & ~pair.p_is_zero
            if inspectable(alone) and bool(xp.any(alone)):
                raise InputError(
                    "q is 0 where p is not, and a bare callable does not say what that costs: "
                    "pass a Generator whose term says so, or one of the names"
                )
            some = ~pair.q_is_zero
            q = xp.where(some, pair.q, one)
            return xp.where(some, q * f(xp.where(some, pair.p, one) / q), xp.where(alone, pair.fill(math.nan), 0 * q))

        return cls(getattr(f, "__name__", "f"), term, f)


def _on_arrays(formula: Callable[[Namespace, Array], Array]) -> Callable[[Array], Array]:
    """Give a formula the namespace of its array."""

    def function(x: Array) -> Array:
        xp, (array,) = as_arrays(x)
        with quiet(xp):
            return formula(xp, array)

    return function


def _inside(xp: Namespace, inside: Array, x: Array, safe: float, formula: Callable[[Array], Array]) -> Array:
    """Evaluate `formula` on a domain, inf outside it."""
    return xp.where(inside, formula(xp.where(inside, x, xp.full_like(x, safe))), xp.full_like(x, math.inf))


def _jeffreys_conjugate(xp: Namespace, t: Array) -> Array:
    """W + 1/w + t − 2 where w·e^w = e^(1−t): the sup is where log x + 1 − 1/x = t, that is 1/x = w."""
    far = t > 40  # 1/w is e^(t−1) + 1 there, and Newton's steps would multiply infinities by 0
    c = 1 - xp.where(far, xp.zeros_like(t), t)
    # u = log w solves u + e^u = c: Newton's method from above, where the convex left side makes it monotone.
    u = xp.where(c > 1, xp.log(xp.where(c > 1, c, xp.ones_like(c))), c)
    for _ in range(8):
        u = u - (u + xp.exp(u) - c) / (1 + xp.exp(u))
    nearer = xp.exp(u) + xp.exp(-u) + t - 2
    return xp.where(far, xp.exp(xp.where(far, t, xp.zeros_like(t)) - 1) + t - 1, nearer)


def _js_term(pair: Pair) -> Array:
    """½·(terms of KL(p‖m) + KL(q‖m)) for the mean m."""
    to_first = [pair.fill(0.0), -pair.difference]
    first, second = against_mixture(pair.xp, [pair.p, pair.q], to_first, [0.5, 0.5], pair.smooth)
    return 0.5 * (first.gap() + second.gap())


GENERATORS = {
    g.name: g
    for g in (
        Generator(
            "kl",
            lambda pair: pair.gap(),
            _on_arrays(lambda xp, x: xlogx(xp, x) - x + 1),
            _on_arrays(lambda xp, t: xp.expm1(t)),
        ),
        Generator(
            "reverse_kl",
            lambda pair: pair.gap(0),
            _on_arrays(lambda xp, x: x - 1 - xp.log(x)),
            _on_arrays(lambda xp, t: _inside(xp, t < 1, t, 0.0, lambda s: -xp.log1p(-s))),
        ),
        Generator(
            "jeffreys",
            lambda pair: pair.gap() + pair.gap(0),
            _on_arrays(lambda xp, x: (x - 1) * xp.log(x)),
            _on_arrays(_jeffreys_conjugate),
        ),
        Generator(
            "js",
            _js_term,
            _on_arrays(lambda xp, x: 0.5 * (xlogx(xp, x) - (1 + x) * xp.log((1 + x) / 2))),
            _on_arrays(
                lambda xp, t: _inside(xp, t < math.log(2) / 2, t, 0.0, lambda s: -0.5 * xp.log1p(-xp.expm1(2 * s)))
            ),
        ),
        Generator(
            "total_variation",
            lambda pair: 0.5 * pair.xp.abs(pair.difference),
            _on_arrays(lambda xp, x: 0.5 * xp.abs(x - 1)),
            _on_arrays(
                lambda xp, t: xp.where(
                    t <= 0.5, xp.where(t < -0.5, xp.full_like(t, -0.5), t), xp.full_like(t, math.inf)
                )
            ),
        ),
        Generator(
            "hellinger",
            lambda pair: 0.25 * pair.gap(0.5),
            _on_arrays(lambda xp, x: 0.5 * (xp.sqrt(x) - 1) ** 2),
            _on_arrays(lambda xp, t: _inside(xp, t < 0.5, t, 0.0, lambda s: s / (1 - 2 * s))),
        ),
        Generator(
            "pearson",
            lambda pair: 2 * pair.gap(2),
            _on_arrays(lambda xp, x: (x - 1) ** 2),
            _on_arrays(lambda xp, t: xp.where(t < -2, xp.full_like(t, -1.0), t + t * t / 4)),
        ),
        Generator(
            "neyman",
            lambda pair: 2 * pair.gap(-1),
            _on_arrays(lambda xp, x: (1 - x) ** 2 / x),
            _on_arrays(lambda xp, t: _inside(xp, t <= 1, t, 0.0, lambda s: 2 - 2 * xp.sqrt(1 - s))),
        ),
    )
}
