/** Where the entries of a factor stand, as the addon reads it: seven arguments in this order. */
export type SymbolicArguments = [
  size: number,
  supernodes: number,
  superStarts: Int32Array,
  rowStarts: Int32Array,
  rows: Int32Array,
  panelStarts: Float64Array,
  parents: Int32Array,
];

/** Stiffness and mass on one pattern: six arguments in this order. */
export type PairArguments = [
  starts: Int32Array,
  columns: Int32Array,
  stiffness: Float64Array,
  mass: Float64Array,
  diagonalMass: Float64Array | null,
  rowSums: Float64Array,
];

/** A sparse matrix, row after row: four arguments in this order. */
export type SparseArguments = [starts: Int32Array, columns: Int32Array, values: Float64Array, entries: number];

/** Positional arguments as native/register_spectral*.cc read them; sizes first. Blocks are n x 4 numbers. */
export interface SpectralBinding {
  /** @returns 1, or 0 where a matrix is not symmetric, an entry no number, or a mass not positive */
  spectralJoin(
    ...args: [
      size: number,
      ...stiffness: SparseArguments,
      ...mass: SparseArguments,
      starts: Int32Array,
      columns: Int32Array,
      values: Float64Array,
      masses: Float64Array,
      diagonal: Float64Array,
      rowSums: Float64Array,
      component: Int32Array,
      /** Written: entries, connected parts, 1 where the mass is a diagonal. */
      figures: Float64Array,
    ]
  ): number;
  /** figures, written: total of the mass, norm of the stiffness, 1 for a Laplacian, 1 for a dominant mass. */
  spectralPairFacts(...args: [size: number, ...PairArguments, figures: Float64Array]): void;
  spectralPermute(...args: [size: number, ...PairArguments, order: Int32Array, ...permuted: PairArguments]): void;
  spectralOrder(size: number, starts: Int32Array, columns: Int32Array, order: Int32Array): void;
  /** @returns the rows; `order` is given and comes back final, figures are named in native/register_spectral.cc */
  spectralSymbolic(
    size: number,
    starts: Int32Array,
    columns: Int32Array,
    order: Int32Array,
    superStarts: Int32Array,
    rowStarts: Int32Array,
    panelStarts: Float64Array,
    parents: Int32Array,
    figures: Float64Array,
  ): Int32Array;
  spectralCopyColumns(
    size: number,
    count: number,
    from: Float64Array,
    fromColumns: Int32Array,
    to: Float64Array,
    toColumns: Int32Array,
  ): void;
  spectralToRows(
    size: number,
    count: number,
    vectors: Float64Array,
    columns: Int32Array,
    places: Int32Array,
    n: number,
    k: number,
    out: Float64Array,
    outColumns: Int32Array,
  ): void;
  spectralFixSigns(n: number, k: number, vectors: Float64Array): void;
  /** @returns the growth of the pivots, infinity when one was 0 */
  spectralFactor(
    ...args: [
      ...SymbolicArguments,
      ...PairArguments,
      shift: number,
      stackSize: number,
      largestPanel: number,
      largestUpdate: number,
      panels: Float64Array,
      signs: Uint8Array,
    ]
  ): number;
  spectralSlices(
    ...args: [
      ...SymbolicArguments,
      ...PairArguments,
      panels: Float64Array[],
      signs: Uint8Array[],
      /** Of each slice: shift, below, above, seed, tolerance, what may be lost, 1 where it may move. */
      tasks: Float64Array,
      values: Float64Array[],
      vectors: Float64Array[],
      /** Written, of each slice: 1 where it converged, 1 where pairs are given, better shift or NaN, solves. */
      outcomes: Float64Array,
    ]
  ): void;
  spectralSolve(
    ...args: [...SymbolicArguments, panels: Float64Array, signs: Uint8Array, x: Float64Array, blocks: number]
  ): void;
  spectralMultiplyMass(
    ...args: [size: number, ...PairArguments, x: Float64Array, y: Float64Array, blocks: number]
  ): void;
  spectralMultiplyStiffness(
    ...args: [size: number, ...PairArguments, x: Float64Array, y: Float64Array, blocks: number]
  ): void;
  spectralSubtractColumns(size: number, w: Float64Array, factors: Float64Array, z: Float64Array): void;
  spectralColumnDots(size: number, a: Float64Array, b: Float64Array, out: Float64Array): void;
  spectralGram(
    size: number,
    basis: Float64Array,
    count: number,
    z: Float64Array,
    zCount: number,
    h: Float64Array,
  ): void;
  spectralWeightedSquares(
    n: number,
    k: number,
    vectors: Float64Array,
    columns: number,
    weights: Float64Array,
    out: Float64Array,
  ): void;
  spectralCombine(
    size: number,
    basis: Float64Array,
    count: number,
    coefficients: Float64Array,
    outCount: number,
    out: Float64Array,
  ): void;
  /** @returns 1, the pivot of b that is not positive, or 2 when the iteration did not end */
  spectralPencil(n: number, a: Float64Array, b: Float64Array, values: Float64Array, rows: Float64Array): number;
}
