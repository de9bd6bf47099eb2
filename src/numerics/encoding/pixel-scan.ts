import { bestPeaks } from './best-peaks.js';
import { convolveHeld } from './convolve.js';
import type { MomentSource } from './moment-source.js';
import type { ProjectedResponse } from './projected-response.js';
import type { GaussianField } from './response.js';
import { portableProducts, RowScores } from './row-scores.js';

/** A pixel whose response has less energy than this share of the largest is as good as dark. */
const DARK = 1e-9;
/** Pixels of all unique images up to which they are kept, so that many voxels are scored at once. */
const KEPT_PIXELS = 2 ** 21;
/** Pixels whose time courses are held at once. */
const BLOCK = 256;

/**
 * Starts for fields that are too small for the grid of a {@link StartDictionary}: the squared correlation of the data with
 * the response of every single pixel, by one pass over the lit pixels, and its local maxima.
 */
export class PixelScan {
  readonly #response: ProjectedResponse;
  readonly #field: GaussianField;
  readonly #kernel: Float64Array;
  /** Shape (nx, ny): 1 / energy of the projected response of a pixel; 0 where it is dark. */
  readonly #inverseEnergy: Float64Array;
  /** Where the source is quick with products: many voxels at once. */
  readonly #products: RowScores | null;
  readonly #scores: Float64Array;
  readonly #back: Float64Array;
  readonly #logSize: number;

  constructor(response: ProjectedResponse, source: MomentSource, field: GaussianField) {
    this.#response = response;
    this.#field = field;
    const { kernel, hrfModel } = response.projection;
    this.#kernel = kernel ?? hrfModel!.kernel();
    const { xs, ys, uniqueFrames } = field.stimulus;
    this.#scores = new Float64Array(xs.length * ys.length);
    this.#back = new Float64Array(uniqueFrames);
    const images = this.#images();
    this.#inverseEnergy = this.#energies(images, source);
    this.#products =
      source.products === null || images.length > KEPT_PIXELS
        ? null
        : new RowScores(source, images, uniqueFrames, (series, row, out) =>
            this.#backwards(series, row * response.frames, out),
          );
    this.#logSize = Math.log(0.6 * Math.min(spacing(xs), spacing(ys)));
  }

  /**
   * @param series - shape (voxels, T): data after projection
   * @param row - of the voxel
   * @param count - at most so many, best first
   */
  starts(series: Float64Array, row: number, count: number, allowNegative: boolean): Float64Array[] {
    const { frames } = this.#response;
    const scores = this.#products?.of(series, row, frames) ?? this.#alone(series, row * frames);
    for (let at = 0; at < scores.length; at++) {
      const dot = scores[at]!;
      scores[at] = allowNegative || dot > 0 ? dot * dot * this.#inverseEnergy[at]! : 0;
    }
    const { xs, ys } = this.#field.stimulus;
    const peaks = bestPeaks(scores, count, (at) => isPeak(scores, at, xs.length, ys.length));
    return peaks.map((at) => {
      const start = this.#middle();
      start[0] = xs[Math.floor(at / ys.length)]!;
      start[1] = ys[at % ys.length]!;
      start[2] = this.#logSize;
      return start;
    });
  }

  /** HRF parameters as the model has them. */
  #middle(): Float64Array {
    const { coordinates } = this.#response;
    return Float64Array.from(coordinates, ({ grid }, i) => this.#response.toTheta(i, grid[0]!));
  }

  /** The data backwards through the HRF, summed over frames with the same image: their product with an image's time course. */
  #backwards(series: Float64Array, y: number, back: Float64Array): void {
    const { frameOf } = this.#field.stimulus;
    const kernel = this.#kernel;
    back.fill(0);
    for (let t = 0; t < frameOf.length; t++) {
      let sum = 0;
      const taps = Math.min(kernel.length, frameOf.length - t);
      for (let k = 0; k < taps; k++) sum += kernel[k]! * series[y + t + k]!;
      // What the kernel reads before the start is the first sample.
      if (t === 0) sum += this.#heldBefore(series, y);
      back[frameOf[t]!] = back[frameOf[t]!]! + sum;
    }
  }

  /** Time courses of the pixels times the data of one voxel, by one pass over the lit pixels. */
  #alone(series: Float64Array, y: number): Float64Array {
    const { frameStart, runProfile, runFrom, runTo, profileStart, profileFirst, profileValues, ys } =
      this.#field.stimulus;
    const back = this.#back;
    this.#backwards(series, y, back);
    const scores = this.#scores.fill(0);
    for (let f = 0; f < back.length; f++) {
      const weight = back[f]!;
      for (let run = frameStart[f]!; run < frameStart[f + 1]!; run++) {
        const profile = runProfile[run]!;
        const from = profileStart[profile]!;
        const to = profileStart[profile + 1]!;
        for (let i = runFrom[run]!; i < runTo[run]!; i++) {
          let at = i * ys.length + profileFirst[profile]!;
          for (let k = from; k < to; k++, at++) scores[at] = scores[at]! + weight * profileValues[k]!;
        }
      }
    }
    return scores;
  }

  #heldBefore(series: Float64Array, y: number): number {
    const kernel = this.#kernel;
    let sum = 0;
    let tail = 0;
    for (let k = kernel.length - 1; k > 0; k--) {
      tail += kernel[k]!;
      if (k - 1 < this.#response.frames) sum += tail * series[y + k - 1]!;
    }
    return sum;
  }

  /** 1 / energy of every pixel: its time course is a sum over the images that it is lit in. */
  #energies(images: Float64Array, source: MomentSource): Float64Array {
    const { xs, ys, frameOf, uniqueFrames } = this.#field.stimulus;
    const frames = frameOf.length;
    const pixels = xs.length * ys.length;
    const responses = this.#imageResponses();
    const left = new Float64Array(BLOCK * uniqueFrames);
    const out = new Float64Array(BLOCK * frames);
    const energy = new Float64Array(pixels);
    for (let first = 0; first < pixels; first += BLOCK) {
      const rows = Math.min(BLOCK, pixels - first);
      for (let f = 0; f < uniqueFrames; f++) {
        for (let i = 0; i < rows; i++) left[i * uniqueFrames + f] = images[f * pixels + first + i]!;
      }
      (source.products ?? portableProducts)({
        ...{ rows, rank: uniqueFrames, columns: frames, right: responses },
        ...{ left: left.subarray(0, rows * uniqueFrames), out: out.subarray(0, rows * frames) },
      });
      for (let i = 0; i < rows; i++) {
        let sum = 0;
        for (let t = i * frames; t < (i + 1) * frames; t++) sum += out[t]! * out[t]!;
        energy[first + i] = sum;
      }
    }
    const least = DARK * energy.reduce((a, b) => Math.max(a, b), 0);
    return energy.map((value) => (value > least ? 1 / value : 0));
  }

  /** Projected response to a light that is on during each of the unique images, shape (unique frames, T). */
  #imageResponses(): Float64Array {
    const { frameOf, uniqueFrames } = this.#field.stimulus;
    const frames = frameOf.length;
    const all = new Float64Array(uniqueFrames * frames);
    const isOn = new Float64Array(frames);
    for (let f = 0; f < uniqueFrames; f++) {
      for (let t = 0; t < frames; t++) isOn[t] = frameOf[t] === f ? 1 : 0;
      const p = all.subarray(f * frames, (f + 1) * frames);
      convolveHeld(this.#kernel, isOn, p);
      this.#response.project(p);
    }
    return all;
  }

  /** The unique images again, shape (unique frames, pixels). */
  #images(): Float64Array {
    const {
      uniqueFrames,
      frameStart,
      runProfile,
      runFrom,
      runTo,
      profileStart,
      profileFirst,
      profileValues,
    } = this.#field.stimulus;
    const { xs, ys } = this.#field.stimulus;
    const pixels = xs.length * ys.length;
    const images = new Float64Array(uniqueFrames * pixels);
    for (let f = 0; f < uniqueFrames; f++) {
      for (let run = frameStart[f]!; run < frameStart[f + 1]!; run++) {
        const profile = runProfile[run]!;
        const values = profileValues.subarray(profileStart[profile], profileStart[profile + 1]);
        for (let i = runFrom[run]!; i < runTo[run]!; i++)
          images.set(values, f * pixels + i * ys.length + profileFirst[profile]!);
      }
    }
    return images;
  }
}

/** No neighbour is better; of equal ones the first counts. */
function isPeak(scores: Float64Array, at: number, nx: number, ny: number): boolean {
  const score = scores[at]!;
  const i = Math.floor(at / ny);
  const j = at % ny;
  for (let di = -1; di <= 1; di++) {
    for (let dj = -1; dj <= 1; dj++) {
      if (i + di < 0 || i + di >= nx || j + dj < 0 || j + dj >= ny || (di === 0 && dj === 0)) continue;
      const other = scores[at + di * ny + dj]!;
      if (other > score || (other === score && di * ny + dj < 0)) return false;
    }
  }
  return true;
}

function spacing(axis: Float64Array): number {
  return axis.length < 2 ? 1 : Math.abs(axis.at(-1)! - axis[0]!) / (axis.length - 1);
}
