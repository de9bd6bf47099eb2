/** Inverse mass matrices from the draws of a window of the warm-up. */
import { multiply, matrix, transpose, type Matrix } from '../linalg/matrix.js';
import { symmetricEigen } from '../linalg/symmetric-eigen.js';
import { Metric } from './metric.js';

/** Positions and gradients of the draws of a window, in order. */
export interface Window {
  readonly positions: readonly Float64Array[];
  readonly gradients: readonly Float64Array[];
}

/** In more dimensions than this, a low-rank fit works in the space of the last draws: its cost grows with the cube. */
const MOST_DIMENSIONS = 200;

/** Directions whose variance differs less than by this factor from what the scales say are left to the scales. */
const WORTHWHILE = 1.5;

/** Added to the diagonal of scaled covariances: directions that no draw has seen stay as the scales say. */
const RIDGE = 1e-5;

/** Scales from the variances of the draws, drawn towards 0.001 as if five more draws had had that variance. */
export function diagonalMetric({ positions }: Window): Metric {
  const n = positions.length;
  const variances = columnVariances(positions);
  return new Metric(variances.map((variance) => Math.sqrt((n * variance + 5 * 1e-3) / (n + 5))));
}

/**
 * Scales from draws and gradients together: the variance of a draw over that of its gradient is the fourth power of the
 * scale for a Gaussian, whatever the number of draws.
 *
 * @see Seyboldt, Carlson & Carpenter, "Preconditioning Hamiltonian Monte Carlo by minimizing Fisher divergence"
 */
export function fisherScales({ positions, gradients }: Window): Float64Array {
  const ofPositions = columnVariances(positions);
  const ofGradients = columnVariances(gradients);
  return ofPositions.map((variance, i) => {
    const squared = Math.sqrt(variance / ofGradients[i]!);
    return Math.sqrt(squared > 1e-20 && squared < 1e20 ? squared : 1);
  });
}

/**
 * Scales as above, and the directions in which draws and gradients still disagree with them.
 *
 * In scaled coordinates the matrix X with X Cov(gradients) X = Cov(draws), the geometric mean of Cov(draws) and
 * Cov(gradients)^-1, minimises the Fisher divergence. It is found in the space that the draws and gradients span; of it, the
 * directions with an eigenvalue away from 1 are kept.
 */
export function lowRankMetric(window: Window): Metric {
  const scales = fisherScales(window);
  const dimension = scales.length;
  const isLarge = dimension > MOST_DIMENSIONS;
  const from = isLarge ? Math.max(0, window.positions.length - MOST_DIMENSIONS / 2) : 0;
  const draws = centred(window.positions.slice(from), (value, i) => value / scales[i]!);
  const gradients = centred(window.gradients.slice(from), (value, i) => value * scales[i]!);
  const basis = isLarge
    ? orthonormalBasis([...draws, ...gradients])
    : Array.from({ length: dimension }, (_, i) => unitVector(dimension, i));
  if (basis.length === 0) return new Metric(scales);
  const x = geometricMean(covarianceWithin(draws, basis), covarianceWithin(gradients, basis));
  if (x === null) return new Metric(scales);
  const { values, vectors } = symmetricEigen(x);
  const kept = [...values.keys()].filter((k) => {
    const value = values[k]!;
    return value > 0 && (value > WORTHWHILE || value < 1 / WORTHWHILE);
  });
  const directions = new Float64Array(kept.length * dimension);
  for (const [row, k] of kept.entries()) {
    for (const [b, vector] of basis.entries()) {
      const weight = vectors.values[b * basis.length + k]!;
      for (let i = 0; i < dimension; i++)
        directions[row * dimension + i] = directions[row * dimension + i]! + weight * vector[i]!;
    }
  }
  return new Metric(
    scales,
    directions,
    Float64Array.from(kept, (k) => values[k]!),
  );
}

function columnVariances(rows: readonly Float64Array[]): Float64Array {
  const n = rows[0]!.length;
  const mean = new Float64Array(n);
  const squares = new Float64Array(n);
  for (const [at, row] of rows.entries()) {
    for (let i = 0; i < n; i++) {
      const before = row[i]! - mean[i]!;
      mean[i] = mean[i]! + before / (at + 1);
      squares[i] = squares[i]! + before * (row[i]! - mean[i]!);
    }
  }
  return squares.map((sum) => sum / Math.max(1, rows.length - 1));
}

function centred(
  rows: readonly Float64Array[],
  scaled: (value: number, i: number) => number,
): Float64Array[] {
  const found = rows.map((row) => row.map(scaled));
  const mean = new Float64Array(rows[0]?.length ?? 0);
  for (const row of found) for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + row[i]! / found.length;
  return found.map((row) => row.map((value, i) => value - mean[i]!));
}

function unitVector(length: number, at: number): Float64Array {
  const vector = new Float64Array(length);
  vector[at] = 1;
  return vector;
}

/** Gram-Schmidt, each vector twice; what depends on those before is left out. */
function orthonormalBasis(rows: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const row of rows) {
    const rest = row.slice();
    const before = norm(rest);
    for (let pass = 0; pass < 2; pass++) {
      for (const vector of basis) {
        const along = dot(rest, vector);
        for (let i = 0; i < rest.length; i++) rest[i] = rest[i]! - along * vector[i]!;
      }
    }
    const length = norm(rest);
    if (length > 1e-10 * before) basis.push(rest.map((value) => value / length));
  }
  return basis;
}

/** Covariance of centred rows in the coordinates of an orthonormal basis, with the ridge. */
function covarianceWithin(rows: readonly Float64Array[], basis: readonly Float64Array[]): Matrix {
  const n = basis.length;
  const found = matrix(n, n);
  for (const row of rows) {
    const at = Float64Array.from(basis, (vector) => dot(row, vector));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++)
        found.values[i * n + j] = found.values[i * n + j]! + (at[i]! * at[j]!) / rows.length;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) found.values[j * n + i] = found.values[i * n + j]!;
    found.values[i * n + i] = found.values[i * n + i]! + RIDGE;
  }
  return found;
}

/** X with X b X = a, symmetric and positive definite; null when a or b are not. */
function geometricMean(a: Matrix, b: Matrix): Matrix | null {
  const rootB = power(b, 0.5);
  const inverseRootB = power(b, -0.5);
  if (rootB === null || inverseRootB === null) return null;
  const inner = power(multiply(multiply(rootB, a), rootB), 0.5);
  if (inner === null) return null;
  const found = multiply(multiply(inverseRootB, inner), inverseRootB);
  const back = transpose(found);
  return matrix(
    found.rows,
    found.columns,
    found.values.map((value, i) => 0.5 * (value + back.values[i]!)),
  );
}

/** A power of a symmetric positive definite matrix. */
function power(a: Matrix, exponent: number): Matrix | null {
  if (!a.values.every(Number.isFinite)) return null;
  const { values, vectors } = symmetricEigen(a);
  if (!(values[0]! > 0)) return null;
  const n = a.rows;
  const scaled = matrix(
    n,
    n,
    vectors.values.map((value, i) => value * values[i % n]! ** exponent),
  );
  return multiply(scaled, transpose(vectors));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}
