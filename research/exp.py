"""The coefficients of `exp` in generated code: 1 + r + r² P(r) of least relative error on [−ln 2 / 2, ln 2 / 2], by linear
programming.

    python research/exp.py
"""

import numpy as np
from scipy.optimize import linprog

END, DEGREE = np.log(2) / 2 * 1.0001, 5
r = np.cos(np.linspace(0, np.pi, 4001)) * END
powers = np.arange(2, DEGREE + 1)
# Columns of one size, and the bound on the error beside them.
columns, size = r[:, None] ** powers / np.exp(r)[:, None], END ** powers
known, one = (1 + r) / np.exp(r) - 1, np.ones((len(r), 1))
below = np.block([[columns / size, -one], [-columns / size, -one]])
least = linprog(np.r_[np.zeros(len(powers)), 1], below, np.r_[-known, known], bounds=(None, None),
                options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
print(f"relative error {least.x[-1]:.1e}\nP {[f'{c:.9g}' for c in least.x[:-1] / size]}")
