import type { MomentSource, ProductRequest } from './moment-source.js';

/** Numbers that are computed at once. */
const BATCH = 2 ** 18;

/**
 * Rows of a product: the coefficients of a voxel times a matrix. Asked for one row after the other, it computes many at
 * once where the source can; which rows are computed together changes no bit.
 */
export class RowScores {
  readonly #rank: number;
  readonly #columns: number;
  readonly #right: Float64Array;
  readonly #products: (request: ProductRequest) => void;
  readonly #most: number;
  readonly #left: Float64Array;
  readonly #out: Float64Array;
  #series: Float64Array | null = null;
  /** First row that was computed, the next one to give out, and the one behind the last. */
  #first = 0;
  #next = 0;
  #end = 0;

  /**
   * @param right - shape (rank, columns)
   * @param coefficientsOf - writes those of one row of a series, shape (rank)
   */
  constructor(
    { products }: MomentSource,
    right: Float64Array,
    rank: number,
    readonly coefficientsOf: (series: Float64Array, row: number, out: Float64Array) => void,
  ) {
    this.#rank = rank;
    this.#columns = rank === 0 ? 0 : right.length / rank;
    this.#right = right;
    this.#products = products ?? portableProducts;
    this.#most = products === null ? 1 : Math.max(1, Math.floor(BATCH / Math.max(this.#columns, 1)));
    this.#left = new Float64Array(this.#most * rank);
    this.#out = new Float64Array(this.#most * this.#columns);
  }

  /** The products of one row, to be changed as the caller likes, and good until the next call. */
  of(series: Float64Array, row: number, frames: number): Float64Array {
    // A row is given out once: what the caller made of it is not the product.
    if (series !== this.#series || row < this.#next || row >= this.#end) this.#compute(series, row, frames);
    this.#next = row + 1;
    const at = row - this.#first;
    return this.#out.subarray(at * this.#columns, (at + 1) * this.#columns);
  }

  #compute(series: Float64Array, row: number, frames: number): void {
    const rank = this.#rank;
    const rows = Math.min(this.#most, series.length / frames - row);
    const left = this.#left.subarray(0, rows * rank);
    for (let i = 0; i < rows; i++)
      this.coefficientsOf(series, row + i, left.subarray(i * rank, (i + 1) * rank));
    const out = this.#out.subarray(0, rows * this.#columns);
    this.#products({ rows, rank, columns: this.#columns, left, right: this.#right, out });
    this.#series = series;
    this.#first = row;
    this.#end = row + rows;
  }
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
