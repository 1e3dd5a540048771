"""Makes metrics.json: metrics of SciPy and scikit-learn on inputs with ties, constants, lengths 1 and 2.

Run: python make.py > metrics.json   (numpy, scipy, scikit-learn)
A metric that the reference leaves undefined (NaN, infinite) is null; so is R2 of constant targets,
where scikit-learn divides by the rounding error of their mean. Metrics that neither library has are written
here as they are defined, in numpy.
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
    "tied_long": tied(700),
    "lognormal": lognormal(300),
    "ranks_only": (rng.permutation(257).astype(float) + 1, rng.permutation(257).astype(float) + 1),
}


def pairs(p, y):
    """Ordered-pair and pairwise accuracy by definition, over all pairs."""
    i, j = np.triu_indices(len(p), 1)
    dp, dy = np.sign(p[i] - p[j]), np.sign(y[i] - y[j])
    with np.errstate(all="ignore"):
        return np.mean((dp == dy)[dy != 0]) if (dy != 0).any() else math.nan, np.mean(dp == dy) if len(i) else math.nan


def slowdown(p, y, k):
    """Top-K error; equal predictions rank slowest first."""
    return y[np.lexsort((-y, p))[:k]].min() / y.min() - 1


def intervals(p, y):
    low, high = p - np.abs(p) * 0.2, p + np.abs(p) * 0.3
    return {
        "low": low.tolist(),
        "high": high.tolist(),
        "coverage": float(np.mean((low <= y) & (y <= high))),
        "width": float(np.mean(high - low)),
        "relative_width": defined(np.mean((high - low) / np.abs(y))),
    }


def tasks(count):
    """TenSet's scores of a network of `count` tasks."""
    result = [(float(rng.integers(1, 9)), rng.normal(size=n), rng.lognormal(0, 1, n)) for n in rng.integers(1, 60, count)]
    top, peak = {}, {}
    for k in (1, 5, 20):
        chosen = [(w, y[np.argsort(-s)[:k]], y.min()) for w, s, y in result]
        top[k] = sum(w * best for w, _, best in chosen) / sum(w * y.min() for w, y, _ in chosen)
        curves = [(w, np.mean(np.maximum.accumulate(best / y))) for w, y, best in chosen]
        peak[k] = float(np.average([c for _, c in curves], weights=[w for w, _ in curves]))
    chosen = [(y[np.argmax(s)], y.min()) for _, s, y in result]
    return {
        "tasks": [{"weight": w, "scores": s.tolist(), "times": y.tolist()} for w, s, y in result],
        "top_k_score": top,
        "peak_score": peak,
        "tile_size_ape": sum(abs(t - best) for t, best in chosen) / sum(best for _, best in chosen),
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
        "ordered_pairs": defined(pairs(p, y)[0]),
        "pairwise": defined(pairs(p, y)[1]),
        "top_1": defined(slowdown(p, y, 1)) if (y > 0).all() else None,
        "top_5": defined(slowdown(p, y, 5)) if (y > 0).all() else None,
        "intervals": intervals(p, y),
        "ranks": stats.rankdata(p).tolist(),
        "ndcg_3": defined(sk.ndcg_score([y], [p], k=3)) if many and positive else None,
        "ndcg_all": defined(sk.ndcg_score([y], [p])) if many and positive else None,
    }


json.dump(
    {
        "made_with": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
        "cases": [case(name, *inputs) for name, inputs in CASES.items()],
        "networks": [tasks(count) for count in (1, 12)],
    },
    sys.stdout,
    indent=None,
    separators=(",", ":"),
)
print()
