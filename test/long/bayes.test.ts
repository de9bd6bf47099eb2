import { describe, expect, test } from 'vitest';
import { createHierarchicalRegression } from '../../src/numerics/bayes/models/hierarchical-regression.js';
import { createHorseshoe } from '../../src/numerics/bayes/models/horseshoe.js';
import { getBayesianSampler } from '../../src/numerics/bayes/sampler.js';
import { SAMPLER_NAMES } from '../../src/numerics/bayes/settings.js';
import { seededRandom } from '../../src/numerics/random.js';
import { sbcRanks } from '../support/calibration.js';

test.each(SAMPLER_NAMES)(
  'ranks of true values among the draws of %s are uniform over 2000 replications',
  async (sampler) => {
    const { bins, expected } = await sbcRanks({ replications: 2000, seed: 11, sampler });
    for (const counts of Object.values(bins)) {
      const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // 99.9 % quantile of chi-square with 5 degrees of freedom.
      expect(chiSquare).toBeLessThan(20.5);
    }
  },
);

const random = seededRandom(3, 'data');
const normal = (n: number, mean: number, sd: number): number[] =>
  Array.from({ length: n }, () => mean + sd * random.normal());
const predictors = Array.from({ length: 12 }, (_, j) => ({ name: `d${j}`, values: normal(60, 100, 5) }));
// Two that say nearly the same.
predictors.push({ name: 'twin', values: predictors[0]!.values.map((x) => x + random.normal()) });
const site = Array.from({ length: 60 }, (_, i) => `s${i % 6}`);
const noise = normal(60, 0, 4);
const signal = noise.map(
  (e, i) => 2 * predictors[0]!.values[i]! - 1.5 * predictors[7]!.values[i]! + 5 * (i % 6) + e,
);
const few = predictors.slice(0, 2);
const MODELS = {
  'sites that differ': createHierarchicalRegression({ outcome: signal, predictors: few, site }),
  'sites that do not differ': createHierarchicalRegression({ outcome: noise, predictors: few, site }),
  'many sites with few rows': createHierarchicalRegression({
    outcome: signal,
    predictors: few,
    site: site.map((_, i) => `s${i % 25}`),
  }),
  'slopes that matter': createHorseshoe({ outcome: signal, predictors }),
  'no slopes that matter': createHorseshoe({ outcome: noise, predictors }),
  'more predictors than rows': createHorseshoe({
    outcome: signal.slice(0, 10),
    predictors: predictors.map(({ name, values }) => ({ name, values: values.slice(0, 10) })),
  }),
};

describe.each(SAMPLER_NAMES)('with %s the chains agree on a regression with', (name) => {
  test.each(Object.entries(MODELS))('%s', async (_what, model) => {
    const config = { draws: 2000, tune: 1000, chains: 4, targetAccept: 0.95 };
    const posterior = await getBayesianSampler(name, config).sample(model);
    expect(posterior.divergences / (4 * 2000)).toBeLessThan(0.001);
    for (const { parameter, r_hat, ess_bulk } of posterior.summary()) {
      expect(r_hat, `R-hat of ${parameter}`).toBeLessThan(1.01);
      expect(ess_bulk, `effective draws of ${parameter}`).toBeGreaterThan(400);
    }
  });
});
