"""The group difference of run.mjs in emcee, one core: JSON on stdin, one JSON line on stdout.

The log density is numpy over all walkers at once. Walkers of an ensemble depend on each other: effective draws are those of its mean
chains, by the integrated autocorrelation time that emcee estimates, times the number of walkers.
"""
import json
import sys
import time

import emcee
import numpy as np
from scipy.special import gammaln

job = json.load(sys.stdin)
a, b = (np.asarray(group) for group in job["groups"])
pooled = np.concatenate([a, b])
m, s = pooled.mean(), pooled.std(ddof=1)
groups = [(a - m) / s, (b - m) / s]


def log_density(q):
    excess = np.exp(q[:, 4])
    nu = (1 + excess)[:, None]
    total = q[:, 4] - excess / 29 - 0.125 * (q[:, :2] ** 2).sum(1) - 0.5 * (q[:, 2:4] ** 2).sum(1)
    for g, values in enumerate(groups):
        z = (values - q[:, g, None]) / np.exp(q[:, 2 + g, None])
        each = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi) - 0.5 * (nu + 1) * np.log1p(z * z / nu)
        total = total + each.sum(1) - len(values) * q[:, 2 + g]
    return total


walkers = 32
random = np.random.default_rng(42)
start = random.normal(0, 0.1, (walkers, 5)) + [0, 0, 0, 0, np.log(29)]
np.random.seed(42)
sampler = emcee.EnsembleSampler(walkers, 5, log_density, vectorize=True)
before = time.process_time()
state = sampler.run_mcmc(start, job["tune"])
sampler.reset()
sampler.run_mcmc(state, 4 * job["draws"])
seconds = time.process_time() - before
worst = float(sampler.get_autocorr_time(quiet=True).max())
draws = walkers * 4 * job["draws"]
print(
    json.dumps(
        {
            "model": "group_difference",
            "sampler": f"emcee {emcee.__version__}",
            "cpu_ms": round(1000 * seconds),
            "ess_bulk": round(draws / worst),
            "ess_per_s": round(draws / worst / seconds),
        }
    )
)
