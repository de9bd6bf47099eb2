import { describe, expect, test } from 'vitest';

import { deltaOnTrueSupport, trueSupportMask } from '../../../../src/numerics/registration/departure.js';
import {
  centroidScatter,
  occupancyEntropy,
  phase0GoNoGo,
  residualVarianceMap,
} from '../../../../src/numerics/registration/diagnostics.js';
import {
  countNegativeJacobians,
  jacobianDeterminant,
  jacobianMinAndFolds,
} from '../../../../src/numerics/registration/jacobian.js';
import { densityDefect, normalizeDensity } from '../../../../src/numerics/registration/normalization.js';
import { computeAtlasStatistics } from '../../../../src/numerics/registration/statistics.js';

describe('statistics', () => {
  test('two subjects by hand', () => {
    const maps = computeAtlasStatistics([Float32Array.of(0, 2, 1), Float32Array.of(0, 4, 0)]);
    expect([...maps.mean]).toEqual([0, 3, 0.5]);
    expect([...maps.std]).toEqual([0, 1, 0.5]);
    expect([...maps.std_error]).toEqual([0, 1, 0.5].map((x) => Math.fround(x / Math.SQRT2)));
    expect([...maps.cov]).toEqual([0, Math.fround(1 / 3), 1]);
    expect([...maps.prob_threshold]).toEqual([0, 1, 0.5]);
  });

  test('the coefficient of variation is 0 at and below the threshold, also where every mean is 0', () => {
    const options = { covMeanThresholdPct: 0.5 };
    const maps = computeAtlasStatistics([[4, 2, 2.5], [4, 2, 2]], options); // prettier-ignore
    expect([...maps.cov]).toEqual([0, 0, Math.fround(0.25 / 2.25)]);
    expect([...computeAtlasStatistics([[0, 0], [0, 0]], { covMeanThresholdPct: 0 }).cov]).toEqual([0, 0]); // prettier-ignore
  });

  test('presence is strict; one subject with ddof 1 has no deviation', () => {
    expect([...computeAtlasStatistics([[1, 2]], { presenceValue: 1 }).prob_threshold]).toEqual([0, 1]);
    expect([...computeAtlasStatistics([[1, 2]], { ddof: 1 }).std]).toEqual([0, 0]);
  });

  test('order of subjects does not matter, and a large offset does not spoil the variance', () => {
    const values = [1e8, 1e8 + 1, 1e8 + 2];
    const maps = computeAtlasStatistics(values.map((x) => [x]));
    expect(maps.std[0]).toBeCloseTo(Math.sqrt(2 / 3), 6);
    expect(computeAtlasStatistics([...values].reverse().map((x) => [x]))).toEqual(maps);
  });

  test('no volume, unequal volumes and options out of range are refused', () => {
    expect(() => computeAtlasStatistics([])).toThrow('atlas statistics need at least one volume');
    expect(() => computeAtlasStatistics([[1], [1, 2]])).toThrow('volume 1 has 2 voxels, volume 0 has 1');
    expect(() => computeAtlasStatistics([[1]], { covMeanThresholdPct: 1 })).toThrow(
      'an option is out of range',
    );
  });
});

describe('normalisation', () => {
  const counts = [0, 1, 3, 4];
  test.for([
    ['none', [0, 1, 3, 4], 1],
    ['waytotal', [0, 0.01, 0.03, 0.04], 100],
    ['max', [0, 0.25, 0.75, 1], 4],
    ['sum', [0, 0.125, 0.375, 0.5], 8],
    ['log', [0, Math.log(2) / Math.log(5), Math.log(4) / Math.log(5), 1], Math.log(5)],
  ] as const)('%s', ([method, expected, constant]) => {
    const normalized = normalizeDensity(counts, method, 100);
    expect(normalized.constant).toBeCloseTo(constant, 14);
    expect([...normalized.data]).toEqual(expected.map(Math.fround));
  });

  test('waytotal must be above 0', () => {
    expect(() => normalizeDensity(counts, 'waytotal')).toThrow(
      'normalisation needs a waytotal above 0, not null',
    );
    expect(() => normalizeDensity(counts, 'waytotal', 0)).toThrow('not 0');
  });

  test('a volume that cannot be used says why', () => {
    expect(densityDefect([0, 1])).toBeNull();
    expect(densityDefect([0, 0])).toBe('no_mass');
    expect(densityDefect([2, -1])).toBe('negative');
    expect(densityDefect([-1, NaN])).toBe('non_finite');
    expect(densityDefect([1, Infinity])).toBe('non_finite');
  });
});

describe('diagnostics', () => {
  const point = (at: number): Float32Array => {
    const volume = new Float32Array(27);
    volume[at] = 2;
    return volume;
  };

  test('two points two voxels apart scatter by one voxel each', () => {
    const stack = { volumes: [point(4), point(22)], shape: [3, 3, 3] as const }; // (0,1,1) and (2,1,1)
    const scatter = centroidScatter(stack, { voxelSizeMm: [2, 1, 1] });
    expect(scatter).toMatchObject({ mean_mm: 2, rms_mm: 2, max_mm: 2, n_used: 2, distances_mm: [2, 2] });
    expect(scatter.centroids_mm).toEqual([[0, 1, 1], [4, 1, 1]]); // prettier-ignore
    expect(occupancyEntropy(stack)).toBe(1);
    expect(Math.max(...residualVarianceMap(stack))).toBe(1);
  });

  test('one subject scatters by zero; none has no scatter', () => {
    expect(centroidScatter({ volumes: [point(4)], shape: [3, 3, 3] })).toMatchObject({
      mean_mm: 0,
      max_mm: 0,
    });
    const nobody = centroidScatter({ volumes: [new Float32Array(27)], shape: [3, 3, 3] });
    expect([nobody.mean_mm, nobody.rms_mm, nobody.max_mm, nobody.n_used]).toEqual([NaN, NaN, NaN, 0]);
  });

  test('phase 0 explains both criteria with value and limit; limits are strict', () => {
    const stack = { volumes: [point(4), point(22)], shape: [3, 3, 3] as const };
    const result = phase0GoNoGo(stack, { minCentroidScatterMm: 1 });
    expect(result).toMatchObject({
      go: false,
      spatial_residual: false,
      coherent_bundle: false,
      core_voxels: 2,
    });
    expect(result.reasons).toEqual([
      'spatial residual: not passed, centroid scatter 1 mm must exceed 1 mm',
      'coherent bundle: not passed, occupancy entropy 1 bits must be below 0.9 bits',
    ]);
    expect(phase0GoNoGo(stack, { minCentroidScatterMm: 0.9, maxOccupancyEntropyBits: 1.1 }).go).toBe(true);
  });

  test('wrong shapes and values that are not finite are refused', () => {
    expect(() => residualVarianceMap({ volumes: [], shape: [3, 3, 3] })).toThrow('at least one subject');
    expect(() => residualVarianceMap({ volumes: [point(1)], shape: [3, 3, 2] })).toThrow(
      'volume 0 has 27 voxels, the grid 3x3x2 has 18',
    );
    expect(() => residualVarianceMap({ volumes: [point(1)], shape: [9, 3] as never })).toThrow(
      'diagnostics need a 3-D grid, not 9x3',
    );
    expect(() => centroidScatter({ volumes: [point(1).fill(NaN)], shape: [3, 3, 3] })).toThrow(
      'volume 0 holds NaN at index 0',
    );
    expect(() => trueSupportMask([NaN])).toThrow('truth holds NaN at index 0');
    expect(() => deltaOnTrueSupport([1], [1, 2], [1])).toThrow('have 1, 2 and 1 voxels');
  });
});

describe('Jacobian', () => {
  const shape = [3, 4, 5] as const;
  /** u(p) = A p at every voxel. */
  const linear = (A: number[][]): Float32Array => {
    const out: number[] = [];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 4; j++) {
        for (let k = 0; k < 5; k++) out.push(...A.map((row) => row[0]! * i + row[1]! * j + row[2]! * k));
      }
    }
    return Float32Array.from(out);
  };

  test('of a linear map is det(I + A) everywhere', () => {
    const determinants = jacobianDeterminant({ data: linear([[1, 0.5, 0], [0, 0.25, 0], [0, 0, -0.5]]), shape }); // prettier-ignore
    expect(determinants.length).toBe(2 * 3 * 4);
    for (const value of determinants) expect(value).toBeCloseTo(2 * 1.25 * 0.5, 6);
  });

  test('of the identity is 1; a mirror folds everywhere; NaN counts as a fold', () => {
    expect(jacobianMinAndFolds({ data: new Float32Array(180), shape })).toEqual({ min: 1, folds: 0 });
    const mirror = linear([[-2, 0, 0], [0, 0, 0], [0, 0, 0]]); // prettier-ignore
    expect(jacobianMinAndFolds({ data: mirror, shape })).toEqual({ min: -1, folds: 24 });
    const broken = new Float32Array(180);
    broken[0] = NaN;
    expect(countNegativeJacobians({ data: broken, shape })).toBe(1);
    expect(jacobianMinAndFolds({ data: broken, shape }).min).toBeNaN();
  });

  test('a batch is handled field by field; a slice and a wrong length are refused', () => {
    const two = new Float32Array(360);
    two.set(linear([[1, 0, 0], [0, 0, 0], [0, 0, 0]]), 180); // prettier-ignore
    const determinants = jacobianDeterminant({ data: two, n: 2, shape });
    expect([determinants[0], determinants[24]]).toEqual([1, 2]);
    expect(() => jacobianDeterminant({ data: new Float32Array(60), shape: [1, 4, 5] })).toThrow('1x4x5');
    expect(() => jacobianDeterminant({ data: new Float32Array(3), shape })).toThrow(
      'needs 180 values, not 3',
    );
  });
});
