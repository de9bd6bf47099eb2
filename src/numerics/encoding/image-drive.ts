import type { Matrix } from '../linalg/matrix.js';
import { encodeRuns, type ImageRuns } from './image-runs.js';
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
  readonly stimulus: ImageRuns | null;
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

/** Exponents below this count as 0: 1e-74 of the peak. Else products of two would be subnormal, which is slow. */
const FAR = -170;
/**
 * What is smaller than this share of the brightest that a field could see counts as dark: of differences of sums only
 * rounding is left there.
 */
export const DARK = 1e-12;

/**
 * Pixels on a grid.
 *
 * Frames that repeat are computed once. A frame is stored as runs of equal image columns, and a column as its steps,
 * each kept once; because the Gaussian is separable, a step takes one of the sums along y, and a run two of those along
 * x. Exact for every stimulus; merely slower where most pixels differ.
 */
export class GridDrive implements StimulusDrive {
  readonly frames: number;
  readonly stimulus: ImageRuns;
  /** Places of a step, a column and a profile in the arrays of three moments. */
  readonly #stepAt: Int32Array;
  readonly #fromAt: Int32Array;
  readonly #toAt: Int32Array;
  readonly #profileAt: Int32Array;
  /** Shape (n + 1, 3): sums over what lies before a place. */
  readonly #along: { readonly x: Float64Array; readonly y: Float64Array };
  /** Shape (profiles, 3). */
  readonly #profiles: Float64Array;
  /** Shape (4, unique frames): value, and slopes by x, y, log sd. */
  readonly #sums: Float64Array;

  /**
   * @param stimulus - frames x pixels, x slow, y fast
   * @param xs - of the image columns
   * @param ys - within a column
   */
  constructor(stimulus: Matrix, xs: Float64Array, ys: Float64Array) {
    const runs = encodeRuns(stimulus, xs, ys);
    const thrice = (places: Int32Array): Int32Array => places.map((place) => 3 * place);
    this.frames = stimulus.rows;
    this.stimulus = runs;
    this.#stepAt = thrice(runs.stepRow);
    this.#fromAt = thrice(runs.runFrom);
    this.#toAt = thrice(runs.runTo);
    this.#profileAt = thrice(runs.runProfile);
    this.#along = { x: new Float64Array(3 * xs.length + 3), y: new Float64Array(3 * ys.length + 3) };
    this.#profiles = new Float64Array(3 * runs.profiles);
    this.#sums = new Float64Array(4 * runs.uniqueFrames);
  }

  evaluate(x: number, y: number, sd: number, out: Float64Array, slopes: Float64Array | null): void {
    const { xs, ys, frameOf, uniqueFrames, peak } = this.stimulus;
    const width = sumsBefore(xs, x, 1 / sd, this.#along.x);
    const height = sumsBefore(ys, y, 1 / sd, this.#along.y);
    const dark = DARK * peak * width * height;
    if (slopes === null) this.#values(dark);
    else this.#valuesAndSlopes(dark);
    const sums = this.#sums;
    for (let t = 0; t < this.frames; t++) {
      const at = frameOf[t]!;
      out[t] = sums[at]!;
      if (slopes === null) continue;
      slopes[t] = sums[uniqueFrames + at]!;
      slopes[this.frames + t] = sums[2 * uniqueFrames + at]!;
      slopes[2 * this.frames + t] = sums[3 * uniqueFrames + at]!;
    }
  }

  #values(dark: number): void {
    const { profiles, stepStart, stepFall, uniqueFrames, frameStart } = this.stimulus;
    const [stepAt, fromAt, toAt, profileAt] = [this.#stepAt, this.#fromAt, this.#toAt, this.#profileAt];
    const [moments, sums] = [this.#profiles, this.#sums];
    const { x: alongX, y: alongY } = this.#along;
    for (let p = 0; p < profiles; p++) {
      let sum = 0;
      const end = stepStart[p + 1]!;
      for (let k = stepStart[p]!; k < end; k++) sum += stepFall[k]! * alongY[stepAt[k]!]!;
      moments[3 * p] = sum;
    }
    for (let f = 0; f < uniqueFrames; f++) {
      let sum = 0;
      const end = frameStart[f + 1]!;
      for (let r = frameStart[f]!; r < end; r++)
        sum += (alongX[toAt[r]!]! - alongX[fromAt[r]!]!) * moments[profileAt[r]!]!;
      sums[f] = Math.abs(sum) > dark ? sum : 0;
    }
  }

  #valuesAndSlopes(dark: number): void {
    this.#profileMoments();
    const { uniqueFrames, frameStart } = this.stimulus;
    const [fromAt, toAt, profileAt] = [this.#fromAt, this.#toAt, this.#profileAt];
    const [moments, sums, along] = [this.#profiles, this.#sums, this.#along.x];
    for (let f = 0; f < uniqueFrames; f++) {
      let value = 0;
      let byX = 0;
      let byY = 0;
      let bySd = 0;
      const end = frameStart[f + 1]!;
      let reached = -1;
      let x0 = 0;
      let x1 = 0;
      let x2 = 0;
      for (let r = frameStart[f]!; r < end; r++) {
        const from = fromAt[r]!;
        // Most runs begin where the one before ends.
        if (from !== reached) {
          x0 = along[from]!;
          x1 = along[from + 1]!;
          x2 = along[from + 2]!;
        }
        reached = toAt[r]!;
        const next = along[reached]!;
        const width = next - x0;
        const profile = profileAt[r]!;
        const height = moments[profile]!;
        value += width * height;
        x0 = next;
        const next1 = along[reached + 1]!;
        byX += (next1 - x1) * height;
        x1 = next1;
        byY += width * moments[profile + 1]!;
        const next2 = along[reached + 2]!;
        bySd += (next2 - x2) * height + width * moments[profile + 2]!;
        x2 = next2;
      }
      const isDark = !(Math.abs(value) > dark);
      sums[f] = isDark ? 0 : value;
      sums[uniqueFrames + f] = isDark ? 0 : byX;
      sums[2 * uniqueFrames + f] = isDark ? 0 : byY;
      sums[3 * uniqueFrames + f] = isDark ? 0 : bySd;
    }
  }

  /** Moments of every profile under the Gaussian in y. */
  #profileMoments(): void {
    const { profiles, stepStart, stepFall } = this.stimulus;
    const [stepAt, moments, along] = [this.#stepAt, this.#profiles, this.#along.y];
    for (let p = 0; p < profiles; p++) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      const end = stepStart[p + 1]!;
      for (let k = stepStart[p]!; k < end; k++) {
        const fall = stepFall[k]!;
        const at = stepAt[k]!;
        s0 += fall * along[at]!;
        s1 += fall * along[at + 1]!;
        s2 += fall * along[at + 2]!;
      }
      moments[3 * p] = s0;
      moments[3 * p + 1] = s1;
      moments[3 * p + 2] = s2;
    }
  }
}

/**
 * Sums of g, g u / sd and g u^2, u = (place - centre) / sd, over the places before each.
 *
 * @param out - shape (places + 1, 3), its first row zeros
 * @returns the sum of all g
 */
export function sumsBefore(
  places: Float64Array,
  centre: number,
  inverseSd: number,
  out: Float64Array,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  for (let i = 0; i < places.length; i++) {
    const u = (places[i]! - centre) * inverseSd;
    const exponent = -0.5 * u * u;
    const g = exponent < FAR ? 0 : Math.exp(exponent);
    s0 += g;
    s1 += g * u * inverseSd;
    s2 += g * u * u;
    out[3 * i + 3] = s0;
    out[3 * i + 4] = s1;
    out[3 * i + 5] = s2;
  }
  return s0;
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
