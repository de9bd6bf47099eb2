import { describe, expect, test } from 'vitest';
import { intrinsicDelaunay } from '../../../../src/numerics/spectral/intrinsic-delaunay.js';
import { laplaceBeltrami, meshOperator } from '../../../../src/numerics/spectral/laplace-beltrami.js';
import { cotangentOperator } from '../../../../src/numerics/spectral/mesh-operator.js';
import { MASS_KINDS } from '../../../../src/numerics/spectral/settings.js';
import {
  sparseFromTriplets,
  sparseMultiply,
  symmetricFromTriangle,
  type SparseMatrix,
} from '../../../../src/numerics/spectral/sparse-matrix.js';
import { grid, icosphere } from '../../../support/meshes.js';

const entry = (a: SparseMatrix, i: number, j: number): number => {
  for (let e = a.rowStarts[i]!; e < a.rowStarts[i + 1]!; e++)
    if (a.columnIndices[e] === j) return a.values[e]!;
  return 0;
};

const total = (a: SparseMatrix): number => a.values.reduce((sum, value) => sum + value, 0);

describe('sparse matrices', () => {
  test('triplets at one place are added and columns ascend', () => {
    const a = sparseFromTriplets({ row: [1, 0, 1, 1], column: [2, 0, 0, 2], value: [3, 1, 5, 4] }, [2, 3]);
    expect([...a.rowStarts]).toEqual([0, 1, 3]);
    expect([...a.columnIndices]).toEqual([0, 0, 2]);
    expect([...a.values]).toEqual([1, 5, 7]);
    expect([...sparseMultiply(a, [1, 10, 100])]).toEqual([1, 705]);
  });

  test('one triangle of a symmetric matrix becomes both', () => {
    const upper = sparseFromTriplets({ row: [0, 0, 1], column: [0, 1, 1], value: [2, -1, 3] }, [2, 2]);
    expect([...symmetricFromTriangle(upper).values]).toEqual([2, -1, -1, 3]);
  });

  test('an index outside, and lists of different length, are refused', () => {
    expect(() => sparseFromTriplets({ row: [2], column: [0], value: [1] }, [2, 2])).toThrow(
      'row index 2 is outside 0 to 1',
    );
    expect(() => sparseFromTriplets({ row: [0], column: [], value: [1] }, [2, 2])).toThrow(
      '0 column indices',
    );
    const identity = sparseFromTriplets({ row: [0], column: [0], value: [1] }, [1, 1]);
    expect(() => sparseMultiply(identity, [1, 2])).toThrow('a vector of 2 for 1 columns');
  });
});

describe('cotangent operator', () => {
  const right = { vertices: [0, 0, 0, 1, 0, 0, 0, 1, 0], faces: [0, 1, 2] };

  test('a right triangle has the textbook stiffness and masses', () => {
    const { stiffness, mass } = cotangentOperator(right.vertices, right.faces, 'consistent');
    const dense = [0, 1, 2].map((i) => [0, 1, 2].map((j) => entry(stiffness, i, j)));
    [
      [1, -0.5, -0.5],
      [-0.5, 0.5, 0],
      [-0.5, 0, 0.5],
    ].forEach((row, i) => {
      row.forEach((value, j) => expect(dense[i]![j]).toBeCloseTo(value, 15));
    });
    expect(entry(mass, 0, 0)).toBeCloseTo(1 / 12, 15);
    expect(entry(mass, 0, 1)).toBeCloseTo(1 / 24, 15);
    const voronoi = cotangentOperator(right.vertices, right.faces, 'voronoi').mass;
    [0.25, 0.125, 0.125].forEach((value, i) => expect(entry(voronoi, i, i)).toBeCloseTo(value, 15));
  });

  test('an obtuse triangle gives half of its area to the obtuse corner', () => {
    const vertices = [0, 0, 0, 2, 0, 0, -1, 1, 0];
    const { mass } = cotangentOperator(vertices, [0, 1, 2], 'voronoi');
    expect([0, 1, 2].map((i) => entry(mass, i, i))).toEqual([0.5, 0.25, 0.25]);
  });

  test.each(MASS_KINDS)('rows sum to 0, the %s mass to the area, and both are symmetric', (kind) => {
    const { vertices, faces } = icosphere(2);
    // Stretched, so that some triangles are obtuse.
    const stretched = vertices.map((value, at) => (at % 3 === 0 ? 3 * value : value));
    const operator = meshOperator(stretched, faces, { mass: kind });
    const n = vertices.length / 3;
    const sums = sparseMultiply(operator.stiffness, new Float64Array(n).fill(1));
    expect(Math.max(...sums.map(Math.abs))).toBeLessThan(1e-14);
    expect(total(operator.mass) / operator.area - 1).toBeLessThan(1e-13);
    for (const a of [operator.stiffness, operator.mass]) {
      for (let i = 0; i < n; i += 7) {
        for (let e = a.rowStarts[i]!; e < a.rowStarts[i + 1]!; e++) {
          expect(entry(a, a.columnIndices[e]!, i)).toBe(a.values[e]);
        }
      }
    }
  });

  test('scaling leaves the stiffness and multiplies the mass by the square', () => {
    const { vertices, faces } = icosphere(1);
    const one = cotangentOperator(vertices, faces);
    const large = cotangentOperator(
      vertices.map((value) => 1000 * value),
      faces,
    );
    one.stiffness.values.forEach((value, e) => expect(large.stiffness.values[e]).toBeCloseTo(value, 12));
    one.mass.values.forEach((value, e) => expect(large.mass.values[e]! / (1e6 * value)).toBeCloseTo(1, 12));
  });

  test('triangles without area and vertices without triangle are left out and counted', () => {
    const { vertices, faces } = icosphere(1);
    const more = [...vertices, 9, 9, 9];
    const operator = meshOperator(more, [...faces, 0, 0, 1, 3, 5, 5], { mass: 'lumped' });
    expect(operator.triangles.degenerate).toBe(2);
    expect(operator.unreferenced).toBe(1);
    expect(operator.stiffness.rows).toBe(vertices.length / 3);
    expect([...operator.stiffness.values]).toEqual([...cotangentOperator(vertices, faces).stiffness.values]);
  });

  describe('triangles without area as LaPy takes them', () => {
    // A triangle of area 1/2, and one along its edge 0-1 with area 0: 1e-4 of the mean 1/4 stands for it.
    const vertices = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0.5, 0, 0];
    const faces = [0, 1, 2, 0, 1, 3];
    const clamped = 1e-4 / 4;

    test('its cotangents are u.v over twice the area that stands for it, its mass is that area', () => {
      const { stiffness, mass } = cotangentOperator(vertices, faces, 'lumped', 'lapy');
      // The proper triangle has the cotangents 0, 1, 1: -1/2 for its edges 0-1 and 0-2. Corner 3: u.v = -1/4, opposite edge 0-1; corners 0 and 1: u.v = 1/2, opposite edges 1-3 and 0-3.
      expect(entry(stiffness, 0, 1)).toBeCloseTo(1 / 4 / (4 * clamped) - 1 / 2, 8);
      expect(entry(stiffness, 1, 3)).toBeCloseTo(-1 / 2 / (4 * clamped), 8);
      expect(entry(stiffness, 0, 3)).toBeCloseTo(-1 / 2 / (4 * clamped), 8);
      expect(entry(stiffness, 3, 3)).toBeCloseTo(1 / (4 * clamped), 8);
      expect(entry(stiffness, 0, 2)).toBeCloseTo(-1 / 2, 14);
      expect(entry(stiffness, 1, 2)).toBeCloseTo(0, 14);
      expect(entry(mass, 3, 3)).toBeCloseTo(clamped / 3, 18);
      expect(entry(mass, 0, 0)).toBeCloseTo(1 / 6 + clamped / 3, 15);
      const consistent = cotangentOperator(vertices, faces, 'consistent', 'lapy').mass;
      expect(entry(consistent, 3, 3)).toBeCloseTo(clamped / 6, 18);
      expect(entry(consistent, 0, 3)).toBeCloseTo(clamped / 12, 18);
      expect(entry(consistent, 0, 1)).toBeCloseTo((1 / 2 + clamped) / 12, 15);
    });

    test('a corner that is named twice adds no stiffness and the same mass', () => {
      const { stiffness, mass } = cotangentOperator(
        vertices.slice(0, 9),
        [0, 1, 2, 1, 1, 2],
        'lumped',
        'lapy',
      );
      const alone = cotangentOperator(vertices.slice(0, 9), [0, 1, 2]);
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 3; j++) expect(entry(stiffness, i, j)).toBe(entry(alone.stiffness, i, j));
      }
      expect(entry(mass, 0, 0)).toBe(entry(alone.mass, 0, 0));
      expect(entry(mass, 1, 1)).toBeCloseTo(1 / 6 + (2 * clamped) / 3, 15);
      expect(entry(mass, 2, 2)).toBeCloseTo(1 / 6 + clamped / 3, 15);
    });

    test('the limit is the rounding of 1 in four areas, not a part of the mean', () => {
      const at = (height: number): number[] => [...vertices.slice(0, 9), 0.5, height, 0];
      // Four times the area of a triangle with base 1 is twice its height.
      const above = meshOperator(at(1.2e-16), faces, { degenerateTriangles: 'lapy' });
      expect(above.triangles.clamped).toBe(0);
      expect(above.triangles.largestCotangent).toBeGreaterThan(1e15);
      const below = meshOperator(at(1e-16), faces, { degenerateTriangles: 'lapy' });
      expect(below.triangles.clamped).toBe(1);
      expect(below.triangles.largestCotangent).toBeCloseTo(1 / 2 / (2 * clamped), 6);
      expect(meshOperator(at(1.2e-16), faces).triangles).toMatchObject({ degenerate: 1, clamped: 0 });
    });

    test('eigenpairs take part at its vertices and the result says so; without, rows are NaN', () => {
      const ball = icosphere(1);
      const n = ball.vertices.length / 3;
      const [a, b] = [ball.faces[0]!, ball.faces[1]!];
      const middle = [0, 1, 2].map((d) => (ball.vertices[3 * a + d]! + ball.vertices[3 * b + d]!) / 2);
      const more = [...ball.vertices, ...middle];
      const all = [...ball.faces, a, b, n];
      const taken = laplaceBeltrami(more, all, { k: 9, degenerateTriangles: 'lapy' });
      expect(taken.warnings.join()).toContain(
        '1 triangles without area were taken with 1e-4 of the mean area',
      );
      expect(taken.area).toBeCloseTo(laplaceBeltrami(ball.vertices, ball.faces, { k: 9 }).area, 13);
      // So stiff a triangle of next to no mass holds the midpoint between its ends.
      for (let j = 0; j < 9; j++) {
        const [atA, atB, at] = [a, b, n].map((v) => taken.eigenvectors[9 * v + j]!) as [
          number,
          number,
          number,
        ];
        expect(Math.abs(at - (atA + atB) / 2)).toBeLessThan(1e-6);
      }
      const dropped = laplaceBeltrami(more, all, { k: 9 });
      expect(dropped.eigenvectors[9 * n]).toBeNaN();
      expect(dropped.warnings.join()).toContain('1 triangles without area were left out');
    });

    test('meshes of such triangles alone, and other operators, are refused', () => {
      expect(() => laplaceBeltrami(vertices, [0, 1, 3], { k: 1, degenerateTriangles: 'lapy' })).toThrow(
        '1 eigenpairs of a surface with N = 0 usable vertices',
      );
      expect(() =>
        meshOperator(vertices, faces, { operator: 'robust', degenerateTriangles: 'lapy' }),
      ).toThrow('the operator robust takes no triangles without area as LaPy does');
    });
  });

  test('broken arrays are refused by name', () => {
    expect(() => cotangentOperator([0, 0], [])).toThrow('vertices has 2 numbers');
    expect(() => cotangentOperator([0, 0, 0], [0, 0, 1])).toThrow('face 0 names vertex 1 of 1');
    expect(() => cotangentOperator([0, NaN, 0], [0, 0, 0])).toThrow('vertex 0 has the coordinate NaN');
  });
});

describe('intrinsic Delaunay', () => {
  test('a long diagonal is flipped once and its weight becomes positive', () => {
    // A flat kite whose diagonal 0-2 faces two obtuse angles.
    const vertices = [-3, 0, 0, 0, -1, 0, 3, 0, 0, 0, 1, 0];
    const before = cotangentOperator(vertices, [0, 1, 2, 0, 2, 3]).stiffness;
    expect(entry(before, 0, 2)).toBeGreaterThan(0);
    const { flips, pair, mollification } = intrinsicDelaunay(vertices, [0, 1, 2, 0, 2, 3]);
    expect(flips).toBe(1);
    expect(mollification).toBe(0);
    const direct = cotangentOperator(vertices, [0, 1, 3, 1, 2, 3]);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        expect(entry(pair.stiffness, i, j)).toBeCloseTo(entry(direct.stiffness, i, j), 13);
        expect(entry(pair.mass, i, j)).toBeCloseTo(entry(direct.mass, i, j), 13);
      }
    }
  });

  test('on a skewed flat sheet no weight stays negative and the area is kept', () => {
    const { vertices, faces } = grid(12, 9, 1, 1);
    const skewed = vertices.map((value, at) => (at % 3 === 0 ? value + 2.3 * vertices[at + 1]! : value));
    const { pair, flips } = intrinsicDelaunay(skewed, faces);
    expect(flips).toBeGreaterThan(50);
    expect(total(pair.mass)).toBeCloseTo(1, 12);
    const n = vertices.length / 3;
    // Linear functions have the same energy on any triangulation of a flat sheet.
    const x = Float64Array.from({ length: n }, (_, i) => skewed[3 * i]!);
    const energy = sparseMultiply(pair.stiffness, x).reduce((sum, value, i) => sum + value * x[i]!, 0);
    expect(energy).toBeCloseTo(1, 11);
    for (let i = 0; i < n; i++) {
      for (let e = pair.stiffness.rowStarts[i]!; e < pair.stiffness.rowStarts[i + 1]!; e++) {
        const isInner =
          pair.stiffness.columnIndices[e] !== i && i > 13 && i < n - 13 && i % 13 > 0 && i % 13 < 12;
        if (isInner) expect(pair.stiffness.values[e]).toBeLessThan(1e-9);
      }
    }
  });

  test('a needle without area gets one by mollification', () => {
    const { pair, mollification } = intrinsicDelaunay([0, 0, 0, 1, 0, 0, 0.5, 0, 0], [0, 1, 2]);
    expect(mollification).toBeGreaterThan(0);
    expect(pair.stiffness.values.every(Number.isFinite)).toBe(true);
  });
});
