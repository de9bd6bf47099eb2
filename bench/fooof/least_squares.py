"""Processor time of scipy on the least-squares problems of FOOOF fits: three aperiodic fits and the joint peak fit.

Reads a JSON list of problems from stdin (bench/fooof/run.mjs --live writes it) and prints {"cpu_ms": per spectrum}. It is a lower
bound of what the Python package needs for the same spectra: the search, the checks and the bookkeeping are left out.
"""
import json
import os
import sys
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
warnings.simplefilter("ignore")
import numpy as np
from scipy.optimize import curve_fit


def line(f, offset, exponent):
    return offset - np.log10(f**exponent)


def bend(f, offset, knee, exponent):
    return offset - np.log10(knee + f**exponent)


def peaks(f, *parameters):
    total = np.zeros_like(f)
    for center, height, sd in zip(parameters[::3], parameters[1::3], parameters[2::3]):
        total = total + height * np.exp(-((f - center) ** 2) / (2 * sd**2))
    return total


def solve(problem):
    f, y, flat = problem["f"], problem["y"], problem["flat"]
    slope = abs((y[-1] - y[0]) / np.log10(f[-1] / f[0]))
    curve, start = (bend, [y[0], 0, slope]) if problem["knee"] else (line, [y[0], slope])
    first, _ = curve_fit(curve, f, y, p0=start, maxfev=5000)
    mask = problem["mask"]
    curve_fit(curve, f[mask], y[mask], p0=first, maxfev=5000)
    guess = problem["guess"]
    model = np.zeros_like(f)
    if len(guess) > 0:
        low, high = problem["widths"]
        lower = [v for c, _, s in guess for v in (max(c - 3 * s, f[0]), 0, low / 2)]
        upper = [v for c, _, s in guess for v in (min(c + 3 * s, f[-1]), np.inf, high / 2)]
        start_peaks = np.ravel(guess)
        fitted, _ = curve_fit(peaks, f, flat, p0=start_peaks, maxfev=5000, bounds=(lower, upper))
        model = peaks(f, *fitted)
    rest = y - model
    curve_fit(curve, f, rest, p0=[rest[0], *start[1:]], maxfev=5000)


problems = json.load(sys.stdin)
for problem in problems:
    for key in ("f", "y", "flat"):
        problem[key] = np.array(problem[key])
solved = 0
before = time.process_time()
for problem in problems:
    try:
        solve(problem)
        solved += 1
    except (RuntimeError, TypeError, ValueError):
        pass
print(json.dumps({"cpu_ms": round(1000 * (time.process_time() - before) / max(1, solved), 3), "solved": solved}))
