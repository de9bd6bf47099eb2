import { describe, expect, test } from 'vitest';

import {
  diagnoseMesh,
  isosurface,
  labelSurface,
  meshGeometry,
  taubinSmoothed,
} from '../../../../src/numerics.js';
import { icosphere } from '../../../support/analytic-meshes.js';

type Shape = readonly [number, number, number];
const SHAPE: Shape = [24, 22, 26];
const sphere = (radius: number, centre = [11, 10, 12]): Float64Array =>
  Float64Array.from({ length: SHAPE[0] * SHAPE[1] * SHAPE[2] }, (_, at) => {
    const [x, y, z] = [
      Math.floor(at / (SHAPE[1] * SHAPE[2])),
      Math.floor(at / SHAPE[2]) % SHAPE[1],
      at % SHAPE[2],
    ];
    return radius - Math.hypot(x - centre[0]!, y - centre[1]!, z - centre[2]!);
  });

describe('isosurface', () => {
  test('of a distance: a closed sphere with its area and volume, normals outward', () => {
    const { vertices, faces } = isosurface(sphere(7.3), SHAPE, 0, undefined, -50);
    const { area, volume } = meshGeometry(vertices, faces);
    expect(area / (4 * Math.PI * 7.3 ** 2)).toBeCloseTo(1, 1);
    expect(volume / ((4 / 3) * Math.PI * 7.3 ** 3)).toBeCloseTo(1, 1);
    const diagnosis = diagnoseMesh(vertices, faces);
    expect(diagnosis).toMatchObject({ genus: 0, components: 1, inconsistent_edges: 0, is_closed: true });
    for (let i = 0; i < vertices.length; i += 3) {
      const r = Math.hypot(vertices[i]! - 11, vertices[i + 1]! - 10, vertices[i + 2]! - 12);
      expect(Math.abs(r - 7.3)).toBeLessThan(0.06);
    }
  });

  test('the affine moves it; a mirror keeps the normals outward', () => {
    const affine = [-2, 0, 0, 90, 0, 2, 0, -126, 0, 0, 2, -72, 0, 0, 0, 1];
    const plain = isosurface(sphere(6), SHAPE, 0, undefined, -50);
    const moved = isosurface(sphere(6), SHAPE, 0, affine, -50);
    expect(moved.vertices[0]).toBeCloseTo(90 - 2 * plain.vertices[0]!, 12);
    const [one, two] = [plain, moved].map(({ vertices, faces }) => meshGeometry(vertices, faces).volume);
    expect(two! / one!).toBeCloseTo(8, 9);
  });

  test('a region at the rim is closed by the outside; one voxel is a small body', () => {
    const full = new Float64Array(27).fill(1);
    const { vertices, faces } = isosurface(full, [3, 3, 3], 0.5);
    expect(diagnoseMesh(vertices, faces)).toMatchObject({ is_closed: true, genus: 0, inconsistent_edges: 0 });
    // Half a voxel beyond the samples, less the cut edges and corners.
    expect(meshGeometry(vertices, faces).volume).toBeGreaterThan(20);
    expect(meshGeometry(vertices, faces).volume).toBeLessThan(27);
    const one = isosurface(Float64Array.of(1), [1, 1, 1], 0.5);
    expect(diagnoseMesh(one.vertices, one.faces)).toMatchObject({ genus: 0, inconsistent_edges: 0 });
  });

  test('random volumes give closed, consistent surfaces: every case of a tetrahedron fits its neighbours', () => {
    const values = Float64Array.from({ length: 343 }, (_, i) => (Math.sin(12.9898 * i) * 43758.5453) % 1);
    const { vertices, faces } = isosurface(values, [7, 7, 7], 0.1);
    const diagnosis = diagnoseMesh(vertices, faces);
    expect(diagnosis).toMatchObject({ boundary_edges: 0, non_manifold_edges: 0, inconsistent_edges: 0 });
    expect(diagnosis.volume).toBeGreaterThan(0);
  });

  test('what has no surface is refused', () => {
    expect(() => isosurface([0, 0], [1, 1, 1], 0.5)).toThrow('2 values for a volume of 1 x 1 x 1');
    expect(() => isosurface([0.2], [1, 1, 1], 0.5)).toThrow('no voxel is above 0.5');
    expect(() => isosurface([1], [1, 1, 1], 0.5, undefined, 2)).toThrow(
      'the outside, 2, is above the level 0.5',
    );
  });
});

describe('labels', () => {
  const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const labels = sphere(8).map((value) => (value > 0 ? 17 : 0));

  test('a ball of voxels becomes a smooth sphere, a little drawn in by the Gaussian', () => {
    const voxels = labels.filter((label) => label === 17).length;
    const { vertices, faces } = labelSurface(labels, SHAPE, 17, identity);
    // A Gaussian draws a ball of radius r in by sigma^2 / r.
    expect(Math.abs(meshGeometry(vertices, faces).volume / voxels - (1 - 1 / 64) ** 3)).toBeLessThan(0.01);
    expect(diagnoseMesh(vertices, faces)).toMatchObject({ genus: 0, components: 1, is_closed: true });
    const rough = labelSurface(labels, SHAPE, [17, 99], identity, { smoothing: 0, cycles: 0 });
    expect(meshGeometry(rough.vertices, rough.faces).area).toBeGreaterThan(
      meshGeometry(vertices, faces).area,
    );
    expect(() => labelSurface(labels, SHAPE, [53, 54], identity)).toThrow('no voxel has the label 53 or 54');
  });

  test('a label that smoothing takes away is told with the way to keep it', () => {
    const few = new Uint8Array(125);
    few[62] = few[63] = 9;
    const draw = (smoothing: number) => labelSurface(few, [5, 5, 5], 9, identity, { smoothing, cycles: 0 });
    expect(() => draw(1)).toThrow(
      expect.objectContaining({
        message: 'the label 9 (2 voxels) vanishes under smoothing 1',
        cure: 'lower smoothing; 0 draws the voxels as they are',
      }),
    );
    expect(draw(0).faces.length).toBeGreaterThan(0);
  });

  test('what lies around a label does not matter: a larger volume and other labels give the same surface', () => {
    const [nx, ny, nz] = [40, 31, 50];
    const larger = new Int32Array(nx * ny * nz);
    for (let at = 0; at < labels.length; at++) {
      const [x, y, z] = [
        Math.floor(at / (SHAPE[1] * SHAPE[2])),
        Math.floor(at / SHAPE[2]) % SHAPE[1],
        at % SHAPE[2],
      ];
      larger[((x + 9) * ny + y + 5) * nz + z + 20] = labels[at]!;
    }
    larger[0] = 53;
    const small = labelSurface(labels, SHAPE, 17, identity);
    const large = labelSurface(
      larger,
      [nx, ny, nz],
      17,
      [1, 0, 0, -9, 0, 1, 0, -5, 0, 0, 1, -20, 0, 0, 0, 1],
    );
    expect(large.faces).toEqual(small.faces);
    large.vertices.forEach((value, i) => expect(value).toBeCloseTo(small.vertices[i]!, 12));
    expect(() => labelSurface([17], [1, 1, 2], 17, identity)).toThrow('1 labels for a volume of 1 x 1 x 2');
  });

  test('Taubin keeps the size of a sphere and smooths noise', () => {
    const { vertices, faces } = icosphere(3, 10);
    const noisy = vertices.map((value, at) => value * (1 + 0.03 * Math.sin(99 * at)));
    const areas = [noisy, taubinSmoothed(noisy, faces, 10)].map((points) => meshGeometry(points, faces).area);
    expect(areas[1]!).toBeLessThan(areas[0]!);
    expect(meshGeometry(taubinSmoothed(vertices, faces, 10), faces).area / (400 * Math.PI)).toBeCloseTo(1, 1);
    expect(taubinSmoothed(vertices, faces, 0)).toEqual(vertices);
  });
});
