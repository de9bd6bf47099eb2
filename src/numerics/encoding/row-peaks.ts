import { bestPeaks, type PeakRule } from './best-peaks.js';
import type { MomentSource, ProductRequest } from './moment-source.js';

/** Numbers that are computed at once. */
const BATCH = 2 ** 18;

/**
 * The best places of a voxel on a grid whose responses are combinations of a few time courses: products of the data with
 * those, then with the combinations, then their peaks. Asked for one voxel after the other, it computes many at once where
 * the source can; which are computed together changes no bit.
 */
export class RowPeaks {
  readonly #rank: number;
  readonly #columns: number;
  readonly #frames: number;
  /** Shape (T, rank). */
  readonly #courses: Float64Array;
  readonly #combinations: Float64Array;
  readonly #rule: PeakRule;
  readonly #scoring: MomentSource['scoring'];
  readonly #most: number;
  readonly #left: Float64Array;
  readonly #scores: Float64Array;
  readonly #places: Int32Array;
  #series: Float64Array | null = null;
  /** First row that was computed, and the one behind the last. */
  #first = 0;
  #end = 0;

  /**
   * @param courses - shape (rank, T)
   * @param combinations - shape (rank, columns)
   */
  constructor(
    { scoring }: MomentSource,
    courses: Float64Array,
    combinations: Float64Array,
    frames: number,
    rule: PeakRule,
  ) {
    this.#rank = courses.length / frames;
    this.#columns = this.#rank === 0 ? 0 : combinations.length / this.#rank;
    this.#frames = frames;
    this.#courses = transposed(courses, frames);
    this.#combinations = combinations;
    this.#rule = rule;
    this.#scoring = scoring;
    this.#most = scoring === null ? 1 : Math.max(1, Math.floor(BATCH / Math.max(this.#columns, 1)));
    this.#left = new Float64Array(this.#most * this.#rank);
    this.#scores = new Float64Array(this.#most * this.#columns);
    this.#places = new Int32Array(this.#most * rule.count);
  }

  /**
   * Places of the best peaks of one voxel, best first, then -1.
   *
   * @param series - shape (voxels, T), not changed while it is asked for
   */
  of(series: Float64Array, row: number): Int32Array {
    // No response differs from 0: all are as good.
    if (this.#columns === 0) return this.#places.fill(-1).subarray(0, this.#rule.count);
    if (series !== this.#series || row < this.#first || row >= this.#end) this.#compute(series, row);
    const { count } = this.#rule;
    return this.#places.subarray((row - this.#first) * count, (row - this.#first + 1) * count);
  }

  #compute(series: Float64Array, row: number): void {
    const [rank, columns, frames] = [this.#rank, this.#columns, this.#frames];
    const rows = Math.min(this.#most, series.length / frames - row);
    const products = this.#scoring?.products ?? portableProducts;
    const left = this.#left.subarray(0, rows * rank);
    const scores = this.#scores.subarray(0, rows * columns);
    const data = series.subarray(row * frames, (row + rows) * frames);
    products({ rows, rank: frames, columns: rank, left: data, right: this.#courses, out: left });
    products({ rows, rank, columns, left, right: this.#combinations, out: scores });
    this.#series = series;
    this.#first = row;
    this.#end = row + rows;
    if (this.#scoring === null) {
      this.#places.fill(-1);
      this.#places.set(bestPeaks(scores, this.#rule));
      return;
    }
    const { count, ...rule } = this.#rule;
    this.#scoring.peaks({
      rows,
      columns,
      scores,
      ...rule,
      most: count,
      out: this.#places.subarray(0, rows * count),
    });
  }
}

/** Columns of rows of a length, (length, count). */
export function transposed(rows: Float64Array, length: number): Float64Array {
  const count = rows.length / length;
  const out = new Float64Array(rows.length);
  for (let r = 0; r < count; r++) {
    for (let c = 0; c < length; c++) out[c * count + r] = rows[r * length + c]!;
  }
  return out;
}

/** Row by row, four ranks in one pass, each number summed in the order of the rank. */
export function portableProducts({ rows, rank, columns, left, right, out }: ProductRequest): void {
  out.fill(0);
  for (let row = 0; row < rows; row++) {
    const to = row * columns;
    let k = 0;
    for (; k + 4 <= rank; k += 4) {
      const at = row * rank + k;
      const [a, b, c, d] = [left[at]!, left[at + 1]!, left[at + 2]!, left[at + 3]!];
      const from = k * columns;
      for (let i = 0; i < columns; i++) {
        const sum = out[to + i]! + a * right[from + i]! + b * right[from + columns + i]!;
        out[to + i] = sum + c * right[from + 2 * columns + i]! + d * right[from + 3 * columns + i]!;
      }
    }
    for (; k < rank; k++) {
      const factor = left[row * rank + k]!;
      if (factor === 0) continue;
      const from = k * columns;
      for (let c = 0; c < columns; c++) out[to + c] = out[to + c]! + factor * right[from + c]!;
    }
  }
}
