import { bestPeaks } from './best-peaks.js';
import type { MomentSource } from './moment-source.js';
import type { ProjectedResponse } from './projected-response.js';
import { RowScores } from './row-scores.js';

/** Share of the energy of every atom that the compressed form keeps. */
const KEPT_ENERGY = 0.98;

/**
 * Responses over a grid of parameters, of unit norm, from which a fit starts: at the local maxima of the squared
 * correlation with the data. They are kept on a small orthonormal basis, because neighbours are much alike.
 */
export class StartDictionary {
  readonly #axes: readonly Float64Array[];
  readonly #frames: number;
  readonly #sizes: Int32Array;
  readonly #strides: Int32Array;
  readonly #atoms: number;
  /** Shape (rank, T). */
  readonly #basis: Float64Array;
  readonly #products: RowScores;

  constructor(response: ProjectedResponse, source: MomentSource) {
    const { coordinates, frames } = response;
    this.#frames = frames;
    this.#axes = coordinates.map(({ grid }, axis) =>
      Float64Array.from(grid, (value) => response.toTheta(axis, value)),
    );
    this.#sizes = Int32Array.from(this.#axes, ({ length }) => length);
    this.#strides = stridesOf(this.#sizes);
    this.#atoms = this.#sizes.reduce((product, size) => product * size, 1);
    const atoms = new Float64Array(this.#atoms * frames);
    source.responses(this.#atoms, this.#allPoints(), atoms);
    normalise(atoms, frames);
    const { basis, weights } = compress(atoms, frames);
    this.#basis = basis;
    this.#products = new RowScores(source, weights, basis.length / frames, (series, row, out) =>
      this.#coefficients(series, row * frames, out),
    );
  }

  /**
   * The best starts for a voxel, best first; at most `count`.
   *
   * @param series - shape (voxels, T): data after projection
   * @param row - of the voxel
   * @param allowNegative - whether a response below the baseline counts
   */
  starts(series: Float64Array, row: number, count: number, allowNegative: boolean): Float64Array[] {
    const scores = this.#products.of(series, row, this.#frames);
    for (let atom = 0; atom < scores.length; atom++) {
      const dot = scores[atom]!;
      scores[atom] = allowNegative || dot > 0 ? dot * dot : 0;
    }
    return bestPeaks(scores, count, (atom) => this.#isPeak(scores, atom)).map((atom) => this.#pointOf(atom));
  }

  /** The data on the basis. */
  #coefficients(series: Float64Array, at: number, out: Float64Array): void {
    for (let k = 0; k < out.length; k++)
      out[k] = dotOf(this.#basis, k * this.#frames, series, at, this.#frames);
  }

  /** No neighbour along any axis is better; of equal ones the first counts. */
  #isPeak(scores: Float64Array, atom: number): boolean {
    const score = scores[atom]!;
    for (let axis = 0; axis < this.#sizes.length; axis++) {
      const stride = this.#strides[axis]!;
      const place = this.#placeOf(atom, axis);
      if (place > 0 && scores[atom - stride]! >= score) return false;
      if (place < this.#sizes[axis]! - 1 && scores[atom + stride]! > score) return false;
    }
    return true;
  }

  #placeOf(atom: number, axis: number): number {
    return Math.floor(atom / this.#strides[axis]!) % this.#sizes[axis]!;
  }

  #pointOf(atom: number): Float64Array {
    return Float64Array.from(this.#axes, (values, axis) => values[this.#placeOf(atom, axis)]!);
  }

  /** Every combination, the last coordinate fastest. */
  #allPoints(): Float64Array {
    const size = this.#axes.length;
    const points = new Float64Array(this.#atoms * size);
    for (let atom = 0; atom < this.#atoms; atom++) points.set(this.#pointOf(atom), atom * size);
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
): { readonly basis: Float64Array; readonly weights: Float64Array } {
  const count = atoms.length / frames;
  const rows: Float64Array[] = [];
  const columns: Float64Array[] = [];
  const left = new Float64Array(count);
  for (let atom = 0; atom < count; atom++)
    left[atom] = dotOf(atoms, atom * frames, atoms, atom * frames, frames);
  while (rows.length < frames) {
    const worst = left.reduce((best, value, atom) => (value > left[best]! ? atom : best), 0);
    if (left[worst]! <= 1 - KEPT_ENERGY) break;
    const row = atoms.slice(worst * frames, (worst + 1) * frames);
    // Twice is enough: rounding leaves what the earlier rows explain.
    for (let pass = 0; pass < 2; pass++) for (const earlier of rows) removeFrom(row, earlier);
    const norm = Math.sqrt(dotOf(row, 0, row, 0, frames));
    for (let t = 0; t < frames; t++) row[t] = row[t]! / norm;
    const column = new Float64Array(count);
    for (let atom = 0; atom < count; atom++) {
      const weight = dotOf(atoms, atom * frames, row, 0, frames);
      column[atom] = weight;
      left[atom] = left[atom]! - weight * weight;
    }
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
