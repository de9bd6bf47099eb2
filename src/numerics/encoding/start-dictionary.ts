import type { ProjectedResponse } from './projected-response.js';

/** Share of the energy of every atom that the compressed form keeps. */
const KEPT_ENERGY = 0.98;

/**
 * Responses over a grid of parameters, of unit norm, from which a fit starts: at the local maxima of the squared
 * correlation with the data. They are kept on a small orthonormal basis, because neighbours are much alike.
 */
export class StartDictionary {
  /** Shape (atoms, S): coordinates of the fit. */
  readonly thetas: Float64Array;
  readonly #response: ProjectedResponse;
  readonly #sizes: readonly number[];
  readonly #strides: readonly number[];
  readonly #atoms: number;
  /** Shape (rank, T). */
  readonly #basis: Float64Array;
  /** Shape (atoms, rank). */
  readonly #weights: Float32Array;
  readonly #rank: number;
  readonly #scores: Float64Array;

  constructor(response: ProjectedResponse) {
    this.#response = response;
    this.#sizes = response.coordinates.map(({ grid }) => grid.length);
    this.#strides = stridesOf(this.#sizes);
    this.#atoms = this.#sizes.reduce((product, size) => product * size, 1);
    this.thetas = gridPoints(response, this.#atoms, this.#sizes);
    const atoms = this.#allAtoms();
    const { basis, rank } = orthonormalBasis(atoms, this.#atoms, response.frames);
    this.#basis = basis;
    this.#rank = rank;
    this.#weights = project(atoms, this.#atoms, basis, rank, response.frames);
    this.#scores = new Float64Array(this.#atoms);
  }

  /**
   * The best starts for a voxel, best first; at most `count`.
   *
   * @param series - data after projection
   * @param allowNegative - whether a response below the baseline counts
   */
  starts(series: Float64Array, count: number, allowNegative: boolean): Float64Array[] {
    this.#score(series, allowNegative);
    const peaks: number[] = [];
    for (let atom = 0; atom < this.#atoms; atom++) {
      if (this.#scores[atom]! > 0 && this.#isPeak(atom)) peaks.push(atom);
    }
    peaks.sort((a, b) => this.#scores[b]! - this.#scores[a]! || a - b);
    const size = this.#sizes.length;
    return peaks.slice(0, count).map((atom) => this.thetas.slice(atom * size, (atom + 1) * size));
  }

  #score(series: Float64Array, allowNegative: boolean): void {
    const { frames } = this.#response;
    const coefficients = new Float64Array(this.#rank);
    for (let k = 0; k < this.#rank; k++) {
      let dot = 0;
      for (let t = 0; t < frames; t++) dot += this.#basis[k * frames + t]! * series[t]!;
      coefficients[k] = dot;
    }
    for (let atom = 0; atom < this.#atoms; atom++) {
      let dot = 0;
      const at = atom * this.#rank;
      for (let k = 0; k < this.#rank; k++) dot += this.#weights[at + k]! * coefficients[k]!;
      this.#scores[atom] = allowNegative || dot > 0 ? dot * dot : 0;
    }
  }

  /** No neighbour along any axis is better; of equal ones the first counts. */
  #isPeak(atom: number): boolean {
    const score = this.#scores[atom]!;
    return this.#sizes.every((size, axis) => {
      const stride = this.#strides[axis]!;
      const place = Math.floor(atom / stride) % size;
      const before = place > 0 && this.#scores[atom - stride]! >= score;
      const after = place < size - 1 && this.#scores[atom + stride]! > score;
      return !before && !after;
    });
  }

  #allAtoms(): Float64Array {
    const { frames, p } = this.#response;
    const size = this.#sizes.length;
    const atoms = new Float64Array(this.#atoms * frames);
    for (let atom = 0; atom < this.#atoms; atom++) {
      this.#response.evaluate(this.thetas.subarray(atom * size, (atom + 1) * size), false);
      const norm = Math.sqrt(p.reduce((sum, value) => sum + value * value, 0));
      if (norm > 0) for (let t = 0; t < frames; t++) atoms[atom * frames + t] = p[t]! / norm;
    }
    return atoms;
  }
}

function stridesOf(sizes: readonly number[]): number[] {
  return sizes.map((_, axis) => sizes.slice(axis + 1).reduce((product, size) => product * size, 1));
}

/** Every combination, the last coordinate fastest. */
function gridPoints(response: ProjectedResponse, atoms: number, sizes: readonly number[]): Float64Array {
  const points = new Float64Array(atoms * sizes.length);
  const strides = stridesOf(sizes);
  for (let atom = 0; atom < atoms; atom++) {
    sizes.forEach((size, axis) => {
      const value = response.coordinates[axis]!.grid[Math.floor(atom / strides[axis]!) % size]!;
      points[atom * sizes.length + axis] = response.toTheta(axis, value);
    });
  }
  return points;
}

/** Gram-Schmidt on the atom that is explained worst, until every atom keeps its share. */
function orthonormalBasis(
  atoms: Float64Array,
  count: number,
  frames: number,
): { readonly basis: Float64Array; readonly rank: number } {
  const rest = atoms.slice();
  const energy = new Float64Array(count);
  for (let atom = 0; atom < count; atom++) energy[atom] = energyOf(rest, atom * frames, frames);
  const rows: Float64Array[] = [];
  while (rows.length < frames) {
    const worst = energy.reduce((best, value, atom) => (value > energy[best]! ? atom : best), 0);
    if (energy[worst]! <= 1 - KEPT_ENERGY) break;
    const row = rest.slice(worst * frames, (worst + 1) * frames);
    // Twice is enough: rounding leaves what the earlier rows explain.
    for (const earlier of rows) removeFrom(row, 0, earlier);
    const norm = Math.sqrt(energyOf(row, 0, frames));
    for (let t = 0; t < frames; t++) row[t] = row[t]! / norm;
    rows.push(row);
    for (let atom = 0; atom < count; atom++) {
      if (energy[atom]! <= 1 - KEPT_ENERGY) continue;
      removeFrom(rest, atom * frames, row);
      energy[atom] = energyOf(rest, atom * frames, frames);
    }
  }
  const basis = new Float64Array(rows.length * frames);
  rows.forEach((row, k) => basis.set(row, k * frames));
  return { basis, rank: rows.length };
}

function energyOf(values: Float64Array, at: number, length: number): number {
  let sum = 0;
  for (let t = 0; t < length; t++) sum += values[at + t]! * values[at + t]!;
  return sum;
}

function removeFrom(values: Float64Array, at: number, row: Float64Array): void {
  let dot = 0;
  for (let t = 0; t < row.length; t++) dot += values[at + t]! * row[t]!;
  for (let t = 0; t < row.length; t++) values[at + t] = values[at + t]! - dot * row[t]!;
}

function project(
  atoms: Float64Array,
  count: number,
  basis: Float64Array,
  rank: number,
  frames: number,
): Float32Array {
  const weights = new Float32Array(count * rank);
  for (let atom = 0; atom < count; atom++) {
    for (let k = 0; k < rank; k++) {
      let dot = 0;
      for (let t = 0; t < frames; t++) dot += atoms[atom * frames + t]! * basis[k * frames + t]!;
      weights[atom * rank + k] = dot;
    }
  }
  return weights;
}
