import type { PeakRule } from './best-peaks.js';
import type { ProjectedResponse } from './projected-response.js';
import type { VoxelSearch } from './voxel-fit.js';

/**
 * The sums that a step of a separable fit needs of one point and one voxel, in one row of numbers. With the projected
 * response p, its slopes d_i and the projected data y: p'p, p'y, the mean of the response before projection, d_i'p,
 * d_i'y and the upper triangle of d_i'd_j, row by row.
 */
export class MomentLayout {
  static readonly pp = 0;
  static readonly py = 1;
  static readonly mean = 2;
  readonly alongP = 3;
  readonly alongY: number;
  readonly gram: number;
  /** Numbers per row. */
  readonly length: number;

  /** @param size - number of coordinates */
  constructor(readonly size: number) {
    this.alongY = 3 + size;
    this.gram = 3 + 2 * size;
    this.length = this.gram + (size * (size + 1)) / 2;
  }

  /** Place of d_i'd_j, i <= j. */
  pair(i: number, j: number): number {
    return this.gram + i * this.size - (i * (i - 1)) / 2 + (j - i);
  }
}

/** Points to evaluate, each for one voxel. Buffers may be longer than the points need. */
export interface MomentRequest {
  readonly count: number;
  /** Shape (count, S): coordinates of the fit. */
  readonly thetas: Float64Array;
  /** Shape (count): row of the series. */
  readonly voxels: Int32Array;
  /** Shape (voxels, T): data after projection. */
  readonly series: Float64Array;
  /** Other voxels will ask for the same points: what a source keeps of them changes no bit. Default false. */
  readonly isRecurring?: boolean;
}

/** Evaluates the response of a model for many points at once; a point's result does not depend on the others. */
export interface MomentSource {
  readonly layout: MomentLayout;
  /** @param out - shape (count, layout.length) */
  moments(request: MomentRequest, out: Float64Array): void;
  /**
   * Projected responses without data.
   *
   * @param thetas - shape (count, S)
   * @param out - shape (count, T)
   */
  responses(count: number, thetas: Float64Array, out: Float64Array): void;
  /** Products of matrices and peaks of their rows, where many rows at once are faster than one after the other; else null. */
  readonly scoring: Scoring | null;
  /** Whole fits, where the source makes them itself; else null. */
  readonly fits: ((request: FitsRequest) => void) | null;
}

export interface Scoring {
  products(this: void, request: ProductRequest): void;
  peaks(this: void, request: PeaksRequest): void;
}

/** Peaks of the rows of scores (rows, columns), which are overwritten. */
export interface PeaksRequest extends Omit<PeakRule, 'count'> {
  readonly rows: number;
  readonly columns: number;
  readonly scores: Float64Array;
  readonly most: number;
  /** Shape (rows, most), written: best first, then -1. */
  readonly out: Int32Array;
}

/** Voxels to fit from the starts of each to its optimum. */
export interface FitsRequest {
  readonly search: VoxelSearch;
  /** A quarter of the range of each coordinate. */
  readonly quarter: Float64Array;
  readonly voxels: number;
  /** Shape (voxels, T): data after projection. */
  readonly series: Float64Array;
  /** Shape (voxels, 2): their energy, and the amplitude where it is held (else NaN). */
  readonly problems: Float64Array;
  /** Shape (voxels + 1): where the starts of each begin. */
  readonly first: Int32Array;
  /** Shape (starts, S). */
  readonly starts: Float64Array;
  /** Shape (voxels, S + 6), written: theta, amplitude, ssq, mean, iterations, optima, status. */
  readonly out: Float64Array;
}

/** out (rows, columns) = left (rows, rank) times right (rank, columns). */
export interface ProductRequest {
  readonly rows: number;
  readonly rank: number;
  readonly columns: number;
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly out: Float64Array;
}

/** Numbers of responses and slopes that are kept for points that recur. */
const KEPT = 2 ** 22;

interface KeptResponse {
  readonly p: Float64Array;
  readonly slopes: Float64Array;
  readonly mean: number;
}

/** The sums of any model, one point after the other. */
export class PortableMoments implements MomentSource {
  readonly layout: MomentLayout;
  readonly scoring = null;
  readonly fits = null;
  readonly #response: ProjectedResponse;
  readonly #kept = new Map<string, KeptResponse>();

  constructor(response: ProjectedResponse) {
    this.#response = response;
    this.layout = new MomentLayout(response.coordinates.length);
  }

  moments({ count, thetas, voxels, series, isRecurring = false }: MomentRequest, out: Float64Array): void {
    const { size, length } = this.layout;
    for (let k = 0; k < count; k++) {
      const theta = thetas.subarray(k * size, (k + 1) * size);
      const response = isRecurring ? this.#recurring(theta) : this.#evaluate(theta);
      this.#sum(response, series, voxels[k]! * this.#response.frames, out, k * length);
    }
  }

  responses(count: number, thetas: Float64Array, out: Float64Array): void {
    const { size } = this.layout;
    const { frames, p } = this.#response;
    for (let k = 0; k < count; k++) {
      this.#response.evaluate(thetas.subarray(k * size, (k + 1) * size), false);
      out.set(p, k * frames);
    }
  }

  #evaluate(theta: Float64Array): KeptResponse {
    this.#response.evaluate(theta, true);
    return this.#response;
  }

  #recurring(theta: Float64Array): KeptResponse {
    const key = theta.join();
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const { p, slopes, mean } = this.#evaluate(theta);
    if (this.#kept.size * (p.length + slopes.length) > KEPT) return this.#response;
    const kept = { p: p.slice(), slopes: slopes.slice(), mean };
    this.#kept.set(key, kept);
    return kept;
  }

  #sum(
    { p, slopes, mean }: KeptResponse,
    series: Float64Array,
    y: number,
    out: Float64Array,
    at: number,
  ): void {
    const { frames } = this.#response;
    const { size, alongP, alongY, gram } = this.layout;
    let pp = 0;
    let py = 0;
    for (let t = 0; t < frames; t++) {
      pp += p[t]! * p[t]!;
      py += p[t]! * series[y + t]!;
    }
    out[at + MomentLayout.pp] = pp;
    out[at + MomentLayout.py] = py;
    out[at + MomentLayout.mean] = mean;
    let pair = at + gram;
    for (let i = 0; i < size; i++) {
      const a = i * frames;
      let dp = 0;
      let dy = 0;
      let dd = 0;
      for (let t = 0; t < frames; t++) {
        const d = slopes[a + t]!;
        dp += d * p[t]!;
        dy += d * series[y + t]!;
        dd += d * d;
      }
      out[at + alongP + i] = dp;
      out[at + alongY + i] = dy;
      out[pair++] = dd;
      for (let j = i + 1; j < size; j++) {
        const b = j * frames;
        let dot = 0;
        for (let t = 0; t < frames; t++) dot += slopes[a + t]! * slopes[b + t]!;
        out[pair++] = dot;
      }
    }
  }
}
