import { describe, expect, test } from 'vitest';
import { prepareTrainingCohort, toTrainUnits } from '../../../../src/numerics/registration/train-units.js';

const options = { crop: true, margin: 0, levels: 1 };

describe('train units', () => {
  test('volumes are cropped and divided by the mean subject maximum', () => {
    const first = Float32Array.of(0, 0, 2, 0, 0, 0);
    const second = Float32Array.of(0, 0, 1, 4, 0, 0);
    const cohort = prepareTrainingCohort([first, second], [1, 1, 6], options);
    expect(cohort.trainScale).toBe(3);
    expect(cohort.grid).toEqual({ offset: [0, 0, 2], size: [1, 1, 2], padded: [2, 2, 2] });
    expect([...cohort.volumes[0]!]).toEqual([Math.fround(2 / 3), 0, 0, 0, 0, 0, 0, 0]);
    expect([...cohort.unionSupport]).toEqual([1, 1, 0, 0, 0, 0, 0, 0]);
    expect(toTrainUnits(second, [1, 1, 6], cohort.grid, cohort.trainScale)).toEqual(cohort.volumes[1]);
  });

  test('no subject and no density are refused', () => {
    expect(() => prepareTrainingCohort([], [1, 1, 1], options)).toThrow('the cohort has no subject');
    expect(() => prepareTrainingCohort([Float32Array.of(0)], [1, 1, 1], options)).toThrow(
      'no voxel of the cohort has density',
    );
  });
});
