import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import {
  ATLAS_STATISTIC_NAMES,
  computeAtlasStatistics,
  type AtlasStatisticName,
} from '../../../src/numerics/registration/statistics.js';
import {
  centroidScatter,
  phase0GoNoGo,
  residualVarianceMap,
} from '../../../src/numerics/registration/diagnostics.js';
import { deltaOnTrueSupport, regressionToMeanControl } from '../../../src/numerics/registration/departure.js';
import {
  normalizeDensity,
  NORMALIZATION_METHODS,
  type NormalizationMethod,
} from '../../../src/numerics/registration/normalization.js';
import { float64Mean, goldenArray, readCohort, readVolume, ulps } from '../../support/golden-atlas.js';
import { hasReference, reference } from '../../support/reference.js';

// Source: reference/atlas/golden (float64 numpy). Float64 results 1e-9 relative; maps are stored as float32, so 1 ulp.
const RELATIVE = 1e-9;

/** Every number of `expected` in `actual`, to 1e-9 of the expected value; null is NaN. */
function expectNumbers(actual: unknown, expected: unknown, path = ''): void {
  if (expected === null) return expect(actual, path).toBeNaN();
  if (typeof expected === 'number') {
    const difference = Math.abs((actual as number) - expected);
    return expect(difference, `${path}: ${actual} for ${expected}`).toBeLessThanOrEqual(
      RELATIVE * Math.abs(expected) + 1e-15,
    );
  }
  if (typeof expected === 'object') {
    for (const [key, value] of Object.entries(expected)) {
      expectNumbers((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
    }
    return;
  }
  expect(actual, path).toBe(expected);
}

describe.skipIf(!hasReference)('statistics of the golden stack', () => {
  const { data, shape } = hasReference
    ? goldenArray('stack')
    : { data: new Float32Array(0), shape: [0, 0, 0, 0] };
  const [n = 0, X = 0, Y = 0, Z = 0] = shape;
  const volumes = Array.from({ length: n }, (_, s) => data.subarray(s * X * Y * Z, (s + 1) * X * Y * Z));

  test.for([0, 1])('five maps with ddof %i', (ddof) => {
    const maps = computeAtlasStatistics(volumes, { ddof, presenceValue: 0.05 });
    for (const name of ATLAS_STATISTIC_NAMES) {
      const expected = goldenArray(`avg_ddof${ddof}_${name}`).data;
      expect(maps[name].length).toBe(expected.length);
      maps[name].forEach((value, v) => expect(ulps(value, expected[v] ?? NaN)).toBeLessThanOrEqual(1));
    }
  });

  test('residual variance', () => {
    const expected = goldenArray('residual_variance_map').data;
    residualVarianceMap({ volumes, shape: [X, Y, Z] }).forEach((value, v) =>
      expect(Math.abs(value - (expected[v] ?? NaN))).toBeLessThanOrEqual(
        RELATIVE * (expected[v] ?? NaN) + 1e-15,
      ),
    );
  });
});

const COHORTS = [
  ['cohort', 'tractography'],
  ['cohort', 'affine_native'],
  ['cohort_cst', 'tractography'],
] as const;

describe.skipIf(!hasReference)('averaging atlas of the reference cohorts', () => {
  test.for(COHORTS)('maps of %s %s to one float32 ulp', async ([name, space]) => {
    const cohort = await readCohort(name, space);
    const maps = computeAtlasStatistics(
      cohort.volumes.map((volume) => normalizeDensity(volume, 'waytotal', 2000).data),
    );
    for (const statistic of ATLAS_STATISTIC_NAMES) {
      const expected = await readVolume(reference(`atlas/golden/${name}/${space}/atlas_${statistic}.nii.gz`));
      let worst = 0;
      maps[statistic].forEach((value, v) => (worst = Math.max(worst, ulps(value, expected.data[v] ?? NaN))));
      expect(worst, statistic).toBeLessThanOrEqual(1);
    }
  });

  test.for(COHORTS)('sums, phase 0 and leave-one-out of %s %s', async ([name, space]) => {
    const cohort = await readCohort(name, space);
    const expected = JSON.parse(readFileSync(reference(`atlas/golden/${name}/expected.json`), 'utf8')) as {
      order: string[];
    } & Record<string, ExpectedSpace>;
    const golden = expected[space] as ExpectedSpace;
    expect(cohort.ids).toEqual(expected.order);
    expect(cohort.shape).toEqual(golden.shape);
    const { shape } = cohort;
    const voxelSizeMm = golden.voxel_mm;

    for (const method of NORMALIZATION_METHODS) {
      const entry = golden.by_normalisation[method];
      const volumes = cohort.volumes.map((volume) => normalizeDensity(volume, method, 2000).data);
      const maps = computeAtlasStatistics(volumes);
      for (const statistic of ATLAS_STATISTIC_NAMES) {
        const map = maps[statistic];
        const sum = map.reduce((total, value) => total + value, 0);
        // the sums are over float32 maps: half an ulp each (3e-8) bounds the difference
        expect(Math.abs(sum - entry[statistic].sum)).toBeLessThanOrEqual(1e-7 * entry[statistic].sum);
        expect(ulps(Math.max(...map), entry[statistic].max)).toBeLessThanOrEqual(1);
        expect(map.filter((value) => value !== 0).length).toBe(entry[statistic].nonzero);
      }
      expectNumbers(phase0GoNoGo({ volumes, shape }, { voxelSizeMm }), entry.phase0, `${method}.phase0`);
      const scatter = centroidScatter({ volumes, shape }, { voxelSizeMm });
      expectNumbers(scatter, entry.centroid_scatter, `${method}.centroid_scatter`);
    }

    const volumes = cohort.volumes.map((volume) => normalizeDensity(volume, 'waytotal', 2000).data);
    const looMean = (left: number): Float64Array => float64Mean(volumes.filter((_, s) => s !== left));
    for (const [id, numbers] of Object.entries(golden.by_normalisation.loo)) {
      const s = cohort.ids.indexOf(id);
      const truth = volumes[s] ?? [];
      const mean = looMean(s);
      expectNumbers(
        { ...deltaOnTrueSupport(mean, truth, mean), ...regressionToMeanControl(mean, truth, mean) },
        numbers,
        id,
      );
    }
    const example = golden.by_normalisation.delta_example;
    const at = (id: string): number => cohort.ids.indexOf(id);
    const [prediction, truth] = [volumes[at(example.prediction)] ?? [], volumes[at(example.truth)] ?? []];
    const mean = looMean(at(example.truth));
    expectNumbers(deltaOnTrueSupport(prediction, truth, mean), example.delta);
    expectNumbers(regressionToMeanControl(prediction, truth, mean), example.rtm);
  });
});

type Statistics = Record<AtlasStatisticName, { sum: number; max: number; nonzero: number }>;

interface ExpectedSpace {
  shape: number[];
  voxel_mm: [number, number, number];
  by_normalisation: Record<NormalizationMethod, Statistics & { phase0: object; centroid_scatter: object }> & {
    loo: Record<string, object>;
    delta_example: { prediction: string; truth: string; delta: object; rtm: object };
  };
}
