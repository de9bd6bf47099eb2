/** Short form of test/long/quality: direct mode on one person of the reference cohort, leave-source-out. */
import { describe, expect, test } from 'vitest';
import { nativeStatus } from '../../src/native/index.js';
import { evaluateSubject } from '../../src/numerics/registration/evaluate.js';
import { normalizeDensity } from '../../src/numerics/registration/normalization.js';
import { LossSettings, ModelSettings, OptimizerSettings } from '../../src/numerics/registration/settings.js';
import { readCohort } from '../support/golden-atlas.js';
import { hasReference } from '../support/reference.js';

describe.skipIf(!hasReference || !nativeStatus().available)('direct mode on the reference cohort', () => {
  test('predicts person 101 better than the mean of the others, without folds', async () => {
    const { ids, volumes, shape } = await readCohort('cohort');
    const result = await evaluateSubject({
      ids,
      // Every subject of this cohort has a waytotal of 2000 (its README).
      volumes: volumes.map((counts) => normalizeDensity(counts, 'waytotal', 2000).data),
      shape,
      affine: [2.5, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, 1],
      id: '101',
      groupBy: { 106: 101 },
      settings: {
        model: ModelSettings.parse({}),
        loss: LossSettings.parse({}),
        optimizer: OptimizerSettings.parse({ mode: 'direct' }),
        densityInLog: false,
      },
      crop: true,
      margin: 4,
      instanceSteps: 30,
      foldPolicy: 'report',
      checkpointDir: null,
      device: 'cpu',
      threads: 2,
    });
    expect(result.left_out).toEqual(['101', '106']);
    // RESULTS.md: 0.633 and 0.900 for this person; the bars of the cohort are 0.60 and 0.88.
    expect(result.relative_reduction).toBeGreaterThanOrEqual(0.62);
    expect(result.departure_pearson).toBeGreaterThanOrEqual(0.88);
    expect(result.departure_energy_ratio).toBeLessThan(2);
    expect(result.n_folds).toBe(0);
  });
});
