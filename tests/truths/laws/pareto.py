from mpmath import mp

from truths.halfline import POSITIVE
from truths.law import Law

LAWS = [
    Law(
        name="Pareto",
        log_density=lambda x, scale, alpha: mp.log(alpha) + alpha * mp.log(scale) - (alpha + 1) * mp.log(x),
        support=lambda scale, alpha: (scale, mp.inf),
        # In the logarithm of x − scale.
        coordinate="log",
        centre=lambda scale, alpha: mp.log(scale) - mp.log1p(alpha),
        width=lambda scale, alpha: mp.mpf(1) + 1 / alpha,
        marks=lambda scale, alpha: [mp.log(scale), mp.log(scale) + 10 / alpha, mp.log(scale) + 50 / alpha],
        tails=lambda scale, alpha: (mp.inf, alpha),
        ordinary=[{"scale": 1.2, "alpha": 3.5}, {"scale": 0.6, "alpha": 2.8}],
        extreme=[{"scale": 1e-100, "alpha": 1e6}, {"scale": 1e60, "alpha": 1e-2}],
    ),
    Law(
        name="Lomax",
        log_density=lambda x, scale, alpha: mp.log(alpha / scale) - (alpha + 1) * mp.log1p(x / scale),
        support=lambda **_: POSITIVE,
        coordinate="log",
        centre=lambda scale, alpha: mp.log(scale) - mp.euler - mp.digamma(alpha),
        width=lambda scale, alpha: mp.sqrt(mp.zeta(2) + mp.polygamma(1, alpha)),
        marks=lambda scale, alpha: [mp.log(scale), mp.log(scale) + 10 / alpha, mp.log(scale) + 50 / alpha],
        tails=lambda scale, alpha: (mp.mpf(1), alpha),
        ordinary=[{"scale": 2.5, "alpha": 3.5}, {"scale": 1.2, "alpha": 2.8}],
        extreme=[{"scale": 1e6, "alpha": 1e6}, {"scale": 1e60, "alpha": 1e-2}],
    ),
    Law(
        name="FisherSnedecor",
        log_density=lambda x, df1, df2: (
            (df1 / 2) * mp.log(df1 / df2)
            + (df1 / 2 - 1) * mp.log(x)
            - (df1 + df2) / 2 * mp.log1p(df1 / df2 * x)
            - mp.log(mp.beta(df1 / 2, df2 / 2))
        ),
        support=lambda **_: POSITIVE,
        coordinate="log",
        centre=lambda df1, df2: mp.digamma(df1 / 2) - mp.digamma(df2 / 2) - mp.log(df1 / df2),
        width=lambda df1, df2: mp.sqrt(mp.polygamma(1, df1 / 2) + mp.polygamma(1, df2 / 2)),
        tails=lambda df1, df2: (df1 / 2, df2 / 2),
        ordinary=[{"df1": 4.0, "df2": 7.0}, {"df1": 3.0, "df2": 6.5}],
        extreme=[{"df1": 1e5, "df2": 2.0}, {"df1": 0.2, "df2": 1e6}],
    ),
]

# With many degrees of freedom above and few below, what each parameter adds cancels down to a share of it.
CONDITIONS = {
    ("FisherSnedecor", "FisherSnedecor"): lambda a, b: max(1e-12, 2.0**-52 * a["df1"] / a["df2"]),
}
