import type { MomentSource, ProductRequest } from './moment-source.js';
import type { ProjectedResponse } from './projected-response.js';
import { portableProducts, RowPeaks, transposed } from './row-peaks.js';

/** Share of the energy of every atom that the compressed form keeps. */
const KEPT_ENERGY = 0.98;
/** Atoms that are explained as well but for this, as those of symmetric images are: the first, whoever rounds how. */
const TIE = 1e-9;

/**
 * Responses over a grid of parameters, of unit norm, from which a fit starts: at the local maxima of the squared
 * correlation with the data. They are kept on a small orthonormal basis, because neighbours are much alike.
 */
export class StartDictionary {
  readonly #axes: readonly Float64Array[];
  readonly #sizes: Int32Array;
  readonly #strides: Int32Array;
  readonly #atoms: number;
  readonly #peaks: RowPeaks;

  /**
   * @param count - at most so many starts for a voxel
   * @param allowNegative - whether a response below the baseline counts
   */
  constructor(response: ProjectedResponse, source: MomentSource, count: number, allowNegative: boolean) {
    const { coordinates, frames } = response;
    this.#axes = coordinates.map(({ grid }, axis) =>
      Float64Array.from(grid, (value) => response.toTheta(axis, value)),
    );
    this.#sizes = Int32Array.from(this.#axes, ({ length }) => length);
    this.#strides = stridesOf(this.#sizes);
    this.#atoms = this.#sizes.reduce((product, size) => product * size, 1);
    const atoms = new Float64Array(this.#atoms * frames);
    source.responses(this.#atoms, this.#allPoints(), atoms);
    normalise(atoms, frames);
    const { basis, weights } = compress(atoms, frames, source.scoring?.products ?? portableProducts);
    const rule = { sizes: this.#sizes, isDiagonal: false, weights: null, allowNegative, count };
    this.#peaks = new RowPeaks(source, basis, weights, frames, rule);
  }

  /**
   * The best starts for a voxel, best first.
   *
   * @param series - shape (voxels, T): data after projection
   * @param row - of the voxel
   */
  starts(series: Float64Array, row: number): Float64Array[] {
    const starts: Float64Array[] = [];
    for (const atom of this.#peaks.of(series, row)) {
      if (atom < 0) break;
      const start = new Float64Array(this.#axes.length);
      this.#writePoint(atom, start, 0);
      starts.push(start);
    }
    return starts;
  }

  #placeOf(atom: number, axis: number): number {
    return Math.floor(atom / this.#strides[axis]!) % this.#sizes[axis]!;
  }

  #writePoint(atom: number, to: Float64Array, at: number): void {
    for (let axis = 0; axis < this.#axes.length; axis++)
      to[at + axis] = this.#axes[axis]![this.#placeOf(atom, axis)]!;
  }

  /** Every combination, the last coordinate fastest. */
  #allPoints(): Float64Array {
    const size = this.#axes.length;
    const points = new Float64Array(this.#atoms * size);
    for (let atom = 0; atom < this.#atoms; atom++) this.#writePoint(atom, points, atom * size);
    return points;
  }
}

function stridesOf(sizes: Int32Array): Int32Array {
  return sizes.map((_, axis) => sizes.subarray(axis + 1).reduce((product, size) => product * size, 1));
}

/** Every row to unit norm; rows of zeros stay. */
function normalise(atoms: Float64Array, frames: number): void {
  for (let at = 0; at < atoms.length; at += frames) {
    const norm = Math.sqrt(dotOf(atoms, at, atoms, at, frames));
    if (norm > 0) for (let t = at; t < at + frames; t++) atoms[t] = atoms[t]! / norm;
  }
}

/** Gram-Schmidt on the atom that is explained worst, until every atom keeps its share; the atoms on that basis, (rank, atoms). */
function compress(
  atoms: Float64Array,
  frames: number,
  products: (request: ProductRequest) => void,
): { readonly basis: Float64Array; readonly weights: Float64Array } {
  const count = atoms.length / frames;
  const courses = transposed(atoms, frames);
  const rows: Float64Array[] = [];
  const columns: Float64Array[] = [];
  // Atoms are of unit norm, or 0 where nothing is lit.
  const left = new Float64Array(count);
  for (let t = 0; t < frames; t++) {
    for (let atom = 0; atom < count; atom++) left[atom] = left[atom]! + courses[t * count + atom]! ** 2;
  }
  while (rows.length < frames) {
    let worst = 0;
    for (let atom = 1; atom < count; atom++) if (left[atom]! > left[worst]! + TIE) worst = atom;
    if (left[worst]! <= 1 - KEPT_ENERGY) break;
    const row = atoms.slice(worst * frames, (worst + 1) * frames);
    // Twice is enough: rounding leaves what the earlier rows explain.
    for (let pass = 0; pass < 2; pass++) for (const earlier of rows) removeFrom(row, earlier);
    const norm = Math.sqrt(dotOf(row, 0, row, 0, frames));
    for (let t = 0; t < frames; t++) row[t] = row[t]! / norm;
    const column = new Float64Array(count);
    products({ rows: 1, rank: frames, columns: count, left: row, right: courses, out: column });
    for (let atom = 0; atom < count; atom++) left[atom] = left[atom]! - column[atom]! ** 2;
    rows.push(row);
    columns.push(column);
  }
  const rank = rows.length;
  const basis = new Float64Array(rank * frames);
  rows.forEach((row, k) => basis.set(row, k * frames));
  const weights = new Float64Array(rank * count);
  columns.forEach((column, k) => weights.set(column, k * count));
  return { basis, weights };
}

/** Two sums that do not wait for each other. */
function dotOf(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let even = 0;
  let odd = 0;
  let t = 0;
  for (; t + 1 < length; t += 2) {
    even += a[atA + t]! * b[atB + t]!;
    odd += a[atA + t + 1]! * b[atB + t + 1]!;
  }
  if (t < length) even += a[atA + t]! * b[atB + t]!;
  return even + odd;
}

function removeFrom(values: Float64Array, row: Float64Array): void {
  const dot = dotOf(values, 0, row, 0, row.length);
  for (let t = 0; t < row.length; t++) values[t] = values[t]! - dot * row[t]!;
}
