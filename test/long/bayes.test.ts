import { expect, test } from 'vitest';
import { SAMPLER_NAMES } from '../../src/numerics/bayes/sampler.js';
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
