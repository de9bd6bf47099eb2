import { bestPeaks, type PeakRule } from './best-peaks.js';
import { convolveHeld } from './convolve.js';
import type { MomentSource } from './moment-source.js';
import type { ProjectedResponse } from './projected-response.js';
import type { GaussianField } from './response.js';
import { portableProducts, RowPeaks, transposed } from './row-peaks.js';

/** A pixel whose response has less energy than this share of the largest is as good as dark. */
const DARK = 1e-9;
/** Pixels of all unique images up to which they are kept, so that many voxels are scored at once. */
const KEPT_PIXELS = 2 ** 21;
/** Numbers that are computed at once. */
const BLOCK = 2 ** 18;

/**
 * Starts for fields that are too small for the grid of a {@link StartDictionary}: the squared correlation of the data with
 * the response of every single pixel, by one pass over the lit pixels, and its local maxima.
 */
export class PixelScan {
  readonly #response: ProjectedResponse;
  readonly #field: GaussianField;
  readonly #kernel: Float64Array;
  readonly #rule: PeakRule;
  /** Where the source is quick with products: many voxels at once. */
  readonly #peaks: RowPeaks | null;
  readonly #scores: Float64Array;
  readonly #back: Float64Array;
  /** Shape (nx + 1, ny + 1): changes from the place before, along both axes. */
  readonly #edges: Float64Array;
  readonly #logSize: number;

  /**
   * @param count - at most so many starts for a voxel
   * @param allowNegative - whether a response below the baseline counts
   */
  constructor(
    response: ProjectedResponse,
    source: MomentSource,
    field: GaussianField,
    count: number,
    allowNegative: boolean,
  ) {
    this.#response = response;
    this.#field = field;
    const { kernel, hrfModel } = response.projection;
    this.#kernel = kernel ?? hrfModel!.kernel();
    const { xs, ys, uniqueFrames } = field.stimulus;
    this.#scores = new Float64Array(xs.length * ys.length);
    this.#back = new Float64Array(uniqueFrames);
    this.#edges = new Float64Array((xs.length + 1) * (ys.length + 1));
    const images = this.#images();
    const responses = this.#imageResponses();
    // 1 / energy of the projected response of a pixel; 0 where it is dark.
    const weights = this.#inverseEnergies(images, responses, source);
    const sizes = Int32Array.of(xs.length, ys.length);
    this.#rule = { sizes, isDiagonal: true, weights, allowNegative, count };
    this.#peaks =
      source.scoring === null || images.length > KEPT_PIXELS
        ? null
        : new RowPeaks(source, responses, images, response.frames, this.#rule);
    this.#logSize = Math.log(0.6 * Math.min(spacing(xs), spacing(ys)));
  }

  /**
   * Starts of a voxel, best first.
   *
   * @param series - shape (voxels, T): data after projection
   * @param row - of the voxel
   */
  starts(series: Float64Array, row: number): Float64Array[] {
    const places = this.#peaks?.of(series, row) ?? this.#alone(series, row * this.#response.frames);
    const { xs, ys } = this.#field.stimulus;
    const starts: Float64Array[] = [];
    for (const at of places) {
      if (at < 0) break;
      const start = this.#middle();
      start[0] = xs[Math.floor(at / ys.length)]!;
      start[1] = ys[at % ys.length]!;
      start[2] = this.#logSize;
      starts.push(start);
    }
    return starts;
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

  /**
   * The best pixels for one voxel: every run of an image adds its columns where it begins and takes them away where it
   * ends, a column its steps, and sums along both axes make pixels of that.
   */
  #alone(series: Float64Array, y: number): readonly number[] {
    const { frameStart, runProfile, runFrom, runTo, stepStart, stepRow, stepFall, xs, ys } =
      this.#field.stimulus;
    const [back, edges, scores] = [this.#back, this.#edges, this.#scores];
    this.#backwards(series, y, back);
    // One row more than there are pixels, for what ends behind the last.
    const width = ys.length + 1;
    edges.fill(0);
    for (let f = 0; f < back.length; f++) {
      const weight = back[f]!;
      for (let run = frameStart[f]!; run < frameStart[f + 1]!; run++) {
        const profile = runProfile[run]!;
        const [from, to] = [runFrom[run]! * width, runTo[run]! * width];
        for (let k = stepStart[profile]!; k < stepStart[profile + 1]!; k++) {
          const rise = weight * stepFall[k]!;
          const row = stepRow[k]!;
          edges[from + row] = edges[from + row]! - rise;
          edges[to + row] = edges[to + row]! + rise;
        }
      }
    }
    for (let i = 0; i < xs.length; i++) {
      let sum = 0;
      for (let j = 0; j < ys.length; j++) {
        const at = i * width + j;
        if (i > 0) edges[at] = edges[at]! + edges[at - width]!;
        sum += edges[at]!;
        scores[i * ys.length + j] = sum;
      }
    }
    return bestPeaks(scores, this.#rule);
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

  /**
   * 1 / energy of every pixel: its time course is a sum over the images that it is lit in, so its energy one over their
   * products with each other.
   */
  #inverseEnergies(images: Float64Array, responses: Float64Array, source: MomentSource): Float64Array {
    const { xs, ys, uniqueFrames, frameOf } = this.#field.stimulus;
    const pixels = xs.length * ys.length;
    const products = source.scoring?.products ?? portableProducts;
    const gram = new Float64Array(uniqueFrames * uniqueFrames);
    products({
      ...{ rows: uniqueFrames, rank: frameOf.length, columns: uniqueFrames, left: responses },
      ...{ right: transposed(responses, frameOf.length), out: gram },
    });
    const energy = new Float64Array(pixels);
    const block = Math.max(1, Math.floor(BLOCK / pixels));
    const out = new Float64Array(Math.min(block, uniqueFrames) * pixels);
    for (let first = 0; first < uniqueFrames; first += block) {
      const rows = Math.min(block, uniqueFrames - first);
      const left = gram.subarray(first * uniqueFrames, (first + rows) * uniqueFrames);
      const sums = out.subarray(0, rows * pixels);
      products({ rows, rank: uniqueFrames, columns: pixels, left, right: images, out: sums });
      for (let f = 0; f < rows; f++) {
        const [from, image] = [f * pixels, (first + f) * pixels];
        for (let p = 0; p < pixels; p++) energy[p] = energy[p]! + images[image + p]! * sums[from + p]!;
      }
    }
    let most = 0;
    for (const value of energy) most = Math.max(most, value);
    return energy.map((value) => (value > DARK * most ? 1 / value : 0));
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

function spacing(axis: Float64Array): number {
  return axis.length < 2 ? 1 : Math.abs(axis.at(-1)! - axis[0]!) / (axis.length - 1);
}
