/** Metrics of spec/learned_atlas.md 10 against reference/atlas/golden/<cohort>/expected.json. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { normalizeDensity } from '../../../src/numerics/registration/normalization.js';
import { SIMILARITY_METRICS, tractSimilarity } from '../../../src/numerics/similarity/tract-similarity.js';
import { readCohort } from '../../support/golden-atlas.js';
import { hasReference, reference } from '../../support/reference.js';

interface Expected {
  readonly affine: number[][];
  readonly by_normalisation: {
    readonly tract_similarity: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
}

describe.skipIf(!hasReference)('similarity of reference subjects', () => {
  test.each(['cohort', 'cohort_cst'] as const)('%s', async (name) => {
    const text = readFileSync(reference(`atlas/golden/${name}/expected.json`), 'utf8');
    const { affine, by_normalisation } = (JSON.parse(text) as { tractography: Expected }).tractography;
    const { ids, volumes: counts, shape } = await readCohort(name);
    // The reference compares what an atlas is made of: counts over waytotal (2000), float32.
    const volumes = counts.map((volume) => normalizeDensity(volume, 'waytotal', 2000).data);
    const pairs = Object.entries(by_normalisation.tract_similarity);
    expect(pairs.length).toBeGreaterThan(0);
    for (const [pair, expected] of pairs) {
      const [a, b] = pair.split('_vs_').map((id) => volumes[ids.indexOf(id)]!);
      const found = tractSimilarity({ a: a!, b: b!, shape, affine: affine.flat() });
      expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
      expect([...SIMILARITY_METRICS].sort()).toEqual(Object.keys(expected).sort());
      for (const metric of SIMILARITY_METRICS) {
        // Relative, as all float64 golden numbers.
        const limit = 1e-9 * Math.abs(expected[metric]!);
        expect(Math.abs(found[metric] - expected[metric]!), `${pair} ${metric}`).toBeLessThanOrEqual(limit);
      }
    }
  });
});
