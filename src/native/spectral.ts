/**
 * Kernels of the eigen-solver. The arrays come from src/numerics/spectral, which keeps their sizes together; the addon
 * checks every length against the sizes again before it touches memory.
 */
import { nativeBinding } from './loader.js';
import type { PairArguments, SparseArguments, SymbolicArguments } from './spectral-binding.js';

/** Where the entries of a factor stand: the part of SymbolicFactor of numerics/spectral that the addon reads. */
export interface FactorStructure {
  readonly size: number;
  /** First column of each supernode, then size: length supernodes + 1. */
  readonly superStarts: Int32Array;
  /** Where the rows of a supernode begin in `rows`: its own columns first, then those below, ascending. */
  readonly rowStarts: Int32Array;
  readonly rows: Int32Array;
  /** Where the panel of a supernode begins: rows x columns numbers, row after row. Length supernodes + 1. */
  readonly panelStarts: Float64Array;
  /** Supernode that receives the update of this one, -1 for a root. Children stand before their parents. */
  readonly parents: Int32Array;
  /** Most numbers that the stack of updates holds at a time. */
  readonly stackSize: number;
  /** Most numbers in one panel (dense front without its update), and in one update. */
  readonly largestPanel: number;
  readonly largestUpdate: number;
}

/** Structure and order, as {@link spectralSymbolic} gives them. */
export interface OrderedStructure extends FactorStructure {
  /** order[new] = old. */
  readonly order: Int32Array;
  /** Floating point operations of one factorisation, about. */
  readonly operations: number;
}

/** Stiffness and mass on one symmetric pattern. */
export interface SymmetricPair {
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

function symbolicArguments(symbolic: FactorStructure): SymbolicArguments {
  const { size, superStarts, rowStarts, rows, panelStarts, parents } = symbolic;
  return [size, parents.length, superStarts, rowStarts, rows, panelStarts, parents];
}

function pairArguments({ starts, columns, stiffness, mass, diagonalMass, rowSums }: SymmetricPair): PairArguments {
  return [starts, columns, stiffness, mass, diagonalMass, rowSums];
}

const asBytes = (signs: Int8Array): Uint8Array => new Uint8Array(signs.buffer, signs.byteOffset, signs.length);

/** A sparse matrix, row after row. */
export interface SparseRows {
  readonly rowStarts: Int32Array;
  readonly columnIndices: Int32Array;
  readonly values: Float64Array;
}

function sparseArguments({ rowStarts, columnIndices, values }: SparseRows): SparseArguments {
  return [rowStarts, columnIndices, values, columnIndices.length];
}

/** A pair and its connected parts. */
export interface JoinedPair {
  readonly pair: SymmetricPair;
  /** Number of parts between which both matrices have nothing but zeros. */
  readonly count: number;
  /** Part of each row, numbered by their first rows. */
  readonly component: Int32Array;
}

/**
 * Two symmetric matrices of `size` rows on one pattern.
 *
 * @returns null when one of them is not symmetric or holds what is no number, or a diagonal entry of the mass is not positive
 */
export function spectralJoin(size: number, stiffness: SparseRows, mass: SparseRows): JoinedPair | null {
  const room = stiffness.columnIndices.length + mass.columnIndices.length + size;
  const starts = new Int32Array(size + 1);
  const columns = new Int32Array(room);
  const values = new Float64Array(room);
  const masses = new Float64Array(room);
  const diagonal = new Float64Array(size);
  const rowSums = new Float64Array(size);
  const component = new Int32Array(size);
  const figures = new Float64Array(3);
  const isPair = nativeBinding().spectralJoin(
    size,
    ...sparseArguments(stiffness),
    ...sparseArguments(mass),
    starts,
    columns,
    values,
    masses,
    diagonal,
    rowSums,
    component,
    figures,
  );
  if (isPair === 0) return null;
  const entries = figures[0]!;
  const pair = {
    size,
    starts,
    columns: columns.subarray(0, entries),
    stiffness: values.subarray(0, entries),
    mass: masses.subarray(0, entries),
    diagonalMass: figures[2] === 1 ? diagonal : null,
    rowSums,
  };
  return { pair, count: figures[1]!, component };
}

/** What the solver asks of a pair once. */
export interface PairFacts {
  /** Sum of all entries of the mass, compensated: the area of a surface. */
  readonly totalMass: number;
  /** Largest absolute column sum of the stiffness. */
  readonly stiffnessNorm: number;
  /** Whether the constant vector has eigenvalue 0. */
  readonly isLaplacian: boolean;
  /** Whether every diagonal entry of the mass outweighs its row. */
  readonly hasDominantMass: boolean;
}

/** What the solver asks of a pair once. */
export function spectralPairFacts(pair: SymmetricPair): PairFacts {
  const figures = new Float64Array(4);
  nativeBinding().spectralPairFacts(pair.size, ...pairArguments(pair), figures);
  return {
    totalMass: figures[0]!,
    stiffnessNorm: figures[1]!,
    isLaplacian: figures[2] === 1,
    hasDominantMass: figures[3] === 1,
  };
}

/** The pair with rows and columns renumbered: row i of the result is order[i]. */
export function spectralPermute(pair: SymmetricPair, order: Int32Array): SymmetricPair {
  const { size, columns, diagonalMass } = pair;
  const permuted = {
    size,
    starts: new Int32Array(size + 1),
    columns: new Int32Array(columns.length),
    stiffness: new Float64Array(columns.length),
    mass: new Float64Array(columns.length),
    diagonalMass: diagonalMass === null ? null : new Float64Array(size),
    rowSums: new Float64Array(size),
  };
  nativeBinding().spectralPermute(size, ...pairArguments(pair), order, ...pairArguments(permuted));
  return permuted;
}

/** Order of elimination by nested dissection of a symmetric pattern; entries on the diagonal do not count. */
export function spectralOrder(size: number, starts: Int32Array, columns: Int32Array): Int32Array {
  const order = new Int32Array(size);
  nativeBinding().spectralOrder(size, starts, columns, order);
  return order;
}

/** Structure of the factor of a symmetric pattern for an order of elimination, which becomes a postorder. */
export function spectralSymbolic(
  size: number,
  starts: Int32Array,
  columns: Int32Array,
  order: Int32Array,
): OrderedStructure {
  const finalOrder = order.slice();
  const superStarts = new Int32Array(size + 1);
  const rowStarts = new Int32Array(size + 1);
  const panelStarts = new Float64Array(size + 1);
  const parents = new Int32Array(size);
  const figures = new Float64Array(5);
  const rows = nativeBinding().spectralSymbolic(
    size,
    starts,
    columns,
    finalOrder,
    superStarts,
    rowStarts,
    panelStarts,
    parents,
    figures,
  );
  const [supernodes, stackSize, largestPanel, largestUpdate, operations] = figures as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    size,
    order: finalOrder,
    superStarts: superStarts.slice(0, supernodes + 1),
    rowStarts: rowStarts.slice(0, supernodes + 1),
    rows,
    panelStarts: panelStarts.slice(0, supernodes + 1),
    parents: parents.slice(0, supernodes),
    stackSize,
    largestPanel,
    largestUpdate,
    operations,
  };
}

/** Columns of blocks `from` to columns of blocks `to`, pair by pair. */
export function spectralCopyColumns(
  size: number,
  from: Float64Array,
  fromColumns: Int32Array,
  to: Float64Array,
  toColumns: Int32Array,
): void {
  nativeBinding().spectralCopyColumns(size, fromColumns.length, from, fromColumns, to, toColumns);
}

/** Columns of blocks to columns of `out` (n x k, row after row); row i goes to row places[i]. */
export function spectralToRows(
  size: number,
  vectors: Float64Array,
  columns: Int32Array,
  places: Int32Array,
  n: number,
  k: number,
  out: Float64Array,
  outColumns: Int32Array,
): void {
  nativeBinding().spectralToRows(size, columns.length, vectors, columns, places, n, k, out, outColumns);
}

/** Makes the largest component of each column of `vectors` (n x k) positive, the first one on ties. */
export function spectralFixSigns(n: number, k: number, vectors: Float64Array): void {
  nativeBinding().spectralFixSigns(n, k, vectors);
}

/**
 * K - shift M = L D L'.
 *
 * @param panels - written: numbers of all panels
 * @param signs - written: sign of each pivot
 * @returns the largest pivot over the largest diagonal entry; infinity when a pivot was 0
 */
export function spectralFactor(
  symbolic: FactorStructure,
  pair: SymmetricPair,
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

/** Eigenpairs wanted around one shift, and the factor there. */
export interface SliceRequest {
  readonly shift: number;
  readonly panels: Float64Array;
  readonly signs: Int8Array;
  readonly below: number;
  readonly above: number;
  readonly seed: number;
  readonly tolerance: number;
  readonly mostLost: number;
  readonly mayMove: boolean;
}

/** Eigenpairs around one shift: see Slice of numerics/spectral/solver-kernels.ts. */
export interface SliceAnswer {
  readonly isConverged: boolean;
  readonly eigenvalues: Float64Array;
  readonly vectors: Float64Array;
  readonly solves: number;
  readonly betterShift: number | null;
}

/** Block Lanczos around each of the shifts, shared out to the threads; the numbers do not depend on how many there are. */
export function spectralSlices(
  symbolic: FactorStructure,
  pair: SymmetricPair,
  requests: readonly SliceRequest[],
): SliceAnswer[] {
  const none = new Float64Array(0);
  const eigenvalues = requests.map(({ below, above }) => new Float64Array(below + above));
  const vectors = requests.map(({ below, above }) => new Float64Array(4 * pair.size * Math.ceil((below + above) / 4)));
  const outcomes = new Float64Array(4 * requests.length);
  nativeBinding().spectralSlices(
    ...symbolicArguments(symbolic),
    ...pairArguments(pair),
    requests.map(({ panels }) => panels),
    requests.map(({ signs }) => asBytes(signs)),
    Float64Array.from(
      requests.flatMap(({ shift, below, above, seed, tolerance, mostLost, mayMove }) => [
        shift,
        below,
        above,
        seed,
        tolerance,
        mostLost,
        mayMove ? 1 : 0,
      ]),
    ),
    eigenvalues,
    vectors,
    outcomes,
  );
  return requests.map((_, i) => {
    const isGiven = outcomes[4 * i + 1] === 1;
    const betterShift = outcomes[4 * i + 2]!;
    return {
      isConverged: outcomes[4 * i] === 1,
      eigenvalues: isGiven ? eigenvalues[i]! : none,
      vectors: isGiven ? vectors[i]! : none,
      solves: outcomes[4 * i + 3]!,
      betterShift: Number.isNaN(betterShift) ? null : betterShift,
    };
  });
}

/** x <- (L D L')^-1 x for `blocks` blocks, shared out to the threads. */
export function spectralSolve(
  symbolic: FactorStructure,
  panels: Float64Array,
  signs: Int8Array,
  x: Float64Array,
  blocks: number,
): void {
  nativeBinding().spectralSolve(...symbolicArguments(symbolic), panels, asBytes(signs), x, blocks);
}

/** y = M x for `blocks` blocks. */
export function spectralMultiplyMass(pair: SymmetricPair, x: Float64Array, y: Float64Array, blocks: number): void {
  nativeBinding().spectralMultiplyMass(pair.size, ...pairArguments(pair), x, y, blocks);
}

/** y = K x for `blocks` blocks, by differences. */
export function spectralMultiplyStiffness(pair: SymmetricPair, x: Float64Array, y: Float64Array, blocks: number): void {
  nativeBinding().spectralMultiplyStiffness(pair.size, ...pairArguments(pair), x, y, blocks);
}

/** w[:, c] -= factors[c] z[:, c]. */
export function spectralSubtractColumns(size: number, w: Float64Array, factors: Float64Array, z: Float64Array): void {
  nativeBinding().spectralSubtractColumns(size, w, factors, z);
}

/** out[c] = sum of a[:, c] b[:, c]. */
export function spectralColumnDots(size: number, a: Float64Array, b: Float64Array, out: Float64Array): void {
  nativeBinding().spectralColumnDots(size, a, b, out);
}

/** h = Q' Z for `count` blocks of the basis and `zCount` blocks: 4 count x 4 zCount, row after row. */
export function spectralGram(
  size: number,
  basis: Float64Array,
  count: number,
  z: Float64Array,
  zCount: number,
  h: Float64Array,
): void {
  nativeBinding().spectralGram(size, basis, count, z, zCount, h);
}

/**
 * Sum over modes of weight times squared component.
 *
 * @param vectors - (n, k), row per vertex
 * @param weights - (columns, k), row per column of the result
 * @returns (n, columns), row per vertex
 */
export function spectralWeightedSquares(
  n: number,
  k: number,
  vectors: Float64Array,
  columns: number,
  weights: Float64Array,
): Float64Array {
  const out = new Float64Array(n * columns);
  nativeBinding().spectralWeightedSquares(n, k, vectors, columns, weights, out);
  return out;
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
 * All solutions of A x = lambda B x for small dense matrices, x' B x = 1, ascending.
 *
 * @param a - n x n, symmetric; destroyed
 * @param b - n x n, symmetric positive definite; destroyed
 * @returns rows: n x n, row i belongs to value i; null when the iteration did not end, and the pivot of b where one is not
 *   positive
 */
export function spectralPencil(
  n: number,
  a: Float64Array,
  b: Float64Array,
): { readonly values: Float64Array; readonly rows: Float64Array } | { readonly pivot: number } | null {
  const values = new Float64Array(n);
  const rows = new Float64Array(n * n);
  const outcome = nativeBinding().spectralPencil(n, a, b, values, rows);
  if (outcome === 1) return { values, rows };
  return outcome === 2 ? null : { pivot: outcome };
}
