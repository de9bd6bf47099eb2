import { describe, expect, test } from 'vitest';
import { eigsh } from '../../../../src/numerics/spectral/eigsh.js';
import { cotangentOperator } from '../../../../src/numerics/spectral/mesh-operator.js';
import { sparseFromTriplets, type SparseMatrix } from '../../../../src/numerics/spectral/sparse-matrix.js';
import { grid, icosphere } from '../../../support/meshes.js';

/** Path of n nodes: eigenvalues 4 sin^2(pi j / 2n) with free ends, 4 sin^2(pi j / (2n + 2)) with fixed ones. */
function path(n: number, hasFreeEnds: boolean, offset = 0): SparseMatrix {
  const [row, column, value]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < n; i++) {
    for (const j of [i - 1, i + 1]) {
      if (j < 0 || j >= n) continue;
      row.push(i);
      column.push(j);
      value.push(-1);
    }
    row.push(i);
    column.push(i);
    value.push((hasFreeEnds && (i === 0 || i === n - 1) ? 1 : 2) + offset);
  }
  return sparseFromTriplets({ row, column, value }, [n, n]);
}

const solver = 'typescript';

describe('closed forms', () => {
  test('a path with free ends: exact zero, and 4 sin^2 for the others', () => {
    const n = 700;
    const { eigenvalues, certificate, quality } = eigsh(path(n, true), null, { k: 40, solver });
    expect(eigenvalues[0]).toBe(0);
    for (let j = 1; j < 40; j++) {
      expect(eigenvalues[j]! / (4 * Math.sin((Math.PI * j) / (2 * n)) ** 2)).toBeCloseTo(1, 11);
    }
    expect(certificate.count).toBe(40);
    expect(quality.orthonormality).toBeLessThan(1e-13);
  });

  test('a path with fixed ends, several slices', () => {
    const n = 900;
    const { eigenvalues, certificate } = eigsh(path(n, false), null, { k: 150, solver });
    for (let j = 1; j <= 150; j++) {
      expect(eigenvalues[j - 1]! / (4 * Math.sin((Math.PI * j) / (2 * n + 2)) ** 2)).toBeCloseTo(1, 10);
    }
    expect(certificate.count).toBe(150);
  });

  test('a matrix with negative eigenvalues gives them first', () => {
    const n = 400;
    const { eigenvalues } = eigsh(path(n, false, -1), null, { k: 50, solver });
    for (let j = 1; j <= 50; j++) {
      const exact = 4 * Math.sin((Math.PI * j) / (2 * n + 2)) ** 2 - 1;
      expect(Math.abs(eigenvalues[j - 1]! - exact)).toBeLessThan(1e-13);
    }
  });

  test('a small matrix up to k = N; the mass defaults to the identity', () => {
    const n = 12;
    const { eigenvalues, certificate } = eigsh(path(n, true), null, { k: n, solver });
    for (let j = 0; j < n; j++)
      expect(eigenvalues[j]).toBeCloseTo(4 * Math.sin((Math.PI * j) / (2 * n)) ** 2, 13);
    expect(certificate).toEqual({ shift: null, count: n });
    expect(eigsh(path(n, true), null, { k: n - 1, solver }).eigenvalues).toHaveLength(n - 1);
  });
});

describe('clusters', () => {
  test('a sphere has groups of 2 l + 1, and a group cut by k is counted to its end', () => {
    const { vertices, faces } = icosphere(3);
    const { stiffness, mass } = cotangentOperator(vertices, faces);
    const { eigenvalues, certificate, quality } = eigsh(stiffness, mass, { k: 10, solver });
    expect(eigenvalues[3]! / eigenvalues[1]! - 1).toBeLessThan(1e-12);
    expect(eigenvalues[8]! / eigenvalues[4]! - 1).toBeLessThan(1e-12);
    // Group l = 3 of 7 splits into icosahedral groups of 4 and 3.
    expect(certificate.count).toBe(13);
    expect(quality.orthonormality).toBeLessThan(1e-13);
    expect(quality.resLambda).toBeLessThan(1e-10);
  });

  test('slices that meet inside groups stay orthonormal', () => {
    const { vertices, faces } = icosphere(3);
    const { stiffness, mass } = cotangentOperator(vertices, faces);
    const result = eigsh(stiffness, mass, { k: 110, solver });
    expect(result.quality.orthonormality).toBeLessThan(1e-13);
    expect(result.certificate.count).toBeGreaterThanOrEqual(110);
  });

  test('parts without connection are solved apart', () => {
    const a = path(300, true);
    const doubled = sparseFromTriplets(
      {
        row: [...rows(a), ...rows(a).map((i) => i + 300)],
        column: [...a.columnIndices, ...a.columnIndices.map((i) => i + 300)],
        value: [...a.values, ...a.values],
      },
      [600, 600],
    );
    const { eigenvalues, components, certificate, eigenvectors } = eigsh(doubled, null, { k: 20, solver });
    expect(components).toBe(2);
    expect(certificate.count).toBe(20);
    for (let j = 0; j < 20; j++) {
      const exact = 4 * Math.sin((Math.PI * Math.floor(j / 2)) / 600) ** 2;
      expect(Math.abs(eigenvalues[j]! - exact)).toBeLessThan(1e-14);
    }
    // Each zero mode lives on one part.
    expect(eigenvectors[0]! * eigenvectors[300 * 20]!).toBe(0);
  });
});

function rows(a: SparseMatrix): number[] {
  return Array.from(a.columnIndices, (_, e) =>
    a.rowStarts.findIndex((start, i) => start <= e && e < a.rowStarts[i + 1]!),
  );
}

describe('contract', () => {
  const { vertices, faces } = grid(30, 20, 1.5, 1);
  const { stiffness, mass } = cotangentOperator(vertices, faces);

  test('sigma, which, tol and maxiter do not change the result, and runs repeat to the last bit', () => {
    const first = eigsh(stiffness, mass, { k: 12, solver });
    const second = eigsh(stiffness, mass, { k: 12, sigma: -7, which: 'SA', tol: 0.1, maxiter: 1, solver });
    expect(second).toEqual(first);
  });

  test('the largest component of each vector is positive', () => {
    const { eigenvectors, n, k } = eigsh(stiffness, mass, { k: 12, solver });
    for (let c = 0; c < k; c++) {
      let largest = 0;
      for (let i = 0; i < n; i++) {
        const value = eigenvectors[i * k + c]!;
        if (Math.abs(value) > Math.abs(largest) * (1 + 1e-9)) largest = value;
      }
      expect(largest).toBeGreaterThan(0);
    }
  });

  test('a mass with negative or zero eigenvalues is refused, small or large', () => {
    for (const n of [12, 402]) {
      // Blocks of two with eigenvalues 1 + coupling and 1 - coupling.
      const blocks = (coupling: number): SparseMatrix => {
        const [row, column, value]: [number[], number[], number[]] = [[], [], []];
        for (let i = 0; i < n; i++) {
          row.push(i, i);
          column.push(i, i ^ 1);
          value.push(1, coupling);
        }
        return sparseFromTriplets({ row, column, value }, [n, n]);
      };
      const refusal = /^the mass matrix is not positive definite \((pivot -3|\d+ negative pivots)\)$/;
      expect(() => eigsh(path(n, false), blocks(2), { k: 4, solver })).toThrow(refusal);
      // Every diagonal entry only equals its row.
      expect(() => eigsh(path(n, false), blocks(1), { k: 4, solver })).toThrow(
        /^the mass matrix is not positive definite/,
      );
      const { eigenvalues } = eigsh(path(n, false), blocks(0.5), { k: 4, solver });
      expect(eigenvalues[0]).toBeGreaterThan(0);
    }
  });

  test('what cannot be solved is refused with its place', () => {
    const entries = (value: number[]): SparseMatrix =>
      sparseFromTriplets({ row: [0, 0, 1, 1], column: [0, 1, 0, 1], value }, [2, 2]);
    expect(() => eigsh(entries([1, 2, 3, 1]), null, { k: 1 })).toThrow(
      'entry (0, 1) is 2, entry (1, 0) is 3',
    );
    expect(() => eigsh(entries([1, NaN, 3, 1]), null, { k: 1 })).toThrow(
      'entry (0, 1) of the stiffness matrix is NaN',
    );
    expect(() => eigsh(entries([1, 0, 0, 1]), entries([1, 0, 0, 0]), { k: 1 })).toThrow(
      'row 1 of the mass matrix',
    );
    expect(() => eigsh(entries([1, 0, 0, 1]), null, { k: 3 })).toThrow(
      '3 eigenpairs of a matrix with N = 2 rows',
    );
    expect(() => eigsh(entries([1, 0, 0, 1]), null, { k: 0 })).toThrow('k is 0');
    expect(() => eigsh(entries([1, 0, 0, 1]), null, { k: 1.5 })).toThrow('k is 1.5');
    expect(() => eigsh(entries([1, 0, 0, 1]), entries([1, 0, 0, Infinity]), { k: 1 })).toThrow(
      'entry (1, 1) of the mass matrix is Infinity',
    );
    const none = sparseFromTriplets({ row: [], column: [], value: [] }, [0, 0]);
    expect(() => eigsh(none, null, { k: 1 })).toThrow('1 eigenpairs of a matrix with N = 0 rows');
    expect(() => eigsh(entries([1, 0, 0, 1]), mass, { k: 1 })).toThrow('not 2 x 2');
  });
});
