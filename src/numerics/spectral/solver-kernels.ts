import type { SmallEigen } from '../linalg/small-eigen.js';
import type { SymbolicFactor } from './symbolic-factor.js';

/**
 * Vectors are kept four at a time: a block is n x 4 numbers, row after row, and blocks follow one another. Four lanes
 * are one register of AVX2, and keep a scalar processor busy with one load per product.
 */
export const BLOCK = 4;

/** Stiffness and mass on one symmetric pattern, in the order of elimination. */
export interface SolverPair {
  readonly size: number;
  readonly starts: Int32Array;
  /** Ascending in each row. */
  readonly columns: Int32Array;
  readonly stiffness: Float64Array;
  /** Beside `stiffness`, zeros where the mass has no entry. */
  readonly mass: Float64Array;
  /** The diagonal where the mass is nothing else, else null. */
  readonly diagonalMass: Float64Array | null;
  /** Row sums of the stiffness, exactly 0 for a Laplacian: products use differences, which lose no digits there. */
  readonly rowSums: Float64Array;
}

/** K - shift M = L D L' with D of +1 and -1. */
export interface NumericFactor {
  readonly shift: number;
  /** Panels as SymbolicFactor places them, reciprocals on the diagonal. */
  readonly panels: Float64Array;
  /** Sign of each pivot. */
  readonly signs: Int8Array;
  /** Negative pivots: the number of eigenvalues below the shift (Sylvester's law of inertia). */
  readonly inertia: number;
  /** Largest pivot over largest diagonal entry; large growth means lost digits. Infinity when a pivot was 0. */
  readonly growth: number;
}

/** The loops that take the time: once in plain TypeScript, once in the addon, on the same arrays. */
export interface SolverKernels {
  readonly name: 'native' | 'typescript';
  factor(symbolic: SymbolicFactor, pair: SolverPair, shift: number): NumericFactor;
  /** x <- (L D L')^-1 x for `blocks` blocks. */
  solve(symbolic: SymbolicFactor, factor: NumericFactor, x: Float64Array, blocks: number): void;
  /** y = M x for `blocks` blocks. */
  multiplyMass(pair: SolverPair, x: Float64Array, y: Float64Array, blocks: number): void;
  /** y = K x for `blocks` blocks, by differences. */
  multiplyStiffness(pair: SolverPair, x: Float64Array, y: Float64Array, blocks: number): void;
  /** h[j] = Q_j' z, 4 x 4 each, for the `count` blocks Q_j of the basis. */
  project(size: number, basis: Float64Array, count: number, z: Float64Array, h: Float64Array): void;
  /** w -= sum of Q_j h[j]. */
  subtract(size: number, basis: Float64Array, count: number, h: Float64Array, w: Float64Array): void;
  /** w <- w g, g 4 x 4 row-major. */
  scale(size: number, w: Float64Array, g: Float64Array): void;
  /** w[:, c] -= factors[c] z[:, c] for the four columns. */
  subtractColumns(size: number, w: Float64Array, factors: Float64Array, z: Float64Array): void;
  /** out[c] = sum of a[:, c] b[:, c]. */
  columnDots(size: number, a: Float64Array, b: Float64Array, out: Float64Array): void;
  /** out_b = sum of Q_j c[b][j] (4 x 4 each) for `outCount` blocks; out may be the basis itself. */
  combine(
    size: number,
    basis: Float64Array,
    count: number,
    coefficients: Float64Array,
    outCount: number,
    out: Float64Array,
  ): void;
  /** Eigenpairs of a (row-major, destroyed); of each vector the last `lastEntries` numbers. */
  smallEigen(size: number, a: Float64Array, lastEntries: number): SmallEigen;
}
