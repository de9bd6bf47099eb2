import { ProcessingError } from '../../errors.js';
import { singularValues } from '../linalg/singular-values.js';
import { columnMeans, withoutColumnOffsets, type Matrix } from '../linalg/matrix.js';
import { convolveHeld, convolveHeldRows } from './convolve.js';
import { HRF_PARAMETERS, type EncodingModel } from './encoding-model.js';
import type { Paradigm } from './paradigm.js';
import type { BoundResponse, GaussianField } from './response.js';
import type { HRFModel } from './hrf-model.js';

/** One coordinate of a nonlinear fit. */
export interface Coordinate {
  readonly name: string;
  /** The fit moves the logarithm. */
  readonly isLogarithmic: boolean;
  /** Of the parameter, not of its logarithm. */
  readonly bounds: readonly [number, number];
  /** Start values of the parameter; the HRF's own for HRF parameters. */
  readonly grid: readonly number[];
}

export interface ProjectionOptions {
  /** Time x C; what they explain is taken out of data and predictions alike. */
  readonly confounds?: Matrix | null;
  /** False where the baseline is held. Default true. */
  readonly removesMean?: boolean;
}

/**
 * The response of a model and its slopes at a point of the fit, after the HRF, without its mean and without what
 * confounds explain. Amplitude and baseline are left to the caller: y = baseline + amplitude p.
 */
export class ProjectedResponse {
  readonly frames: number;
  readonly coordinates: readonly Coordinate[];
  /** Shape (T): the projected response of the last call. */
  readonly p: Float64Array;
  /** Shape (S, T): its slopes by the coordinates. */
  readonly slopes: Float64Array;
  /** Mean of the response before it was projected. */
  mean = 0;
  /** Shape (S): means of the slopes before they were projected. */
  readonly slopeMeans: Float64Array;
  readonly #model: EncodingModel;
  readonly #bound: BoundResponse;
  /** Orthonormal confounds without mean, (C, T). */
  readonly #confounds: Float64Array;
  readonly #shape: Float64Array;
  readonly #raw: Float64Array;
  readonly #rawSlopes: Float64Array;
  readonly #fixedKernel: Float64Array | null;

  readonly #removesMean: boolean;

  /** @throws ProcessingError SHAPE_MISMATCH; INVALID_ARGUMENT for a model that is not linear in amplitude and baseline */
  constructor(model: EncodingModel, paradigm: Paradigm, options: ProjectionOptions = {}) {
    const { confounds = null, removesMean = true } = options;
    this.#removesMean = removesMean;
    if (!model.response.labels.includes('amplitude')) {
      throw new ProcessingError(
        'INVALID_ARGUMENT',
        `${model.response.model} has no amplitude and baseline of its own, so they cannot be eliminated`,
        {
          where: 'solver',
          cure: "fit it with solver: 'adam'",
        },
      );
    }
    this.#model = model;
    this.#bound = model.response.bind(paradigm);
    this.frames = this.#bound.frames;
    this.coordinates = coordinatesOf(model, this.#bound);
    const size = this.coordinates.length;
    this.p = new Float64Array(this.frames);
    this.slopes = new Float64Array(size * this.frames);
    this.slopeMeans = new Float64Array(size);
    this.#shape = new Float64Array(model.response.shape.length);
    this.#raw = new Float64Array(this.frames);
    this.#rawSlopes = new Float64Array(this.#shape.length * this.frames);
    this.#fixedKernel = model.hrfModel === null || model.hasFlexibleHrf ? null : model.hrfModel.kernel();
    this.#confounds = confounds === null ? new Float64Array(0) : orthonormalConfounds(confounds, this.frames);
  }

  /** What a kernel needs to compute the response; null for models without one. */
  get gaussianField(): GaussianField | null {
    return this.#bound.gaussianField ?? null;
  }

  /** How responses are convolved (null: with a kernel per voxel, by the last two coordinates) and projected. */
  get projection(): {
    readonly hrfModel: HRFModel | null;
    readonly kernel: Float64Array | null;
    readonly removesMean: boolean;
    /** Shape (C, T): orthonormal. */
    readonly confounds: Float64Array;
  } {
    const { hrfModel } = this.#model;
    const kernel = hrfModel === null ? Float64Array.of(1) : this.#fixedKernel;
    return { hrfModel, kernel, removesMean: this.#removesMean, confounds: this.#confounds };
  }

  /** Parameter of a coordinate of the fit. */
  toParameter(index: number, theta: number): number {
    return this.coordinates[index]!.isLogarithmic ? Math.exp(theta) : theta;
  }

  toTheta(index: number, parameter: number): number {
    return this.coordinates[index]!.isLogarithmic ? Math.log(parameter) : parameter;
  }

  /** Fills {@link p} and {@link mean}, and with `withSlopes` the slopes. */
  evaluate(theta: Float64Array, withSlopes: boolean): void {
    const { frames } = this;
    const size = this.#shape.length;
    for (let i = 0; i < size; i++) this.#shape[i] = this.toParameter(i, theta[i]!);
    this.#bound.evaluate(this.#shape, this.#raw, withSlopes ? this.#rawSlopes : null);
    this.#convolve(theta, withSlopes);
    this.mean = this.project(this.p);
    if (!withSlopes) return;
    for (let i = 0; i < this.coordinates.length; i++) {
      const slope = this.slopes.subarray(i * frames, (i + 1) * frames);
      if (this.coordinates[i]!.isLogarithmic) scale(slope, Math.exp(theta[i]!));
      this.slopeMeans[i] = this.project(slope);
    }
  }

  /** Takes the mean (unless the baseline is held) and the confounds out of a time course. @returns the mean */
  project(series: Float64Array): number {
    const { frames } = this;
    let mean = 0;
    for (let t = 0; t < frames; t++) mean += series[t]!;
    mean /= frames;
    if (this.#removesMean) for (let t = 0; t < frames; t++) series[t] = series[t]! - mean;
    for (let at = 0; at < this.#confounds.length; at += frames) {
      let dot = 0;
      for (let t = 0; t < frames; t++) dot += this.#confounds[at + t]! * series[t]!;
      for (let t = 0; t < frames; t++) series[t] = series[t]! - dot * this.#confounds[at + t]!;
    }
    return mean;
  }

  #convolve(theta: Float64Array, withSlopes: boolean): void {
    const { frames, p, slopes } = this;
    const size = this.#shape.length;
    const hrf = this.#model.hrfModel;
    if (hrf === null) {
      p.set(this.#raw);
      if (withSlopes) slopes.set(this.#rawSlopes);
      return;
    }
    const kernel = this.#fixedKernel ?? hrf.kernel(theta[size]!, theta[size + 1]!);
    convolveHeld(kernel, this.#raw, p);
    if (!withSlopes) return;
    const slope = (i: number): Float64Array => slopes.subarray(i * frames, (i + 1) * frames);
    convolveHeldRows(kernel, this.#rawSlopes, slopes.subarray(0, size * frames), size);
    if (this.#fixedKernel !== null) return;
    const { delay, dispersion } = hrf.kernelDerivatives(theta[size]!, theta[size + 1]!);
    convolveHeld(delay, this.#raw, slope(size));
    convolveHeld(dispersion, this.#raw, slope(size + 1));
  }
}

function coordinatesOf(model: EncodingModel, bound: BoundResponse): Coordinate[] {
  const own = model.response.shape.map(({ name, isLogarithmic }, i) => ({
    name,
    isLogarithmic,
    bounds: bound.bounds[i]!,
    grid: bound.grid[i]!,
  }));
  if (!model.hasFlexibleHrf) return own;
  const { bounds, start } = model.hrfModel!;
  const [delay, dispersion] = HRF_PARAMETERS;
  // Early responses have optima of their own, which fits that start from the model's delay do not reach.
  const delays = [...new Set([start.delay, bounds.delay[0]])];
  return [
    ...own,
    { name: delay, isLogarithmic: false, bounds: bounds.delay, grid: delays },
    { name: dispersion, isLogarithmic: false, bounds: bounds.dispersion, grid: [start.dispersion] },
  ];
}

/** Columns without their means as an orthonormal set, (C, T); those that add nothing are left out. */
export function orthonormalConfounds(confounds: Matrix, frames: number): Float64Array {
  if (confounds.rows !== frames) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the confounds have ${confounds.rows} time points, the paradigm has ${frames}`,
      {
        where: 'confounds',
        cure: 'give both the same time points',
      },
    );
  }
  if (confounds.values.some((value) => !Number.isFinite(value))) {
    throw new ProcessingError('NON_FINITE', 'the confounds hold values that are not finite', {
      where: 'confounds',
      cure: 'replace them, for example the first value of a derivative by 0',
    });
  }
  const { left, values } = singularValues(withoutColumnOffsets(confounds, columnMeans(confounds)));
  const rank = values.filter((value) => value > 1e-10 * (values[0] ?? 0)).length;
  const basis = new Float64Array(rank * frames);
  for (let c = 0; c < rank; c++) {
    for (let t = 0; t < frames; t++) basis[c * frames + t] = left.values[t * left.columns + c]!;
  }
  return basis;
}

function scale(series: Float64Array, factor: number): void {
  for (let t = 0; t < series.length; t++) series[t] = series[t]! * factor;
}
