/** Global correction of all pairs at once: slices are joined into one orthonormal set with residuals near rounding. */
import { BLOCK, GROUP, type NumericFactor, type SolverKernels, type SolverPair } from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';

/** Approximate pairs, vectors in blocks of four, the last block filled up with zeros. */
export interface BlockPairs {
  readonly count: number;
  readonly eigenvalues: Float64Array;
  readonly vectors: Float64Array;
}

export interface PolishTools {
  readonly kernels: SolverKernels;
  readonly symbolic: SymbolicFactor;
  readonly pair: SolverPair;
  /** Factor of some K - shift M; for the polish a positive definite one, with the shift below all eigenvalues. */
  readonly factor: NumericFactor;
}

/**
 * V <- V - F^-1 (K V - M V diag(lambda)), F the factored matrix, in place: one step of inverse iteration in the form of a
 * correction, which keeps the digits that V already has.
 */
export function correct(tools: PolishTools, eigenvalues: Float64Array, vectors: Float64Array): void {
  const { kernels, pair, symbolic, factor } = tools;
  const width = BLOCK * pair.size;
  const blocks = vectors.length / width;
  const image = new Float64Array(GROUP * width);
  const residual = new Float64Array(GROUP * width);
  const values = new Float64Array(BLOCK);
  for (let first = 0; first < blocks; first += GROUP) {
    const group = Math.min(GROUP, blocks - first);
    const head = vectors.subarray(first * width, (first + group) * width);
    kernels.multiplyStiffness(pair, head, residual, group);
    kernels.multiplyMass(pair, head, image, group);
    const blockOf = (array: Float64Array, b: number): Float64Array =>
      array.subarray(b * width, (b + 1) * width);
    for (let b = 0; b < group; b++) {
      // Columns that fill up the last block are zeros: any value does for them.
      for (let c = 0; c < BLOCK; c++) values[c] = eigenvalues[(first + b) * BLOCK + c] ?? 0;
      kernels.subtractColumns(pair.size, blockOf(residual, b), values, blockOf(image, b));
    }
    kernels.solve(symbolic, factor, residual, group);
    for (let b = 0; b < group; b++)
      kernels.subtractColumns(pair.size, blockOf(head, b), ONES, blockOf(residual, b));
  }
}

const ONES = new Float64Array(BLOCK).fill(1);

/**
 * Correction with a definite factor, then Rayleigh-Ritz on all of V, in place. The definite factor damps the components
 * that an interior shift had amplified.
 *
 * @param constantMass - total mass where the constant vector is one of the pairs and kept apart: V is made orthogonal to it
 *   first; else null
 * @returns the Ritz values, ascending like the columns of V
 */
export function polish(tools: PolishTools, pairs: BlockPairs, constantMass: number | null): Float64Array {
  const { kernels, pair } = tools;
  const blocks = Math.ceil(pairs.count / BLOCK);
  const width = BLOCK * pair.size;
  correct(tools, pairs.eigenvalues, pairs.vectors);
  if (constantMass !== null) {
    const image = new Float64Array(width);
    const ones = new Float64Array(width).fill(1);
    kernels.multiplyMass(pair, ones, image, 1);
    const sums = new Float64Array(BLOCK);
    for (let b = 0; b < blocks; b++) {
      const block = pairs.vectors.subarray(b * width, (b + 1) * width);
      kernels.columnDots(pair.size, block, image, sums);
      for (let c = 0; c < BLOCK; c++) sums[c]! /= constantMass;
      kernels.subtractColumns(pair.size, block, sums, ones);
    }
  }
  return rayleighRitz(tools, pairs, blocks);
}

function rayleighRitz(
  { kernels, pair }: PolishTools,
  { count, vectors }: BlockPairs,
  blocks: number,
): Float64Array {
  const width = BLOCK * pair.size;
  const gram = new Float64Array(count * count);
  const projected = new Float64Array(count * count);
  const image = new Float64Array(GROUP * width);
  const h = new Float64Array(BLOCK * BLOCK * blocks * GROUP);
  for (let first = 0; first < blocks; first += GROUP) {
    const group = Math.min(GROUP, blocks - first);
    const head = vectors.subarray(first * width, (first + group) * width);
    for (const [matrix, multiply] of [
      [gram, kernels.multiplyMass],
      [projected, kernels.multiplyStiffness],
    ] as const) {
      multiply(pair, head, image, group);
      kernels.gram(pair.size, vectors, first + group, image, group, h);
      spread(h, first, group, count, matrix);
    }
  }
  const { values, rows } = kernels.pencil(count, projected, gram);
  const coefficients = new Float64Array(blocks * blocks * BLOCK * BLOCK);
  for (let column = 0; column < count; column++) {
    const at = Math.floor(column / BLOCK) * blocks * BLOCK * BLOCK + (column % BLOCK);
    for (let i = 0; i < count; i++) coefficients[at + i * BLOCK] = rows[column * count + i]!;
  }
  kernels.combine(pair.size, vectors, blocks, coefficients, blocks, vectors);
  return values;
}

/** Rows up to the last column of the group, of a symmetric matrix into both triangles. */
function spread(h: Float64Array, first: number, group: number, count: number, matrix: Float64Array): void {
  const end = Math.min(count, (first + group) * BLOCK);
  for (let row = 0; row < end; row++) {
    for (let column = Math.max(row, first * BLOCK); column < end; column++) {
      const value = h[row * group * BLOCK + column - first * BLOCK]!;
      matrix[row * count + column] = value;
      matrix[column * count + row] = value;
    }
  }
}
