/**
 * Kernels of the eigen-solver. The arrays come from src/numerics/spectral, which keeps their sizes together; the addon
 * checks every length against the sizes again before it touches memory.
 */
import { nativeBinding } from './loader.js';
import type { PairArguments, SymbolicArguments } from './spectral-binding.js';

/** Structure of a factor: see SymbolicFactor of numerics/spectral. */
export interface NativeSymbolic {
  readonly size: number;
  readonly superStarts: Int32Array;
  readonly rowStarts: Int32Array;
  readonly rows: Int32Array;
  readonly panelStarts: Float64Array;
  readonly parents: Int32Array;
  readonly stackSize: number;
  readonly largestPanel: number;
  readonly largestUpdate: number;
}

/** Stiffness and mass: see SolverPair of numerics/spectral. */
export interface NativePair {
  readonly size: number;
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly stiffness: Float64Array;
  readonly mass: Float64Array;
  readonly diagonalMass: Float64Array | null;
  readonly rowSums: Float64Array;
}

function symbolicArguments(symbolic: NativeSymbolic): SymbolicArguments {
  const { size, superStarts, rowStarts, rows, panelStarts, parents } = symbolic;
  return [size, parents.length, superStarts, rowStarts, rows, panelStarts, parents];
}

function pairArguments({ starts, columns, stiffness, mass, diagonalMass, rowSums }: NativePair): PairArguments {
  return [starts, columns, stiffness, mass, diagonalMass, rowSums];
}

const asBytes = (signs: Int8Array): Uint8Array => new Uint8Array(signs.buffer, signs.byteOffset, signs.length);

/**
 * K - shift M = L D L'.
 *
 * @param panels - written: numbers of all panels
 * @param signs - written: sign of each pivot
 * @returns the largest pivot, 0 when one was 0
 */
export function spectralFactor(
  symbolic: NativeSymbolic,
  pair: NativePair,
  shift: number,
  panels: Float64Array,
  signs: Int8Array,
): number {
  return nativeBinding().spectralFactor(
    ...symbolicArguments(symbolic),
    ...pairArguments(pair),
    shift,
    symbolic.stackSize,
    symbolic.largestPanel,
    symbolic.largestUpdate,
    panels,
    asBytes(signs),
  );
}

/** x <- (L D L')^-1 x for `blocks` blocks, shared out to the threads. */
export function spectralSolve(
  symbolic: NativeSymbolic,
  panels: Float64Array,
  signs: Int8Array,
  x: Float64Array,
  blocks: number,
): void {
  nativeBinding().spectralSolve(...symbolicArguments(symbolic), panels, asBytes(signs), x, blocks);
}

/** y = M x for `blocks` blocks. */
export function spectralMultiplyMass(pair: NativePair, x: Float64Array, y: Float64Array, blocks: number): void {
  nativeBinding().spectralMultiplyMass(pair.size, ...pairArguments(pair), x, y, blocks);
}

/** y = K x for `blocks` blocks, by differences. */
export function spectralMultiplyStiffness(pair: NativePair, x: Float64Array, y: Float64Array, blocks: number): void {
  nativeBinding().spectralMultiplyStiffness(pair.size, ...pairArguments(pair), x, y, blocks);
}

/** h[j] = Q_j' z for the `count` blocks of the basis. */
export function spectralProject(
  size: number,
  basis: Float64Array,
  count: number,
  z: Float64Array,
  h: Float64Array,
): void {
  nativeBinding().spectralProject(size, basis, count, z, h);
}

/** w -= sum of Q_j h[j]. */
export function spectralSubtract(
  size: number,
  basis: Float64Array,
  count: number,
  h: Float64Array,
  w: Float64Array,
): void {
  nativeBinding().spectralSubtract(size, basis, count, h, w);
}

/** w <- w g, g 4 x 4. */
export function spectralScale(size: number, w: Float64Array, g: Float64Array): void {
  nativeBinding().spectralScale(size, w, g);
}

/** w[:, c] -= factors[c] z[:, c]. */
export function spectralSubtractColumns(size: number, w: Float64Array, factors: Float64Array, z: Float64Array): void {
  nativeBinding().spectralSubtractColumns(size, w, factors, z);
}

/** out[c] = sum of a[:, c] b[:, c]. */
export function spectralColumnDots(size: number, a: Float64Array, b: Float64Array, out: Float64Array): void {
  nativeBinding().spectralColumnDots(size, a, b, out);
}

/** out_b = sum of Q_j c[b][j]; out may be the basis. */
export function spectralCombine(
  size: number,
  basis: Float64Array,
  count: number,
  coefficients: Float64Array,
  outCount: number,
  out: Float64Array,
): void {
  nativeBinding().spectralCombine(size, basis, count, coefficients, outCount, out);
}

/**
 * Eigenpairs of a dense symmetric matrix, ascending.
 *
 * @param a - n x n, destroyed
 * @param width - entries of each vector to give, from the end
 * @returns rows: n x width; null when the iteration did not end, as with entries that are not finite
 */
export function spectralSmallEigen(
  n: number,
  a: Float64Array,
  width: number,
): { readonly values: Float64Array; readonly rows: Float64Array } | null {
  const values = new Float64Array(n);
  const rows = new Float64Array(n * width);
  return nativeBinding().spectralSmallEigen(n, a, width, values, rows) ? { values, rows } : null;
}
