import { expect, test } from 'vitest';

import { averageRanks, pearson } from '../../../../src/numerics/similarity/correlation.js';
import { squaredDistanceTransform } from '../../../../src/numerics/similarity/distance-transform.js';
import { percentile, surfaceOf } from '../../../../src/numerics/similarity/surface-distance.js';
import { SIMILARITY_METRICS, tractSimilarity } from '../../../../src/numerics/similarity/tract-similarity.js';
import { seededRandom } from '../../../../src/numerics/random.js';

type Shape = [number, number, number];
/** 2, 3 and 4 mm, first axis from right to left. */
const AFFINE = [-2, 0, 0, 50, 0, 3, 0, -20, 0, 0, 4, 7, 0, 0, 0, 1];
const SHAPE: Shape = [12, 9, 8];

/** A box of value 1 from `first` with edges `size`. */
function box(first: Shape, size: Shape, value = 1): Float32Array {
  const [X, Y, Z] = SHAPE;
  const volume = new Float32Array(X * Y * Z);
  for (let x = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      for (let z = 0; z < size[2]; z++) {
        volume[((x + first[0]) * Y + y + first[1]) * Z + z + first[2]] = value;
      }
    }
  }
  return volume;
}

const compare = (a: ArrayLike<number>, b: ArrayLike<number>, threshold = 0) =>
  tractSimilarity({ a, b, shape: SHAPE, affine: AFFINE, threshold });

test('two equal boxes, one moved by two voxels along an axis of 2 mm', () => {
  const found = compare(box([4, 2, 2], [5, 4, 3]), box([2, 2, 2], [5, 4, 3]));
  // 60 voxels each, 36 shared
  expect(found).toMatchObject({ n_a: 60, n_b: 60, n_and: 36, n_or: 84 });
  expect(found.dice).toBeCloseTo(0.6, 14);
  expect(found.jaccard).toBeCloseTo(36 / 84, 14);
  expect(found.overlap_of_b).toBeCloseTo(0.6, 14);
  expect(found.overreach_of_b).toBeCloseTo(0.4, 14);
  expect(found.soft_dice).toBeCloseTo(0.6, 14);
  expect(found.density_overlap).toBeCloseTo(0.6, 14);
  expect(found.bhattacharyya).toBeCloseTo(0.6, 14);
  // Where only one has mass, that one is a full bit away from the middle.
  expect(found.jensen_shannon_bits).toBeCloseTo(0.4, 14);
  expect(found.mass_ratio).toBe(1);
  expect(found.centroid_distance_mm).toBeCloseTo(4, 12);
  expect(found.hausdorff_mm).toBeCloseTo(4, 12);
  expect(found.pearson_b_support).toBeNaN(); // B is constant on its own support
});

test('a map equals itself', () => {
  const random = seededRandom(3, 'similarity');
  const map = box([1, 1, 1], [6, 5, 4]).map((value) => value * random.uniform());
  expect(compare(map, map)).toMatchObject({
    dice: 1,
    jaccard: 1,
    overreach_of_b: 0,
    soft_dice: 1,
    mass_ratio: 1,
    centroid_distance_mm: 0,
    hausdorff_mm: 0,
    mean_surface_distance_mm: 0,
  });
  expect(compare(map, map).pearson_union).toBeCloseTo(1, 12);
  expect(compare(map, map).spearman_union).toBeCloseTo(1, 12);
  expect(compare(map, map).jensen_shannon_bits).toBeCloseTo(0, 12);
});

test('scale changes mass and soft Dice only; exchange keeps what is symmetric and inverts the mass ratio', () => {
  const random = seededRandom(5, 'similarity');
  const noisy = (volume: Float32Array) => volume.map((value) => value * (1 + random.uniform()));
  const [a, b] = [noisy(box([3, 2, 1], [6, 4, 4])), noisy(box([2, 1, 2], [5, 6, 5]))];
  const [found, doubled] = [
    compare(a, b),
    compare(
      a.map((value) => 2 * value),
      b,
    ),
  ];
  const free = SIMILARITY_METRICS.filter((name) => name !== 'mass_ratio' && name !== 'soft_dice');
  for (const name of free) expect(doubled[name], name).toBeCloseTo(found[name], 12);
  expect(doubled.mass_ratio).toBeCloseTo(2 * found.mass_ratio, 12);
  const exchanged = compare(b, a);
  const oneSided = new Set([
    'n_a',
    'n_b',
    'overlap_of_b',
    'overreach_of_b',
    'pearson_b_support',
    'mass_ratio',
  ]);
  for (const name of SIMILARITY_METRICS) {
    if (!oneSided.has(name)) expect(exchanged[name], name).toBeCloseTo(found[name], 12);
  }
  expect(exchanged.mass_ratio).toBeCloseTo(1 / found.mass_ratio, 12);
});

test('the threshold is strict', () => {
  const a = box([2, 2, 2], [4, 4, 4], 0.5);
  expect(compare(a, a, 0.5)).toMatchObject({ n_a: 0, n_b: 0 });
  expect(compare(a, a, 0.4999)).toMatchObject({ n_a: 64, dice: 1 });
});

test('empty maps give no number where none has a meaning', () => {
  const [none, some] = [new Float32Array(12 * 9 * 8), box([2, 2, 2], [3, 3, 3])];
  const both = compare(none, none);
  for (const name of SIMILARITY_METRICS.slice(4)) expect(both[name], name).toBeNaN();
  expect(compare(none, some)).toMatchObject({ dice: 0, jaccard: 0, overlap_of_b: 0, soft_dice: 0 });
  expect(compare(some, none)).toMatchObject({
    dice: 0,
    overlap_of_b: NaN,
    mass_ratio: NaN,
    hausdorff_mm: NaN,
  });
});

test('maps of another size and values that are no density are refused by name', () => {
  const map = box([1, 1, 1], [2, 2, 2]);
  const bad = (value: number) => map.map((x, v) => (v === 7 ? value : x));
  expect(() => compare(map.slice(1), map)).toThrow('the candidate has 863 voxels, the grid 12x9x8 has 864');
  expect(() => compare(map, bad(NaN))).toThrow('the reference holds a value that is not finite');
  expect(() => compare(bad(-1), map)).toThrow('the candidate holds a negative value');
});

test('the distance transform equals all distances compared, on an uneven grid', () => {
  const shape: Shape = [7, 5, 6];
  const spacing: Shape = [1.3, 0.7, 2.1];
  const random = seededRandom(8, 'members');
  const members = Uint8Array.from({ length: 7 * 5 * 6 }, () => (random.uniform() < 0.06 ? 1 : 0));
  const place = (v: number): Shape => [Math.floor(v / 30), Math.floor(v / 6) % 5, v % 6];
  const distances = squaredDistanceTransform(members, shape, spacing);
  expect(members.reduce((sum, member) => sum + member, 0)).toBeGreaterThan(4);
  distances.forEach((found, v) => {
    const squares = [...members.keys()]
      .filter((other) => members[other] === 1)
      .map((other) =>
        place(v).reduce((sum, at, axis) => sum + ((at - place(other)[axis]!) * spacing[axis]!) ** 2, 0),
      );
    expect(found).toBeCloseTo(Math.min(...squares), 10);
  });
  expect(squaredDistanceTransform(new Uint8Array(210), shape, spacing)[0]).toBe(Infinity);
});

test('surface, ranks, percentile and correlation by hand', () => {
  const surface = surfaceOf(new Uint8Array(27).fill(1), [3, 3, 3]);
  expect([...surface].filter((isSurface) => isSurface === 0)).toHaveLength(1);
  expect(surface[13]).toBe(0);
  expect([...averageRanks(Float64Array.of(5, 1, 5, 0, 5))]).toEqual([4, 2, 4, 1, 4]);
  expect(percentile(Float64Array.of(0, 10), 0.95)).toBeCloseTo(9.5, 12);
  expect(percentile(Float64Array.of(3), 0.95)).toBe(3);
  expect(pearson(Float64Array.of(1, 2, 3), Float64Array.of(2, 4, 7))).toBeCloseTo(
    5 / Math.sqrt((2 * 38) / 3),
    12,
  );
  expect(pearson(Float64Array.of(1), Float64Array.of(2))).toBeNaN();
});
