import { expect, test } from 'vitest';
import { cholesky, logDeterminant, solveCholesky } from '../../../../src/numerics/linalg/cholesky.js';
import { gram, matrix, multiply, transpose, type Matrix } from '../../../../src/numerics/linalg/matrix.js';
import { ridge } from '../../../../src/numerics/linalg/ridge.js';
import { singularValues } from '../../../../src/numerics/linalg/singular-values.js';
import { symmetricEigen } from '../../../../src/numerics/linalg/symmetric-eigen.js';
import { seededRandom } from '../../../../src/numerics/random.js';

function randomMatrix(rows: number, columns: number, seed: number): Matrix {
  const random = seededRandom(seed, 'test');
  return matrix(
    rows,
    columns,
    Float64Array.from({ length: rows * columns }, () => random.normal()),
  );
}

function distance(a: Matrix, b: Matrix): number {
  expect([a.rows, a.columns]).toEqual([b.rows, b.columns]);
  return a.values.reduce((worst, value, at) => Math.max(worst, Math.abs(value - b.values[at]!)), 0);
}

function identity(n: number): Matrix {
  const result = matrix(n, n);
  for (let i = 0; i < n; i++) result.values[i * n + i] = 1;
  return result;
}

test('Cholesky: known factor, determinant, solution; a matrix that is not positive gives null', () => {
  const a = matrix(2, 2, [4, 2, 2, 5]);
  const lower = cholesky(a)!;
  expect([...lower.values]).toEqual([2, 0, 1, 2]);
  expect(logDeterminant(lower)).toBeCloseTo(Math.log(16), 14);
  expect([...solveCholesky(lower, matrix(2, 1, [6, 7])).values]).toEqual([1, 1]);
  expect(cholesky(matrix(2, 2, [1, 2, 2, 1]))).toBeNull();
});

test.each([1, 2, 3, 8, 40])('eigenpairs of a symmetric %i x %i matrix', (n) => {
  const a = gram(randomMatrix(n + 2, n, 7));
  const { values, vectors } = symmetricEigen(a);
  const scaled = matrix(
    n,
    n,
    vectors.values.map((value, at) => value * values[at % n]!),
  );
  expect(distance(multiply(scaled, transpose(vectors)), a)).toBeLessThan(1e-11);
  expect(distance(gram(vectors), identity(n))).toBeLessThan(1e-12);
  expect([...values]).toEqual([...values].sort((x, y) => x - y));
});

test('eigenvalues of the second difference are known, repeated ones are found', () => {
  const n = 12;
  const a = matrix(n, n);
  for (let i = 0; i < n; i++) {
    a.values[i * n + i] = 2;
    if (i > 0) a.values[i * n + i - 1] = a.values[(i - 1) * n + i] = -1;
  }
  const { values } = symmetricEigen(a);
  values.forEach((value, i) =>
    expect(value).toBeCloseTo(2 - 2 * Math.cos(((i + 1) * Math.PI) / (n + 1)), 12),
  );
  expect([...symmetricEigen(identity(5)).values]).toEqual([1, 1, 1, 1, 1]);
});

test.each([
  [7, 4],
  [4, 7],
  [5, 5],
])('singular values of %i x %i', (rows, columns) => {
  const a = randomMatrix(rows, columns, 3);
  const { left, values, right } = singularValues(a);
  const scaled = matrix(
    left.rows,
    left.columns,
    left.values.map((value, at) => value * values[at % values.length]!),
  );
  expect(distance(multiply(scaled, transpose(right)), a)).toBeLessThan(1e-13);
  expect(distance(gram(left), identity(values.length))).toBeLessThan(1e-13);
  expect([...values]).toEqual([...values].sort((x, y) => y - x));
});

test('ridge: the same by one alpha and by several, more columns than rows too', () => {
  for (const [rows, features] of [
    [20, 6],
    [6, 20],
  ] as const) {
    const design = randomMatrix(rows, features, 1);
    const data = randomMatrix(rows, 3, 2);
    const alphas = [0.1, 5, 1000];
    const together = ridge(design, data, alphas);
    alphas.forEach((alpha, i) => {
      expect(distance(ridge(design, data, [alpha])[0]!, together[i]!)).toBeLessThan(1e-11);
      // The normal equations hold.
      const left = multiply(gram(design), together[i]!);
      const right = multiply(transpose(design), data);
      const residual = left.values.map(
        (value, at) => value + alpha * together[i]!.values[at]! - right.values[at]!,
      );
      expect(Math.max(...residual.map(Math.abs))).toBeLessThan(1e-9);
    });
  }
});

test('alpha 0 on a design of deficient rank gives the solution of smallest norm', () => {
  const design = matrix(3, 2, [1, 1, 2, 2, 3, 3]);
  const [weights] = ridge(design, matrix(3, 1, [2, 4, 6]), [0]);
  expect(weights!.values[0]).toBeCloseTo(1, 13);
  expect(weights!.values[1]).toBeCloseTo(1, 13);
  expect([...ridge(matrix(3, 2), matrix(3, 1, [1, 2, 3]), [0])[0]!.values]).toEqual([0, 0]);
});

test('shapes and strengths that do not fit are refused', () => {
  expect(() => ridge(matrix(3, 2), matrix(4, 1), [1])).toThrow(/3 rows.*4/);
  expect(() => ridge(matrix(3, 2), matrix(3, 1), [-1])).toThrow(/alpha must be 0 or more/);
  expect(() => matrix(2, 2, [1, 2, 3])).toThrow(/needs 4 values/);
});
