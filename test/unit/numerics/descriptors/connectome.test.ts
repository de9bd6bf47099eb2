import { describe, expect, test } from 'vitest';

import {
  descriptorConnectome,
  laplaceBeltrami,
  meshGeometry,
  networkSummary,
  regionMeans,
  spectralConnectome,
  spectralDistances,
  type PointDistance,
} from '../../../../src/numerics.js';
import { grid } from '../../../support/meshes.js';

const { vertices, faces } = grid(12, 9, 4, 3);
const masses = meshGeometry(vertices, faces).barycentricAreas;
const spectrum = laplaceBeltrami(vertices, faces, { k: 14, solver: 'typescript' });
const n = masses.length;
/** Three strips along x and one vertex in no region. */
const labels = Int32Array.from({ length: n }, (_, i) =>
  i === 5 ? -1 : 10 + 5 * Math.min(2, Math.floor(vertices[3 * i]! / 1.4)),
);

describe('spectral connectome', () => {
  test.each<PointDistance>([
    { kind: 'biharmonic' },
    { kind: 'commute_time' },
    { kind: 'diffusion', time: 0.2 },
  ])('rms of %j equals the mean over all pairs of vertices', (distance) => {
    const { labels: regions, values } = spectralConnectome(spectrum, labels, masses, distance);
    expect([...regions]).toEqual([10, 15, 20]);
    const all = spectralDistances(
      spectrum,
      distance,
      Int32Array.from({ length: n }, (_, i) => i),
    );
    regions.forEach((a, row) =>
      regions.forEach((b, column) => {
        let [sum, total] = [0, 0];
        for (let x = 0; x < n; x++) {
          for (let y = 0; y < n; y++) {
            if (labels[x] !== a || labels[y] !== b) continue;
            sum += masses[x]! * masses[y]! * all[x * n + y]! ** 2;
            total += masses[x]! * masses[y]!;
          }
        }
        expect(values[row * 3 + column]! / Math.sqrt(sum / total)).toBeCloseTo(1, 10);
      }),
    );
  });

  test('signs do not matter; neighbours are nearer; centroids are nearer than vertices', () => {
    const flipped = spectrum.eigenvectors.map((value, at) => ((at % 14) % 2 === 0 ? -value : value));
    const distance = { kind: 'biharmonic' } as const;
    const { values } = spectralConnectome(spectrum, labels, masses, distance);
    const other = spectralConnectome({ ...spectrum, eigenvectors: flipped }, labels, masses, distance);
    values.forEach((value, at) => expect(other.values[at]).toBeCloseTo(value, 12));
    expect(values[2]!).toBeGreaterThan(values[1]!);
    const centroids = spectralConnectome(spectrum, labels, masses, distance, 'centroid').values;
    expect([centroids[0], centroids[4], centroids[8]]).toEqual([0, 0, 0]);
    expect(centroids[1]!).toBeLessThan(values[1]!);
  });

  test('no region gives an empty matrix', () => {
    const none = new Int32Array(n).fill(-1);
    expect(spectralConnectome(spectrum, none, masses, { kind: 'biharmonic' }).values).toHaveLength(0);
  });
});

describe('region means and profiles', () => {
  test('means are weighted, values that are not finite left out, tables that do not fit refused', () => {
    const { labels: regions, means, sizes } = regionMeans([1, NaN, 4, 8, NaN, NaN], [2, 2, 7], [1, 3, 1]);
    expect([...regions]).toEqual([2, 7]);
    expect([...sizes]).toEqual([2, 1]);
    expect([...means]).toEqual([13 / 4, 8, NaN, NaN]);
    expect(() => regionMeans([1, 2, 3], [0, 1])).toThrow('3 values and 2 labels are no table of vertices');
  });

  test('profiles: closed forms of the three metrics', () => {
    const table = [1, 2, 3, 2, 4, 6, 3, 2, 1];
    const at = (metric: 'euclidean' | 'cosine' | 'correlation'): number[] => {
      const { values } = descriptorConnectome(table, [0, 1, 2], undefined, metric);
      return [values[1]!, values[2]!];
    };
    expect(at('euclidean')[0]).toBeCloseTo(Math.sqrt(14), 14);
    expect(at('cosine')).toEqual([expect.closeTo(0, 14), expect.closeTo(1 - 10 / 14, 14)]);
    expect(at('correlation')).toEqual([expect.closeTo(0, 14), expect.closeTo(2, 14)]);
  });
});

test('networks: block means, segregation, regions without network', () => {
  const values = Float64Array.of(0, 1, 5, 9, 1, 0, 6, 9, 5, 6, 0, 9, 9, 9, 9, 0);
  const summary = networkSummary({ labels: Int32Array.of(1, 2, 3, 4), values }, ['a', 'a', 'b', null]);
  expect(summary.networks).toEqual(['a', 'b']);
  expect([...summary.blockMeans]).toEqual([1, 5.5, 5.5, NaN]);
  expect([...summary.segregation]).toEqual([1 / 5.5, NaN]);
  expect(summary.regionMeans[0]).toBeCloseTo(5, 14);
  expect(() => networkSummary({ labels: Int32Array.of(1), values: Float64Array.of(0) }, [])).toThrow(
    '0 networks for 1 regions',
  );
});
