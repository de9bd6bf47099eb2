/** Closed forms of spec/learned_atlas.md 10, atlas_to_patient. */
import { describe, expect, test } from 'vitest';

import { convertFieldSpace } from '../../../../src/numerics/registration/field-space.js';
import { inverse4, multiply4, type Matrix4 } from '../../../../src/numerics/resample/matrix4.js';
import { pullMap } from '../../../../src/numerics/resample/pull-map.js';
import { voxelMap, type SpatialStep } from '../../../../src/numerics/resample/spatial-map.js';
import { worldDisagreement } from '../../../../src/numerics/resample/world-agreement.js';
import { seededRandom } from '../../../../src/numerics/random.js';

type Shape = [number, number, number];
const SHAPE: Shape = [9, 8, 7];
/** First axis from right to left, uneven voxels, float32 as a header holds it. */
const AFFINE: Matrix4 = [-1.1, 0, 0, 40.3, 0, 2.2, 0, -30.7, 0, 0, 3.3, 5.9, 0, 0, 0, 1].map(Math.fround);

function pull(
  map: ArrayLike<number>,
  steps: SpatialStep[],
  more: { shape?: Shape; affine?: Matrix4; modulate?: boolean; interpolation?: 'nearest' } = {},
): Float32Array {
  const { shape = SHAPE, affine = AFFINE, modulate = false, interpolation = 'trilinear' } = more;
  const voxels = voxelMap(affine, steps, AFFINE);
  return pullMap({ map, mapShape: SHAPE, shape, voxels, interpolation, modulate });
}

const matrix = (...values: number[]): SpatialStep => ({ kind: 'matrix', matrix: [...values, 0, 0, 0, 1] });
const noise = (seed: number): Float32Array => {
  const random = seededRandom(seed, 'map');
  return Float32Array.from({ length: SHAPE[0] * SHAPE[1] * SHAPE[2] }, () => random.uniform());
};
const make = (value: (i: number, j: number, k: number) => number, shape: Shape = SHAPE): Float32Array =>
  Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, v) =>
    value(Math.floor(v / (shape[1] * shape[2])), Math.floor(v / shape[2]) % shape[1], v % shape[2]),
  );
const at = (map: ArrayLike<number>, i: number, j: number, k: number, shape: Shape = SHAPE): number =>
  [i, j, k].every((index, axis) => index >= 0 && index < shape[axis]!)
    ? map[(i * shape[1] + j) * shape[2] + k]!
    : 0;
/** A field that moves every voxel alike; vectors in voxels of the grid. */
const shiftField = (shift: Shape): Float32Array =>
  Float32Array.from({ length: 3 * SHAPE[0] * SHAPE[1] * SHAPE[2] }, (_, at) => shift[at % 3]!);
const field = (voxels: Float32Array): SpatialStep => ({
  kind: 'field',
  field: { vectorsMm: convertFieldSpace(voxels, AFFINE, 'ras_mm'), shape: SHAPE, affine: AFFINE },
});

describe('whole voxels', () => {
  test('the identity gives the voxels bit for bit', () => {
    expect(pull(noise(1), [])).toEqual(noise(1));
    expect(pull(noise(1), [matrix(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)], { modulate: true })).toEqual(
      noise(1),
    );
  });

  test('a shift gives the shifted array with zeros outside, as a matrix and as a field', () => {
    const [map, shift] = [noise(2), [2, -1, 3] as Shape];
    const expected = make((i, j, k) => at(map, i + shift[0], j + shift[1], k + shift[2]));
    const world = shift.map((voxels, axis) => voxels * AFFINE[5 * axis]!);
    expect(pull(map, [matrix(1, 0, 0, world[0]!, 0, 1, 0, world[1]!, 0, 0, 1, world[2]!)])).toEqual(expected);
    expect(pull(map, [field(shiftField(shift))])).toEqual(expected);
  });

  test('a quarter turn permutes the axes', () => {
    // On an isotropic grid about its centre: patient x is atlas y, patient y is atlas -x.
    const shape: Shape = [6, 6, 5];
    const affine: Matrix4 = [2, 0, 0, -5, 0, 2, 0, -5, 0, 0, 2, 0, 0, 0, 0, 1];
    const map = make((i, j, k) => 1 + i + 10 * j + 100 * k, shape);
    const turn = matrix(0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0);
    const voxels = voxelMap(affine, [turn], affine);
    const options = { map, mapShape: shape, shape, voxels, interpolation: 'trilinear' } as const;
    const expected = make((i, j, k) => at(map, j, 5 - i, k, shape), shape);
    expect(pullMap({ ...options, modulate: false })).toEqual(expected);
    expect(pullMap({ ...options, modulate: true })).toEqual(expected);
  });

  test('a flipped axis of the reference gives the flipped array', () => {
    const map = noise(3);
    const flipped = multiply4(AFFINE, [1, 0, 0, 0, 0, -1, 0, SHAPE[1] - 1, 0, 0, 1, 0, 0, 0, 0, 1]);
    const expected = make((i, j, k) => at(map, i, SHAPE[1] - 1 - j, k));
    expect(pull(map, [], { affine: flipped })).toEqual(expected);
  });
});

describe('between voxels', () => {
  const ramp = make((i, j, k) => 5 + 0.5 * i - 0.25 * j + 2 * k);

  test('a linear ramp stays exact under any affine away from the border', () => {
    const turn = matrix(0.98, 0.1, -0.05, 1.2, -0.08, 1.03, 0.02, 0.4, 0.01, 0.06, 0.97, -0.3);
    const voxels = voxelMap(AFFINE, [turn], AFFINE);
    const pulled = pull(ramp, [turn]);
    const place = new Float64Array(3);
    let inner = 0;
    make((i, j, k) => {
      voxels.apply(i, j, k, place);
      const [x, y, z] = [place[0]!, place[1]!, place[2]!];
      if ([x, y, z].every((value, axis) => value >= 0 && value <= SHAPE[axis]! - 1)) {
        inner++;
        expect(at(pulled, i, j, k)).toBeCloseTo(5 + 0.5 * x - 0.25 * y + 2 * z, 4);
      }
      return 0;
    });
    expect(inner).toBeGreaterThan(100);
  });

  test('a reference with other voxels reads the same world', () => {
    const finer = multiply4(AFFINE, [0.5, 0, 0, 1, 0, 0.5, 0, 1, 0, 0, 0.5, 1, 0, 0, 0, 1]);
    const pulled = pull(ramp, [], { affine: finer });
    expect(at(pulled, 3, 4, 2)).toBeCloseTo(5 + 0.5 * 2.5 - 0.25 * 3 + 2 * 2, 5);
  });

  test('a list equals the product of its matrices applied right to left', () => {
    const first = matrix(0.9, 0.2, 0, 3, -0.1, 1, 0.1, -2, 0, 0, 1.1, 1);
    const second = matrix(1, 0, 0.3, -1, 0, 0.8, 0, 4, 0.1, 0, 1, 0);
    const product = multiply4((first as { matrix: Matrix4 }).matrix, (second as { matrix: Matrix4 }).matrix);
    expect(pull(noise(4), [first, second])).toEqual(pull(noise(4), [{ kind: 'matrix', matrix: product }]));
    expect(pull(noise(4), [first, second])).not.toEqual(pull(noise(4), [second, first]));
  });

  test('a field that is linear in space equals its matrix where the field reaches', () => {
    // x + u(x) with u = 0.1 (x - centre) along the first axis, in voxels
    const u = make(() => 0);
    const vectors = new Float32Array(3 * u.length);
    make((i, j, k) => {
      vectors[3 * ((i * SHAPE[1] + j) * SHAPE[2] + k)] = 0.1 * (i - 4);
      return 0;
    });
    const inVoxels: Matrix4 = [1.1, 0, 0, -0.4, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const world = multiply4(multiply4(AFFINE, inVoxels), inverse4(AFFINE, 'it'));
    const expected = pull(noise(5), [{ kind: 'matrix', matrix: world }]);
    pull(noise(5), [field(vectors)]).forEach((value, v) => expect(value).toBeCloseTo(expected[v]!, 5));
  });

  test('outside its grid a field moves nothing', () => {
    const half: Shape = [4, SHAPE[1], SHAPE[2]];
    const vectorsMm = new Float32Array(3 * half[0] * half[1] * half[2]).fill(Math.fround(-1.1));
    const step: SpatialStep = { kind: 'field', field: { vectorsMm, shape: half, affine: AFFINE } };
    const map = noise(6);
    expect(at(pull(map, [step]), 6, 3, 3)).toBe(at(map, 6, 3, 3));
    expect(at(pull(map, [step]), 2, 3, 3)).not.toBe(at(map, 2, 3, 3));
  });
});

describe('mass and masks', () => {
  const shape: Shape = [46, 48, 47];
  const affine: Matrix4 = [1.5, 0, 0, -34, 0, 1.5, 0, -35, 0, 0, 1.5, -34.5, 0, 0, 0, 1];
  const blob = make((i, j, k) => Math.exp(-((i - 22.5) ** 2 + (j - 23) ** 2 + (k - 23) ** 2) / 50), shape);
  const total = (map: ArrayLike<number>): number => Array.from(map).reduce((sum, value) => sum + value, 0);
  const scaled = (steps: SpatialStep[], modulate: boolean, grid = affine) => {
    const voxels = voxelMap(grid, steps, affine);
    return total(
      pullMap({ map: blob, mapShape: shape, shape, voxels, interpolation: 'trilinear', modulate }),
    );
  };
  const scaling = matrix(1.3, 0, 0, 1, 0, 0.9, 0, 0, 0, 0, 1.1, 0);

  test('modulation keeps the mass of a smooth blob under a scaling, as a matrix and as a field', () => {
    expect(Math.abs(scaled([scaling], true) / total(blob) - 1)).toBeLessThan(1e-3);
    expect(scaled([scaling], false) / total(blob)).toBeCloseTo(1 / (1.3 * 0.9 * 1.1), 2);
    const vectorsMm = new Float32Array(3 * blob.length);
    make((i, j, k) => {
      const [x, y, z] = [1.5 * i - 34, 1.5 * j - 35, 1.5 * k - 34.5];
      const v = 3 * ((i * shape[1] + j) * shape[2] + k);
      vectorsMm.set([0.3 * x + 1, -0.1 * y, 0.1 * z], v);
      return 0;
    }, shape);
    const asField: SpatialStep = { kind: 'field', field: { vectorsMm, shape, affine } };
    expect(Math.abs(scaled([asField], true) / total(blob) - 1)).toBeLessThan(1e-3);
  });

  test('modulation keeps the sum over voxels also on a reference with other voxels', () => {
    const coarser = multiply4(affine, [1.4, 0, 0, -8, 0, 1.4, 0, -8, 0, 0, 1.4, -8, 0, 0, 0, 1]);
    expect(Math.abs(scaled([], true, coarser) / total(blob) - 1)).toBeLessThan(1e-3);
  });

  test('nearest leaves a mask binary', () => {
    const mask = noise(7).map((value) => (value > 0.5 ? 1 : 0));
    const turn = matrix(0.9, 0.3, 0, 3, -0.1, 1, 0.1, -2, 0, 0, 1.1, 1);
    expect(new Set(pull(mask, [turn], { interpolation: 'nearest' }))).toEqual(new Set([0, 1]));
    expect(new Set(pull(mask, [turn])).size).toBeGreaterThan(2);
  });
});

test('a matrix without inverse is refused', () => {
  expect(() => voxelMap(AFFINE, [matrix(1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0)], AFFINE)).toThrow(
    'the matrix of the transform cannot be inverted',
  );
});

test('grids of one world agree whatever their voxels and signs; tilted and distant ones do not', () => {
  const one = { shape: SHAPE, affine: AFFINE };
  const flipped = multiply4(AFFINE, [-0.5, 0, 0, SHAPE[0] - 1, 0, 0.5, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  expect(worldDisagreement(one, { shape: [16, 14, 7], affine: flipped })).toBeNull();
  const swapped = multiply4(AFFINE, [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  expect(worldDisagreement(one, { shape: [8, 9, 7], affine: swapped })).toBeNull();
  const [c, s] = [Math.cos(0.1), Math.sin(0.1)];
  const tilted = multiply4([c, s, 0, 0, -s, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], AFFINE);
  expect(worldDisagreement(one, { shape: SHAPE, affine: tilted })).toBe(
    'their axes are tilted against each other',
  );
  const away = multiply4([1, 0, 0, 8, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], AFFINE);
  expect(worldDisagreement(one, { shape: SHAPE, affine: away })).toBe('their fields of view share 19 % only');
});
