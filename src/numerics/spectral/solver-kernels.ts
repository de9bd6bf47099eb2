import type { JoinedPair, PairFacts, SymmetricPair } from '../../native/index.js';
import type { SmallEigen } from '../linalg/small-eigen.js';
import type { SparseMatrix } from './sparse-matrix.js';
import type { SymbolicFactor } from './symbolic-factor.js';

/**
 * Vectors are kept four at a time: a block is n x 4 numbers, row after row, and blocks follow one another. Four lanes
 * are one register of AVX2, and keep a scalar processor busy with one load per product.
 */
export const BLOCK = 4;

/** Blocks that products and solves of many take at a time: sixteen columns fill the registers of AVX-512. */
export const GROUP = 4;

/** Stiffness and mass in the order of elimination. */
export type SolverPair = SymmetricPair;

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

/** Eigenpairs wanted around one shift. */
export interface SliceTask {
  readonly factor: NumericFactor;
  /** How many eigenpairs below and above the shift are wanted, nearest first. */
  readonly below: number;
  readonly above: number;
  readonly seed: number;
  /** Accepted residual of a pair relative to theta = 1 / (lambda - shift). */
  readonly tolerance: number;
  /** How much of its orthogonality the basis may lose before it is made orthogonal again; kernels may lose less. */
  readonly mostLost: number;
  /** False to go on with this shift, however close it lies to an eigenvalue. */
  readonly mayMove: boolean;
}

/** Pairs of one slice, ascending: `below` under the shift, the rest above. */
export interface Slice {
  readonly isConverged: boolean;
  readonly eigenvalues: Float64Array;
  /** In blocks of four, the last block filled up with zeros. */
  readonly vectors: Float64Array;
  /** Applications of the operator to one vector. */
  readonly solves: number;
  /** Where the slice should be tried instead: this shift lies too close to an eigenvalue; then nothing else is given. */
  readonly betterShift: number | null;
}

/** The loops that take the time: once in plain TypeScript, once in the addon, on the same arrays. */
export interface SolverKernels {
  readonly name: 'native' | 'typescript';
  /** Pairs per slice that cost least: fewer cost factorisations, more cost orthogonalising. */
  readonly slicePairs: number;
  /** Sets how many threads take part from now on, where these kernels have threads. */
  useThreads(threads: number): void;
  /**
   * Both matrices on one pattern, and its connected parts.
   *
   * @throws ProcessingError NON_FINITE, INVALID_ARGUMENT as `checkEntries`
   */
  join(stiffness: SparseMatrix, mass: SparseMatrix): JoinedPair;
  facts(pair: SolverPair): PairFacts;
  /** The pair with rows and columns renumbered: row i of the result is order[i]. */
  permute(pair: SolverPair, order: Int32Array): SolverPair;
  /** Order of elimination and structure of the factor of a symmetric pattern; both kernels give the same numbers. */
  analyse(size: number, starts: Int32Array, columns: Int32Array): SymbolicFactor;
  factor(symbolic: SymbolicFactor, pair: SolverPair, shift: number): NumericFactor;
  /** x <- (L D L')^-1 x for `blocks` blocks. */
  solve(symbolic: SymbolicFactor, factor: NumericFactor, x: Float64Array, blocks: number): void;
  /** y = M x for `blocks` blocks. */
  multiplyMass(pair: SolverPair, x: Float64Array, y: Float64Array, blocks: number): void;
  /** y = K x for `blocks` blocks, by differences. */
  multiplyStiffness(pair: SolverPair, x: Float64Array, y: Float64Array, blocks: number): void;
  /** Block Lanczos around each of the shifts; slices do not depend on one another, nor on which are asked for together. */
  slices(symbolic: SymbolicFactor, pair: SolverPair, tasks: readonly SliceTask[]): Slice[];
  /** w[:, c] -= factors[c] z[:, c] for the four columns. */
  subtractColumns(size: number, w: Float64Array, factors: Float64Array, z: Float64Array): void;
  /** out[c] = sum of a[:, c] b[:, c]. */
  columnDots(size: number, a: Float64Array, b: Float64Array, out: Float64Array): void;
  /** h = Q' Z for `count` blocks of the basis and `zCount` blocks: 4 count x 4 zCount, row after row. */
  gram(
    size: number,
    basis: Float64Array,
    count: number,
    z: Float64Array,
    zCount: number,
    h: Float64Array,
  ): void;
  /** out_b = sum of Q_j c[b][j] (4 x 4 each) for `outCount` blocks; out may be the basis itself. */
  combine(
    size: number,
    basis: Float64Array,
    count: number,
    coefficients: Float64Array,
    outCount: number,
    out: Float64Array,
  ): void;
  /** Vectors `fromColumns` of the blocks `from` to vectors `toColumns` of the blocks `to`, pair by pair. */
  copyColumns(
    size: number,
    from: Float64Array,
    fromColumns: Int32Array,
    to: Float64Array,
    toColumns: Int32Array,
  ): void;
  /** Vectors `columns` of blocks to columns `outColumns` of out (n x k, row after row); row i to row places[i]. */
  toRows(
    size: number,
    vectors: Float64Array,
    columns: Int32Array,
    places: Int32Array,
    n: number,
    k: number,
    out: Float64Array,
    outColumns: Int32Array,
  ): void;
  /** Makes the largest component of each column of `vectors` (n x k, row after row) positive, the first on ties. */
  fixSigns(n: number, k: number, vectors: Float64Array): void;
  /**
   * All solutions of A x = lambda B x for small dense matrices, x' B x = 1.
   *
   * @param a - n x n row-major, symmetric; destroyed
   * @param b - n x n row-major, symmetric positive definite; destroyed
   * @throws ProcessingError INVALID_ARGUMENT when b is not positive definite, NOT_CONVERGED
   */
  pencil(n: number, a: Float64Array, b: Float64Array): SmallEigen;
}

/** What block Lanczos in TypeScript is made of; the addon has all of it in one loop. */
export interface LanczosKernels extends SolverKernels {
  /** h[j] = Q_j' z, 4 x 4 each, for the `count` blocks Q_j of the basis. */
  project(size: number, basis: Float64Array, count: number, z: Float64Array, h: Float64Array): void;
  /** w -= sum of Q_j h[j]. */
  subtract(size: number, basis: Float64Array, count: number, h: Float64Array, w: Float64Array): void;
  /** w <- w g, g 4 x 4 row-major. */
  scale(size: number, w: Float64Array, g: Float64Array): void;
  /** Numbers from -0.5 to 0.5, the same for the same seed with both kernels. */
  fillRandom(seed: number, out: Float64Array): void;
  /** Eigenpairs of a (row-major, destroyed); of each vector the last `lastEntries` numbers. */
  smallEigen(size: number, a: Float64Array, lastEntries: number): SmallEigen;
}
