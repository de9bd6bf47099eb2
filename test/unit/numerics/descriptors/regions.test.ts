import { describe, expect, test } from 'vitest';

import { groupNames, networkSummary, regionPiece, regionStatistics } from '../../../../src/numerics.js';
import { icosphere } from '../../../support/analytic-meshes.js';

describe('statistics of regions', () => {
  // Two columns; the last vertex is in no region, one value is missing.
  const table = [1, 10, 2, 20, 4, 40, 3, NaN, 9, 90];
  const labels = [5, 5, 5, 2, -1];
  const areas = [1, 1, 2, 1, 1];
  const of = (statistic: Parameters<typeof regionStatistics>[4]) =>
    [...regionStatistics(table, labels, [2, 5], areas, statistic)].map((value) => Number(value.toFixed(6)));

  test('means and deviations weigh by area, sums integrate, quantiles and counts are of vertices', () => {
    expect(of('mean')).toEqual([3, NaN, 2.75, 27.5]);
    expect(of('sd')).toEqual([
      0,
      NaN,
      Number(Math.sqrt(1.6875).toFixed(6)),
      Number(Math.sqrt(168.75).toFixed(6)),
    ]);
    expect(of('sum')).toEqual([3, NaN, 11, 110]);
    expect(of('median')).toEqual([3, NaN, 2, 20]);
    expect(of('iqr')).toEqual([0, NaN, 1.5, 15]);
    expect(of('min')).toEqual([3, NaN, 1, 10]);
    expect(of('max')).toEqual([3, NaN, 4, 40]);
    expect(of('count')).toEqual([1, 0, 3, 3]);
  });

  test('tables of other sizes are refused', () => {
    expect(() => regionStatistics([1, 2, 3], [0, 0], [0], [1, 1], 'mean')).toThrow(/no table of vertices/);
  });
});

test('a piece has the triangles whose three vertices are in the region', () => {
  const { vertices, faces } = icosphere(2);
  const labels = Array.from({ length: vertices.length / 3 }, (_, v) => (vertices[3 * v + 2]! > 0 ? 1 : 0));
  const [upper, lower] = [1, 0].map((region) => regionPiece(vertices, faces, labels, region)!) as [
    NonNullable<ReturnType<typeof regionPiece>>,
    NonNullable<ReturnType<typeof regionPiece>>,
  ];
  expect(upper.faces.length + lower.faces.length).toBeLessThan(faces.length);
  for (const piece of [upper, lower]) {
    expect(Math.max(...piece.faces)).toBe(piece.from.length - 1);
    piece.from.forEach((v, i) => {
      expect([...piece.vertices.subarray(3 * i, 3 * i + 3)]).toEqual([
        ...vertices.subarray(3 * v, 3 * v + 3),
      ]);
    });
  }
  expect(regionPiece(vertices, faces, labels, 7)).toBeNull();
});

test('names are put into the first group that fits, in any case', () => {
  const rules = { Visual: ['cuneus', 'peri*'], Rest: ['*'] };
  expect(groupNames(['Cuneus', 'precuneus', 'pericalcarine'], rules)).toEqual(['Visual', 'Rest', 'Visual']);
  expect(groupNames(['a.b', 'axb'], { dots: ['a.b'] })).toEqual(['dots', null]);
});

test('networks go without pairs that have no value', () => {
  const values = Float64Array.from([0, 1, NaN, 1, 0, 3, NaN, 3, 0]);
  const found = networkSummary({ labels: Int32Array.of(1, 2, 3), values }, ['a', 'a', 'b']);
  expect([...found.regionMeans]).toEqual([1, 2, 3]);
  expect([...found.blockMeans]).toEqual([1, 3, 3, NaN]);
  expect([...found.segregation]).toEqual([1 / 3, NaN]);
});
