import type { PrfStimulus } from '../../native/index.js';
import type { Matrix } from '../linalg/matrix.js';
import { encodeRuns, type RunCode } from './image-runs.js';
import { ScatteredDrive } from './scattered-drive.js';

/** Sums of a stimulus under a round Gaussian, and their derivatives, for every frame. */
export interface StimulusDrive {
  readonly frames: number;
  /**
   * sum over pixels of stimulus exp(-r^2 / (2 sd^2)) per frame.
   *
   * @param out - shape (frames)
   * @param slopes - null, or shape (3 frames): derivatives with respect to x, y and log sd, one after the other
   */
  evaluate(x: number, y: number, sd: number, out: Float64Array, slopes: Float64Array | null): void;
  /** The images in the form of the kernels; null where the pixels lie on no grid. */
  readonly stimulus: PrfStimulus | null;
}

/**
 * The fastest exact form for the pixels that are there.
 *
 * @param stimulus - frames x pixels
 * @param coordinates - pixels x 2
 */
export function stimulusDrive(stimulus: Matrix, coordinates: Matrix): StimulusDrive {
  const axes = gridAxes(coordinates);
  return axes === null
    ? new ScatteredDrive(stimulus, coordinates)
    : new GridDrive(stimulus, axes.xs, axes.ys);
}

/**
 * Pixels on a grid.
 *
 * Frames that repeat are computed once. A frame is stored as runs of equal image columns, and a column as its
 * non-zero stretch, each kept once; because the Gaussian is separable, a column needs three dot products and a run
 * three differences of prefix sums. Exact for every stimulus; merely slower where most pixels differ.
 */
export class GridDrive implements StimulusDrive {
  readonly frames: number;
  readonly stimulus: PrfStimulus;
  readonly #xs: Float64Array;
  readonly #ys: Float64Array;
  readonly #code: RunCode;
  readonly #buffers: Buffers;

  /**
   * @param stimulus - frames x pixels, x slow, y fast
   * @param xs - of the image columns
   * @param ys - within a column
   */
  constructor(stimulus: Matrix, xs: Float64Array, ys: Float64Array) {
    this.frames = stimulus.rows;
    this.#xs = xs;
    this.#ys = ys;
    this.#code = encodeRuns(stimulus, xs.length, ys.length);
    this.stimulus = { xs, ys, ...this.#code };
    this.#buffers = makeBuffers(xs.length, ys.length, this.#code.profiles, this.#code.uniqueFrames);
  }

  evaluate(x: number, y: number, sd: number, out: Float64Array, slopes: Float64Array | null): void {
    const b = this.#buffers;
    profileY(this.#ys, y, 1 / sd, b);
    prefixX(this.#xs, x, 1 / sd, b);
    if (slopes === null) this.#values();
    else this.#valuesAndSlopes(1 / sd);
    const { frameOf, uniqueFrames } = this.#code;
    for (let t = 0; t < this.frames; t++) {
      const at = frameOf[t]!;
      out[t] = b.sums[at]!;
      if (slopes === null) continue;
      slopes[t] = b.sums[uniqueFrames + at]!;
      slopes[this.frames + t] = b.sums[2 * uniqueFrames + at]!;
      slopes[2 * this.frames + t] = b.sums[3 * uniqueFrames + at]!;
    }
  }

  #values(): void {
    const {
      profiles,
      profileStart,
      profileFirst,
      profileValues,
      uniqueFrames,
      frameStart,
      runProfile,
      runFrom,
      runTo,
    } = this.#code;
    const { gy0, px0, m0, sums } = this.#buffers;
    for (let p = 0; p < profiles; p++) {
      let sum = 0;
      const end = profileStart[p + 1]!;
      for (let k = profileStart[p]!, j = profileFirst[p]!; k < end; k++, j++)
        sum += profileValues[k]! * gy0[j]!;
      m0[p] = sum;
    }
    for (let f = 0; f < uniqueFrames; f++) {
      let sum = 0;
      const end = frameStart[f + 1]!;
      for (let r = frameStart[f]!; r < end; r++)
        sum += (px0[runTo[r]!]! - px0[runFrom[r]!]!) * m0[runProfile[r]!]!;
      sums[f] = sum;
    }
  }

  #valuesAndSlopes(inverseSd: number): void {
    this.#moments();
    const { uniqueFrames, frameStart, runProfile, runFrom, runTo } = this.#code;
    const { px0, px1, px2, m0, m1, m2, sums } = this.#buffers;
    for (let f = 0; f < uniqueFrames; f++) {
      let value = 0;
      let byX = 0;
      let byY = 0;
      let bySd = 0;
      const end = frameStart[f + 1]!;
      for (let r = frameStart[f]!; r < end; r++) {
        const profile = runProfile[r]!;
        const from = runFrom[r]!;
        const to = runTo[r]!;
        const width = px0[to]! - px0[from]!;
        const height = m0[profile]!;
        value += width * height;
        byX += (px1[to]! - px1[from]!) * height;
        byY += width * m1[profile]!;
        bySd += (px2[to]! - px2[from]!) * height + width * m2[profile]!;
      }
      sums[f] = value;
      sums[uniqueFrames + f] = byX * inverseSd;
      sums[2 * uniqueFrames + f] = byY * inverseSd;
      sums[3 * uniqueFrames + f] = bySd;
    }
  }

  /** Moments of every profile under the Gaussian in y. */
  #moments(): void {
    const { profiles, profileStart, profileFirst, profileValues } = this.#code;
    const { gy0, gy1, gy2, m0, m1, m2 } = this.#buffers;
    for (let p = 0; p < profiles; p++) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      const end = profileStart[p + 1]!;
      for (let k = profileStart[p]!, j = profileFirst[p]!; k < end; k++, j++) {
        const value = profileValues[k]!;
        s0 += value * gy0[j]!;
        s1 += value * gy1[j]!;
        s2 += value * gy2[j]!;
      }
      m0[p] = s0;
      m1[p] = s1;
      m2[p] = s2;
    }
  }
}

interface Buffers {
  readonly gy0: Float64Array;
  readonly gy1: Float64Array;
  readonly gy2: Float64Array;
  readonly px0: Float64Array;
  readonly px1: Float64Array;
  readonly px2: Float64Array;
  readonly m0: Float64Array;
  readonly m1: Float64Array;
  readonly m2: Float64Array;
  readonly sums: Float64Array;
}

function makeBuffers(nx: number, ny: number, profiles: number, uniqueFrames: number): Buffers {
  const zeros = (length: number): Float64Array => new Float64Array(length);
  return {
    ...{ gy0: zeros(ny), gy1: zeros(ny), gy2: zeros(ny) },
    ...{ px0: zeros(nx + 1), px1: zeros(nx + 1), px2: zeros(nx + 1) },
    ...{ m0: zeros(profiles), m1: zeros(profiles), m2: zeros(profiles) },
    sums: zeros(4 * uniqueFrames),
  };
}

/** Exponents below this count as 0: 1e-74 of the peak. Else products of two would be subnormal, which is slow. */
const FAR = -170;

function gaussian(u: number): number {
  const exponent = -0.5 * u * u;
  return exponent < FAR ? 0 : Math.exp(exponent);
}

/** g, g u and g u^2 with u = (y_j - y) / sd. */
function profileY(ys: Float64Array, y: number, inverseSd: number, { gy0, gy1, gy2 }: Buffers): void {
  for (let j = 0; j < ys.length; j++) {
    const u = (ys[j]! - y) * inverseSd;
    const g = gaussian(u);
    gy0[j] = g;
    gy1[j] = g * u;
    gy2[j] = g * u * u;
  }
}

/** Prefix sums of the same in x; entry i is the sum of the first i columns. */
function prefixX(xs: Float64Array, x: number, inverseSd: number, { px0, px1, px2 }: Buffers): void {
  for (let i = 0; i < xs.length; i++) {
    const u = (xs[i]! - x) * inverseSd;
    const g = gaussian(u);
    px0[i + 1] = px0[i]! + g;
    px1[i + 1] = px1[i]! + g * u;
    px2[i + 1] = px2[i]! + g * u * u;
  }
}

/** The axes of pixels on a grid (x slow, y fast), or null when they form none. */
export function gridAxes(
  coordinates: Matrix,
): { readonly xs: Float64Array; readonly ys: Float64Array } | null {
  const { rows, values } = coordinates;
  let ny = 1;
  while (ny < rows && values[2 * ny] === values[0]) ny++;
  if (rows % ny !== 0) return null;
  for (let p = 0; p < rows; p++) {
    const column = p - (p % ny);
    if (values[2 * p] !== values[2 * column] || values[2 * p + 1] !== values[2 * (p % ny) + 1]) return null;
  }
  return {
    xs: Float64Array.from({ length: rows / ny }, (_, i) => values[2 * i * ny]!),
    ys: Float64Array.from({ length: ny }, (_, j) => values[2 * j + 1]!),
  };
}
