/** Global correction of all pairs at once: slices are joined into one orthonormal set with residuals near rounding. */
import { BLOCK, type NumericFactor, type SolverKernels, type SolverPair } from './solver-kernels.js';
import { totalMass } from './solver-pair.js';
import type { SymbolicFactor } from './symbolic-factor.js';
import { symmetricPencil } from './symmetric-pencil.js';

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
  const image = new Float64Array(width);
  const residual = new Float64Array(width);
  const values = new Float64Array(BLOCK);
  for (let b = 0; b < blocks; b++) {
    const block = vectors.subarray(b * width, (b + 1) * width);
    kernels.multiplyStiffness(pair, block, residual, 1);
    kernels.multiplyMass(pair, block, image, 1);
    // Columns that fill up the last block are zeros: any value does for them.
    for (let c = 0; c < BLOCK; c++) values[c] = eigenvalues[b * BLOCK + c] ?? 0;
    kernels.subtractColumns(pair.size, residual, values, image);
    kernels.solve(symbolic, factor, residual, 1);
    kernels.subtractColumns(pair.size, block, ONES, residual);
  }
}

const ONES = new Float64Array(BLOCK).fill(1);

/**
 * Correction with a definite factor, then Rayleigh-Ritz on all of V, in place. The definite factor damps the components
 * that an interior shift had amplified.
 *
 * @param hasConstant - the constant vector is one of the pairs and kept apart: V is made orthogonal to it first
 * @returns the Ritz values, ascending like the columns of V
 */
export function polish(tools: PolishTools, pairs: BlockPairs, hasConstant: boolean): Float64Array {
  const { kernels, pair } = tools;
  const blocks = Math.ceil(pairs.count / BLOCK);
  const width = BLOCK * pair.size;
  const image = new Float64Array(width);
  correct(tools, pairs.eigenvalues, pairs.vectors);
  if (hasConstant) {
    const ones = new Float64Array(width).fill(1);
    kernels.multiplyMass(pair, ones, image, 1);
    const mass = totalMass(pair);
    const sums = new Float64Array(BLOCK);
    for (let b = 0; b < blocks; b++) {
      const block = pairs.vectors.subarray(b * width, (b + 1) * width);
      kernels.columnDots(pair.size, block, image, sums);
      for (let c = 0; c < BLOCK; c++) sums[c]! /= mass;
      kernels.subtractColumns(pair.size, block, sums, ones);
    }
  }
  return rayleighRitz(tools, pairs, blocks, image);
}

function rayleighRitz(
  { kernels, pair }: PolishTools,
  { count, vectors }: BlockPairs,
  blocks: number,
  image: Float64Array,
): Float64Array {
  const width = BLOCK * pair.size;
  const gram = new Float64Array(count * count);
  const projected = new Float64Array(count * count);
  const h = new Float64Array(BLOCK * BLOCK * blocks);
  for (let b = 0; b < blocks; b++) {
    const block = vectors.subarray(b * width, (b + 1) * width);
    for (const [matrix, multiply] of [
      [gram, kernels.multiplyMass],
      [projected, kernels.multiplyStiffness],
    ] as const) {
      multiply(pair, block, image, 1);
      kernels.project(pair.size, vectors, b + 1, image, h);
      spread(h, b, count, matrix);
    }
  }
  const { values, rows } = symmetricPencil(kernels, count, projected, gram);
  const coefficients = new Float64Array(blocks * blocks * BLOCK * BLOCK);
  for (let column = 0; column < count; column++) {
    const at = Math.floor(column / BLOCK) * blocks * BLOCK * BLOCK + (column % BLOCK);
    for (let i = 0; i < count; i++) coefficients[at + i * BLOCK] = rows[column * count + i]!;
  }
  kernels.combine(pair.size, vectors, blocks, coefficients, blocks, vectors);
  return values;
}

/** Blocks (j, b), j up to b, of a symmetric matrix into both triangles. */
function spread(h: Float64Array, b: number, count: number, matrix: Float64Array): void {
  for (let row = 0; row < (b + 1) * BLOCK && row < count; row++) {
    for (let c = 0; c < BLOCK; c++) {
      const column = b * BLOCK + c;
      if (column >= count || row > column) continue;
      const value = h[row * BLOCK + c]!;
      matrix[row * count + column] = value;
      matrix[column * count + row] = value;
    }
  }
}
