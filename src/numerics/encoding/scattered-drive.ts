import type { Matrix } from '../linalg/matrix.js';
import type { StimulusDrive } from './image-drive.js';

/** Pixels that lie on no grid, for example the vertices of a screen that was measured: every lit pixel is summed. */
export class ScatteredDrive implements StimulusDrive {
  readonly frames: number;
  readonly stimulus = null;
  readonly #coordinates: Matrix;
  /** Compressed rows: lit pixels of each frame and their values. */
  readonly #start: Int32Array;
  readonly #pixel: Int32Array;
  readonly #value: Float64Array;
  /** Shape (4, pixels): g and its derivatives. */
  readonly #gaussian: Float64Array;

  /**
   * @param stimulus - frames x pixels
   * @param coordinates - pixels x 2
   */
  constructor(stimulus: Matrix, coordinates: Matrix) {
    const { rows, columns, values } = stimulus;
    const lit = values.reduce((count, value) => count + (value === 0 ? 0 : 1), 0);
    this.frames = rows;
    this.#coordinates = coordinates;
    this.#start = new Int32Array(rows + 1);
    this.#pixel = new Int32Array(lit);
    this.#value = new Float64Array(lit);
    this.#gaussian = new Float64Array(4 * columns);
    let at = 0;
    for (let t = 0; t < rows; t++) {
      for (let p = 0; p < columns; p++) {
        const value = values[t * columns + p]!;
        if (value === 0) continue;
        this.#pixel[at] = p;
        this.#value[at++] = value;
      }
      this.#start[t + 1] = at;
    }
  }

  evaluate(x: number, y: number, sd: number, out: Float64Array, slopes: Float64Array | null): void {
    this.#fill(x, y, 1 / sd);
    const pixels = this.#coordinates.rows;
    const parts = slopes === null ? 1 : 4;
    for (let part = 0; part < parts; part++) {
      const g = this.#gaussian.subarray(part * pixels, (part + 1) * pixels);
      const to = part === 0 ? out : slopes!.subarray((part - 1) * this.frames, part * this.frames);
      for (let t = 0; t < this.frames; t++) {
        let sum = 0;
        const end = this.#start[t + 1]!;
        for (let k = this.#start[t]!; k < end; k++) sum += this.#value[k]! * g[this.#pixel[k]!]!;
        to[t] = sum;
      }
    }
  }

  #fill(x: number, y: number, inverseSd: number): void {
    const pixels = this.#coordinates.rows;
    const { values } = this.#coordinates;
    for (let p = 0; p < pixels; p++) {
      const u = (values[2 * p]! - x) * inverseSd;
      const v = (values[2 * p + 1]! - y) * inverseSd;
      const g = Math.exp(-0.5 * (u * u + v * v));
      this.#gaussian[p] = g;
      this.#gaussian[pixels + p] = g * u * inverseSd;
      this.#gaussian[2 * pixels + p] = g * v * inverseSd;
      this.#gaussian[3 * pixels + p] = g * (u * u + v * v);
    }
  }
}
