import { describe, expect, test } from 'vitest';
import { nativeStatus } from '../../../../src/native/index.js';
import { laplaceBeltrami } from '../../../../src/numerics/spectral/laplace-beltrami.js';
import { grid, icosphere, together } from '../../../support/meshes.js';

const solver = 'typescript';

describe('convergence', () => {
  test.each(['lumped', 'consistent', 'voronoi'] as const)(
    'sphere eigenvalues with %s mass go to l (l + 1) / R^2 at second order',
    (mass) => {
      const radius = 3;
      const errors = [2, 3, 4].map((level) => {
        const { vertices, faces } = icosphere(level);
        const scaled = vertices.map((value) => radius * value);
        const { eigenvalues } = laplaceBeltrami(scaled, faces, { k: 9, mass, solver });
        const exact = [0, 2, 2, 2, 6, 6, 6, 6, 6].map((value) => value / radius ** 2);
        return Math.max(...exact.map((value, i) => Math.abs(eigenvalues[i]! - value)));
      });
      // Halving the edges divides the error by 4.
      for (const i of [0, 1]) expect(errors[i]! / errors[i + 1]!).toBeGreaterThan(3.7);
      expect(errors[2]).toBeLessThan(0.01);
    },
  );

  test('a square with Dirichlet boundary has pi^2 (i^2 + j^2), with zero rows on the rim', () => {
    const { vertices, faces } = grid(40, 40, 1, 1);
    const { eigenvalues, eigenvectors, k } = laplaceBeltrami(vertices, faces, {
      k: 4,
      boundary: 'dirichlet',
      solver,
    });
    [2, 5, 5, 8].forEach((sum, i) => expect(eigenvalues[i]! / (Math.PI ** 2 * sum)).toBeCloseTo(1, 2));
    expect([...eigenvectors.subarray(0, k)]).toEqual([0, 0, 0, 0]);
  });
});

describe('invariance', () => {
  const { vertices, faces } = grid(24, 17, 1.4, 1);
  const curved = vertices.map((value, at) =>
    at % 3 === 2 ? 0.3 * Math.sin(3 * vertices[at - 2]! + vertices[at - 1]!) : value,
  );
  const plain = laplaceBeltrami(curved, faces, { k: 15, solver });

  test.each([1e-3, 1e4])('coordinates times %f divide eigenvalues by the square', (factor) => {
    const scaled = laplaceBeltrami(
      curved.map((value) => factor * value),
      faces,
      { k: 15, solver },
    );
    for (let i = 1; i < 15; i++) {
      expect((scaled.eigenvalues[i]! * factor ** 2) / plain.eigenvalues[i]!).toBeCloseTo(1, 11);
    }
  });

  test('rotation and renumbering of the vertices leave the eigenvalues', () => {
    const n = vertices.length / 3;
    const place = Int32Array.from({ length: n }, (_, i) => (i * 101) % n);
    const turned = new Float64Array(3 * n);
    const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    for (let i = 0; i < n; i++) {
      const [x, y, z] = [curved[3 * i]!, curved[3 * i + 1]!, curved[3 * i + 2]!];
      turned.set([c * x - s * z, y + 5, s * x + c * z], 3 * place[i]!);
    }
    const other = laplaceBeltrami(
      turned,
      faces.map((v) => place[v]!),
      { k: 15, solver },
    );
    for (let i = 1; i < 15; i++) expect(other.eigenvalues[i]! / plain.eigenvalues[i]!).toBeCloseTo(1, 11);
  });
});

describe('meshes as they come', () => {
  test('isolated vertices are dropped, get NaN rows and are named', () => {
    const { vertices, faces } = icosphere(2);
    const result = laplaceBeltrami(
      [7, 7, 7, ...vertices],
      faces.map((v) => v + 1),
      { k: 5, solver },
    );
    expect(result.n).toBe(vertices.length / 3 + 1);
    expect([...result.eigenvectors.subarray(0, 5)]).toEqual([NaN, NaN, NaN, NaN, NaN]);
    expect(result.eigenvectors.subarray(5).every(Number.isFinite)).toBe(true);
    expect(result.warnings).toEqual(['1 vertices belong to no usable triangle; their rows are NaN']);
    expect(result.eigenvalues).toEqual(laplaceBeltrami(vertices, faces, { k: 5, solver }).eigenvalues);
  });

  test('forty equal spheres have forty exact zeros and full groups', () => {
    const sphere = icosphere(1);
    const { vertices, faces } = together(
      Array.from({ length: 40 }, () => sphere),
      3,
    );
    const { eigenvalues, components, quality, certificate, warnings } = laplaceBeltrami(vertices, faces, {
      k: 100,
      solver,
    });
    expect(components).toBe(40);
    expect([...eigenvalues.subarray(0, 40)]).toEqual(new Array(40).fill(0));
    expect(eigenvalues[99]! / eigenvalues[40]! - 1).toBeLessThan(1e-12);
    expect(certificate.count).toBe(160);
    expect(quality.orthonormality).toBeLessThan(1e-13);
    expect(warnings).toEqual(['the surface has 40 connected parts, and as many eigenvalues 0']);
  });

  test('a small part beside a large one: of it the zero mode alone, or a few modes, whatever k is', () => {
    const large = icosphere(2);
    const small = {
      vertices: large.vertices.map((value) => 0.3 * value),
      faces: large.faces,
    };
    const { vertices, faces } = together([large, small], 5);
    const apart = [large, small].map((mesh) => laplaceBeltrami(mesh.vertices, mesh.faces, { k: 24, solver }));
    const wanted = apart.flatMap(({ eigenvalues }) => [...eigenvalues]).sort((a, b) => a - b);
    for (const k of [2, 3, 5, 10, 24]) {
      const { eigenvalues, certificate } = laplaceBeltrami(vertices, faces, { k, solver });
      expect([...eigenvalues.subarray(0, 2)]).toEqual([0, 0]);
      eigenvalues.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-10));
      expect(certificate.count).toBeGreaterThanOrEqual(k);
    }
  });

  test('a fin on an edge and a triangle listed twice are no obstacle', () => {
    const { vertices, faces } = icosphere(2);
    const result = laplaceBeltrami(
      [...vertices, 0, 0, 1.4],
      [...faces, faces[0]!, faces[1]!, vertices.length / 3, ...faces.subarray(9, 12)],
      {
        k: 6,
        solver,
      },
    );
    expect(result.certificate.count).toBeGreaterThanOrEqual(6);
    expect(result.quality.resBack).toBeLessThan(1e-14);
    const delaunay = laplaceBeltrami(
      [...vertices, 0, 0, 1.4],
      [...faces, faces[0]!, faces[1]!, vertices.length / 3],
      {
        k: 6,
        operator: 'intrinsic_delaunay',
        solver,
      },
    );
    expect(delaunay.eigenvalues[0]).toBe(0);
  });

  test('a triangle without area is left out', () => {
    const { vertices, faces } = icosphere(2);
    const result = laplaceBeltrami(vertices, [...faces, 3, 3, 8], { k: 4, solver });
    expect(result.warnings).toEqual(['1 triangles without area were left out']);
    expect(result.eigenvalues).toEqual(laplaceBeltrami(vertices, faces, { k: 4, solver }).eigenvalues);
  });

  test('a nearly collapsed vertex is reported, and intrinsic Delaunay mends it', () => {
    const { vertices, faces } = icosphere(3);
    const [a, b] = [faces[0]!, faces[1]!];
    const collapsed = vertices.slice();
    for (let d = 0; d < 3; d++) collapsed[3 * a + d] = vertices[3 * b + d]! + 1e-9 * (d + 1);
    const options = { k: 10, solver } as const;
    const warned = laplaceBeltrami(collapsed, faces, options);
    expect(warned.warnings[0]).toMatch(
      /^the smallest angle is .* ill-conditioned; operator intrinsic_delaunay is the cure$/,
    );
    const mended = laplaceBeltrami(collapsed, faces, { ...options, operator: 'intrinsic_delaunay' });
    const round = laplaceBeltrami(vertices, faces, options);
    expect(mended.eigenvalues[0]).toBe(0);
    for (let i = 1; i < 9; i++)
      expect(Math.abs(mended.eigenvalues[i]! / round.eigenvalues[i]! - 1)).toBeLessThan(0.02);
  });

  test('more pairs than vertices are refused by number', () => {
    const { vertices, faces } = icosphere(0);
    expect(() => laplaceBeltrami(vertices, faces, { k: 13, solver })).toThrow(
      '13 eigenpairs of a surface with N = 12',
    );
    expect(laplaceBeltrami(vertices, faces, { k: 12, solver }).certificate).toEqual({
      shift: null,
      count: 12,
    });
  });
});

describe.skipIf(!nativeStatus().available)(
  'what loses digits or repeats, with the solver of the addon',
  () => {
    const sphere = icosphere(4);

    /** The corner of the first triangle moved towards the second one until `distance` is left between them. */
    function collapsed(distance: number): Float64Array {
      const [a, b] = [sphere.faces[0]!, sphere.faces[1]!];
      const vertices = sphere.vertices.slice();
      const apart = [0, 1, 2].map((d) => vertices[3 * a + d]! - vertices[3 * b + d]!);
      const length = Math.hypot(...apart);
      for (let d = 0; d < 3; d++)
        vertices[3 * a + d] = vertices[3 * b + d]! + (distance * apart[d]!) / length;
      return vertices;
    }

    test.each([1e-9, 1e-12])(
      'a corner %d beside another one: exact zero, a count, and a warning',
      (distance) => {
        const vertices = collapsed(distance);
        const { eigenvalues, quality, certificate, warnings } = laplaceBeltrami(vertices, sphere.faces, {
          k: 30,
          solver: 'native',
        });
        expect(warnings.at(-1)).toMatch(/ill-conditioned; operator intrinsic_delaunay is the cure$/);
        expect(eigenvalues[0]).toBe(0);
        expect(certificate.count).toBeGreaterThanOrEqual(30);
        expect(quality.orthonormality).toBeLessThan(1e-10);
        expect(quality.resBack).toBeLessThan(1e-11);
        const mended = laplaceBeltrami(vertices, sphere.faces, {
          k: 30,
          operator: 'intrinsic_delaunay',
          solver: 'native',
        });
        expect(mended.eigenvalues[0]).toBe(0);
        expect(mended.quality.orthonormality).toBeLessThan(1e-13);
        const round = laplaceBeltrami(sphere.vertices, sphere.faces, { k: 30, solver: 'native' });
        for (let i = 1; i < 30; i++) {
          expect(Math.abs(mended.eigenvalues[i]! / round.eigenvalues[i]! - 1)).toBeLessThan(0.02);
        }
      },
    );

    // Many of its pairs, and a basis that loses orthogonality early: 110 and 115 are solved again with more care.
    test.each([105, 110, 115])('groups of 2 l + 1 stay whole where slices meet in them, %d pairs', (k) => {
      const { eigenvalues, quality, certificate } = laplaceBeltrami(sphere.vertices, sphere.faces, {
        ...{ k, solver: 'native' },
      });
      for (const [first, last] of [
        [1, 3],
        [4, 8],
      ] as const) {
        expect(eigenvalues[last]! / eigenvalues[first]! - 1).toBeLessThan(1e-12);
      }
      expect(certificate.count).toBeGreaterThanOrEqual(k);
      expect(quality.orthonormality).toBeLessThan(1e-13);
      expect(quality.resLambda).toBeLessThan(1e-10);
      expect(quality.resBack).toBeLessThan(1e-14);
    });

    test('forty equal spheres have forty exact zeros and full groups', () => {
      const { vertices, faces } = together(
        Array.from({ length: 40 }, () => icosphere(2)),
        3,
      );
      const result = laplaceBeltrami(vertices, faces, { k: 100, solver: 'native' });
      expect(result.components).toBe(40);
      expect([...result.eigenvalues.subarray(0, 40)]).toEqual(new Array(40).fill(0));
      expect(result.eigenvalues[99]! / result.eigenvalues[40]! - 1).toBeLessThan(1e-12);
      expect(result.certificate.count).toBe(160);
      expect(result.quality.orthonormality).toBeLessThan(1e-13);
    });
  },
);
