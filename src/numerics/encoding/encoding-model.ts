import { ProcessingError } from '../../errors.js';
import { matrix, multiply, type Matrix } from '../linalg/matrix.js';
import { convolveHeld } from './convolve.js';
import type { HRFModel } from './hrf-model.js';
import { addNoise, type NoiseOptions } from './noise.js';
import { cleanParadigm, type Paradigm, type ParadigmInput } from './paradigm.js';
import type { ResponseDefinition } from './response.js';
import {
  selectParameters,
  toMatrix,
  type MatrixInput,
  type ParameterInput,
  type ParameterTable,
} from './tables.js';

/** What a model keeps; calls fall back to it where an argument is absent. */
export interface ModelOptions {
  readonly paradigm?: ParadigmInput;
  /** Time by voxels. */
  readonly data?: MatrixInput;
  readonly parameters?: ParameterInput;
  /** Basis functions by voxels. */
  readonly weights?: MatrixInput;
  /** Residual covariance, voxels by voxels. */
  readonly omega?: MatrixInput;
  /** Kept for callers of the peer; code never prints. */
  readonly verbosity?: number;
  readonly hrfModel?: HRFModel;
  /** Two more parameters per voxel, `hrf_delay` and `hrf_dispersion`; a property of this model, not of the HRF. */
  readonly flexibleHrfParameters?: boolean;
  /** Fits may find responses below the baseline. Default true. */
  readonly allowNegativeAmplitudes?: boolean;
}

/** What data are simulated from: paradigm, parameters, noise. */
export interface SimulateOptions extends NoiseOptions {
  readonly paradigm?: ParadigmInput;
  readonly parameters?: ParameterInput;
  readonly weights?: MatrixInput;
}

export const HRF_PARAMETERS = ['hrf_delay', 'hrf_dispersion'] as const;

/**
 * A response to a stimulus, its HRF, and what is known of it. `y = baseline + amplitude (h * n)`: the response is
 * convolved with amplitude 1 and baseline 0, so that y is linear in both.
 */
export class EncodingModel {
  readonly response: ResponseDefinition;
  readonly hrfModel: HRFModel | null;
  readonly hasFlexibleHrf: boolean;
  readonly allowNegativeAmplitudes: boolean;
  readonly paradigm: Paradigm | null;
  readonly data: Matrix | null;
  readonly parameters: ParameterTable | null;
  readonly weights: Matrix | null;
  readonly omega: Matrix | null;
  readonly verbosity: number;

  /** @throws ProcessingError when a stored table or paradigm does not suit the model */
  constructor(response: ResponseDefinition, options: ModelOptions = {}) {
    this.response = response;
    this.hrfModel = options.hrfModel ?? null;
    this.hasFlexibleHrf = options.flexibleHrfParameters ?? this.hrfModel?.uniqueHrfs ?? false;
    if (this.hasFlexibleHrf && this.hrfModel === null) {
      throw new ProcessingError('INVALID_ARGUMENT', 'flexible HRF parameters need an HRF', {
        where: response.model,
        cure: 'pass hrfModel: new SPMHRFModel({ tr })',
      });
    }
    this.allowNegativeAmplitudes = options.allowNegativeAmplitudes ?? true;
    this.verbosity = options.verbosity ?? 20;
    this.paradigm = options.paradigm === undefined ? null : cleanParadigm(options.paradigm);
    this.data = options.data === undefined ? null : toMatrix(options.data, 'data');
    this.parameters =
      options.parameters === undefined
        ? null
        : selectParameters(options.parameters, this.getParameterLabels());
    this.weights = options.weights === undefined ? null : toMatrix(options.weights, 'weights');
    this.omega = options.omega === undefined ? null : toMatrix(options.omega, 'omega');
  }

  /** Names of the parameters in the order of the model. */
  getParameterLabels(): readonly string[] {
    const { labels } = this.response;
    // An HRF hides the offset of a response without a baseline of its own: it gets one.
    const own =
      this.hrfModel !== null && this.response.resting !== undefined ? [...labels, 'bold_baseline'] : labels;
    return this.hasFlexibleHrf ? [...own, ...HRF_PARAMETERS] : own;
  }

  /** @throws ProcessingError INVALID_ARGUMENT when none is given and none is stored */
  getParadigm(paradigm?: ParadigmInput): Paradigm {
    if (paradigm !== undefined) return cleanParadigm(paradigm);
    return this.paradigm ?? missing('paradigm');
  }

  getParameters(parameters?: ParameterInput): ParameterTable {
    if (parameters !== undefined) return selectParameters(parameters, this.getParameterLabels());
    if (this.getParameterLabels().length === 0) return { columns: [], values: matrix(0, 0) };
    return this.parameters ?? missing('parameters');
  }

  getData(data?: MatrixInput): Matrix {
    return data === undefined ? (this.data ?? missing('data')) : toMatrix(data, 'data');
  }

  /**
   * Response of every row of parameters.
   *
   * @returns time x rows
   */
  basis(paradigm?: ParadigmInput, parameters?: ParameterInput): Matrix {
    const table = this.getParameters(parameters);
    const bound = this.response.bind(this.getParadigm(paradigm));
    const { rows, columns, values } = table.values;
    const result = matrix(bound.frames, rows);
    const series = new Float64Array(bound.frames);
    const buffer = new Float64Array(bound.frames);
    for (let row = 0; row < rows; row++) {
      const given = values.subarray(row * columns, (row + 1) * columns);
      const named = (name: string): number => given[table.columns.indexOf(name)]!;
      const shape = Float64Array.from(this.response.shape, ({ name }) => named(name));
      bound.evaluate(shape, series, null);
      this.#finish(series, buffer, shape, named);
      for (let t = 0; t < bound.frames; t++) result.values[t * rows + row] = buffer[t]!;
    }
    return result;
  }

  /**
   * The basis, or with weights its weighted sum.
   *
   * @returns time x voxels
   */
  predict(paradigm?: ParadigmInput, parameters?: ParameterInput, weights?: MatrixInput): Matrix {
    const chosen = weights === undefined ? this.weights : toMatrix(weights, 'weights');
    const basis = this.basis(paradigm, parameters);
    return chosen === null ? basis : multiply(basis, chosen);
  }

  /**
   * A prediction with noise.
   *
   * @returns (repeats time) x voxels, repeat by repeat
   */
  simulate(options: SimulateOptions): Matrix {
    return addNoise(this.predict(options.paradigm, options.parameters, options.weights), options);
  }

  /** n -> baseline + amplitude (h * n), or what the model has instead of the two. */
  #finish(
    series: Float64Array,
    out: Float64Array,
    shape: Float64Array,
    named: (name: string) => number,
  ): void {
    const resting = this.hrfModel === null ? 0 : (this.response.resting?.(shape) ?? 0);
    if (resting !== 0) for (let t = 0; t < series.length; t++) series[t] = series[t]! - resting;
    if (this.hrfModel === null) out.set(series);
    else {
      const kernel = this.hasFlexibleHrf
        ? this.hrfModel.kernel(named('hrf_delay'), named('hrf_dispersion'))
        : this.hrfModel.kernel();
      convolveHeld(kernel, series, out);
    }
    const isScaled = this.response.labels.includes('amplitude');
    const amplitude = isScaled ? named('amplitude') : 1;
    const hasBoldBaseline = !isScaled && this.hrfModel !== null && this.response.resting !== undefined;
    const baseline = isScaled ? named('baseline') : hasBoldBaseline ? named('bold_baseline') : 0;
    for (let t = 0; t < out.length; t++) out[t] = baseline + amplitude * out[t]!;
  }
}

function missing(what: string): never {
  throw new ProcessingError('INVALID_ARGUMENT', `no ${what} is given and none is stored in the model`, {
    where: what,
    cure: `pass ${what} to the call or to the model`,
  });
}
