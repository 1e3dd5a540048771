"""Makes metrics.json: metrics of SciPy and scikit-learn on inputs with ties, constants, lengths 1 and 2.

Run: python make.py > metrics.json   (numpy, scipy, scikit-learn)
A metric that the reference leaves undefined (NaN, infinite) is null; so is R2 of constant targets,
where scikit-learn divides by the rounding error of their mean.
"""

import json
import math
import sys
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics as sk

warnings.simplefilter("ignore")
rng = np.random.default_rng(20260101)


def defined(value):
    value = float(value)
    return value if math.isfinite(value) else None


def lognormal(n):
    y = rng.lognormal(1.0, 1.2, n)
    return y * rng.lognormal(0.0, 0.2, n), y


def tied(n):
    return rng.integers(1, 6, n).astype(float), rng.integers(1, 6, n).astype(float)


CASES = {
    "one": ([1.5], [2.0]),
    "two": ([1.5, 2.5], [2.0, 2.25]),
    "two_reversed": ([2.5, 1.5], [2.0, 2.25]),
    "two_equal": ([2.5, 2.5], [2.0, 2.25]),
    "constant_predicted": ([0.1] * 7, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5]),
    "constant_measured": ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5], [0.1] * 7),
    "constant_both": ([0.3] * 5, [0.7] * 5),
    "perfect": ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
    "negative": ([-1.0, 2.5, -3.0, 4.0, 0.0], [-1.5, 2.0, -3.5, 3.0, -0.25]),
    "large_offset": ([1e6 + 1, 1e6 + 2, 1e6 + 4, 1e6 + 3], [1e6 + 1.5, 1e6 + 2.5, 1e6 + 3.5, 1e6 + 4.5]),
    "tied": tied(60),
    "tied_long": tied(1000),
    "lognormal": lognormal(500),
    "ranks_only": (rng.permutation(257).astype(float) + 1, rng.permutation(257).astype(float) + 1),
}


def case(name, p, y):
    p, y = np.asarray(p, float), np.asarray(y, float)
    relative = np.abs(p - y) / np.abs(y)
    many = len(p) > 1
    positive = bool((y >= 0).all())
    return {
        "name": name,
        "predicted": p.tolist(),
        "measured": y.tolist(),
        "mae": defined(sk.mean_absolute_error(y, p)),
        "rmse": defined(sk.root_mean_squared_error(y, p)),
        "bias": defined(np.mean(p - y)),
        "r2": defined(sk.r2_score(y, p, force_finite=False)) if len(set(y.tolist())) > 1 else None,
        "mape": defined(sk.mean_absolute_percentage_error(y, p)),
        "rmspe": defined(np.sqrt(np.mean(relative**2))),
        "acc_10": defined(np.mean(relative <= 0.10)),
        "pearson": defined(stats.pearsonr(p, y).statistic) if many else None,
        "spearman": defined(stats.spearmanr(p, y).statistic) if many else None,
        "kendall": defined(stats.kendalltau(p, y).statistic) if many else None,
        "ranks": stats.rankdata(p).tolist(),
        "ndcg_3": defined(sk.ndcg_score([y], [p], k=3)) if many and positive else None,
        "ndcg_all": defined(sk.ndcg_score([y], [p])) if many and positive else None,
    }


json.dump(
    {
        "made_with": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
        "cases": [case(name, *inputs) for name, inputs in CASES.items()],
    },
    sys.stdout,
    indent=None,
    separators=(",", ":"),
)
print()
