"""The group difference of run.mjs in PyMC, one core: JSON on stdin, one JSON line on stdout."""
import json
import sys
import time

import arviz as az
import numpy as np
import pymc as pm

job = json.load(sys.stdin)
a, b = (np.asarray(group) for group in job["groups"])
pooled = np.concatenate([a, b])
m, s = pooled.mean(), pooled.std(ddof=1)
with pm.Model():
    mean = pm.Normal("mean", 0, 2, shape=2)
    log_sigma = pm.Normal("log_sigma", 0, 1, shape=2)
    excess = pm.Exponential("excess", 1 / 29)
    for i, values in enumerate((a, b)):
        pm.StudentT(f"y{i}", nu=1 + excess, mu=mean[i], sigma=pm.math.exp(log_sigma[i]), observed=(values - m) / s)
    start = time.process_time()
    trace = pm.sample(
        job["draws"], tune=job["tune"], chains=4, cores=1, target_accept=0.95, random_seed=42, progressbar=False
    )
    seconds = time.process_time() - start
summary = az.summary(trace)
least = float(min(summary["ess_bulk"].min(), summary["ess_tail"].min()))
print(json.dumps({"model": "group_difference", "sampler": "pymc", "cpu_ms": round(1000 * seconds), "ess_per_s": round(least / seconds)}))
