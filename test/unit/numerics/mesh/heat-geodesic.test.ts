import { describe, expect, test } from 'vitest';

import { HeatGeodesics } from '../../../../src/numerics.js';
import { icosphere, rotated } from '../../../support/analytic-meshes.js';
import { largeSpectralMesh, spectralMesh, spectralNumbers } from '../../../support/golden-spectral.js';
import { grid, together } from '../../../support/meshes.js';
import { hasReference } from '../../../support/reference.js';

const solver = 'typescript';

describe('closed forms', () => {
  test('a sphere of radius 2: arcs within 2 % of half the circumference', () => {
    const { vertices, faces } = icosphere(4, 2);
    const distances = new HeatGeodesics(vertices, faces, { solver }).from([0]);
    let worst = 0;
    for (let i = 0; i < distances.length; i++) {
      const cosine = [0, 1, 2].reduce((sum, e) => sum + vertices[e]! * vertices[3 * i + e]!, 0) / 4;
      worst = Math.max(worst, Math.abs(distances[i]! - 2 * Math.acos(Math.max(-1, Math.min(1, cosine)))));
    }
    expect(worst).toBeLessThan(0.02 * 2 * Math.PI);
    expect(distances[0]).toBe(0);
  });

  test('a flat sheet: straight lines, also for two sources and far from both', () => {
    const { vertices, faces } = grid(160, 8, 40, 2);
    const geodesics = new HeatGeodesics(vertices, faces, { solver });
    const distances = geodesics.from([0, 160]);
    let worst = 0;
    for (let i = 0; i < distances.length; i++) {
      const [x, y] = [vertices[3 * i]!, vertices[3 * i + 1]!];
      worst = Math.max(worst, Math.abs(distances[i]! - Math.min(Math.hypot(x, y), Math.hypot(40 - x, y))));
    }
    expect(worst).toBeLessThan(0.3);
    // Heat at the other end is smaller than the square root of the smallest number.
    const far = geodesics.from([0]);
    expect(far[160]! / 40).toBeCloseTo(1, 1);
  });
});

test('rotation and renumbering change nothing, scaling scales', () => {
  const { vertices, faces } = icosphere(3);
  const bumpy = vertices.map((value, at) => value * [1, 1.4, 0.8][at % 3]!);
  const plain = new HeatGeodesics(bumpy, faces, { solver }).from([5]);
  const n = plain.length;
  const place = (i: number): number => (i * 101) % n;
  const turned = rotated({ vertices: bumpy, faces }, [1, 2, 0.3]).vertices;
  const moved = new Float64Array(turned.length);
  for (let i = 0; i < n; i++)
    moved.set(
      turned.subarray(3 * i, 3 * i + 3).map((value) => 7 * value),
      3 * place(i),
    );
  const other = new HeatGeodesics(moved, faces.map(place), { solver }).from([place(5)]);
  for (let i = 0; i < n; i++) expect(other[place(i)]! / 7).toBeCloseTo(plain[i]!, 8);
});

test('parts without source are infinitely far, as are unused vertices; a wrong source is refused', () => {
  const { vertices, faces } = together([icosphere(1), icosphere(1)], 5);
  const geodesics = new HeatGeodesics([...vertices, 0, 0, 0], faces, { solver });
  const distances = geodesics.from([0]);
  expect(distances.subarray(0, 42).every((value) => value >= 0 && value < 4)).toBe(true);
  expect(distances.subarray(42).every((value) => value === Infinity)).toBe(true);
  expect(geodesics.from([0, 50]).subarray(0, 84).every(Number.isFinite)).toBe(true);
  expect(() => geodesics.from([84])).toThrow('the source 84 is no vertex of the surface');
});

test.skipIf(!hasReference).each(['sphere_ico4', 'hipp_closed_sub01L', 'hipp_open_sub03L'] as const)(
  '%s: to 1e-6 of the largest on the plain operator (skipped without the reference data)',
  async (name) => {
    const { geodesic, selected_vertices: selected } = spectralNumbers(name);
    const { vertices, faces } = await (name === 'hipp_open_sub03L'
      ? largeSpectralMesh(name)
      : spectralMesh(name));
    const geodesics = new HeatGeodesics(vertices, faces, { operator: 'cotangent' });
    expect(geodesics.time / geodesic.heat_t).toBeCloseTo(1, 10);
    const distances = geodesics.from([geodesic.source]);
    const largest = Math.max(...distances);
    (selected as number[]).forEach((vertex, row) => {
      expect(Math.abs(distances[vertex]! - geodesic.heat_method_at_selected[row]) / largest).toBeLessThan(
        1e-6,
      );
    });
    if (name === 'hipp_open_sub03L') expect(largest).toBeCloseTo(43, 0);
    const delaunay = new HeatGeodesics(vertices, faces).from([geodesic.source]);
    expect(Math.max(...delaunay) / largest).toBeCloseTo(1, 1);
  },
);
