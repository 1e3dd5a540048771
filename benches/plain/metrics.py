"""The peer of metrics.rs: SciPy's Kendall tau-b of the two arrays in the folder named. (numpy, scipy)"""
import pathlib
import sys
import time

import numpy as np
import scipy
from scipy.stats import kendalltau

folder = pathlib.Path(sys.argv[1])
p, y = (np.frombuffer((folder / name).read_bytes()) for name in "py")
times = []
for _ in range(15):
    start = time.perf_counter()
    tau = kendalltau(p, y).statistic
    times.append(1e3 * (time.perf_counter() - start))
times.sort()
print(f"    SciPy {scipy.__version__}: median {times[7]:.1f} ms, least {times[0]:.1f} ms, tau {tau:.15f}")
