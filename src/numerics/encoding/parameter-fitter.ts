import { mkdirSync, openSync, closeSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessingError } from '../../errors.js';
import type { Matrix } from '../linalg/matrix.js';
import type { ComputeOptions } from '../registration/compute-device.js';
import {
  adamFit,
  adamFitOn,
  type AdamFitOptions,
  type AdamFitResult,
  type AdamIteration,
  type GradientOptimizer,
} from './adam-fit.js';
import type { EncodingModel } from './encoding-model.js';
import { exactFit } from './exact-fit.js';
import type { FitResult } from './fit-result.js';
import {
  gridFit,
  gridFitOn,
  refineBaselineAndAmplitude,
  type GridFitOptions,
  type ParameterGrid,
  type RefineOptions,
} from './grid-fit.js';
import type { KernelChoice } from './native-moments.js';
import type { Paradigm, ParadigmInput } from './paradigm.js';
import {
  selectParameters,
  toMatrix,
  type MatrixInput,
  type ParameterInput,
  type ParameterTable,
} from './tables.js';

export interface ParameterFitterOptions {
  /** Number of values that may be held at once for results that grow with the iterations. Default 666,666,666. */
  readonly memoryLimit?: number;
  /** Directory for one JSON-lines file per fit: a header, then one line per iteration. */
  readonly logDir?: string;
}

/** Options of `ParameterFitter.fit`: solver, starts, bounds, ridge. */
export interface ParameterFitOptions {
  /** `exact` (default): the least-squares optimum of every voxel. `adam`: the peer's gradient descent. */
  readonly solver?: 'exact' | 'adam';
  readonly maxNIterations?: number;
  /** adam. */
  readonly minNIterations?: number;
  /** Start values, voxels x parameters; with the exact solver one more start. */
  readonly initPars?: ParameterInput;
  /** Time x C; regressed out of data and predictions alike. */
  readonly confounds?: MatrixInput;
  /** adam. */
  readonly optimizer?: GradientOptimizer;
  /** Parameters that stay where they start. */
  readonly fixedPars?: readonly string[];
  /** adam: parameters with one value for all voxels. */
  readonly sharedPars?: readonly string[];
  /** Gaussian: the variance of each voxel is eliminated; the same optimum voxel by voxel, another one with shared parameters. */
  readonly noiseModel?: 'ssq' | 'gaussian';
  /** adam. */
  readonly storeIntermediateParameters?: boolean;
  /** adam. */
  readonly r2Atol?: number;
  /** adam. */
  readonly lag?: number;
  /** adam. */
  readonly learningRate?: number;
  /** adam. */
  readonly beta1?: number;
  /** adam. */
  readonly beta2?: number;
  /** adam. */
  readonly epsilon?: number;
  /** exact: ranges of parameters. */
  readonly bounds?: Readonly<Record<string, readonly [number, number]>>;
  /** exact: starts per voxel. Default 8. */
  readonly nStarts?: number;
  /** exact: `native`, `portable`, or `auto` (default): the addon where it is built and has a kernel for the model. */
  readonly kernel?: KernelChoice;
  /** Whether `onProgress` is called. Default true. */
  readonly progressbar?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Parameters, r2 and status of every voxel. */
export type ParameterFit = FitResult & Partial<Pick<AdamFitResult, 'intermediate' | 'intermediateR2'>>;

const ONLY_ADAM = [
  'minNIterations',
  'optimizer',
  'sharedPars',
  'storeIntermediateParameters',
  'r2Atol',
  'lag',
  'learningRate',
  'beta1',
  'beta2',
  'epsilon',
] as const;
const ONLY_EXACT = ['bounds', 'nStarts', 'kernel'] as const;
const DEFAULT_MEMORY_LIMIT = 666_666_666;

/** Fits the parameters of a model to every voxel. What a solver does not support is refused by name. */
export class ParameterFitter {
  readonly model: EncodingModel;
  readonly data: Matrix;
  readonly paradigm: Paradigm;
  readonly #options: ParameterFitterOptions;
  #fit: FitResult | null = null;
  #fits = 0;

  /**
   * @param data - time x voxels
   * @throws ProcessingError SHAPE_MISMATCH when paradigm and data differ in length
   */
  constructor(
    model: EncodingModel,
    data?: MatrixInput,
    paradigm?: ParadigmInput,
    options: ParameterFitterOptions = {},
  ) {
    this.model = model;
    this.data = model.getData(data);
    this.paradigm = model.getParadigm(paradigm);
    this.#options = options;
    const frames = this.paradigm.values.rows;
    if (frames !== this.data.rows) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `the paradigm has ${frames} time points, the data have ${this.data.rows}`,
        {
          where: 'data',
          cure: 'give both the same time points; data are time x voxels',
        },
      );
    }
  }

  /** The best point of a grid for every voxel; names are checked. */
  fitGrid(grid: ParameterGrid, options: GridFitOptions = {}): ParameterTable {
    return gridFit(this.model, this.paradigm, this.data, grid, options);
  }

  /**
   * The same by correlation on a device of tensors, in float32; for `gaussian2d` over images on a grid, without or with one
   * HRF.
   *
   * @throws ProcessingError INVALID_ARGUMENT for other models
   * @throws DependencyError BACKEND_MISSING when an explicit device is not there
   */
  fitGridOn(compute: ComputeOptions, grid: ParameterGrid): Promise<ParameterTable> {
    return gridFitOn(compute, this.model, this.paradigm, this.data, grid);
  }

  /** Baseline and amplitude by least squares, all else as it is. */
  refineBaselineAndAmplitude(parameters: ParameterInput, options: RefineOptions = {}): ParameterTable {
    const start = selectParameters(parameters, this.model.getParameterLabels());
    return refineBaselineAndAmplitude(this.model, this.paradigm, this.data, start, options);
  }

  /**
   * @returns one row per voxel, in the order of the data
   * @throws ProcessingError INVALID_ARGUMENT for what the solver does not support
   */
  fit(options: ParameterFitOptions = {}): ParameterFit {
    const { solver = 'exact' } = options;
    refuse(options, solver, solver === 'exact' ? ONLY_ADAM : ONLY_EXACT);
    const confounds = options.confounds === undefined ? null : toMatrix(options.confounds, 'confounds');
    const log = this.#openLog(options, solver);
    try {
      const result =
        solver === 'exact' ? this.#exact(options, confounds) : this.#adam(options, confounds, log);
      this.#fit = result;
      return result;
    } finally {
      log?.close();
    }
  }

  /**
   * The solver adam with responses and residuals on a device of tensors, in float32; models as for `fitGridOn`.
   *
   * @returns one row per voxel, in the order of the data
   * @throws ProcessingError INVALID_ARGUMENT for what the solver or the device does not support
   * @throws DependencyError BACKEND_MISSING when an explicit device is not there
   */
  async fitOn(compute: ComputeOptions, options: ParameterFitOptions): Promise<ParameterFit> {
    if (options.solver !== 'adam') {
      throw new ProcessingError('INVALID_ARGUMENT', 'the exact solver computes on the processor only', {
        where: 'solver',
        cure: "call fit(), or choose solver: 'adam'",
      });
    }
    refuse(options, 'adam', ONLY_EXACT);
    const confounds = options.confounds === undefined ? null : toMatrix(options.confounds, 'confounds');
    const log = this.#openLog(options, 'adam');
    try {
      const given = this.#adamOptions(options, confounds, log);
      const result = await adamFitOn(compute, this.model, this.paradigm, this.data, given);
      this.#fit = result;
      return result;
    } finally {
      log?.close();
    }
  }

  /** ssq / T of every voxel at the parameters of the last fit. */
  get estimatedSigma2(): Float64Array {
    if (this.#fit !== null) return this.#fit.sigma2;
    throw new ProcessingError('INVALID_ARGUMENT', 'there is no fit yet', { cure: 'call fit() first' });
  }

  #exact(options: ParameterFitOptions, confounds: Matrix | null): FitResult {
    return exactFit(this.model, this.paradigm, this.data, {
      confounds,
      start: this.#start(options),
      fixed: options.fixedPars ?? [],
      bounds: options.bounds ?? {},
      startCount: options.nStarts ?? 8,
      kernel: options.kernel ?? 'auto',
      maxIterations: options.maxNIterations ?? 100,
      ...this.#progress(options, (report) => ({ onVoxel: report })),
    });
  }

  #adam(options: ParameterFitOptions, confounds: Matrix | null, log: FitLog | null): AdamFitResult {
    return adamFit(this.model, this.paradigm, this.data, this.#adamOptions(options, confounds, log));
  }

  #adamOptions(options: ParameterFitOptions, confounds: Matrix | null, log: FitLog | null): AdamFitOptions {
    const start = this.#start(options);
    if (start === null) {
      throw new ProcessingError('INVALID_ARGUMENT', 'the adam solver needs start values', {
        where: 'initPars',
        cure: 'pass initPars, for example from fitGrid() and refineBaselineAndAmplitude()',
      });
    }
    const maxIterations = options.maxNIterations ?? 1000;
    this.#checkMemory(options, maxIterations, start);
    return {
      start,
      confounds,
      maxIterations,
      fixed: options.fixedPars ?? [],
      shared: options.sharedPars ?? [],
      ...adamOptions(options),
      onIteration: (state) => {
        log?.write(state);
        if (options.progressbar !== false) options.onProgress?.(state.iteration + 1, maxIterations);
      },
    };
  }

  #progress<T>(
    options: ParameterFitOptions,
    wrap: (report: (done: number, total: number) => void) => T,
  ): T | object {
    const { onProgress, progressbar } = options;
    return onProgress === undefined || progressbar === false ? {} : wrap(onProgress);
  }

  #start(options: ParameterFitOptions): ParameterTable | null {
    if (options.initPars === undefined) return null;
    const start = selectParameters(options.initPars, this.model.getParameterLabels());
    if (start.values.rows !== this.data.columns) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `there are ${start.values.rows} rows of start values for ${this.data.columns} voxels`,
        {
          where: 'initPars',
          cure: 'give one row per voxel',
        },
      );
    }
    return start;
  }

  #checkMemory(options: ParameterFitOptions, iterations: number, start: ParameterTable): void {
    const limit = this.#options.memoryLimit ?? DEFAULT_MEMORY_LIMIT;
    const needed = iterations * start.values.rows * (start.values.columns + 1);
    if (options.storeIntermediateParameters !== true || needed <= limit) return;
    throw new ProcessingError(
      'MEMORY_LIMIT',
      `the parameters of ${iterations} iterations are ${needed} values, the limit is ${limit}`,
      {
        where: 'storeIntermediateParameters',
        cure: 'raise memoryLimit, or lower maxNIterations',
      },
    );
  }

  #openLog(options: ParameterFitOptions, solver: string): FitLog | null {
    const { logDir } = this.#options;
    if (logDir === undefined) return null;
    this.#fits += 1;
    const { rows, columns } = this.data;
    return new FitLog(logDir, this.#fits, {
      model: this.model.response.model,
      parameters: this.model.getParameterLabels(),
      solver,
      time_points: rows,
      voxels: columns,
      fixed_pars: options.fixedPars ?? [],
      shared_pars: options.sharedPars ?? [],
      noise_model: options.noiseModel ?? 'ssq',
    });
  }
}

function adamOptions(options: ParameterFitOptions): object {
  const given = {
    minIterations: options.minNIterations,
    noiseModel: options.noiseModel,
    r2Atol: options.r2Atol,
    lag: options.lag,
    learningRate: options.learningRate,
    beta1: options.beta1,
    beta2: options.beta2,
    epsilon: options.epsilon,
    optimizer: options.optimizer,
    storesIntermediate: options.storeIntermediateParameters,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function refuse(
  options: ParameterFitOptions,
  solver: string,
  names: readonly (keyof ParameterFitOptions)[],
): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  throw new ProcessingError('INVALID_ARGUMENT', `the ${solver} solver does not know ${given}`, {
    where: given,
    cure:
      solver === 'exact'
        ? "take it away, or choose solver: 'adam'"
        : "take it away, or choose solver: 'exact'",
  });
}

/** JSON lines: a header, then `{ iteration, cost, mean_r2, best_mean_r2, seconds }`. */
class FitLog {
  readonly #fd: number;
  readonly #started = performance.now();

  constructor(directory: string, number: number, header: object) {
    mkdirSync(directory, { recursive: true });
    this.#fd = openSync(join(directory, `fit-${String(number).padStart(3, '0')}.jsonl`), 'w');
    this.#line(header);
  }

  write(state: AdamIteration): void {
    this.#line({ ...state, seconds: (performance.now() - this.#started) / 1000 });
  }

  close(): void {
    closeSync(this.#fd);
  }

  #line(content: object): void {
    writeSync(this.#fd, `${JSON.stringify(content)}\n`);
  }
}
