import { ProcessingError } from '../../errors.js';
import type { ComputeOptions } from '../registration/compute-device.js';
import { matrix, type Matrix } from '../linalg/matrix.js';
import { fieldsOnDevice, SUMS, type DeviceFields } from './device-fields.js';
import { HRF_PARAMETERS, type EncodingModel } from './encoding-model.js';
import { voxelDefect, type FitResult, type FitStatus } from './fit-result.js';
import { columnOf } from './grid-fit.js';
import type { Paradigm } from './paradigm.js';
import { ProjectedResponse } from './projected-response.js';
import type { ParameterTable } from './tables.js';
import { identity, sigmoid, softplus, type Transform } from './transforms.js';

/** Moves all values of all voxels at once; replaces Adam. */
export interface GradientOptimizer {
  /**
   * @param parameters - voxels x parameters in the unbounded space, float32; changed in place
   * @param gradients - of the cost, same shape
   */
  step(parameters: Float32Array, gradients: Float64Array): void;
}

export interface AdamFitOptions {
  readonly start: ParameterTable;
  readonly confounds?: Matrix | null;
  readonly fixed?: readonly string[];
  readonly shared?: readonly string[];
  readonly noiseModel?: 'ssq' | 'gaussian';
  readonly maxIterations?: number;
  readonly minIterations?: number;
  readonly r2Atol?: number;
  readonly lag?: number;
  readonly learningRate?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly optimizer?: GradientOptimizer;
  readonly storesIntermediate?: boolean;
  readonly onIteration?: (state: AdamIteration) => void;
}

/** What Adam reports of an iteration. */
export interface AdamIteration {
  readonly iteration: number;
  readonly cost: number;
  readonly mean_r2: number;
  readonly best_mean_r2: number;
}

export interface AdamFitResult extends FitResult {
  /** With `storesIntermediate`: iterations x (voxels parameters), before each update. */
  readonly intermediate: Matrix | null;
  /** r2 of every iteration and voxel; null without `storesIntermediate`. */
  readonly intermediateR2: Matrix | null;
}

/**
 * The peer's fit: all voxels in one Adam on the summed cost, in float32, keeping the best parameters of each voxel by
 * r2 as they were before an update; it stops when the mean of the best r2 rises by less than `r2Atol` over `lag` steps.
 * With shared parameters (one value for all voxels, from the mean of the starts) the last iterate is returned.
 *
 * @param data - time x voxels
 * @throws ProcessingError INVALID_ARGUMENT
 */
export function adamFit(
  model: EncodingModel,
  paradigm: Paradigm,
  data: Matrix,
  options: AdamFitOptions,
): AdamFitResult {
  return new AdamFit(model, paradigm, data, options).run();
}

/**
 * The same with the responses, the residuals and their sums on a device of tensors, in float32; one read of six numbers for
 * each voxel and iteration. For one round Gaussian over images on a grid, without or with one HRF.
 *
 * @throws ProcessingError INVALID_ARGUMENT for other models
 * @throws DependencyError BACKEND_MISSING when an explicit device is not there
 */
export function adamFitOn(
  compute: ComputeOptions,
  model: EncodingModel,
  paradigm: Paradigm,
  data: Matrix,
  options: AdamFitOptions,
): Promise<AdamFitResult> {
  return new AdamFit(model, paradigm, data, options).runOn(compute, model, paradigm);
}

interface Voxel {
  readonly series: Float64Array;
  readonly mean: number;
  /** Sum of squares about the mean, without confounds. */
  readonly total: number;
}

class AdamFit {
  readonly #options: AdamFitOptions;
  readonly #labels: readonly string[];
  readonly #transforms: readonly Transform[];
  readonly #response: ProjectedResponse;
  readonly #voxels: readonly (Voxel | null)[];
  readonly #status: FitStatus[];
  readonly #frames: number;
  /** Voxels x parameters, unbounded. */
  readonly #q: Float32Array;
  readonly #gradients: Float64Array;
  readonly #ssq: Float64Array;
  readonly #r2: Float64Array;
  readonly #best: { readonly q: Float32Array; readonly r2: Float64Array; readonly ssq: Float64Array };

  constructor(model: EncodingModel, paradigm: Paradigm, data: Matrix, options: AdamFitOptions) {
    this.#options = options;
    this.#labels = model.getParameterLabels();
    this.#transforms = transformsOf(model);
    checkNames(model, [...(options.fixed ?? []), ...(options.shared ?? [])]);
    this.#response = new ProjectedResponse(model, paradigm, { confounds: options.confounds ?? null });
    this.#frames = data.rows;
    const read = Array.from({ length: data.columns }, (_, v) => this.#voxel(columnOf(data, v)));
    this.#voxels = read.map(({ voxel }) => voxel);
    this.#status = read.map(({ status }) => status);
    const size = this.#labels.length;
    this.#q = startOf(options, this.#labels, this.#transforms, this.#voxels);
    this.#gradients = new Float64Array(data.columns * size);
    this.#ssq = new Float64Array(data.columns).fill(NaN);
    this.#r2 = new Float64Array(data.columns).fill(NaN);
    this.#best = {
      q: this.#q.slice(),
      r2: new Float64Array(data.columns).fill(-Infinity),
      ssq: new Float64Array(data.columns).fill(NaN),
    };
  }

  run(): AdamFitResult {
    const descent = this.#descent();
    while (descent.continues()) descent.advance(this.#evaluate());
    return descent.result();
  }

  async runOn(compute: ComputeOptions, model: EncodingModel, paradigm: Paradigm): Promise<AdamFitResult> {
    const series = new Float32Array(this.#voxels.length * this.#frames);
    this.#voxels.forEach((voxel, v) => {
      if (voxel !== null)
        series.set(
          voxel.series.map((value) => value + voxel.mean),
          v * this.#frames,
        );
    });
    const fields = await fieldsOnDevice(model, paradigm, this.#response, series, compute);
    try {
      const descent = this.#descent();
      while (descent.continues()) descent.advance(await this.#evaluateOn(fields));
      return descent.result();
    } finally {
      fields.dispose();
    }
  }

  /** The iterations, for whoever evaluates them. */
  #descent() {
    const { maxIterations = 1000, minIterations = 100, r2Atol = 1e-6, lag = 100 } = this.#options;
    const optimizer = this.#options.optimizer ?? new Adam(this.#q.length, this.#options);
    const history: number[] = [];
    const kept: Float64Array[] = [];
    const keptR2: Float64Array[] = [];
    let iteration = 0;
    let isConverged = false;
    return {
      continues: () => iteration < maxIterations && !isConverged,
      advance: (cost: number) => {
        if (this.#options.storesIntermediate === true) {
          kept.push(this.#modelSpace(this.#q));
          keptR2.push(this.#r2.slice());
        }
        const bestMean = this.#keepBest();
        this.#options.onIteration?.({
          iteration,
          cost,
          mean_r2: this.#meanOf(this.#r2),
          best_mean_r2: bestMean,
        });
        const gain = bestMean - (history[Math.max(iteration - lag, 0)] ?? -Infinity);
        isConverged = iteration >= minIterations && gain >= 0 && gain < r2Atol;
        history.push(bestMean);
        if (!isConverged) optimizer.step(this.#q, this.#gradients);
        iteration += 1;
      },
      result: () => this.#result(iteration, isConverged, kept, keptR2),
    };
  }

  #voxel(series: Float64Array): { voxel: Voxel | null; status: FitStatus } {
    const defect = voxelDefect(series);
    if (defect !== null) return { voxel: null, status: defect };
    const mean = this.#response.project(series);
    return { voxel: { series, mean, total: energy(series) }, status: 'converged' };
  }

  /** Residuals and gradients of all voxels. @returns the cost */
  #evaluate(): number {
    return this.#gather((voxel, at) => this.#evaluateVoxel(voxel, at));
  }

  async #evaluateOn(device: DeviceFields): Promise<number> {
    const size = this.#labels.length;
    const count = this.#voxels.length;
    const fields = Float32Array.from({ length: 3 * count }, (_, i) => (i % 3 === 2 ? 1 : 0));
    const line = new Float32Array(2 * count);
    this.#voxels.forEach((voxel, v) => {
      if (voxel === null) return;
      const value = (name: string) => this.#value(v * size, name);
      fields.set([value('x'), value('y'), value('sd')], 3 * v);
      line.set([value('amplitude') * device.height(value('sd')), value('baseline')], 2 * v);
    });
    const sums = await device.sums(fields, line);
    return this.#gather((_, at) => this.#takeSums(device, sums.subarray((SUMS * at) / size), at));
  }

  /** Gradients of a voxel from the sums of a device. @returns the sum of squared residuals */
  #takeSums({ height, power }: DeviceFields, sums: Float32Array, at: number): number {
    const [ssq, byOne, byField, byX, byY, bySize] = sums as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const sd = this.#value(at, 'sd');
    const scale = -2 * this.#value(at, 'amplitude') * height(sd);
    this.#setGradient(at, 'baseline', -2 * byOne);
    this.#setGradient(at, 'amplitude', -2 * height(sd) * byField);
    this.#setGradient(at, 'x', (scale * byX) / sd);
    this.#setGradient(at, 'y', (scale * byY) / sd);
    this.#setGradient(at, 'sd', (scale * (bySize - power * byField)) / sd);
    return ssq;
  }

  /** Cost and gradients from the sum of squares of each voxel, whose gradient is set by `ssqOf`. */
  #gather(ssqOf: (voxel: Voxel, at: number) => number): number {
    const size = this.#labels.length;
    let cost = 0;
    this.#gradients.fill(0);
    this.#voxels.forEach((voxel, v) => {
      if (voxel === null) return;
      const ssq = ssqOf(voxel, v * size);
      const isGaussian = this.#options.noiseModel === 'gaussian';
      const factor = isGaussian ? this.#frames / (2 * ssq) : 1;
      cost += isGaussian
        ? (this.#frames / 2) * Math.log((2 * Math.PI * ssq) / this.#frames) + this.#frames / 2
        : ssq;
      for (let i = v * size; i < (v + 1) * size; i++) this.#gradients[i] = this.#gradients[i]! * factor;
      this.#ssq[v] = ssq;
      this.#r2[v] = 1 - ssq / voxel.total;
    });
    this.#constrain();
    return cost;
  }

  /** A parameter of the voxel whose row of q begins at a place. */
  #value(at: number, name: string): number {
    const i = this.#labels.indexOf(name);
    return this.#transforms[i]!.forward(this.#q[at + i]!);
  }

  #evaluateVoxel({ series, mean }: Voxel, at: number): number {
    const { p, slopes, coordinates } = this.#response;
    const value = (name: string): number => this.#value(at, name);
    const theta = Float64Array.from(coordinates, ({ name }, i) => this.#response.toTheta(i, value(name)));
    this.#response.evaluate(theta, true);
    const amplitude = value('amplitude');
    // The data have no mean; what is left of it is the baseline's fault.
    const offset = value('baseline') + amplitude * this.#response.mean - mean;
    let ssq = 0;
    let byBaseline = 0;
    let byAmplitude = 0;
    const residual = new Float64Array(this.#frames);
    for (let t = 0; t < this.#frames; t++) {
      const r = series[t]! - amplitude * p[t]! - offset;
      residual[t] = r;
      ssq += r * r;
      byBaseline -= 2 * r;
      byAmplitude -= 2 * r * (p[t]! + this.#response.mean);
    }
    this.#setGradient(at, 'baseline', byBaseline);
    this.#setGradient(at, 'amplitude', byAmplitude);
    const meanSlopes = this.#response.slopeMeans;
    coordinates.forEach(({ name, isLogarithmic }, i) => {
      let slope = 0;
      for (let t = 0; t < this.#frames; t++)
        slope -= 2 * residual[t]! * (slopes[i * this.#frames + t]! + meanSlopes[i]!);
      this.#setGradient(at, name, (amplitude * slope) / (isLogarithmic ? value(name) : 1));
    });
    return ssq;
  }

  #setGradient(at: number, name: string, slope: number): void {
    const i = this.#labels.indexOf(name);
    this.#gradients[at + i] = slope * this.#transforms[i]!.slope(this.#q[at + i]!);
  }

  /** Fixed parameters do not move; shared ones move by the sum. */
  #constrain(): void {
    const size = this.#labels.length;
    for (const name of this.#options.fixed ?? []) this.#fillGradient(this.#labels.indexOf(name), 0);
    for (const name of this.#options.shared ?? []) {
      const i = this.#labels.indexOf(name);
      let sum = 0;
      for (let at = i; at < this.#gradients.length; at += size) sum += this.#gradients[at]!;
      this.#fillGradient(i, sum);
    }
  }

  #fillGradient(parameter: number, value: number): void {
    for (let at = parameter; at < this.#gradients.length; at += this.#labels.length)
      this.#gradients[at] = value;
  }

  #keepBest(): number {
    const size = this.#labels.length;
    const isShared = (this.#options.shared?.length ?? 0) > 0;
    this.#voxels.forEach((voxel, v) => {
      if (voxel === null || (!isShared && !(this.#r2[v]! > this.#best.r2[v]!))) return;
      this.#best.r2[v] = this.#r2[v]!;
      this.#best.ssq[v] = this.#ssq[v]!;
      this.#best.q.set(this.#q.subarray(v * size, (v + 1) * size), v * size);
    });
    return this.#meanOf(this.#best.r2);
  }

  #meanOf(values: Float64Array): number {
    let sum = 0;
    let count = 0;
    values.forEach((value, v) => {
      if (this.#voxels[v] === null) return;
      sum += value;
      count += 1;
    });
    return count === 0 ? NaN : sum / count;
  }

  #modelSpace(q: Float32Array): Float64Array {
    const size = this.#labels.length;
    return Float64Array.from(q, (value, at) => this.#transforms[at % size]!.forward(value));
  }

  #result(
    iteration: number,
    isConverged: boolean,
    kept: Float64Array[],
    keptR2: Float64Array[],
  ): AdamFitResult {
    const voxels = this.#voxels.length;
    const size = this.#labels.length;
    const values = this.#modelSpace(this.#best.q);
    const missing = (from: Float64Array): Float64Array =>
      from.map((value, v) => (this.#voxels[v] === null ? NaN : value));
    this.#voxels.forEach((voxel, v) => {
      if (voxel === null) values.fill(NaN, v * size, (v + 1) * size);
    });
    const ssq = missing(this.#best.ssq);
    const stack = (rows: Float64Array[], width: number): Matrix | null =>
      this.#options.storesIntermediate === true
        ? matrix(
            rows.length,
            width,
            rows.flatMap((row) => [...row]),
          )
        : null;
    return {
      parameters: { columns: this.#labels, values: matrix(voxels, size, values) },
      r2: missing(this.#best.r2),
      ssq,
      sigma2: ssq.map((value) => value / this.#frames),
      iterations: Int32Array.from(this.#voxels, (voxel) => (voxel === null ? 0 : iteration)),
      status: this.#status.map((status) =>
        status === 'converged' && !isConverged ? 'max_iterations' : status,
      ),
      optima: Int32Array.from(this.#voxels, (voxel) => (voxel === null ? 0 : 1)),
      intermediate: stack(kept, voxels * size),
      intermediateR2: stack(keptR2, voxels),
    };
  }
}

/** Adam in the form of Keras: q -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps). @see Kingma & Ba 2015 */
class Adam implements GradientOptimizer {
  readonly #m: Float32Array;
  readonly #v: Float32Array;
  readonly #rate: number;
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #epsilon: number;
  #steps = 0;

  constructor(length: number, options: AdamFitOptions) {
    this.#m = new Float32Array(length);
    this.#v = new Float32Array(length);
    this.#rate = options.learningRate ?? 0.01;
    this.#beta1 = options.beta1 ?? 0.9;
    this.#beta2 = options.beta2 ?? 0.999;
    this.#epsilon = options.epsilon ?? 1e-7;
  }

  step(parameters: Float32Array, gradients: Float64Array): void {
    this.#steps += 1;
    const rate = (this.#rate * Math.sqrt(1 - this.#beta2 ** this.#steps)) / (1 - this.#beta1 ** this.#steps);
    for (let i = 0; i < parameters.length; i++) {
      const g = gradients[i]!;
      this.#m[i] = this.#m[i]! + (1 - this.#beta1) * (g - this.#m[i]!);
      this.#v[i] = this.#v[i]! + (1 - this.#beta2) * (g * g - this.#v[i]!);
      parameters[i] = parameters[i]! - (rate * this.#m[i]!) / (Math.sqrt(this.#v[i]!) + this.#epsilon);
    }
  }
}

/** Transform of every parameter in the order of the model. */
export function transformsOf(model: EncodingModel): Transform[] {
  const { shape } = model.response;
  const hrf = model.hrfModel?.bounds;
  return model.getParameterLabels().map((label) => {
    if (label === HRF_PARAMETERS[0]) return sigmoid(...hrf!.delay);
    if (label === HRF_PARAMETERS[1]) return sigmoid(...hrf!.dispersion);
    if (label === 'amplitude') return model.allowNegativeAmplitudes ? identity : softplus;
    return shape.find(({ name }) => name === label)?.transform ?? identity;
  });
}

function startOf(
  options: AdamFitOptions,
  labels: readonly string[],
  transforms: readonly Transform[],
  voxels: readonly (Voxel | null)[],
): Float32Array {
  const { start, shared = [] } = options;
  const size = labels.length;
  if (start.values.rows !== voxels.length) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `there are ${start.values.rows} rows of start values for ${voxels.length} voxels`,
      {
        where: 'initPars',
        cure: 'give one row per voxel',
      },
    );
  }
  const q = new Float32Array(voxels.length * size);
  voxels.forEach((voxel, v) => {
    labels.forEach((label, i) => {
      const value = start.values.values[v * start.values.columns + start.columns.indexOf(label)]!;
      const inverse = transforms[i]!.inverse(value);
      if (voxel !== null && !Number.isFinite(inverse)) {
        throw new ProcessingError('INVALID_ARGUMENT', `${label} of voxel ${v} cannot start at ${value}`, {
          where: 'initPars',
          cure: 'start inside the range of the parameter',
        });
      }
      q[v * size + i] = voxel === null ? 0 : inverse;
    });
  });
  for (const name of shared) shareMean(q, labels.indexOf(name), size, voxels);
  return q;
}

function shareMean(
  q: Float32Array,
  parameter: number,
  size: number,
  voxels: readonly (Voxel | null)[],
): void {
  const rows = voxels.flatMap((voxel, v) => (voxel === null ? [] : [v]));
  const mean = rows.reduce((sum, v) => sum + q[v * size + parameter]!, 0) / Math.max(rows.length, 1);
  for (let at = parameter; at < q.length; at += size) q[at] = mean;
}

function checkNames(model: EncodingModel, names: readonly string[]): void {
  const labels = model.getParameterLabels();
  const unknown = names.find((name) => !labels.includes(name));
  if (unknown === undefined) return;
  throw new ProcessingError(
    'INVALID_ARGUMENT',
    `${model.response.model} has no parameter ${unknown}; it has ${labels.join(', ')}`,
    {
      where: 'fixedPars, sharedPars',
      cure: 'name one of them',
    },
  );
}

function energy(series: Float64Array): number {
  return series.reduce((sum, value) => sum + value * value, 0);
}
