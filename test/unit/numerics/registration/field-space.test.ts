import { describe, expect, test } from 'vitest';
import {
  convertFieldSpace,
  displacementLengthsMm,
} from '../../../../src/numerics/registration/field-space.js';

// 2 mm right to left, 3 mm, 4 mm: x is flipped, y and z are swapped.
const affine = [-2, 0, 0, 90, 0, 0, 4, -50, 0, 3, 0, 10, 0, 0, 0, 1];
const field = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3);

describe('field spaces', () => {
  test('voxel fields stay as they are, in a new array', () => {
    const voxel = convertFieldSpace(field, affine, 'voxel');
    expect(voxel).toEqual(field);
    expect(voxel).not.toBe(field);
  });

  test('ras_mm applies the linear part of the affine, never its translation', () => {
    expect([...convertFieldSpace(field, affine, 'ras_mm')]).toEqual([-2, 0, 0, 0, 0, 3, 0, 4, 0, -2, 12, 6]);
  });

  test('ants flips the first two world axes', () => {
    const ants = convertFieldSpace(field, affine, 'ants');
    expect([...ants.slice(9)]).toEqual([2, -12, 6]);
  });

  test('lengths are in mm', () => {
    const { maxMm, meanMm } = displacementLengthsMm(field, affine);
    expect(maxMm).toBeCloseTo(Math.sqrt(4 + 144 + 36), 6);
    expect(meanMm).toBeCloseTo((2 + 3 + 4 + Math.sqrt(184)) / 4, 6);
    expect(displacementLengthsMm(new Float32Array(0), affine)).toEqual({ maxMm: 0, meanMm: 0 });
  });
});
