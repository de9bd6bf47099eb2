import { matrix, type Matrix } from './matrix.js';

/**
 * Lower triangular L with L L' = a, for a symmetric positive definite matrix; only its lower triangle is read.
 *
 * @returns null when the matrix is not positive definite to working precision
 */
export function cholesky(a: Matrix): Matrix | null {
  const n = a.rows;
  const lower = matrix(n, n);
  const { values } = lower;
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a.values[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= values[i * n + k]! * values[j * n + k]!;
      if (i > j) {
        values[i * n + j] = sum / values[j * n + j]!;
      } else {
        if (!(sum > 0)) return null;
        values[j * n + j] = Math.sqrt(sum);
      }
    }
  }
  return lower;
}

/** x with L x = b, column by column of b. */
export function solveLower(lower: Matrix, b: Matrix): Matrix {
  const n = lower.rows;
  const x = matrix(n, b.columns, b.values.slice());
  for (let i = 0; i < n; i++) {
    const row = x.values.subarray(i * b.columns, (i + 1) * b.columns);
    for (let k = 0; k < i; k++) subtractScaled(row, x.values, k * b.columns, lower.values[i * n + k]!);
    const pivot = lower.values[i * n + i]!;
    for (let column = 0; column < row.length; column++) row[column] = row[column]! / pivot;
  }
  return x;
}

/** x with L' x = b, column by column of b. */
export function solveLowerTransposed(lower: Matrix, b: Matrix): Matrix {
  const n = lower.rows;
  const x = matrix(n, b.columns, b.values.slice());
  for (let i = n - 1; i >= 0; i--) {
    const row = x.values.subarray(i * b.columns, (i + 1) * b.columns);
    for (let k = i + 1; k < n; k++) subtractScaled(row, x.values, k * b.columns, lower.values[k * n + i]!);
    const pivot = lower.values[i * n + i]!;
    for (let column = 0; column < row.length; column++) row[column] = row[column]! / pivot;
  }
  return x;
}

/** x with L L' x = b. */
export function solveCholesky(lower: Matrix, b: Matrix): Matrix {
  return solveLowerTransposed(lower, solveLower(lower, b));
}

/** Natural logarithm of the determinant of L L'. */
export function logDeterminant(lower: Matrix): number {
  let sum = 0;
  for (let i = 0; i < lower.rows; i++) sum += Math.log(lower.values[i * lower.rows + i]!);
  return 2 * sum;
}

function subtractScaled(row: Float64Array, from: Float64Array, at: number, factor: number): void {
  if (factor === 0) return;
  for (let column = 0; column < row.length; column++)
    row[column] = row[column]! - factor * from[at + column]!;
}
