import { describe, expect, test } from 'vitest';

import { deltaOnTrueSupport, regressionToMeanControl } from '../../../src/numerics/registration/departure.js';
import {
  centroidScatter,
  massMatchedResidualFraction,
  occupancyEntropy,
  phase0GoNoGo,
} from '../../../src/numerics/registration/diagnostics.js';
import { jacobianDeterminant, jacobianMinAndFolds } from '../../../src/numerics/registration/jacobian.js';
import { float32Mean, goldenArray, goldenNumbers } from '../../support/golden-atlas.js';
import { hasReference } from '../../support/reference.js';

// Source: reference/atlas/golden/golden.json `diagnostics` (float64 numpy), 1e-9 relative; `null` is NaN.
type Golden = Record<string, Record<string, Record<string, number | null>>>;

function expectClose(actual: unknown, expected: unknown): void {
  if (expected === null) expect(actual).toBeNaN();
  else if (typeof expected === 'number') {
    expect(Math.abs((actual as number) - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-14);
  } else if (typeof expected === 'object') {
    for (const [key, value] of Object.entries(expected as object)) {
      expectClose((actual as Record<string, unknown>)[key], value);
    }
  } else expect(actual).toBe(expected);
}

describe.skipIf(!hasReference)('golden diagnostics', () => {
  const golden = (hasReference ? goldenNumbers().diagnostics : {}) as Golden & Record<string, never>;
  const scalars = (hasReference ? goldenNumbers().scalars : {}) as Record<string, number>;
  const { data, shape: dims } = hasReference
    ? goldenArray('stack')
    : { data: new Float32Array(0), shape: [0, 0, 0, 0] };
  const [n = 0, X = 0, Y = 0, Z = 0] = dims;
  const size = X * Y * Z;
  const volumes = Array.from({ length: n }, (_, s) => data.subarray(s * size, (s + 1) * size));
  const shape = [X, Y, Z] as const;
  const voxelSizeMm = [2, 2.5, 3] as const;
  const stack = { volumes, shape };

  test('centroid scatter', () =>
    expectClose(centroidScatter(stack, { voxelSizeMm }), golden['centroid_scatter']));

  test.for([0, 0.5])('occupancy entropy above %f', (threshold) => {
    const expected = golden['occupancy_entropy'] as never as Record<string, number>;
    for (const [restrictToSupport, word] of [
      [true, 'True'],
      [false, 'False'],
    ] as const) {
      const key = `thr${threshold.toFixed(1)}_restrict${word}`;
      expectClose(occupancyEntropy(stack, { threshold, restrictToSupport }), expected[key]);
    }
  });

  test('mass-matched residual and phase 0, with defaults and with strict limits', () => {
    expectClose(massMatchedResidualFraction(stack), golden['mass_matched_residual_fraction']);
    expectClose(phase0GoNoGo(stack, { voxelSizeMm }), golden['phase0']);
    const strict = {
      voxelSizeMm,
      subjectMaskThreshold: 0.5,
      minCentroidScatterMm: 3.03,
      maxOccupancyEntropyBits: 0.83,
    };
    expectClose(phase0GoNoGo(stack, strict), golden['phase0_strict']);
  });

  test('empty cohort, identical subjects, scaled copies', () => {
    const empty = { volumes: Array.from({ length: 3 }, () => new Float32Array(size)), shape };
    const expected = golden['empty_cohort'] as never as Record<string, unknown>;
    expectClose(centroidScatter(empty, { voxelSizeMm }), expected['centroid_scatter']);
    expectClose(occupancyEntropy(empty), expected['occupancy_entropy']);
    expectClose(massMatchedResidualFraction(empty), expected['mass_matched']);
    expectClose(phase0GoNoGo(empty, { voxelSizeMm }), expected['phase0']);

    const first = volumes[0] ?? new Float32Array(size);
    const identical = { volumes: [first, first, first], shape };
    const same = golden['identical_subjects'] as never as Record<string, number | null>;
    expect(centroidScatter(identical, { voxelSizeMm }).mean_mm).toBeLessThan(1e-12);
    expectClose(occupancyEntropy(identical), same['occupancy_entropy']);
    expectClose(massMatchedResidualFraction(identical), same['mass_matched']);
  });

  test('delta on the true support and regression to the mean', () => {
    const [first, second, third, fourth] = volumes as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const mean = float32Mean([second, third, fourth]); // as numpy averages the float32 stack
    const delta = golden['delta'] as never as Record<string, object>;
    expectClose(deltaOnTrueSupport(third, first, mean), delta['case_prediction_2_truth_0_loo_mean_of_1_2_3']);
    expectClose(deltaOnTrueSupport(first, first, mean), delta['perfect']);
    expectClose(deltaOnTrueSupport(mean, first, mean), delta['do_nothing']);
    expectClose(deltaOnTrueSupport(third, new Float32Array(size), mean), delta['empty_truth']);
    expectClose(deltaOnTrueSupport(third, first, mean, { supportThreshold: 1 }), delta['thr1']);
    expectClose(deltaOnTrueSupport(third, first, first), delta['baseline_perfect']);
    const control = golden['rtm'] as never as Record<string, object>;
    expectClose(regressionToMeanControl(third, first, mean), control['case']);
    expectClose(regressionToMeanControl(first, first, mean), control['perfect']);
    expectClose(regressionToMeanControl(mean, first, mean), control['do_nothing']);
    expectClose(regressionToMeanControl(third, new Float32Array(size), mean), control['empty_truth']);
  });

  test('Jacobian determinants', () => {
    const rough = goldenArray('jac_rough_disp');
    const [, , x = 0, y = 0, z = 0] = rough.shape;
    const field = { data: componentsLast(rough.data, x * y * z), shape: [x, y, z] as const };
    const expected = goldenArray('jac_rough_det').data;
    jacobianDeterminant(field).forEach((det, v) =>
      expect(Math.abs(det - (expected[v] ?? NaN))).toBeLessThanOrEqual(
        1e-9 * Math.abs(expected[v] ?? NaN) + 1e-12,
      ),
    );
    const { min, folds } = jacobianMinAndFolds(field);
    expectClose(min, scalars['jac_rough_min']);
    expect(folds).toBe(scalars['jac_rough_folds']);
  });
});

/** (3, voxels) to (voxels, 3). */
function componentsLast(values: ArrayLike<number>, voxels: number): Float64Array {
  return Float64Array.from(
    { length: 3 * voxels },
    (_, i) => values[(i % 3) * voxels + Math.floor(i / 3)] ?? NaN,
  );
}
