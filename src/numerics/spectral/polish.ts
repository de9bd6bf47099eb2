/** Global correction of all pairs at once: slices are joined into one orthonormal set with residuals near rounding. */
import { symmetricPencil } from './symmetric-pencil.js';
import { BLOCK, type NumericFactor, type SolverKernels, type SolverPair } from './solver-kernels.js';
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
  /** Factor of a positive definite K - shift M, with the shift below all eigenvalues. */
  readonly factor: NumericFactor;
}

/**
 * V <- V - K0^-1 (K V - M V diag(lambda)), then Rayleigh-Ritz on all of V, in place.
 *
 * The correction with a definite factor damps the components that an interior shift had amplified; a second one with
 * the interior factor would amplify them again.
 *
 * @param hasConstant - the constant vector is one of the pairs and kept apart: V is made orthogonal to it first
 * @returns the Ritz values, ascending like the columns of V
 */
export function polish(tools: PolishTools, pairs: BlockPairs, hasConstant: boolean): Float64Array {
  const { kernels, pair } = tools;
  const blocks = Math.ceil(pairs.count / BLOCK);
  const width = BLOCK * pair.size;
  const image = new Float64Array(width);
  const residual = new Float64Array(width);
  for (let b = 0; b < blocks; b++) {
    const block = pairs.vectors.subarray(b * width, (b + 1) * width);
    kernels.multiplyStiffness(pair, block, residual, 1);
    kernels.multiplyMass(pair, block, image, 1);
    for (let at = 0; at < width; at++) {
      const column = b * BLOCK + (at % BLOCK);
      if (column < pairs.count) residual[at]! -= pairs.eigenvalues[column]! * image[at]!;
    }
    kernels.solve(tools.symbolic, tools.factor, residual, 1);
    for (let at = 0; at < width; at++) block[at]! -= residual[at]!;
    if (hasConstant) removeMean(kernels, pair, block, image);
  }
  return rayleighRitz(tools, pairs, blocks, residual);
}

/** Makes the four columns mass-orthogonal to the constant vector. */
function removeMean(
  kernels: SolverKernels,
  pair: SolverPair,
  block: Float64Array,
  image: Float64Array,
): void {
  const sums = new Float64Array(BLOCK);
  let mass = 0;
  for (const value of pair.diagonalMass ?? pair.mass) mass += value;
  kernels.multiplyMass(pair, block, image, 1);
  for (let at = 0; at < block.length; at++) sums[at % BLOCK]! += image[at]!;
  for (let at = 0; at < block.length; at++) block[at]! -= sums[at % BLOCK]! / mass;
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
