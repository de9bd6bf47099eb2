import { multiplyBlocks } from '../wasm/products.js';
import { bestPeaks } from './best-peaks.js';
import { FieldProgram } from './field-program.js';
import { scaleSums } from './field-scale.js';
import type { HRFModel } from './hrf-model.js';
import { DARK, sumsBefore } from './image-drive.js';
import {
  MomentLayout,
  type MomentRequest,
  type MomentSource,
  type PeaksRequest,
  type ProductRequest,
} from './moment-source.js';
import type { ProjectedResponse } from './projected-response.js';
import type { GaussianField } from './response.js';
import { portableProducts } from './row-peaks.js';

/** Numbers of responses and slopes that are kept for points that recur. */
const KEPT = 2 ** 22;

/** Rows from which blocks are worth their copies. */
const MANY_ROWS = 4;

interface KeptField {
  readonly rows: Float64Array;
  readonly mean: number;
}

/** Round Gaussian fields over images on a grid, without the addon: one point after the other, by a program for the stimulus. */
export class FieldMoments implements MomentSource {
  readonly layout: MomentLayout;
  readonly scoring = { products, peaks };
  readonly fits = null;
  readonly #field: GaussianField;
  readonly #program: FieldProgram;
  readonly #frames: number;
  /** Null: one kernel for all, which the program has. */
  readonly #hrf: HRFModel | null;
  readonly #kept = new Map<string, KeptField>();

  /** @returns null where no program can be run */
  static of(response: ProjectedResponse, field: GaussianField): FieldMoments | null {
    const { kernel, hrfModel, removesMean, confounds } = response.projection;
    const taps = (kernel ?? hrfModel!.kernel()).length;
    const { stimulus } = field;
    const program = FieldProgram.of({
      stimulus,
      taps,
      hasOwnKernel: kernel === null,
      removesMean,
      confounds,
    });
    if (program === null) return null;
    if (kernel !== null) program.kernels.set(kernel);
    return new FieldMoments(response, field, program, kernel === null ? hrfModel : null);
  }

  private constructor(
    response: ProjectedResponse,
    field: GaussianField,
    program: FieldProgram,
    hrf: HRFModel | null,
  ) {
    this.layout = new MomentLayout(response.coordinates.length);
    this.#field = field;
    this.#program = program;
    this.#frames = response.frames;
    this.#hrf = hrf;
  }

  moments({ count, thetas, voxels, series, isRecurring = false }: MomentRequest, out: Float64Array): void {
    const { size, length } = this.layout;
    const { data } = this.#program;
    const frames = this.#frames;
    for (let k = 0; k < count; k++) {
      const at = k * size;
      if (isRecurring) this.#recall(thetas, at);
      else this.#evaluate(thetas, at);
      const from = voxels[k]! * frames;
      for (let t = 0; t < frames; t++) data[t] = series[from + t]!;
      this.#program.sum();
      this.#write(out, k * length);
      scaleSums(this.layout, this.#field, Math.exp(thetas[at + 2]!), out, k * length);
    }
  }

  responses(count: number, thetas: Float64Array, out: Float64Array): void {
    const { size } = this.layout;
    const { rows } = this.#program;
    const frames = this.#frames;
    for (let k = 0; k < count; k++) {
      this.#place(thetas, k * size, false);
      this.#program.respond();
      const height = this.#field.height(Math.exp(thetas[k * size + 2]!));
      for (let t = 0; t < frames; t++) out[k * frames + t] = rows[t]! * height;
    }
  }

  /** The program has no mean among its sums. */
  #write(out: Float64Array, at: number): void {
    const { sums, mean } = this.#program;
    out[at + MomentLayout.pp] = sums[0]!;
    out[at + MomentLayout.py] = sums[1]!;
    out[at + MomentLayout.mean] = mean[0]!;
    for (let i = 2; i < sums.length; i++) out[at + 1 + i] = sums[i]!;
  }

  #evaluate(thetas: Float64Array, at: number): void {
    this.#place(thetas, at, true);
    this.#program.evaluate();
  }

  #recall(thetas: Float64Array, at: number): void {
    const { rows, mean } = this.#program;
    const key = thetas.subarray(at, at + this.layout.size).join();
    const known = this.#kept.get(key);
    if (known !== undefined) {
      rows.set(known.rows);
      mean[0] = known.mean;
      return;
    }
    this.#evaluate(thetas, at);
    if (this.#kept.size * rows.length <= KEPT) this.#kept.set(key, { rows: rows.slice(), mean: mean[0]! });
  }

  /** Puts a field, and its kernel, where the program looks for them. */
  #place(thetas: Float64Array, at: number, withSlopes: boolean): void {
    const { alongX, alongY, dark, kernels } = this.#program;
    const { xs, ys, peak } = this.#field.stimulus;
    const inverseSd = Math.exp(-thetas[at + 2]!);
    const width = sumsBefore(xs, thetas[at]!, inverseSd, alongX);
    const height = sumsBefore(ys, thetas[at + 1]!, inverseSd, alongY);
    dark[0] = DARK * peak * width * height;
    if (this.#hrf === null) return;
    const [delay, dispersion] = [thetas[at + 3]!, thetas[at + 4]!];
    const kernel = this.#hrf.kernel(delay, dispersion);
    kernels.set(kernel);
    if (!withSlopes) return;
    const slopes = this.#hrf.kernelDerivatives(delay, dispersion);
    kernels.set(slopes.delay, kernel.length);
    kernels.set(slopes.dispersion, 2 * kernel.length);
  }
}

function products(request: ProductRequest): void {
  if (request.rows < MANY_ROWS || !multiplyBlocks(request)) portableProducts(request);
}

function peaks({ rows, columns, scores, most, out, ...rule }: PeaksRequest): void {
  out.fill(-1);
  for (let row = 0; row < rows; row++) {
    const best = bestPeaks(scores.subarray(row * columns, (row + 1) * columns), { ...rule, count: most });
    out.set(best, row * most);
  }
}
