"""Writes docs/closed_forms.md from the register: run ``python docs/closed_forms.py`` after adding a closed form."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import kullback as kb

PAGE = Path(__file__).with_suffix(".md")

HEAD = """# Closed forms

`kb.kl(P, Q)` of two distribution objects (frozen `scipy.stats`, `torch.distributions`, `numpyro.distributions`, or the
families of `kullback.distributions`) is the closed form of D(P‖Q), in nats, in the library of the first:
differentiable in torch and JAX, batches broadcasting. Where none is known it raises `NoClosedForm`, which names the
nearest pairs that have one; `kb.estimate` then computes the number and states its error.

In float64 the pairs between distributions of numbers are held to 12 digits of quadrature in 50, at ordinary, extreme
and nearly equal parameters; the files of `tests/truths/laws` state the conditions where it is fewer. Towards 1e±290
some pairs overflow on the way: of equal laws they give 0, of others they are refused. Under `jax.jit`, where neither
can be seen, they give NaN.

Large batches, of NumPy arrays or of CPU tensors without a gradient, are worked through in blocks on all cores (of
torch, on as many threads as it is told to use) and come out the same to the last bit, but for sums over counts, which
are as long as the largest count of the block asks for. The committed measurements, beside torch on every pair that it
has, are in `benchmarks/results/distributions.md`.

```python
>>> import kullback as kb
>>> import scipy.stats as st
>>> round(float(kb.kl(st.norm(0, 1), st.norm(1, 2))), 6)
0.443147
>>> float(kb.kl(st.norm(0, 1), st.norm(1e-9, 1)))        # torch returns 0
5e-19
>>> gamma = kb.distributions.Gamma
>>> print(f"{kb.kl(gamma(1e15, 1), gamma(1e15 * (1 + 1e-9), 1)):.6e}")   # torch returns -0.712
5.000001e-04
>>> float(kb.kl(st.norm(), st.expon()))                  # P has mass where Q has none
inf
>>> try:
...     kb.kl(st.t(3), st.laplace())
... except kb.NoClosedForm as refusal:
...     "kullback.estimate" in str(refusal)
True

```

For two members of an exponential family, `renyi`, `hellinger`, `chi2`, `tsallis` and `alpha_divergence` follow from the
log-normaliser, and `jeffreys`, `cross_entropy` and `entropy` wherever their parts are known. The Bhattacharyya
distance, −log ∫√(pq), is half of `renyi` of order ½:

```python
>>> round(float(kb.renyi(st.norm(0, 1), st.norm(1, 1), 2)), 6)
1.0
>>> round(float(kb.renyi(st.norm(0, 1), st.norm(1, 1), 0.5)) / 2, 6)
0.125
>>> round(float(kb.cross_entropy(st.expon(), st.gamma(2.0))), 6)
1.577216

```
"""


def page() -> str:
    """The page, made of the register."""
    forms = [form for form in kb.closed_forms() if form.finite]
    infinite = [form for form in kb.closed_forms() if not form.finite]
    direct = sum(not form.via for form in forms)
    families = len(kb.distributions.all_families())
    lines = [
        HEAD,
        f"There are {len(forms)} pairs with a finite closed form, between {families} families: {direct} with a formula "
        f"of their own and {len(forms) - direct} derived from another pair by an identity (an exponential distribution "
        "is a gamma distribution; a divergence is kept when both sides are mapped by one bijection). For "
        f"{len(infinite)} more the answer is always infinite, because P has mass where Q has none, or tails too heavy "
        "for it. `kb.closed_forms()` lists them all.",
        "",
        "Indices P and Q say whose parameter it is; parameters are those of the classes in `kullback.distributions`.",
    ]
    for name, group in groupby(forms, key=lambda form: form.p.__name__):
        lines += ["", f"## {name}", ""]
        for form in group:
            if form.via:
                lines.append(f"- **{form.name}**: as {form.via}")
            else:
                lines.append(f"- **{form.name}**: $`{form.formula}`$. {form.source}.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
