"""The coefficients of `erf` in generated code: x P(x²) / Q(x²) of least relative error on [0, 3.925], where f32 has no number
between erf and 1. Least squares, with weights that grow where the error is large (Lawson) and Q of the step before.

    python research/erf.py
"""

from math import erf

import numpy as np

END, P, Q = 3.925, 6, 4
x = (np.cos(np.pi * (np.arange(4000) + 0.5) / 4000) + 1) / 2 * END
x = x[x > 1e-4]
s, f = x * x, np.array([erf(t) for t in x]) / x
weights, below, best = np.ones_like(x), np.ones_like(x), None
for _ in range(1500):
    root = np.sqrt(weights) / (below * f)
    columns = np.hstack([np.vander(s, P + 1, True), -f[:, None] * np.vander(s, Q + 1, True)[:, 1:]]) * root[:, None]
    scale = np.abs(columns).max(0)
    found = np.linalg.lstsq(columns / scale, f * root, rcond=None)[0] / scale
    p, q = found[: P + 1], np.r_[1, found[P + 1 :]]
    below = np.abs(np.polyval(q[::-1], s))
    error = np.abs(np.polyval(p[::-1], s) / below / f - 1)
    if best is None or error.max() < best[0]:
        best = error.max(), p, q
    weights *= (error / error.max() + 1e-3) ** 0.4
    weights /= weights.mean()

error, p, q = best
print(f"relative error {error:.1e}\nP {[f'{c:.9g}' for c in p[::-1]]}\nQ {[f'{c:.9g}' for c in q[::-1]]}")
t = np.linspace(-5, 5, 400001, dtype=np.float32)
c = np.clip(t, -np.float32(END), np.float32(END))
run = lambda all: np.polyval(all[::-1].astype(np.float32), c * c)
apart = np.abs((c * run(p) / run(q)).astype(np.float32) - [erf(v) for v in t])
print(f"in f32 without fused products: {apart.max():.1e}")
